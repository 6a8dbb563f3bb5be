package config

import (
	"strings"
	"testing"
)

// A line to another machine on which anyone could listen, or answer, is refused unless someone says that it is meant.
func TestTheLineToTheDatabaseIsVerified(t *testing.T) {
	t.Parallel()
	for address, good := range map[string]bool{
		"postgres://me:canary4b9e21@db.example:5432/x?sslmode=verify-full":                     true,
		"postgres://me:canary4b9e21@db.example:5432/x?sslmode=verify-full&sslrootcert=/ca.pem": true,
		"postgres://me:canary4b9e21@127.0.0.1/x?sslmode=disable":                               true,
		"postgres://me:canary4b9e21@[::1]/x":                                                   true,
		"postgres://me:canary4b9e21@localhost/x":                                               true,
		"postgres://me:canary4b9e21@localhost/x?host=/run/postgresql":                          true,
		"postgres://me:canary4b9e21@db.example/x":                                              false,
		"postgres://me:canary4b9e21@db.example/x?sslmode=require":                              false,
		"postgres://me:canary4b9e21@db.example/x?sslmode=verify-ca":                            false,
		"postgres://me:canary4b9e21@db.example/x?sslmode=disable&sslmode=verify-full":          false,
		"postgres://me:canary4b9e21@127.0.0.1/x?host=db.example":                               false,
		"postgres://me:canary4b9e21@127.0.0.1/x?hostaddr=10.0.0.1":                             false,
	} {
		for name, need := range map[string]Need{"DATABASE_URL": {Database: true}, "MIGRATION_DATABASE_URL": {Migration: true}} {
			_, err := read(map[string]string{name: address}, need)
			if good != (err == nil) || err != nil && (!strings.HasPrefix(err.Error(), name+" must end with ?sslmode=verify-full") || strings.Contains(err.Error(), "canary")) {
				t.Errorf("%s: %v", address, err)
			}
			if _, err := read(map[string]string{name: address, "DATABASE_TLS": "unverified"}, need); err != nil {
				t.Errorf("%s, and it is meant: %v", address, err)
			}
		}
	}
	if _, err := read(map[string]string{"DATABASE_URL": "postgres://localhost/x", "DATABASE_TLS": "canary"}, Need{Database: true}); err == nil ||
		!strings.Contains(err.Error(), "DATABASE_TLS must be verify or unverified") {
		t.Errorf("an unknown word: %v", err)
	}
}
