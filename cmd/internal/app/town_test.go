//go:build unix

package app_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"throughline/casework"
	"throughline/cmd/internal/app"
	"throughline/db"
	"throughline/internal/devstack"
	"throughline/internal/seal/sealtest"
	"throughline/mail"
	"throughline/mail/mailtest"
	"throughline/referral"
	"throughline/workflows"
)

// town is a helpline on a real PostgreSQL and Temporal, with a mail provider and agencies. Its app can be stopped and
// started, as its stack can.
type town struct {
	*app.App
	t        *testing.T
	stack    *devstack.Stack
	record   *sqlx.DB // the owner's, to look and to prepare
	provider *mailtest.StandIn
	who      casework.Actor
	services []uuid.UUID
	running  bool
}

func build(t *testing.T, remind, lapse string) *town {
	t.Helper()
	stack, err := devstack.Start(t.Context(), devstack.Options{Dir: t.TempDir(), PostgresSettings: map[string]string{"fsync": "off"}})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, stack.Stop()) })
	o := &town{t: t, stack: stack, provider: mailtest.New(t)}
	t.Cleanup(o.close)
	pool, err := db.Open(t.Context(), stack.DatabaseURL, db.Options{MaxOpen: 2})
	require.NoError(t, err)
	require.NoError(t, db.Migrate(t.Context(), pool))
	pool.SetMaxIdleConns(0) // nobody is connected to a database that is copied
	o.record = pool
	t.Cleanup(func() { assert.NoError(t, pool.Close()) })
	o.start()
	organisation, err := o.Desk.AddOrganisation(t.Context(), "Kawartha 211", "705-555-0100", "")
	require.NoError(t, err)
	a, err := o.Desk.AddAccount(t.Context(), organisation, "noor@helpline.example", "Noor", referral.Navigator, "en", "correct horse battery")
	require.NoError(t, err)
	o.who = a.Actor(casework.ViaPage)
	require.NoError(t, o.Desk.SetPolicy(t.Context(), casework.ClockActor(organisation), hurried(t, remind, lapse)))
	for n := range 6 {
		agency, id := uuid.New(), uuid.New()
		o.exec(`INSERT INTO agencies (id, source, source_id, name) VALUES ($1, 'test', gen_random_uuid(), $2)`, agency, fmt.Sprint("Pantry ", n))
		o.exec(`INSERT INTO services (id, source, source_id, agency_id, name, email) VALUES ($1, 'test', gen_random_uuid(), $2, $3, $4)`,
			id, agency, fmt.Sprint("Food boxes ", n), fmt.Sprintf("pantry-%d@agency.example", n))
		o.services = append(o.services, id)
	}
	return o
}

// hurried is a pace at which an agency's silence takes seconds: until it is reminded, twice as long until a coordinator
// calls, and until it lapses.
func hurried(t *testing.T, remind, lapse string) referral.Policy {
	t.Helper()
	p := referral.Demo()
	p.Name = "hurried"
	for wait, text := range map[*referral.Wait]string{&p.Routine.Remind: remind, &p.Routine.Escalate: remind, &p.Routine.Lapse: lapse} {
		var err error
		*wait, err = referral.ParseWait(text)
		require.NoError(t, err)
	}
	p.Routine.Escalate.N *= 2
	return p
}

// start opens the app with all of its parts, as serve and worker do together. Temporal must be there.
func (o *town) start() {
	o.t.Helper()
	const base = "https://throughline.example"
	var err error
	o.App, err = app.Open(o.t.Context(), app.Options{DatabaseURL: o.stack.AppURL, MaxConnections: 10, TemporalAddress: o.stack.TemporalAddress,
		TemporalNamespace: o.stack.Namespace, BaseURL: base, Keys: sealtest.Keyring(), Log: slog.New(slog.NewTextHandler(o.t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn})),
		Sender: mail.NewSendGrid(mail.SendGridConfig{APIKey: "SG.canary", BaseURL: o.provider.URL, Timeout: 5 * time.Second}),
		From:   mail.Address{Name: "Kawartha 211", Email: "referrals@throughline.example"}})
	require.NoError(o.t, err)
	o.running = true
	o.Watchdog.Every, o.Watchdog.Patience = 500*time.Millisecond, time.Second
	require.NoError(o.t, o.Work(o.t.Context()))
	o.Dispatch()
	require.NoError(o.t, o.Watch(o.t.Context()))
}

// close ends the app, as before its stack is taken away from under it.
func (o *town) close() {
	o.t.Helper()
	if o.running {
		o.running = false
		assert.NoError(o.t, o.Stop())
	}
}

func (o *town) exec(query string, args ...any) {
	o.t.Helper()
	_, err := o.record.ExecContext(context.Background(), query, args...)
	require.NoError(o.t, err)
}

func one[T any](o *town, query string, args ...any) T {
	o.t.Helper()
	var v T
	require.NoError(o.t, o.record.GetContext(context.Background(), &v, query, args...))
	return v
}

func (o *town) until(what string, ok func() bool) {
	o.t.Helper()
	require.Eventually(o.t, ok, time.Minute, 50*time.Millisecond, what)
}

// admin runs statements on the server, outside the databases of the record and the clock.
func (o *town) admin(statements ...string) {
	o.t.Helper()
	u, err := url.Parse(o.stack.DatabaseURL)
	require.NoError(o.t, err)
	u.Path = "/postgres"
	conn, err := db.Open(o.t.Context(), u.String(), db.Options{MaxOpen: 1})
	require.NoError(o.t, err)
	for _, s := range statements {
		_, err := conn.ExecContext(o.t.Context(), s)
		require.NoError(o.t, err, s)
	}
	require.NoError(o.t, conn.Close())
}

// keep copies a database as a backup does; nobody may be connected to it. bring brings it back as it was.
func (o *town) keep(database string) {
	o.t.Helper()
	o.admin(`CREATE DATABASE ` + pq.QuoteIdentifier(database+"_kept") + ` TEMPLATE ` + pq.QuoteIdentifier(database))
}

func (o *town) bring(database string) {
	o.t.Helper()
	o.admin(`DROP DATABASE `+pq.QuoteIdentifier(database)+` WITH (FORCE)`,
		`ALTER DATABASE `+pq.QuoteIdentifier(database+"_kept")+` RENAME TO `+pq.QuoteIdentifier(database))
}

// refer takes a call and refers the client to services, by number.
func (o *town) refer(numbers ...int) uuid.UUID {
	o.t.Helper()
	services := make([]uuid.UUID, len(numbers))
	for i, n := range numbers {
		services[i] = o.services[n]
	}
	in, err := o.Desk.Intake(o.t.Context(), o.who, casework.IntakeInput{
		Case: casework.CaseInput{Name: "Ana Canary", Phone: "705 555 0123", SafeToCall: true},
		Referral: casework.ReferralInput{Need: "food", ServiceIDs: services,
			Consent: casework.ConsentInput{Given: true, How: "verbal"}},
	}, nil)
	require.NoError(o.t, err)
	return in.ReferralID
}

var linkIn = regexp.MustCompile(`/r/([A-Za-z0-9_-]{43})`)

// mailed are the letters about a referral that the provider took, as "address: subject".
func (o *town) mailed(id uuid.UUID) []string {
	var list []string
	for _, m := range o.provider.Messages() {
		if strings.Contains(m.Text, referral.ShortName(id)) {
			list = append(list, m.To+": "+m.Subject)
		}
	}
	return list
}

// answers has the agency of a referral's newest letter answer on its page.
func (o *town) answers(id uuid.UUID, in casework.ReplyInput) {
	o.t.Helper()
	var token string
	for _, m := range o.provider.Messages() {
		if found := linkIn.FindStringSubmatch(m.Text); found != nil && strings.Contains(m.Text, referral.ShortName(id)) {
			token = found[1]
		}
	}
	in.Name = "Sam"
	require.NoError(o.t, o.Desk.Reply(o.t.Context(), token, in))
}

// nothingTwice requires that no agency got the same letter about a referral twice. Subjects name letter and referral; a
// receipt's does not say of what.
func (o *town) nothingTwice() {
	o.t.Helper()
	seen := map[string]int{}
	for _, m := range o.provider.Messages() {
		letter := m.To + ": " + m.Subject
		if strings.HasPrefix(m.Subject, "An answer was recorded") {
			letter += linkIn.ReplaceAllString(m.Text, "")
		}
		seen[letter]++
	}
	for letter, n := range seen {
		assert.Equal(o.t, 1, n, letter)
	}
}

// aged makes every referral older than the minute that a workflow's start may take.
func (o *town) aged() {
	o.t.Helper()
	o.exec(`UPDATE referrals SET opened_at = opened_at - interval '2 minutes', created_at = created_at - interval '2 minutes'`)
}

// clean waits until every invariant holds, in the record and in Temporal.
func (o *town) clean() {
	o.t.Helper()
	var found string
	o.until("all invariants hold: "+found, func() bool {
		findings, err := o.Desk.Check(o.t.Context(), workflows.Inspector{Client: o.Temporal})
		found = fmt.Sprint(err)
		for _, f := range findings {
			if len(f.Violations) > 0 {
				found += fmt.Sprintf("; %s %v", f.Invariant, f.Violations)
			}
		}
		if found != "<nil>" {
			o.t.Log(found)
		}
		return found == "<nil>"
	})
}

// told reads what happened to a referral, marked where the watchdog did it.
func (o *town) told(id uuid.UUID) []string {
	o.t.Helper()
	var list []string
	require.NoError(o.t, sqlx.SelectContext(context.Background(), o.record, &list, `SELECT what || CASE WHEN what = 'mend' THEN ' ' || code ELSE '' END
		|| CASE WHEN via = 'watchdog' THEN ' w' ELSE '' END FROM timeline WHERE referral_id = $1 ORDER BY id`, id))
	return list
}
