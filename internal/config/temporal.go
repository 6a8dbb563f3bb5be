package config

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"strconv"
	"strings"
)

// Temporal says how Temporal is spoken to. The settings have the names of Temporal's own environment configuration
// (docs.temporal.io, "Environment configuration"), so that its other tools read the same.
type Temporal struct {
	Address, Namespace string
	APIKey             string
	TLS                bool
	CAPath             string // of the authority that signed the server's certificate; "": the machine's own list
	CertPath, KeyPath  string // of ours; "": none
	ServerName         string // in the server's certificate, when that is not the address's
}

func (r *reader) temporal(values map[string]string) Temporal {
	t := Temporal{Address: values["TEMPORAL_ADDRESS"], Namespace: values["TEMPORAL_NAMESPACE"], APIKey: values["TEMPORAL_API_KEY"],
		CAPath: values["TEMPORAL_TLS_SERVER_CA_CERT_PATH"], CertPath: values["TEMPORAL_TLS_CLIENT_CERT_PATH"],
		KeyPath: values["TEMPORAL_TLS_CLIENT_KEY_PATH"], ServerName: values["TEMPORAL_TLS_SERVER_NAME"]}
	r.hostPort("TEMPORAL_ADDRESS", t.Address)
	if strings.ContainsFunc(t.Namespace, blank) {
		r.fault("TEMPORAL_NAMESPACE", "must be one word")
	}
	named := t.APIKey != "" || t.CAPath != "" || t.CertPath != "" || t.KeyPath != "" || t.ServerName != ""
	on, err := strconv.ParseBool(values["TEMPORAL_TLS"])
	switch t.TLS = named || on; {
	case values["TEMPORAL_TLS"] != "" && err != nil:
		r.fault("TEMPORAL_TLS", "must be true or false")
	case values["TEMPORAL_TLS"] != "" && !on && named:
		r.fault("TEMPORAL_TLS", "is false, and a key or a certificate is set that needs it")
	}
	r.temporalFiles(t)
	if strings.ContainsFunc(t.APIKey, blank) || t.APIKey != "" && (len(t.APIKey) < 16 || strings.Contains(t.APIKey, "...")) {
		r.fault("TEMPORAL_API_KEY", "must be one word, and is too short or an example")
	}
	if t.ServerName != "" && !hostName(t.ServerName) {
		r.fault("TEMPORAL_TLS_SERVER_NAME", "must be the name of a machine")
	}
	return t
}

// temporalFiles reads the certificates once, so that one that can't be used is found at start.
func (r *reader) temporalFiles(t Temporal) {
	if t.CAPath != "" {
		pem, err := os.ReadFile(t.CAPath)
		if err != nil || !x509.NewCertPool().AppendCertsFromPEM(pem) {
			r.fault("TEMPORAL_TLS_SERVER_CA_CERT_PATH", "must name a file with a certificate in PEM")
		}
	}
	switch {
	case (t.CertPath == "") != (t.KeyPath == ""):
		r.fault("TEMPORAL_TLS_CLIENT_CERT_PATH", "and TEMPORAL_TLS_CLIENT_KEY_PATH are set together, or neither is")
	case t.CertPath != "":
		if _, err := tls.LoadX509KeyPair(t.CertPath, t.KeyPath); err != nil {
			r.fault("TEMPORAL_TLS_CLIENT_CERT_PATH", "and TEMPORAL_TLS_CLIENT_KEY_PATH must name a certificate in PEM and its key")
		}
	}
}
