package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"throughline/casework"
	"throughline/db"
	"throughline/referral"
	"throughline/workflows"
)

// benchCheck measures what `throughline check` costs: the whole of it over some open referrals whose workflows run, and
// what it asks of the record over many more. Describing a workflow costs Temporal the same however many there are.
func benchCheck(ctx context.Context, out io.Writer, args []string) (err error) {
	f := flag.NewFlagSet("throughline-dev bench-check", flag.ContinueOnError)
	many := f.Int("referrals", 100_000, "open referrals in the record")
	some := f.Int("workflows", 3000, "of which so many have a workflow")
	dir := f.String("data", "", "folder of the stack; empty: a temporary one")
	if err := f.Parse(args); err != nil {
		return err
	}
	if *dir == "" {
		if *dir, err = os.MkdirTemp("", "throughline-bench-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(*dir)) }()
	}
	g, stop, err := prepareGround(ctx, out, *dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	fmt.Fprintf(out, "%s %s/%s, %d CPUs\n", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU())
	model, err := g.model(ctx)
	if err != nil {
		return err
	}
	inspector := workflows.Inspector{Client: g.app.Temporal}
	ids, err := g.multiply(ctx, model, 1, *some)
	if err != nil {
		return err
	}
	if err := g.begin(ctx, ids); err != nil {
		return err
	}
	if err := g.timed(ctx, fmt.Sprintf("%d workflows described by id, 64 at once", len(ids)), len(ids), func() error {
		return describe(ctx, inspector, ids)
	}); err != nil {
		return err
	}
	if err := g.timed(ctx, "whole check over them", len(ids), func() error { return g.check(ctx, inspector) }); err != nil {
		return err
	}
	if _, err := g.multiply(ctx, model, *some+1, *many); err != nil {
		return err
	}
	return g.timed(ctx, fmt.Sprintf("what it asks of the record, with %d open referrals", *many), *many, func() error { return g.check(ctx, nil) })
}

func (g *ground) timed(ctx context.Context, what string, n int, do func() error) error {
	begun := time.Now()
	if err := do(); err != nil {
		return err
	}
	took := time.Since(begun)
	fmt.Fprintf(g.out, "%-60s %7.1f s   %7.0f a second\n", what, took.Seconds(), float64(n)/took.Seconds())
	return ctx.Err()
}

// check runs the check and wants it clean: what is measured must be a sound record.
func (g *ground) check(ctx context.Context, inspect casework.Inspector) error {
	findings, err := g.app.Desk.Check(ctx, inspect)
	if err != nil {
		return err
	}
	for _, f := range findings {
		if f.NotChecked != "" || len(f.Violations) > 0 {
			return fmt.Errorf("%s: %d violations %s, the first %+v", f.Invariant, len(f.Violations), f.NotChecked, f.Violations[:min(1, len(f.Violations))])
		}
	}
	return nil
}

func describe(ctx context.Context, inspector workflows.Inspector, ids []uuid.UUID) error {
	all, ctx := errgroup.WithContext(ctx)
	all.SetLimit(64)
	for _, id := range ids {
		all.Go(func() error {
			open, _, err := inspector.Inspect(ctx, id)
			if err == nil && !open {
				err = fmt.Errorf("referral %s has no workflow", id)
			}
			return err
		})
	}
	return all.Wait()
}

// begin starts the workflows of referrals and waits until all sleep.
func (g *ground) begin(ctx context.Context, ids []uuid.UUID) error {
	begun := time.Now()
	all, starting := errgroup.WithContext(ctx)
	all.SetLimit(16)
	for _, id := range ids {
		all.Go(func() error { return workflows.Starter{Client: g.app.Temporal}.Start(starting, id) })
	}
	if err := all.Wait(); err != nil {
		return err
	}
	inspector := workflows.Inspector{Client: g.app.Temporal}
	for {
		n, err := inspector.Running(ctx)
		if err != nil {
			return err
		}
		if n >= len(ids) {
			fmt.Fprintf(g.out, "%-60s %7.1f s\n", fmt.Sprintf("%d workflows started", len(ids)), time.Since(begun).Seconds())
			return nil
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// model is a referral whose agency has been asked and has its letter; the many are made after it. Those of the
// demonstration are closed, so that all that is open is of this kind.
func (g *ground) model(ctx context.Context) (uuid.UUID, error) {
	navigator, err := g.app.Desk.AccountOfKey(ctx, g.creds.Accounts[string(referral.Navigator)].APIKey)
	if err != nil {
		return uuid.Nil, err
	}
	services, err := story{need: "food", near: "Peterborough", choices: 2}.choose(ctx, g.app.Desk)
	if err != nil {
		return uuid.Nil, err
	}
	who := navigator.Actor(casework.ViaAPI)
	var open []uuid.UUID
	if err := g.record.SelectContext(ctx, &open, `SELECT id FROM referrals WHERE state = 'open'`); err != nil {
		return uuid.Nil, db.Translate(err)
	}
	for _, id := range open {
		if _, err := g.app.Desk.Do(ctx, who, id, casework.CommandInput{Do: referral.Close, Outcome: "moved"}, nil); err != nil {
			return uuid.Nil, err
		}
	}
	in, err := g.app.Desk.Intake(ctx, who, casework.IntakeInput{
		Case:     casework.CaseInput{Name: "Bench Person", Phone: "705-555-0123", SafeToCall: true},
		Referral: casework.ReferralInput{Need: "food", ServiceIDs: services, Consent: casework.ConsentInput{Given: true, How: "verbal"}},
	}, &casework.Key{Key: uuid.NewString()})
	if err != nil {
		return uuid.Nil, err
	}
	_, err = g.settled(ctx, time.Minute)
	for sent := false; err == nil && !sent; {
		err = g.record.GetContext(ctx, &sent, `SELECT EXISTS (SELECT FROM messages WHERE referral_id = $1 AND state = 'accepted')`, in.ReferralID)
		time.Sleep(20 * time.Millisecond)
	}
	if err != nil {
		return uuid.Nil, err
	}
	_, err = g.settled(ctx, time.Minute)
	return in.ReferralID, err
}

// copies makes everything of a referral $1 once more for each number from $2 to $3, under ids made of the number and the
// old id.
var copies = []string{
	`INSERT INTO cases SELECT (x).* FROM (SELECT jsonb_populate_record(c, jsonb_build_object('id', md5(n || c.id::text)::uuid, 'reference', 'B-' || n)) AS x
		FROM cases c JOIN referrals r ON r.case_id = c.id, generate_series($2::int, $3::int) n WHERE r.id = $1) y`,
	`INSERT INTO case_keys (case_id, organisation_id, wrapped, kek, created_at)
		SELECT md5(n || k.case_id::text)::uuid, k.organisation_id, k.wrapped, k.kek, k.created_at
		FROM case_keys k JOIN referrals r ON r.case_id = k.case_id, generate_series($2::int, $3::int) n WHERE r.id = $1`,
	`INSERT INTO referrals SELECT (x).* FROM (SELECT jsonb_populate_record(r, jsonb_build_object('id', md5(n || r.id::text)::uuid,
			'case_id', md5(n || r.case_id::text)::uuid, 'opened_at', r.opened_at - interval '2 minutes',
			'step', jsonb_set(r.step, '{offer}', to_jsonb(md5(n || (r.step ->> 'offer'))::uuid)))) AS x
		FROM referrals r, generate_series($2::int, $3::int) n WHERE r.id = $1) y`,
	`INSERT INTO consents SELECT (x).* FROM (SELECT jsonb_populate_record(c, jsonb_build_object('id', md5(n || c.id::text)::uuid,
			'case_id', md5(n || c.case_id::text)::uuid, 'referral_id', md5(n || c.referral_id::text)::uuid)) AS x
		FROM consents c, generate_series($2::int, $3::int) n WHERE c.referral_id = $1) y`,
	`INSERT INTO offers SELECT (x).* FROM (SELECT jsonb_populate_record(o, jsonb_build_object('id', md5(n || o.id::text)::uuid,
			'referral_id', md5(n || o.referral_id::text)::uuid)) AS x
		FROM offers o, generate_series($2::int, $3::int) n WHERE o.referral_id = $1) y`,
	`INSERT INTO messages SELECT (x).* FROM (SELECT jsonb_populate_record(m, jsonb_build_object('id', md5(n || m.id::text)::uuid,
			'referral_id', md5(n || m.referral_id::text)::uuid, 'offer_id', md5(n || m.offer_id::text)::uuid)) AS x
		FROM messages m, generate_series($2::int, $3::int) n WHERE m.referral_id = $1) y`,
	`INSERT INTO timeline (organisation_id, referral_id, version, at, what, offer_id, task_id, from_state, to_state, code, attribution,
			actor_role, actor_for, actor_id, actor_name, via, note)
		SELECT organisation_id, md5(n || referral_id::text)::uuid, version, at, what, md5(n || offer_id::text)::uuid, task_id, from_state, to_state,
			code, attribution, actor_role, actor_for, actor_id, actor_name, via, note
		FROM timeline t, generate_series($2::int, $3::int) n WHERE t.referral_id = $1 ORDER BY n, t.id`,
	`INSERT INTO idempotency (organisation_id, account_id, key, body_hash, body, created_at, case_id, referral_id, opened)
		SELECT i.organisation_id, i.account_id, 'bench ' || n, i.body_hash, i.body, i.created_at, md5(n || i.case_id::text)::uuid,
			md5(n || i.referral_id::text)::uuid, i.opened
		FROM idempotency i, generate_series($2::int, $3::int) n WHERE i.referral_id = $1 AND i.key NOT LIKE 'bench %'`,
}

// multiply makes the referrals of some numbers after a model, and gives their ids.
func (g *ground) multiply(ctx context.Context, model uuid.UUID, first, last int) ([]uuid.UUID, error) {
	begun := time.Now()
	// The app's own pool ends statements after seconds.
	pool, err := db.Open(ctx, g.stack.DatabaseURL, db.Options{MaxOpen: 1})
	if err != nil {
		return nil, err
	}
	defer pool.Close()
	// Offers begin queued by the database's rule; these begin where the model stands.
	for _, s := range append([]string{`ALTER TABLE offers DISABLE TRIGGER USER`}, append(copies, `ALTER TABLE offers ENABLE TRIGGER USER`, `ANALYZE`)...) {
		var args []any
		if s[0] == 'I' {
			args = []any{model, first, last}
		}
		if _, err := pool.ExecContext(ctx, s, args...); err != nil {
			return nil, db.Translate(err)
		}
	}
	var ids []uuid.UUID
	err = pool.SelectContext(ctx, &ids, `SELECT md5(n || $1::uuid::text)::uuid FROM generate_series($2::int, $3::int) n`, model, first, last)
	fmt.Fprintf(g.out, "%-60s %7.1f s\n", fmt.Sprintf("%d open referrals written down", len(ids)), time.Since(begun).Seconds())
	return ids, db.Translate(err)
}
