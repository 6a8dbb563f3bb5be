//go:build unix

package app

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os/exec"
	"regexp"
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
	"throughline/internal/config"
	"throughline/internal/devstack"
	"throughline/internal/seal"
	"throughline/internal/seal/sealtest"
	"throughline/mail"
	"throughline/mail/mailtest"
	"throughline/referral"
	"throughline/workflows"
	"throughline/workflows/lifetest"
)

// aviary is a house on a real PostgreSQL and a Temporal that keeps its histories there, with a canary in every field.
type aviary struct {
	*story
	stack       *devstack.Stack
	traces      *traceCollector
	navigator   casework.Actor
	supervisors [2]casework.Actor
}

// fields are where people's words go, each with the canary that is planted there.
var fields = []string{"name", "surname", "email", "contact times", "municipality", "notes", "details", "substitute", "question", "answer", "desk", "decline",
	"contact", "outcome", "confirmed", "glass", "remark", "hold", "erasure", "told by"}

// word is the canary of a field: the same each time and another for each field. Nobody else writes it.
func word(field string) string {
	sum := sha256.Sum256([]byte("canary of " + field))
	return "zq" + strings.ToLower(base32.StdEncoding.EncodeToString(sum[:10]))
}

// aviaryWords are all of them, and what can't be any word.
func aviaryWords() []string {
	all := []string{"7055550177", "705-555-0177", "K9H 1A1"}
	for _, f := range fields {
		all = append(all, word(f))
	}
	return all
}

func openAviary(t *testing.T) *aviary {
	t.Helper()
	stack, err := devstack.Start(t.Context(), devstack.Options{Dir: t.TempDir(), PostgresSettings: map[string]string{"fsync": "off"}})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, stack.Stop()) })
	owner, err := db.Open(t.Context(), stack.DatabaseURL, db.Options{MaxOpen: 2})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, owner.Close()) })
	require.NoError(t, db.Migrate(t.Context(), owner))
	h := &house{t: t, mail: mailtest.New(t), log: &transcript{}}
	a := &aviary{story: &story{h}, stack: stack, traces: collect(t)}
	sender, err := Sender(config.Mail{Provider: "sendgrid", SendGridKey: "SG.canary-of-a-provider-key", SendGridBaseURL: h.mail.URL})
	require.NoError(t, err)
	h.App, err = Open(t.Context(), Options{DatabaseURL: stack.AppURL, MaxConnections: 10, Temporal: config.Temporal{Address: stack.TemporalAddress, Namespace: stack.Namespace},
		Sender: sender, From: mail.Address{Email: "referrals@throughline.example"}, BaseURL: "http://127.0.0.1", Process: "dev", Keys: sealtest.Keyring(),
		TracesTo: a.traces.URL, Log: slog.New(slog.NewJSONHandler(h.log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	require.NoError(t, err)
	h.office = &lifetest.Office{Desk: h.Desk, Record: owner}
	t.Cleanup(func() { assert.NoError(t, h.Stop()) })
	a.furnish()
	h.serve()
	require.NoError(t, h.Work(t.Context()))
	h.Dispatch()
	return a
}

func (a *aviary) furnish() {
	ctx, t := a.t.Context(), a.t
	organisation, err := a.Desk.AddOrganisation(ctx, "Kawartha 211", "705-555-0100", "")
	require.NoError(t, err)
	for i, who := range []*casework.Actor{&a.navigator, &a.supervisors[0], &a.supervisors[1]} {
		role := map[bool]referral.Role{true: referral.Navigator, false: referral.Supervisor}[i == 0]
		email := fmt.Sprintf("person-%d@helpline.example", i)
		made, err := a.Desk.AddAccount(ctx, organisation, email, fmt.Sprint("Person ", i), role, "en", "correct horse battery")
		require.NoError(t, err)
		*who = made.Actor(casework.ViaPage)
		if i == 0 {
			_, a.key, err = a.Desk.AddKey(ctx, email, "tests")
			require.NoError(t, err)
		}
	}
	for n := range 2 {
		_, err := a.office.Record.Exec(`WITH a AS (INSERT INTO agencies (id, source, source_id, name) VALUES (gen_random_uuid(), 'test', gen_random_uuid(), $1) RETURNING id)
			INSERT INTO services (id, source, source_id, agency_id, name, email) SELECT gen_random_uuid(), 'test', gen_random_uuid(), id, $2, $3 FROM a`,
			fmt.Sprint("Pantry ", n), fmt.Sprint("Food boxes ", n), fmt.Sprintf("pantry-%d@agency.example", n))
		require.NoError(t, err)
	}
}

// lives is a whole story with a canary in every field that takes any text, by the API, by the agencies' links and by the
// desk. It gives the case and its referral.
func (a *aviary) lives() (caseID, id uuid.UUID) {
	t, ctx := a.t, a.t.Context()
	var services []uuid.UUID
	require.NoError(t, a.office.Record.Select(&services, `SELECT id FROM services ORDER BY name`))
	made := a.must(a.ask(http.MethodPost, "/api/v1/referrals", map[string]any{
		"case": map[string]any{"name": word("name") + " " + word("surname"), "phone": "+1 705-555-0177", "email": word("email") + "@canary.example",
			"contact_times": word("contact times"), "safe_to_call": true, "municipality": word("municipality"), "postal_code": "K9H 1A1",
			"birth_year": 1961, "notes": word("notes")},
		"need": "food", "details": word("details"), "service_ids": services,
		"consent": map[string]any{"given": true, "how": "substitute", "substitute": word("substitute"), "capacity": "attorney"}}))
	var out struct {
		ID     uuid.UUID
		CaseID uuid.UUID `json:"case_id"`
	}
	require.NoError(t, json.Unmarshal([]byte(made.body), &out))
	caseID, id = out.CaseID, out.ID
	command := func(name, field string, more map[string]any) {
		t.Helper()
		body := map[string]any{"note": word(field)}
		for k, v := range more {
			body[k] = v
		}
		a.must(a.ask(http.MethodPost, "/api/v1/referrals/"+id.String()+"/"+name, body))
	}
	first := a.agency(a.mailed(1))
	first("ask", url.Values{"note": {word("question")}})
	command("answer", "answer", nil)
	first("decline", url.Values{"reason": {"full"}, "note": {word("decline")}})
	var second func(string, url.Values)
	until(t, "the second agency is asked", func() bool {
		for _, m := range a.mail.Messages() {
			if found := linkIn.FindStringSubmatch(m.Text); found != nil && strings.HasPrefix(m.To, "pantry-1") && second == nil {
				second = a.agency(found[1])
			}
		}
		return second != nil
	})
	second("accept", nil)
	second("contact", url.Values{"note": {word("contact")}})
	command("report_outcome", "outcome", map[string]any{"outcome": "received_in_full", "told_by": word("told by")})
	command("confirm", "confirmed", map[string]any{"outcome": "received_in_full"})

	require.NoError(t, a.Desk.Restrict(ctx, a.navigator, caseID, "vip"))
	var reference string
	require.NoError(t, a.office.Record.Get(&reference, `SELECT reference FROM cases WHERE id = $1`, caseID))
	_, err := a.Desk.BreakGlass(ctx, a.supervisors[0], reference, word("glass"))
	require.NoError(t, err)
	waiting, err := a.Desk.GlassToReview(ctx, a.supervisors[1])
	require.NoError(t, err)
	require.NoError(t, a.Desk.ReviewGlass(ctx, a.supervisors[1], waiting[0].ID, "justified", word("remark")))
	require.NoError(t, a.Desk.Restrict(ctx, a.navigator, caseID, ""))
	require.NoError(t, a.Desk.HoldCase(ctx, a.supervisors[0], caseID, word("hold")))
	require.NoError(t, a.Desk.LiftHold(ctx, a.supervisors[0], caseID))
	_, err = a.Desk.FindCases(ctx, a.navigator, word("surname"))
	require.NoError(t, err)
	return caseID, id
}

// agency posts as the agency of a link does.
func (a *aviary) agency(token string) func(do string, more url.Values) {
	jar, err := cookiejar.New(nil)
	require.NoError(a.t, err)
	client := &http.Client{Jar: jar}
	w, err := client.Get(a.base + "/r/" + token)
	require.NoError(a.t, err)
	require.NoError(a.t, w.Body.Close())
	return func(do string, more url.Values) {
		a.t.Helper()
		form := url.Values{"do": {do}, "name": {word("desk")}}
		for name, value := range more {
			form[name] = value
		}
		w, err := client.PostForm(a.base+"/r", form)
		require.NoError(a.t, err)
		defer w.Body.Close()
		require.Equal(a.t, do, w.Request.URL.Query().Get("done"), "%s: %s", do, w.Status)
	}
}

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

// scan wants no canary anywhere, in any form, nor any of these texts exactly: in no database, in the log, the metrics, the traces, nor in what the mail provider
// was sent.
func (a *aviary) scan(when string, exactly ...string) {
	a.t.Helper()
	search := find.For(aviaryWords()...)
	a.traced()
	told := a.dumps()
	told["the log"] = a.log.String()
	told["the metrics"] = a.get(a.probes + "/metrics").body
	for _, m := range a.mail.Messages() {
		raw, err := json.Marshal(m)
		require.NoError(a.t, err)
		told["the mail provider"] += string(raw)
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

// kept are the sealed texts of the case, and all that its key is kept as: what someone who copies a row could try to open.
func (a *aviary) kept(caseID uuid.UUID) (sealed []string, wrapped []byte) {
	a.t.Helper()
	require.NoError(a.t, a.office.Record.Get(&wrapped, `SELECT wrapped FROM case_keys WHERE case_id = $1`, caseID))
	require.NoError(a.t, a.office.Record.Select(&sealed, `SELECT name FROM cases WHERE id = $1
		UNION SELECT notes FROM cases WHERE id = $1 UNION SELECT details FROM referrals WHERE case_id = $1
		UNION SELECT question FROM offers o JOIN referrals r ON r.id = o.referral_id WHERE case_id = $1 AND question <> ''
		UNION SELECT note FROM timeline t JOIN referrals r ON r.id = t.referral_id WHERE case_id = $1 AND note <> ''
		UNION SELECT reason FROM legal_holds WHERE case_id = $1 UNION SELECT reason FROM glass WHERE case_id = $1
		UNION SELECT convert_from(body, 'UTF8') FROM idempotency WHERE case_id = $1`, caseID))
	require.Greater(a.t, len(sealed), 8)
	return sealed, wrapped
}

// A whole story, and then its erasure: while it is kept only the key opens it, and nothing of it is anywhere else; after
// the erasure there is nothing left to open. What counts stays, and every invariant holds.
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
		if field != "glass" && field != "remark" && field != "hold" && field != "erasure" {
			assert.Contains(t, everything, word(field), "the canary of %s lives: that it is found nowhere else shows something", field)
		}
	}
	a.scan("while it is kept")

	sealed, wrapped := a.kept(caseID)
	key, err := sealtest.Keyring().Key(seal.Wrapped{Of: caseID, Bytes: wrapped, KEK: sealtest.Keyring().Primary()})
	require.NoError(t, err)
	var name string
	require.NoError(t, a.office.Record.Get(&name, `SELECT name FROM cases WHERE id = $1`, caseID))
	name, err = key.Open(seal.Place("cases", "name", caseID.String()), name)
	require.NoError(t, err)
	require.Contains(t, name, word("surname"), "a copy of the key opens what is kept, before")

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
