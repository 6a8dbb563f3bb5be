//go:build unix

package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"throughline/casework"
	"throughline/db/dbtest"
	"throughline/internal/clock"
	"throughline/internal/seal/sealtest"
)

var scratch string // for what all tests share

func TestMain(m *testing.M) {
	var err error
	if scratch, err = os.MkdirTemp("", "throughline"); err != nil {
		panic(err)
	}
	code := m.Run()
	_ = os.RemoveAll(scratch)
	os.Exit(code)
}

// built is the production binary as people run it.
var built = sync.OnceValues(func() (string, error) {
	path := filepath.Join(scratch, "throughline")
	out, err := exec.Command("go", "build", "-o", path, ".").CombinedOutput()
	if err != nil {
		return "", errors.New(string(out))
	}
	return path, nil
})

// starts runs the binary with these settings and nothing else, and gives its exit code and what it says.
func starts(t *testing.T, settings map[string]string, command ...string) (int, string) {
	t.Helper()
	path, err := built()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // one that is not refused would go on
	defer cancel()
	cmd := exec.CommandContext(ctx, path, command...)
	cmd.Env = []string{}
	for name, value := range settings {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	err = cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), said.String()
}

// What is unsafe is refused before anything starts: all of it at once, by name, and without a word of what was set.
func TestUnsafeSettingsAreRefusedAllAtOnce(t *testing.T) {
	t.Parallel()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	webhook := base64.StdEncoding.EncodeToString(der)
	code, said := starts(t, map[string]string{
		"DATABASE_URL":            "postgres://throughline_app:password@canary-host:5432/throughline",
		"TEMPORAL_ADDRESS":        "temporal:7233",
		"BASE_URL":                "http://canary.example.org",
		"MAIL_FROM":               "referrals@example.org",
		"SENDGRID_API_KEY":        "SG.your-canary-api-key",
		"SENDGRID_BASE_URL":       "http://canary.example.net",
		"SENDGRID_WEBHOOK_KEY":    webhook,
		"OIDC_ISSUER":             "http://login.canary.example",
		"OIDC_CLIENT_ID":          "throughline",
		"OIDC_CLIENT_SECRET":      "canary",
		"OIDC_ROLES":              "staff=navigator",
		"AUDIT_EXPORT":            "s3://bucket/prefix",
		"AUDIT_EXPORT_ENDPOINT":   "https://s3.example.org",
		"AUDIT_EXPORT_ACCESS_KEY": "access",
		"AUDIT_EXPORT_SECRET_KEY": "canary",
		"AUDIT_SIGNING_KEY":       "canary",
		"ENCRYPTION_KEY":          "canary",
	}, "serve")
	if code != 2 {
		t.Errorf("exit %d", code)
	}
	for _, reason := range []string{"DATABASE_URL holds a password that is an example", "BASE_URL must begin with https://", "SENDGRID_API_KEY is too short, or an example",
		"SENDGRID_BASE_URL must begin with https://", "SENDGRID_WEBHOOK_KEY must be an elliptic curve key", "OIDC_ISSUER must begin with https://",
		"OIDC_CLIENT_SECRET is too short", "AUDIT_EXPORT_SECRET_KEY is too short", "AUDIT_SIGNING_KEY must be 32 random bytes", "ENCRYPTION_KEY must"} {
		if !strings.Contains(said, reason) {
			t.Errorf("it does not say %q", reason)
		}
	}
	for _, value := range []string{"canary", webhook[:20], "password@", "throughline_app:"} {
		if strings.Contains(said, value) {
			t.Errorf("it shows %q", value)
		}
	}
	if t.Failed() {
		t.Log(said)
	}
}

// A role that row-level security does not hold for is refused, with every reason that there is.
func TestARoleThatSeesPastTheGuardIsRefused(t *testing.T) {
	t.Parallel()
	owners := dbtest.URL(t)
	settings := map[string]string{"DATABASE_URL": owners, "TEMPORAL_ADDRESS": "127.0.0.1:1", "BASE_URL": "https://referrals.example.org",
		"MAIL_FROM": "referrals@example.org", "SENDGRID_API_KEY": "SG.0123456789abcdefghij", "ENCRYPTION_KEY": sealtest.Text}
	for _, command := range []string{"serve", "worker"} {
		code, said := starts(t, settings, command)
		if code != 1 || !strings.Contains(said, "signs in as a superuser") || !strings.Contains(said, "signs in as the owner of the tables") {
			t.Errorf("%s as the owner: exit %d\n%s", command, code, said)
		}
	}
	for _, command := range []string{"user list", "apikey list", "policy show", "keys show", "erase --list", "retention --dry-run", "check", "audit verify", "hold --dry-run"} {
		if code, said := starts(t, settings, strings.Fields(command)...); code == 0 || !strings.Contains(said, "signs in as a superuser") {
			t.Errorf("%s as the owner: exit %d\n%s", command, code, said)
		}
	}
	// A member of the application's own role comes as far as Temporal.
	settings["DATABASE_URL"] = member(t, owners)
	if code, said := starts(t, settings, "worker"); code != 1 || strings.Contains(said, "signs in as") || !strings.Contains(strings.ToLower(said), "temporal") {
		t.Errorf("as the application: exit %d\n%s", code, said)
	}
}

// Who mends what is wrong with the settings does not come upon the role then, nor after that upon the key.
func TestTheRecordIsLookedAtTogetherWithTheSettings(t *testing.T) {
	t.Parallel()
	owners := dbtest.URL(t)
	record := dbtest.Open(t, owners)
	if err := casework.New(record, clock.System{}, sealtest.Keyring(), nil).CheckKeys(t.Context()); err != nil {
		t.Fatal(err)
	}
	settings := map[string]string{"DATABASE_URL": owners, "TEMPORAL_ADDRESS": "127.0.0.1:1", "BASE_URL": "http://referrals.example.org",
		"MAIL_FROM": "referrals@example.org", "SENDGRID_API_KEY": "SG.0123456789abcdefghij", "ENCRYPTION_KEY": sealtest.Other("another")}
	for base, exit := range map[string]int{"http://referrals.example.org": 2, "https://referrals.example.org": 1} {
		settings["BASE_URL"] = base
		code, said := starts(t, settings, "serve")
		if code != exit || strings.Contains(said, "BASE_URL must begin with https://") != (exit == 2) || !strings.Contains(said, "signs in as a superuser") ||
			!strings.Contains(said, "the database is sealed with key") {
			t.Errorf("%s: exit %d\n%s", base, code, said)
		}
	}
	// What is refused leaves nothing to know a key by.
	if _, err := record.Exec(`DELETE FROM key_checks`); err != nil {
		t.Fatal(err)
	}
	starts(t, settings, "serve")
	var left int
	if err := record.Get(&left, `SELECT count(*) FROM key_checks`); err != nil || left != 0 {
		t.Errorf("%d keys are known, %v", left, err)
	}
}

// member makes a role like the application's, with a password that nobody guesses.
func member(t *testing.T, owners string) string {
	t.Helper()
	u, err := url.Parse(owners)
	if err != nil {
		t.Fatal(err)
	}
	role, password := "tl_"+strings.ToLower(rand.Text()), rand.Text()
	owner := dbtest.Open(t, owners)
	if _, err := owner.Exec(`CREATE ROLE ` + role + ` LOGIN PASSWORD '` + password + `' IN ROLE throughline_app`); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := owner.Exec(`DROP ROLE ` + role); err != nil {
			t.Error(err)
		}
	})
	u.User = url.UserPassword(role, password)
	return u.String()
}
