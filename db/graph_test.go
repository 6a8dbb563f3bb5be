package db_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"throughline/db"
	"throughline/db/dbtest"
	"throughline/referral"
)

var update = flag.Bool("update", false, "write migrations/00002_graph.sql anew; run the tests again after")

func TestGraphMigrationIsMadeFromTheRules(t *testing.T) {
	t.Parallel()
	const file = "migrations/00002_graph.sql"
	if *update {
		if err := os.WriteFile(file, []byte(db.GraphSQL()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != db.GraphSQL() {
		t.Errorf("%s differs from the rules; if it was never released: go test ./db -run Graph -update", file)
	}
}

func TestDatabaseHoldsTheSameGraph(t *testing.T) {
	t.Parallel()
	pg := dbtest.New(t)
	for table, want := range map[string][]referral.Edge{"offer_edges": referral.OfferEdges(), "referral_edges": referral.ReferralEdges()} {
		rows := []struct {
			From string `db:"from_state"`
			To   string `db:"to_state"`
		}{}
		if err := pg.Select(&rows, "SELECT from_state, to_state FROM "+table); err != nil {
			t.Fatal(err)
		}
		if len(rows) != len(want) {
			t.Errorf("%s has %d edges, want %d", table, len(rows), len(want))
		}
		for _, r := range rows {
			if !slices.Contains(want, referral.Edge{From: r.From, To: r.To}) {
				t.Errorf("%s has %s → %s, which the rules do not", table, r.From, r.To)
			}
		}
	}
}

// world is a referral with an offer, in a transaction that is rolled back.
type world struct {
	*sqlx.Tx
	referral, offer uuid.UUID
}

func begin(t *testing.T) *world {
	t.Helper()
	tx, err := dbtest.New(t).BeginTxx(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tx.Rollback() })
	w := &world{Tx: tx, referral: uuid.New(), offer: uuid.New()}
	org, account, folder := uuid.New(), uuid.New(), uuid.New()
	tx.MustExec(`INSERT INTO organisations (id, name, created_at) VALUES ($1, 'Helpline', now())`, org)
	tx.MustExec(`INSERT INTO accounts (id, organisation_id, email, name, role, password_hash, created_at)
		VALUES ($1, $2, 'n@helpline.example', 'N', 'navigator', '', now())`, account, org)
	tx.MustExec(`INSERT INTO cases (id, organisation_id, reference, anonymous, created_by, created_at)
		VALUES ($1, $2, 'C1', true, $3, now())`, folder, org, account)
	tx.MustExec(`INSERT INTO referrals (id, organisation_id, case_id, need, urgency, state, version, owner_id, created_at, step_due, step_role)
		VALUES ($1, $2, $3, 'food', 'routine', 'draft', 1, $4, now(), now(), 'navigator')`, w.referral, org, folder, account)
	tx.MustExec(`INSERT INTO offers (id, organisation_id, referral_id, service_id, rank, state, created_at, entered_at, news_at)
		VALUES ($1, $2, $3, $4, 1, 'queued', now(), now(), now())`, w.offer, org, w.referral, uuid.New())
	return w
}

// try runs a statement and takes it back when it fails, so that the transaction goes on.
func (w *world) try(query string, args ...any) error {
	w.MustExec("SAVEPOINT before")
	_, err := w.Exec(query, args...)
	if err != nil {
		w.MustExec("ROLLBACK TO before")
	}
	return err
}

// force puts a row where no command could, with the triggers asleep.
func (w *world) force(query string, args ...any) {
	w.MustExec("SET LOCAL session_replication_role = replica")
	w.MustExec(query, args...)
	w.MustExec("SET LOCAL session_replication_role = origin")
}

func offGraph(err error) bool {
	var e *pq.Error
	return errors.As(err, &e) && e.Code == db.OffTheGraph
}

// wrong says how err differs from what the graph demands; nil when it does not.
func wrong(err error, allowed bool) error {
	switch {
	case allowed && err != nil:
		return fmt.Errorf("refused: %w", err)
	case !allowed && !offGraph(err):
		return fmt.Errorf("%v, want TL001", err)
	case !allowed && referral.CodeOf(db.Translate(err)) != referral.CodeConflict:
		return fmt.Errorf("answered %v, want a conflict", db.Translate(err))
	}
	return nil
}

func TestOffersMoveAlongTheGraphOnly(t *testing.T) {
	t.Parallel()
	w := begin(t)
	edges := referral.OfferEdges()
	for _, from := range referral.OfferStates {
		for _, to := range append(slices.Clone(referral.OfferStates), "nonsense", "") {
			w.force(`UPDATE offers SET state = $1 WHERE id = $2`, from, w.offer)
			err := w.try(`UPDATE offers SET state = $1 WHERE id = $2`, to, w.offer)
			allowed := from == to || slices.Contains(edges, referral.Edge{From: string(from), To: string(to)})
			if fault := wrong(err, allowed); fault != nil {
				t.Errorf("%s → %s: %v", from, to, fault)
			}
		}
	}
}

func TestReferralsMoveAlongTheGraphOnly(t *testing.T) {
	t.Parallel()
	w := begin(t)
	edges := referral.ReferralEdges()
	const move = `UPDATE referrals SET state = $1::text, version = version + 1,
		outcome = CASE WHEN $1::text = 'closed' THEN 'moved' ELSE '' END,
		closed_at = CASE WHEN $1::text = 'closed' THEN now() END, step_due = CASE WHEN $1::text = 'closed' THEN NULL ELSE now() END
		WHERE id = $2`
	for _, from := range referral.States {
		for _, to := range referral.States {
			w.force(move, from, w.referral)
			err := w.try(move, to, w.referral)
			allowed := from == to || slices.Contains(edges, referral.Edge{From: string(from), To: string(to)})
			if fault := wrong(err, allowed); fault != nil {
				t.Errorf("%s → %s: %v", from, to, fault)
			}
		}
	}
}

func TestClosedReferralsKeepTheirOutcome(t *testing.T) {
	t.Parallel()
	w := begin(t)
	w.force(`UPDATE referrals SET state = 'closed', outcome = 'unmet', unmet_reason = 'cost', evidence = 'agency', version = 7,
		closed_at = now(), step_due = NULL WHERE id = $1`, w.referral)
	for change, allowed := range map[string]bool{
		"outcome = 'moved'":       false,
		"unmet_reason = 'full'":   false,
		"evidence = 'client'":     false,
		"version = 6":             false,
		"version = version":       true,
		"owner_id = owner_id":     true,
		"details = ''":            true,
		"outcome = 'unmet'":       true,
		"version = version + 1":   true,
		"step_due = now()":        true, // the table's own check refuses it
		"state = 'open'":          false,
		"episode_of = episode_of": true,
	} {
		err := w.try(`UPDATE referrals SET `+change+` WHERE id = $1`, w.referral)
		if change == "step_due = now()" {
			if err == nil || offGraph(err) {
				t.Errorf("%s: %v, want the table's check", change, err)
			}
			continue
		}
		if fault := wrong(err, allowed); fault != nil {
			t.Errorf("%s: %v", change, fault)
		}
	}
}

func TestAnOpenReferralKeepsItsVersion(t *testing.T) {
	t.Parallel()
	w := begin(t)
	if err := w.try(`UPDATE referrals SET version = 3 WHERE id = $1`, w.referral); err != nil {
		t.Errorf("a later version: %v", err)
	}
	if err := w.try(`UPDATE referrals SET version = 2 WHERE id = $1`, w.referral); !offGraph(err) {
		t.Errorf("an earlier version: %v, want TL001", err)
	}
}

func TestRowsBeginWhereLivesBegin(t *testing.T) {
	t.Parallel()
	w := begin(t)
	for _, s := range referral.OfferStates {
		err := w.try(`INSERT INTO offers (id, organisation_id, referral_id, service_id, rank, state, created_at, entered_at, news_at)
			SELECT $1, organisation_id, referral_id, service_id, 2, $2, now(), now(), now() FROM offers WHERE id = $3`, uuid.New(), s, w.offer)
		if fault := wrong(err, s == referral.Queued); fault != nil {
			t.Errorf("an offer that begins %s: %v", s, fault)
		}
	}
	for _, s := range referral.States {
		err := w.try(`INSERT INTO referrals (id, organisation_id, case_id, need, urgency, state, outcome, version, owner_id, created_at, closed_at, step_due, step_role)
			SELECT $1, organisation_id, case_id, need, urgency, $2::text, CASE WHEN $2::text = 'closed' THEN 'moved' ELSE '' END, 1, owner_id, now(),
				CASE WHEN $2::text = 'closed' THEN now() END, CASE WHEN $2::text <> 'closed' THEN now() END, 'navigator'
			FROM referrals WHERE id = $3`, uuid.New(), s, w.referral)
		if fault := wrong(err, s != referral.Closed); fault != nil {
			t.Errorf("a referral that begins %s: %v", s, fault)
		}
	}
}
