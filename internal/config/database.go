package config

import (
	"net"
	"net/url"
	"strings"
)

// databaseTLS is what DATABASE_TLS says: that the line to PostgreSQL is encrypted and that it is looked at whom it leads to, or
// that it is meant not to be, because the line never leaves one machine's own network.
const (
	databaseVerified   = "verify"
	databaseUnverified = "unverified"
)

// database checks the address of the record, and how the line to it is protected.
func (r *reader) database(name, value string) {
	faults := len(r.errs)
	r.server(name, value, "postgres", "postgresql")
	u, err := url.Parse(value)
	if err != nil || len(r.errs) > faults || r.unverified || sameMachine(u) {
		return
	}
	modes := u.Query()["sslmode"]
	if len(modes) == 1 && modes[0] == "verify-full" {
		return
	}
	r.fault(name, "must end with ?sslmode=verify-full: it leads to another machine; where that is meant, say DATABASE_TLS="+databaseUnverified)
}

// sameMachine reports an address that all leads to this machine. A parameter may name another host than the address itself.
func sameMachine(u *url.URL) bool {
	hosts := []string{u.Hostname()}
	for _, name := range []string{"host", "hostaddr"} {
		for _, v := range u.Query()[name] {
			hosts = append(hosts, strings.Split(v, ",")...)
		}
	}
	for _, h := range hosts {
		if ip := net.ParseIP(h); !strings.EqualFold(h, "localhost") && !strings.HasPrefix(h, "/") && (ip == nil || !ip.IsLoopback()) {
			return false
		}
	}
	return true
}

func (r *reader) databaseTLS(value string) {
	r.unverified = value == databaseUnverified
	if value != databaseVerified && value != databaseUnverified {
		r.fault("DATABASE_TLS", "must be "+databaseVerified+" or "+databaseUnverified)
	}
}
