package main

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"throughline/casework"
	"throughline/db"
	"throughline/db/dbtest"
	"throughline/internal/notary"
)

// verifying runs audit verify on a database of the test's own.
func verifying(t *testing.T, set map[string]string, args ...string) (code int, out, complaints string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	e := &env{getenv: func(name string) string { return set[name] }, stdin: strings.NewReader(""), stdout: &stdout, stderr: &stderr,
		log: slog.New(slog.DiscardHandler)}
	code = run(t.Context(), e, append([]string{"audit"}, args...))
	return code, stdout.String(), stderr.String()
}

func TestAuditVerifyByTheCommandLine(t *testing.T) {
	t.Parallel()
	seed := []byte("0123456789abcdefghijklmnopqrstuv")
	key := ed25519.NewKeyFromSeed(seed)
	heads := filepath.Join(t.TempDir(), "heads.jsonl")
	owners := dbtest.URL(t)
	set := map[string]string{"DATABASE_URL": dbtest.AppURL(t, owners), "AUDIT_SIGNING_KEY": base64.StdEncoding.EncodeToString(seed), "AUDIT_EXPORT": "file://" + heads}
	pool, err := db.Open(t.Context(), owners, db.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	first := entries(t, pool, "Kawartha 211", 5)
	entries(t, pool, "Another 211", 2)
	n := notary.Notary{DB: pool, Log: slog.New(slog.DiscardHandler), Key: key, Target: notary.File(heads), Now: time.Now}
	if written, err := n.Export(t.Context()); err != nil || written != 2 {
		t.Fatalf("%d heads: %v", written, err)
	}
	public := notary.PublicText(key.Public().(ed25519.PublicKey))
	if code, out, _ := verifying(t, set, "key"); code != 0 || strings.TrimSpace(out) != public {
		t.Errorf("key: exit %d, %q", code, out)
	}
	code, out, complaints := verifying(t, set, "verify", "--against", "export")
	if code != 0 || !strings.HasPrefix(out, "7 links verified, 2 exported heads compared, 0 entries wait") {
		t.Fatalf("exit %d: %s%s", code, out, complaints)
	}
	delete(set, "AUDIT_SIGNING_KEY")
	delete(set, "AUDIT_EXPORT")
	if code, out, complaints = verifying(t, set, "verify", "--against", heads, "--key", public, "--organisation", "Another 211"); code != 0 || !strings.HasPrefix(out, "2 links verified, 1 exp") {
		t.Errorf("exit %d: %s%s", code, out, complaints)
	}

	tamper(t, pool, `DELETE FROM audit_chain WHERE seq > 3 AND organisation_id = '`+first.String()+`'`, `DELETE FROM audit WHERE id IN (4, 5)`)
	if code, out, _ = verifying(t, set, "verify"); code != 0 {
		t.Errorf("without the export nothing shows: exit %d: %s", code, out)
	}
	if code, out, _ = verifying(t, set, "verify", "--against", heads, "--key", public); code != 1 || strings.Count(out, "missing: an exported head says that it was there") != 2 {
		t.Errorf("exit %d: %s", code, out)
	}
	var v casework.Verified
	if code, out, _ = verifying(t, set, "verify", "--against", heads, "--key", notary.PublicText(make([]byte, 32)), "--json"); code != 1 {
		t.Errorf("heads of another key: exit %d", code)
	}
	if err := json.Unmarshal([]byte(out), &v); err != nil || len(v.Tamperings) != 2 || v.Tamperings[0].What != "an exported head that no given key signed" {
		t.Errorf("%v: %s", err, out)
	}
	for typed, says := range map[string]string{"": "wants verify or key", "fix": "there is no audit fix", "key": "AUDIT_SIGNING_KEY is not set", "verify --against x": "wants --key",
		"verify --against export --key " + public: "AUDIT_EXPORT is not set", "verify --against /nowhere --key " + public: "read the export", "verify --key x --against y": "must be a public key",
		"verify --organisation Nobody": "no such organisation"} {
		if code, _, complaints := verifying(t, set, strings.Fields(typed)...); code != 2 || !strings.Contains(complaints, says) {
			t.Errorf("%q: exit %d: %s", typed, code, complaints)
		}
	}
}

// What retention took away is named, and is no finding.
func TestAuditVerifyNamesWhatRetentionTook(t *testing.T) {
	t.Parallel()
	owners := dbtest.URL(t)
	set := map[string]string{"DATABASE_URL": dbtest.AppURL(t, owners)}
	pool, err := db.Open(t.Context(), owners, db.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	id := entries(t, pool, "Kawartha 211", 0)
	old := time.Now().AddDate(-10, 0, -4)
	if err := db.InsertAudit(t.Context(), pool, db.Who{Organisation: id, Role: "navigator", Via: "page"}, old, "view", "case", uuid.New()); err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{`SELECT audit_link_up(10)`, `SELECT audit_retire('` + id.String() + `', now())`, `SELECT audit_link_up(10)`} {
		if _, err := pool.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	code, out, _ := verifying(t, set, "verify")
	if code != 0 || !strings.Contains(out, "seq 2  entry 2  retention took away the entries up to 1, at ") || !strings.Contains(out, "by way of cli\n2 links verified") {
		t.Errorf("exit %d: %s", code, out)
	}
	var v casework.Verified
	if code, out, _ = verifying(t, set, "verify", "--json"); code != 0 || json.Unmarshal([]byte(out), &v) != nil || len(v.Retirements) != 1 || v.Retirements[0].UpTo != 1 {
		t.Errorf("exit %d: %s", code, out)
	}
}

// entries makes a helpline whose audit has some, linked.
func entries(t *testing.T, pool *sqlx.DB, name string, n int) uuid.UUID {
	t.Helper()
	o := db.Organisation{ID: uuid.New(), Name: name, TimeZone: "America/Toronto", CreatedAt: time.Now()}
	if err := db.InsertOrganisation(t.Context(), pool, o); err != nil {
		t.Fatal(err)
	}
	for range n {
		if err := db.InsertAudit(t.Context(), pool, db.Who{Organisation: o.ID, Role: "navigator", Via: "page"}, time.Now(), "view", "case", uuid.New()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := db.LinkAudit(t.Context(), pool, 100); err != nil {
		t.Fatal(err)
	}
	return o.ID
}

// tamper changes the audit with every trigger off.
func tamper(t *testing.T, pool *sqlx.DB, statements ...string) {
	t.Helper()
	conn, err := pool.Connx(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, s := range append(append([]string{`SET session_replication_role = replica`}, statements...), `RESET session_replication_role`) {
		if _, err := conn.ExecContext(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
}
