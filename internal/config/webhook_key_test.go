package config

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"strings"
	"testing"
)

// shown is a public key as SendGrid shows one.
func shown(t *testing.T, public any) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(der)
}

func onCurve(t *testing.T, curve elliptic.Curve) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return shown(t, &key.PublicKey)
}

func TestWebhookKeysAreRead(t *testing.T) {
	t.Parallel()
	first, second := onCurve(t, elliptic.P256()), onCurve(t, elliptic.P256())
	for _, c := range []struct {
		present, previous string
		keys              int
	}{{"", "", 0}, {first, "", 1}, {second, first, 2}, {" " + first + "\n", "", 1}} {
		set := everything()
		set["SENDGRID_WEBHOOK_KEY"], set["SENDGRID_WEBHOOK_KEY_PREVIOUS"] = c.present, c.previous
		for _, need := range []Need{whole, {Mail: true}} {
			got, err := read(set, need)
			if err != nil || len(got.Mail.WebhookKeys) != c.keys || got.Mail.Reports() != (c.keys > 0) {
				t.Errorf("%d keys: %d, %v", c.keys, len(got.Mail.WebhookKeys), err)
			}
		}
		if keys, err := WebhookKeys(func(name string) string { return set[name] }); err != nil || len(keys) != c.keys {
			t.Errorf("alone %d keys: %d, %v", c.keys, len(keys), err)
		}
		set["MAIL_PROVIDER"], set["SMTP_URL"] = "smtp", "smtps://mail.example"
		if got, err := read(set, whole); err != nil || got.Mail.Reports() {
			t.Errorf("SMTP reports nothing: %v", err)
		}
	}
}

func TestAKeyThatCouldNotHaveSignedIsRefused(t *testing.T) {
	t.Parallel()
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	edKey, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	good := onCurve(t, elliptic.P256())
	for name, value := range map[string]string{"RSA": shown(t, &rsaKey.PublicKey), "Ed25519": shown(t, edKey), "P-384": onCurve(t, elliptic.P384()),
		"no base64": "canary!", "no key": base64.StdEncoding.EncodeToString([]byte("canary")), "half a key": good[:40], "PEM": "-----BEGIN PUBLIC KEY-----\n" + good,
		"twice": good + good} {
		for _, variable := range []string{"SENDGRID_WEBHOOK_KEY", "SENDGRID_WEBHOOK_KEY_PREVIOUS"} {
			set := everything()
			set["SENDGRID_WEBHOOK_KEY"] = good
			set[variable] = value
			_, err := read(set, whole)
			if err == nil || !strings.HasPrefix(err.Error(), variable+" ") || strings.Contains(err.Error(), "\n") {
				t.Errorf("%s as %s: %v", name, variable, err)
			} else if strings.Contains(err.Error(), "canary") || strings.Contains(err.Error(), value[:7]) {
				t.Errorf("%s: the value is shown: %v", name, err)
			}
		}
	}
	set := everything()
	set["SENDGRID_WEBHOOK_KEY_PREVIOUS"] = good
	if _, err := read(set, whole); err == nil || !strings.Contains(err.Error(), "SENDGRID_WEBHOOK_KEY_PREVIOUS is set without") {
		t.Errorf("the former key alone: %v", err)
	}
}
