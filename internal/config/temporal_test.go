package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestHowTemporalIsSpokenTo(t *testing.T) {
	t.Parallel()
	at := func(set map[string]string) (Temporal, error) {
		set["TEMPORAL_ADDRESS"] = "temporal:7233"
		c, err := read(set, Need{Temporal: true})
		return c.Temporal, err
	}
	for name, c := range map[string]struct {
		set map[string]string
		tls bool
	}{
		"in the open": {map[string]string{}, false},
		"said so":     {map[string]string{"TEMPORAL_TLS": "false"}, false},
		"by TLS":      {map[string]string{"TEMPORAL_TLS": "true"}, true},
		"by a key":    {map[string]string{"TEMPORAL_API_KEY": "0123456789abcdef"}, true},
		"by a name":   {map[string]string{"TEMPORAL_TLS_SERVER_NAME": "temporal.example"}, true},
	} {
		if got, err := at(c.set); err != nil || got.TLS != c.tls {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	nothing := filepath.Join(t.TempDir(), "canary.pem")
	if err := os.WriteFile(nothing, []byte("canary"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		set  map[string]string
		says string
	}{
		"no word of ours":     {map[string]string{"TEMPORAL_TLS": "canary"}, "TEMPORAL_TLS must be true or false"},
		"a key in the open":   {map[string]string{"TEMPORAL_TLS": "false", "TEMPORAL_API_KEY": "canary-canary-canary"}, "TEMPORAL_TLS is false"},
		"a short key":         {map[string]string{"TEMPORAL_API_KEY": "canary"}, "TEMPORAL_API_KEY must be one word"},
		"no name":             {map[string]string{"TEMPORAL_TLS_SERVER_NAME": "can ary"}, "TEMPORAL_TLS_SERVER_NAME must be"},
		"no certificate":      {map[string]string{"TEMPORAL_TLS_SERVER_CA_CERT_PATH": nothing}, "TEMPORAL_TLS_SERVER_CA_CERT_PATH must name"},
		"a file that is gone": {map[string]string{"TEMPORAL_TLS_SERVER_CA_CERT_PATH": nothing + ".gone"}, "TEMPORAL_TLS_SERVER_CA_CERT_PATH must name"},
		"half a pair":         {map[string]string{"TEMPORAL_TLS_CLIENT_KEY_PATH": nothing}, "are set together"},
		"no pair":             {map[string]string{"TEMPORAL_TLS_CLIENT_KEY_PATH": nothing, "TEMPORAL_TLS_CLIENT_CERT_PATH": nothing}, "must name a certificate in PEM and its key"},
	} {
		if _, err := at(c.set); err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
