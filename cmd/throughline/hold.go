package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"throughline/casework"
	"throughline/cmd/internal/app"
	"throughline/db"
	"throughline/internal/clock"
	"throughline/internal/config"
	"throughline/internal/watchdog"
	"throughline/referral"
)

// holdName is what PostgreSQL calls the sessions of this command.
const holdName = "throughline hold"

// hold keeps back, after a restore and before anything starts, every letter that may have gone out since the backup was
// made, and lists it.
func hold(ctx context.Context, e *env, args []string) error {
	f := flags(e, "hold")
	asJSON := f.Bool("json", false, "print the letters as JSON")
	dry := f.Bool("dry-run", false, "only list what would be held, and change nothing")
	stopped := f.String("until", "", "when the lost system stopped, as 2026-11-23T15:04:05Z: what fell due later is left to the clock; empty: now")
	if err := parse(f, args); err != nil {
		return err
	}
	until := clock.System{}.Now()
	if *stopped != "" {
		at, err := time.Parse(time.RFC3339, *stopped)
		if err != nil || at.After(until) {
			return usageError("--until wants a time that has been, as 2026-11-23T15:04:05Z")
		}
		until = at
	}
	d, err := e.standstill(ctx)
	if err != nil {
		return err
	}
	defer d.DB.Close()
	if *dry {
		return foresee(ctx, e, d, until)
	}
	held, failed := watchdog.HoldMail(ctx, d, until)
	if *asJSON {
		out := json.NewEncoder(e.stdout)
		out.SetIndent("", "  ")
		return errors.Join(failed, out.Encode(held))
	}
	for _, h := range held {
		fmt.Fprintf(e.stdout, "%s  %-9s  referral %s  message %s  %s, %s %s\n", referral.ShortName(h.Referral), h.Letter, h.Referral, h.ID,
			h.Service, h.Agency, h.Phone)
	}
	fmt.Fprintf(e.stdout, "%d letters are held; for each there is a task to call the agency\n", len(held))
	return failed
}

// standstill opens the record and makes sure that no serve or worker runs on it.
func (e *env) standstill(ctx context.Context) (*casework.Desk, error) {
	cfg, err := config.Read(e.getenv, config.Need{Database: true})
	if err != nil {
		return nil, exitError{2, err}
	}
	pool, err := db.Open(ctx, cfg.DatabaseURL, db.Options{MaxOpen: 2, Application: holdName})
	if err != nil {
		return nil, err
	}
	err = app.Unfit(ctx, pool, nil)
	if err == nil {
		var others int
		if others, err = db.OtherSessions(ctx, pool, holdName); others > 0 {
			err = usageError("other Throughline processes have %d sessions on this database: stop them first, they mail", others)
		}
	}
	if err != nil {
		return nil, errors.Join(err, pool.Close())
	}
	return casework.New(pool, clock.System{}, nil, nil), nil
}

// foresee lists what hold would begin with.
func foresee(ctx context.Context, e *env, d *casework.Desk, until time.Time) error {
	waiting, err := d.WaitingLetters(ctx)
	if err != nil {
		return err
	}
	for _, h := range waiting {
		fmt.Fprintf(e.stdout, "%s  %-9s  referral %s  message %s  would go out\n", referral.ShortName(h.Referral), h.Letter, h.Referral, h.ID)
	}
	due, err := d.DueBy(ctx, until)
	if err != nil {
		return err
	}
	for _, l := range due {
		fmt.Fprintf(e.stdout, "%s  referral %s  a step fell due at %s\n", referral.ShortName(l.ID), l.ID, l.Due.Format(time.RFC3339))
	}
	fmt.Fprintf(e.stdout, "%d letters wait, and steps of %d referrals fell due; nothing was changed\n", len(waiting), len(due))
	return nil
}
