package config

import (
	"strings"
	"testing"
)

// Everything that a store needs is asked for at once, and nothing of it is shown.
func TestAStoreForTheAuditNeedsItsKeys(t *testing.T) {
	t.Parallel()
	set := everything()
	set["AUDIT_EXPORT"], set["AUDIT_EXPORT_SECRET_KEY"] = "s3://canary/x", "canary"
	_, err := read(set, Need{Audit: true})
	if err == nil {
		t.Fatal("nothing is wrong")
	}
	for _, says := range []string{"AUDIT_SIGNING_KEY is not set", "AUDIT_EXPORT_ENDPOINT is not set", "AUDIT_EXPORT_ACCESS_KEY is not set", "AUDIT_EXPORT_SECRET_KEY is too short, or an example"} {
		if !strings.Contains(err.Error(), says) {
			t.Errorf("%v does not say %q", err, says)
		}
	}
	if strings.Contains(err.Error(), "canary") {
		t.Errorf("a value is shown: %v", err)
	}
	for name, value := range map[string]string{"AUDIT_SIGNING_KEY": "MDEyMzQ1Njc4OWFiY2RlZmdoaWprbG1ub3BxcnN0dXY=", "AUDIT_EXPORT_ENDPOINT": "https://store.example",
		"AUDIT_EXPORT_ACCESS_KEY": "access", "AUDIT_EXPORT_SECRET_KEY": "0123456789abcdef"} {
		set[name] = value
	}
	c, err := read(set, Need{Audit: true})
	if err != nil || c.Audit.Key == nil || c.Audit.Target != "s3://canary/x" {
		t.Errorf("%v: %v", err, c.Audit.Target)
	}
}
