package config

import (
	"crypto/ed25519"
	"encoding/base64"
	"strings"
)

// Audit says where the heads of the audit's chains are written down, and by which key they are signed.
type Audit struct {
	Target   string             // "": they are not exported
	Key      ed25519.PrivateKey // nil: there is none
	Endpoint string             // of an S3-shaped store
	Region   string
	Access   string
	Secret   string
}

// audit wants a key for what is exported, and an address and keys for a store.
func (r *reader) audit(values map[string]string) Audit {
	a := Audit{Target: values["AUDIT_EXPORT"], Endpoint: values["AUDIT_EXPORT_ENDPOINT"], Region: values["AUDIT_EXPORT_REGION"],
		Access: values["AUDIT_EXPORT_ACCESS_KEY"], Secret: values["AUDIT_EXPORT_SECRET_KEY"]}
	a.Key = r.signingKey(values["AUDIT_SIGNING_KEY"])
	store := strings.HasPrefix(a.Target, "s3://")
	switch {
	case a.Target == "":
		return a
	case !store && !strings.HasPrefix(a.Target, "file:///"):
		r.fault("AUDIT_EXPORT", "must begin with file:/// or s3://")
		return a
	}
	if a.Key == nil && values["AUDIT_SIGNING_KEY"] == "" {
		r.fault("AUDIT_SIGNING_KEY", "is not set: what AUDIT_EXPORT exports is signed")
	}
	if store {
		r.url("AUDIT_EXPORT_ENDPOINT", a.Endpoint, "https", "http")
		if a.Access == "" {
			r.fault("AUDIT_EXPORT_ACCESS_KEY", "is not set")
		}
		r.secret("AUDIT_EXPORT_SECRET_KEY", a.Secret, 16)
	}
	return a
}

func (r *reader) signingKey(text string) ed25519.PrivateKey {
	if text == "" {
		return nil
	}
	seed, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(seed) != ed25519.SeedSize || strings.Count(string(seed), string(seed[:1])) == len(seed) {
		r.fault("AUDIT_SIGNING_KEY", "must be 32 random bytes in base64, as openssl rand -base64 32 makes them")
		return nil
	}
	return ed25519.NewKeyFromSeed(seed)
}
