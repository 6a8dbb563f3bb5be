package db_test

import (
	"context"
	"database/sql"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"throughline/db"
	"throughline/db/dbtest"
	"throughline/referral"
)

// explained asks PostgreSQL for its plan of each query before it runs it.
type explained struct {
	*sqlx.DB
	t     *testing.T
	plans []string
}

func (e *explained) explain(ctx context.Context, query string, args []any) {
	e.t.Helper()
	var lines []string
	require.NoError(e.t, e.SelectContext(ctx, &lines, "EXPLAIN "+query, args...))
	e.plans = append(e.plans, strings.Join(lines, "\n"))
}

func (e *explained) QueryxContext(ctx context.Context, query string, args ...any) (*sqlx.Rows, error) {
	e.explain(ctx, query, args)
	return e.DB.QueryxContext(ctx, query, args...)
}

func (e *explained) QueryRowxContext(ctx context.Context, query string, args ...any) *sqlx.Row {
	e.explain(ctx, query, args)
	return e.DB.QueryRowxContext(ctx, query, args...)
}

func (e *explained) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	e.explain(ctx, query, args)
	return e.DB.QueryContext(ctx, query, args...)
}

// Ten thousand referrals, one in twenty still open, and as many of everything else, with texts as long as people write.
const years = `
INSERT INTO organisations (id, name, created_at) VALUES ('00000000-0000-0000-0000-00000000000a', 'Kawartha 211', now());
INSERT INTO accounts (id, organisation_id, email, name, role, password_hash, created_at)
	VALUES ('00000000-0000-0000-0000-00000000000b', '00000000-0000-0000-0000-00000000000a', 'noor@helpline.example', 'Noor', 'navigator', '-', now());
CREATE TEMP TABLE n AS SELECT i, md5('r' || i)::uuid AS r, md5('c' || i)::uuid AS c, md5('o' || i)::uuid AS o, md5('m' || i)::uuid AS m,
	'00000000-0000-0000-0000-00000000000a'::uuid AS g, '00000000-0000-0000-0000-00000000000b'::uuid AS a, i % 20 = 0 AS open,
	repeat('x', 1000) AS text FROM generate_series(1, 10000) i;
INSERT INTO cases (id, organisation_id, reference, anonymous, created_by, created_at, notes)
	SELECT c, g, 'C-' || i, true, a, now() - make_interval(mins => i), text FROM n;
ALTER TABLE referrals DISABLE TRIGGER USER;
INSERT INTO referrals (id, organisation_id, case_id, need, urgency, state, outcome, version, owner_id, created_at, closed_at, step, step_due,
	step_role, details) SELECT r, g, c, 'food', 'routine', CASE WHEN open THEN 'open' ELSE 'closed' END, CASE WHEN open THEN '' ELSE 'moved' END,
	1, a, now(), CASE WHEN NOT open THEN now() END, '{}', CASE WHEN open THEN now() + make_interval(mins => i) END, 'navigator', text FROM n;
INSERT INTO offers (id, organisation_id, referral_id, service_id, rank, state, created_at, entered_at, news_at, question)
	SELECT o, g, r, md5('s' || i)::uuid, 1, 'queued', now(), now(), now(), text FROM n;
INSERT INTO messages (id, organisation_id, referral_id, offer_id, letter, step_key, recipient, locale, offer_state, state, created_at)
	SELECT m, g, r, o, 'offer', 'v1', 'x@agency.example', 'en', 'sent', 'accepted', now() FROM n;
INSERT INTO links (id, organisation_id, offer_id, token_hash, created_at, expires_at) SELECT m, g, o, decode(md5('t' || i), 'hex'), now(), now() FROM n;
INSERT INTO tasks (id, organisation_id, referral_id, offer_id, kind, cause, state, role, created_at, due_at, result)
	SELECT md5('t' || i)::uuid, g, r, o, 'call_agency', 'silence', CASE WHEN open THEN 'open' ELSE 'done' END, 'navigator', now(), now(), text FROM n;
INSERT INTO timeline (organisation_id, referral_id, version, at, what, offer_id, actor_role, via, note)
	SELECT g, r, 1, now(), 'refer', o, 'navigator', 'page', text FROM n;
INSERT INTO consents (id, organisation_id, case_id, referral_id, given, how, script, service_ids, recorded_by, recorded_at)
	SELECT m, g, c, r, true, 'verbal', 'x', '{}', a, now() FROM n;
INSERT INTO outbox (organisation_id, kind, referral_id, version, created_at, available_at, done_at)
	SELECT g, 'start', r, 1, now(), now(), CASE WHEN NOT open THEN now() END FROM n;
INSERT INTO outbox (organisation_id, kind, referral_id, version, created_at, available_at, done_at)
	SELECT g, 'changed', r, 1, now(), now(), CASE WHEN NOT open THEN now() END FROM n;
INSERT INTO audit (organisation_id, at, actor_role, action, subject, subject_id, via) SELECT g, now(), 'navigator', 'view', 'case', c, 'page' FROM n;
ANALYZE;`

// linked is what this version adds to them: the keys of cases, and the chain of the audit.
const linked = `
INSERT INTO case_keys (case_id, organisation_id, wrapped, kek, found_by, created_at)
	SELECT c, g, 'x', '0000000a', ARRAY[decode(md5('f' || i), 'hex'), decode(md5('p' || i), 'hex')], now() FROM n;
SELECT audit_link_up(20000);
ANALYZE;`

// What people and the clock ask for all day long must not read the years behind it, by row-level security either.
func TestNoQueryReadsWholeTables(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	_, err := d.Exec(years + linked)
	require.NoError(t, err)
	org := uuid.MustParse("00000000-0000-0000-0000-00000000000a")
	for name, scope := range map[string]db.Scope{
		"the clock":   {Role: referral.System},
		"a navigator": {Organisation: org, Account: uuid.MustParse("00000000-0000-0000-0000-00000000000b"), Role: referral.Navigator},
	} {
		t.Run(name, func(t *testing.T) {
			noWholeTables(db.As(t.Context(), scope), t, &explained{DB: dbtest.App(t, d), t: t}, org)
		})
	}
}

func noWholeTables(ctx context.Context, t *testing.T, e *explained, org uuid.UUID) {
	t.Helper()
	asker := db.Scope{Organisation: org, Account: uuid.MustParse("00000000-0000-0000-0000-00000000000b"), Role: referral.Navigator}
	id := func(kind string) (id uuid.UUID) {
		require.NoError(t, e.GetContext(ctx, &id, `SELECT md5($1)::uuid`, kind))
		return id
	}
	for name, ask := range map[string]func() error{
		"queue":     func() error { _, err := db.Queue(ctx, e, asker, db.QueueFilter{Limit: 50}); return err },
		"own queue": func() error { _, err := db.Queue(ctx, e, asker, db.QueueFilter{Limit: 50, Owner: id("a")}); return err },
		"tasks":     func() error { _, err := db.Tasks(ctx, e, asker, db.TaskFilter{Limit: 50}); return err },
		"own tasks": func() error {
			_, err := db.Tasks(ctx, e, asker, db.TaskFilter{Limit: 50, Role: referral.Navigator, Assignee: id("a")})
			return err
		},
		"one task": func() error { _, err := db.Tasks(ctx, e, asker, db.TaskFilter{Limit: 1, Task: id("t20")}); return err },
		"cases":    func() error { _, err := db.Cases(ctx, e, asker, 50); return err },
		"found cases": func() error {
			_, err := db.FindCases(ctx, e, asker, db.CaseWanted{Names: [][]byte{[]byte("nobody")}, Phone: []byte("5550123"), Reference: "NOBODY"}, 50)
			return err
		},
		"record":       func() error { _, err := db.ReadRecord(ctx, e, id("r20")); return err },
		"referral":     func() error { _, err := db.FindReferralView(ctx, e, org, id("r20")); return err },
		"case":         func() error { _, err := db.ReferralViews(ctx, e, org, id("c20")); return err },
		"timeline":     func() error { _, err := db.Timeline(ctx, e, org, id("r20")); return err },
		"link's page":  func() error { _, err := db.FindLinkView(ctx, e, id("o20")); return err },
		"unknown link": func() error { _, err := db.FindLink(ctx, e, []byte("no such digest")); return notFound(err) },
		"new link": func() error {
			_, err := db.PostedSince(ctx, e, id("o20"), referral.NewLinkLetter, time.Now())
			return err
		},
		"posted twice": func() error { _, err := db.PostedByLink(ctx, e, id("o20"), 1, referral.Contact); return err },
		"outbox":       func() error { _, err := db.LeaseOutbox(ctx, e, 16, time.Millisecond); return err },
		"standing":     func() error { _, err := db.ReadStanding(ctx, e, time.Now()); return err },
		"outbox, mail": func() error { _, err := db.LeaseOutbox(ctx, e, 16, time.Millisecond, db.OutboxDeliver); return err },
		"outbox, clock": func() error {
			_, err := db.LeaseOutbox(ctx, e, 16, time.Millisecond, db.OutboxStart, db.OutboxChanged)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			e.plans = nil
			require.NoError(t, ask())
			require.NotEmpty(t, e.plans)
			for _, plan := range e.plans {
				for _, table := range []string{"referrals", "cases", "offers", "tasks", "messages", "links", "timeline", "consents", "outbox", "audit", "case_keys"} {
					assert.False(t, strings.Contains(plan, "Seq Scan on "+table+" "), "reads all of %s:\n%s", table, plan)
				}
			}
		})
	}
	// The check can fail.
	e.plans = nil
	rows, err := e.QueryxContext(ctx, `SELECT * FROM referrals WHERE details = 'x'`)
	require.NoError(t, err)
	require.NoError(t, rows.Close())
	assert.Contains(t, e.plans[0], "Seq Scan on referrals ")
}

func notFound(err error) error {
	if referral.CodeOf(err) == referral.CodeNotFound {
		return nil
	}
	return err
}

// A backlog of an hour is worked off a lease at a time, the oldest first, and never more than were asked for but for the
// news that is told with a start.
func TestALeaseTakesTheOldestAndNoMore(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	_, err := d.Exec(years + linked)
	require.NoError(t, err)
	_, err = d.Exec(`UPDATE outbox SET available_at = now() - make_interval(mins => id::int) WHERE done_at IS NULL`)
	require.NoError(t, err)
	var oldest []int64
	require.NoError(t, d.Select(&oldest, `SELECT id FROM outbox WHERE done_at IS NULL AND kind = 'start' ORDER BY available_at LIMIT 16`))
	seen := map[int64]bool{}
	for round := range 35 {
		rows, err := db.LeaseOutbox(t.Context(), d, 16, time.Hour)
		require.NoError(t, err)
		started := map[uuid.UUID]int{}
		for _, row := range rows {
			require.False(t, seen[row.ID], "leased twice")
			seen[row.ID] = true
			if row.Kind == db.OutboxStart {
				started[row.Referral]++
			}
			if round == 0 && row.Kind == db.OutboxStart {
				require.Contains(t, oldest, row.ID)
			}
		}
		require.LessOrEqual(t, len(started), 16)
		for _, row := range rows {
			require.Equal(t, 1, started[row.Referral], "news comes with its start")
		}
	}
	require.Len(t, seen, 1000)
}
