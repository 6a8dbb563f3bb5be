package config

import (
	"net"
	"net/url"
	"strings"
)

// Keys says where the key-encryption keys are. What is in them is judged by package seal.
type Keys struct {
	File     string // KEY_FILE
	Text     string // ENCRYPTION_KEY
	KMS      string // KMS_KEY_URI: what encrypts the keyset; "" when nothing does
	KMSToken string
}

// keys wants one place for the keys, and just one: with two, nobody could say which counts.
func (r *reader) keys(values map[string]string) Keys {
	k := Keys{File: values["KEY_FILE"], Text: values["ENCRYPTION_KEY"], KMS: values["KMS_KEY_URI"], KMSToken: values["KMS_TOKEN"]}
	named := r.get("ENCRYPTION_KEY_FILE") != "" // what is wrong with that file has been said
	switch {
	case k.File == "" && k.Text == "" && !named:
		r.fault("KEY_FILE", "is not set, and neither is ENCRYPTION_KEY: without a key what people told us can't be kept")
	case k.File != "" && k.Text != "":
		r.fault("KEY_FILE", "and ENCRYPTION_KEY are both set: set one")
	}
	if k.KMS == "" && k.KMSToken != "" {
		r.fault("KMS_TOKEN", "is set without KMS_KEY_URI")
	}
	if strings.ContainsFunc(k.KMSToken, blank) {
		r.fault("KMS_TOKEN", "must be one word")
	}
	return k
}

// origin is what a browser sends as the Origin of a page.
func (r *reader) origin(name, value string) string {
	if value == "" {
		return ""
	}
	u, err := url.Parse(value)
	if err != nil || !hostName(u.Hostname()) || !strings.EqualFold(u.Scheme+"://"+u.Host, value) {
		r.fault(name, "must be a scheme and a host, such as https://temporal.example.org")
		return ""
	}
	ip := net.ParseIP(u.Hostname())
	if u.Scheme != "https" && (u.Scheme != "http" || u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback())) {
		r.fault(name, "must begin with https://")
	}
	return value
}
