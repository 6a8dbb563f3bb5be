package config

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"strings"
)

// WebhookKeys reads the keys alone, for a process that chooses its mail provider in another way.
func WebhookKeys(getenv func(string) string) ([]*ecdsa.PublicKey, error) {
	r := &reader{get: getenv}
	values := map[string]string{}
	for _, v := range Variables {
		if strings.HasPrefix(v.Name, "SENDGRID_WEBHOOK_KEY") {
			values[v.Name] = r.value(v)
		}
	}
	keys := r.webhookKeys(values)
	return keys, errors.Join(r.errs...)
}

// webhookKeys are the keys that SendGrid's signature may be good for: the present one, and while keys are changed the one
// before.
func (r *reader) webhookKeys(values map[string]string) []*ecdsa.PublicKey {
	const present, previous = "SENDGRID_WEBHOOK_KEY", "SENDGRID_WEBHOOK_KEY_PREVIOUS"
	if values[present] == "" && values[previous] != "" {
		r.fault(previous, "is set without "+present)
	}
	var keys []*ecdsa.PublicKey
	for _, name := range []string{present, previous} {
		if values[name] == "" {
			continue
		}
		if key := r.webhookKey(name, values[name]); key != nil {
			keys = append(keys, key)
		}
	}
	return keys
}

// webhookKey reads a key as SendGrid shows it: base64 of the DER form. A key that could not have signed is refused here,
// since nothing that it verifies would ever come.
func (r *reader) webhookKey(name, value string) *ecdsa.PublicKey {
	der, err := base64.StdEncoding.DecodeString(value)
	if err != nil {
		r.fault(name, "must be the verification key of the Event Webhook as SendGrid shows it, in base64")
		return nil
	}
	parsed, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		r.fault(name, "is not a public key")
		return nil
	}
	key, ok := parsed.(*ecdsa.PublicKey)
	if !ok || key.Curve != elliptic.P256() {
		r.fault(name, "must be an elliptic curve key on P-256, which SendGrid signs with")
		return nil
	}
	return key
}
