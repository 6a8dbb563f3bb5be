//go:build unix

package app

import (
	"context"
	"encoding/hex"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"throughline/casework"
	"throughline/db"
	find "throughline/internal/canary"
	"throughline/internal/seal"
	"throughline/internal/seal/sealtest"
	"throughline/mail/mailtest"
	"throughline/workflows"
)

// dumps are all databases as whoever steals them has them: the record, and Temporal's.
func (a *aviary) dumps() map[string]string {
	a.t.Helper()
	u, err := url.Parse(a.stack.DatabaseURL)
	require.NoError(a.t, err)
	var names []string
	require.NoError(a.t, a.office.Record.Select(&names, `SELECT datname FROM pg_database WHERE NOT datistemplate ORDER BY 1`))
	require.Contains(a.t, names, "throughline")
	require.Greater(a.t, len(names), 2, "Temporal has its databases here")
	all := map[string]string{}
	for _, name := range names {
		u.Path = "/" + name
		text := dump(a.t, u.String())
		require.NotEmpty(a.t, text)
		all["the database "+name] = decoded(text)
	}
	return all
}

// dump is a pg_dump; where there is none, as beside a PostgreSQL that was fetched, it is every row of every table.
func dump(t *testing.T, url string) string {
	t.Helper()
	if path, err := exec.LookPath("pg_dump"); err == nil {
		out, err := exec.CommandContext(t.Context(), path, "--dbname", url).Output()
		require.NoError(t, err)
		return string(out)
	}
	pool, err := db.Open(t.Context(), url, db.Options{MaxOpen: 1})
	require.NoError(t, err)
	defer pool.Close()
	var tables, rows []string
	require.NoError(t, pool.Select(&tables, `SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`))
	for _, table := range tables {
		var some []string
		require.NoError(t, pool.Select(&some, `SELECT t::text FROM `+table+` t`))
		rows = append(append(rows, table), some...)
	}
	return strings.Join(rows, "\n")
}

var bytea = regexp.MustCompile(`\\\\?x(?:[0-9a-f]{2}){6,}`)

// decoded adds to a dump what it writes in hexadecimal, as the histories of workflows, as it was: what hides in it in
// another way is found too.
func decoded(text string) string {
	var b strings.Builder
	b.WriteString(text)
	for _, raw := range bytea.FindAllString(text, -1) {
		if bytes, err := hex.DecodeString(raw[strings.IndexByte(raw, 'x')+1:]); err == nil {
			b.WriteByte('\n')
			b.Write(bytes)
		}
	}
	return b.String()
}

// scan wants no canary anywhere, in any form, nor any of these texts exactly: in no database, in no log, of ours, of PostgreSQL or of
// Temporal, in the metrics, the traces, nor in what the mail provider was sent, taken or refused.
func (a *aviary) scan(when string, exactly ...string) {
	a.t.Helper()
	search := find.For(append(aviaryWords(), a.secrets...)...)
	a.traced()
	told := a.dumps()
	told["the log"] = a.log.String()
	told["the metrics"] = a.get(a.probes + "/metrics").body
	told["the mail provider"] = strings.Join(a.mail.Heard(), "\n")
	for _, m := range a.mail.Messages() { // as it is once it is read
		told["the mail provider"] += strings.Join([]string{m.Subject, m.Text, m.HTML, m.To, m.From}, "\n")
	}
	for _, path := range []string{"postgres/postgres.log", "temporal/temporal.log"} {
		text, err := os.ReadFile(filepath.Join(a.dir, path))
		require.NoError(a.t, err)
		told[path] = string(text)
	}
	a.traces.mu.Lock()
	told["the traces"] = strings.Join(a.traces.raw, "\n")
	a.traces.mu.Unlock()
	for where, text := range told {
		require.NotEmpty(a.t, text, where)
		for _, found := range search.InText(text) {
			a.t.Errorf("%s, %s: %s", when, where, found)
		}
		for _, secret := range exactly {
			if strings.Contains(text, secret) {
				a.t.Errorf("%s, %s holds what was sealed, or its key: %.40q", when, where, secret)
			}
		}
	}
}

// traced waits until the traces of what was done so far have been sent.
func (a *aviary) traced() {
	a.t.Helper()
	sent := func() int { a.traces.mu.Lock(); defer a.traces.mu.Unlock(); return len(a.traces.raw) }
	before := sent()
	a.must(a.ask(http.MethodGet, "/api/v1/queue", nil))
	until(a.t, "traces are sent", func() bool { return sent() > before })
}

// rowOf names a row of a table as what is sealed in it is bound to, and ofCase says which rows are of the case $1.
func rowOf(table string) (row, ofCase string) {
	switch table {
	case "cases":
		return "id", "id = $1"
	case "offers", "tasks":
		return "id", "referral_id IN (SELECT id FROM referrals WHERE case_id = $1)"
	case "timeline":
		return "referral_id || '/' || version || '/' || what || '/' || seal_id", "referral_id IN (SELECT id FROM referrals WHERE case_id = $1)"
	case "idempotency":
		return "account_id || '/' || key", "case_id = $1"
	}
	return "id", "case_id = $1"
}

// kept are the sealed texts of the case, and all that its key is kept as: what someone who copies a row could try to open.
// A copy of the key opens them, and every column has a canary in it, or that it is found nowhere shows nothing.
func (a *aviary) kept(caseID uuid.UUID) (sealed []string, wrapped []byte) {
	a.t.Helper()
	require.NoError(a.t, a.office.Record.Get(&wrapped, `SELECT wrapped FROM case_keys WHERE case_id = $1`, caseID))
	key, err := sealtest.Keyring().Key(seal.Wrapped{Of: caseID, Bytes: wrapped, KEK: sealtest.Keyring().Primary()})
	require.NoError(a.t, err)
	var opened strings.Builder
	for _, c := range db.SealedColumns {
		if c.Table == db.OfAccounts {
			var n int
			require.NoError(a.t, a.office.Record.Get(&n, `SELECT count(*) FROM `+c.Table+` WHERE `+c.Column+` LIKE 's1.%'`))
			require.Positive(a.t, n, "%s.%s holds nothing", c.Table, c.Column)
			continue
		}
		row, ofCase := rowOf(c.Table)
		column := c.Column
		if c.Table == "idempotency" {
			column = "convert_from(body, 'UTF8')"
		}
		var found []struct{ Row, Text string }
		require.NoError(a.t, a.office.Record.Select(&found, `SELECT `+row+` AS row, `+column+` AS text FROM `+c.Table+` WHERE `+ofCase+` AND `+column+` LIKE 's1.%'`, caseID))
		var inColumn strings.Builder
		for _, f := range found {
			text, err := key.Open(seal.Place(c.Table, c.Column, f.Row), f.Text)
			require.NoError(a.t, err, "%s.%s", c.Table, c.Column)
			inColumn.WriteString(text + "\n")
			sealed = append(sealed, f.Text)
		}
		planted := append(aviaryWords(), "1961") // no text, but as personal
		require.True(a.t, slices.ContainsFunc(planted, func(w string) bool { return strings.Contains(inColumn.String(), w) }),
			"%s.%s has no canary in it: plant one", c.Table, c.Column)
		opened.WriteString(inColumn.String())
	}
	for _, field := range fields {
		require.Contains(a.t, opened.String(), word(field), field)
	}
	return sealed, wrapped
}

// A whole story with all that goes wrong, and then its erasure: while it is kept only the key opens it, and nothing of it is
// anywhere else; after the erasure there is nothing left to open. What counts stays, and every invariant holds.
func TestNothingIsLeftOfAnErasedCase(t *testing.T) {
	t.Parallel()
	a := openAviary(t)
	ctx := t.Context()
	caseID, id := a.lives()
	asked, err := a.Desk.AskExport(ctx, a.supervisors[0], caseID, "fr")
	require.NoError(t, err)
	var everything string
	until(t, "the export is made", func() bool {
		_, raw, _, err := a.Desk.FetchExport(ctx, a.supervisors[0], asked, casework.ExportData)
		everything = string(raw)
		return err == nil
	})
	for _, field := range fields {
		if field != "hold" { // its reason is left out
			assert.Contains(t, everything, word(field), "what the client is given is everything")
		}
	}
	a.goesWrong()
	sealed, wrapped := a.kept(caseID)
	a.scan("while it is kept")

	erasure, err := a.Desk.AskErasure(ctx, a.navigator, caseID, word("erasure"))
	require.NoError(t, err)
	require.NoError(t, a.Desk.ApproveErasure(ctx, a.supervisors[0], erasure))
	a.scan("while it waits")
	var before [2]int
	count := func() (n [2]int) {
		require.NoError(t, a.office.Record.QueryRow(`SELECT (SELECT count(*) FROM timeline WHERE referral_id = $1), (SELECT count(*) FROM offers
			WHERE referral_id = $1 AND state IN ('declined', 'confirmed'))`, id).Scan(&n[0], &n[1]))
		return n
	}
	before = count()
	require.Equal(t, 2, before[1])
	// The days in which it could be called off have passed.
	_, err = a.office.Record.Exec(`UPDATE erasures SET due_at = now() - interval '1 second'`)
	require.NoError(t, err)
	require.NoError(t, db.InTx(db.AsSystem(ctx), a.DB, func(ctx context.Context, tx *sqlx.Tx) error {
		return db.RunErrand(ctx, tx, a.navigator.Organisation, db.ErrandErasure, erasure, time.Now())
	}))
	until(t, "the case is erased", func() bool {
		var erased bool
		require.NoError(t, a.office.Record.Get(&erased, `SELECT erased_at IS NOT NULL FROM cases WHERE id = $1`, caseID))
		return erased
	})
	a.scan("after it was erased", append(sealed, string(wrapped), hex.EncodeToString(wrapped))...)
	assert.Equal(t, before, count(), "what counts stays")
	a.holds()
}

// goesWrong is all that goes wrong beside the story, and what strangers send, until what was held up has gone on.
func (a *aviary) goesWrong() {
	a.t.Helper()
	until(a.t, "no letter waits", func() bool {
		var n int
		require.NoError(a.t, a.office.Record.Get(&n, `SELECT count(*) FROM messages WHERE state IN ('pending', 'claimed')`))
		return n == 0
	})
	a.thatGoesWrong()
	a.ofStrangers()
	// The workflow whose step failed may rest for a minute, unless there is news.
	_, err := a.office.Record.Exec(`INSERT INTO outbox (organisation_id, kind, referral_id, version, created_at, available_at)
		SELECT organisation_id, 'changed', id, version, now(), now() FROM referrals WHERE state = 'open' AND step_do = 'send'`)
	require.NoError(a.t, err)
	until(a.t, "the letter that failed goes out after all", func() bool {
		return slices.ContainsFunc(a.mail.Messages(), func(m mailtest.Received) bool { return strings.HasPrefix(m.To, "pantry-intake-3") })
	})
}

// holds wants every invariant, and the audit as it was written.
func (a *aviary) holds() {
	a.t.Helper()
	_, err := a.office.Record.Exec(`UPDATE outbox SET available_at = now() WHERE done_at IS NULL`)
	require.NoError(a.t, err)
	findings, err := a.Desk.Check(a.t.Context(), workflows.Inspector{Client: a.Temporal})
	require.NoError(a.t, err)
	for _, f := range findings {
		assert.Empty(a.t, f.NotChecked, f.Invariant)
		assert.Empty(a.t, f.Violations, "%s: %s", f.Invariant, f.Says)
	}
	_, err = db.LinkAudit(db.AsSystem(a.t.Context()), a.DB, 10_000)
	require.NoError(a.t, err)
	v, err := a.Desk.VerifyAudit(a.t.Context(), uuid.Nil, nil)
	require.NoError(a.t, err)
	assert.Empty(a.t, v.Tamperings)
	assert.Positive(a.t, v.Links)
}
