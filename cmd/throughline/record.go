package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/google/uuid"
	"go.temporal.io/sdk/client"

	"throughline/casework"
	"throughline/cmd/internal/app"
	"throughline/db"
	"throughline/internal/clock"
	"throughline/internal/config"
	"throughline/internal/payloads"
	"throughline/internal/seal"
)

// setLevel makes the log say no less than asked.
func (e *env) setLevel(level slog.Level) {
	e.log = slog.New(slog.NewJSONHandler(e.stderr, &slog.HandlerOptions{Level: level}))
}

// settings reads what a command needs, and the keys when it needs them: all faults at once.
func (e *env) settings(need config.Need) (config.Config, *seal.Keyring, error) {
	cfg, err := config.Read(e.getenv, need)
	if !need.Keys || (cfg.Keys.File == "" && cfg.Keys.Text == "") {
		return cfg, nil, err
	}
	keys, wrong := app.Keyring(cfg.Keys)
	return cfg, keys, errors.Join(err, wrong)
}

// desk opens the record for a command that needs nothing else.
func (e *env) desk(ctx context.Context) (*casework.Desk, error) {
	cfg, err := config.Read(e.getenv, config.Need{Database: true})
	if err != nil {
		return nil, exitError{2, err}
	}
	pool, err := db.Open(ctx, cfg.DatabaseURL, db.Options{MaxOpen: 4})
	if err != nil {
		return nil, err
	}
	if err := app.Unfit(ctx, pool, nil); err != nil {
		return nil, errors.Join(err, pool.Close())
	}
	return casework.New(pool, clock.System{}, nil, nil), nil
}

// alsoWrong looks at the record when other settings refuse a process before it comes to that, so that who mends them does not
// come upon the next reason then.
func (e *env) alsoWrong(ctx context.Context, keys *seal.Keyring) error {
	cfg, err := config.Read(e.getenv, config.Need{Database: true})
	if err != nil {
		return nil // that is among what is told
	}
	pool, err := db.Open(ctx, cfg.DatabaseURL, db.Options{MaxOpen: 1})
	if err != nil {
		return err
	}
	defer pool.Close()
	return app.Unfit(ctx, pool, keys)
}

// temporal opens the line to Temporal for a command that looks at workflows.
func (e *env) temporal(ctx context.Context, keys *seal.Keyring) (client.Client, error) {
	cfg, err := config.Read(e.getenv, config.Need{Temporal: true})
	if err != nil {
		return nil, exitError{2, err}
	}
	o, err := app.LineToTemporal(cfg.Temporal)
	if err != nil {
		return nil, err
	}
	payloads.Seal(&o, keys)
	c, err := client.DialContext(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("temporal: cannot reach %s: is it running? TEMPORAL_ADDRESS says where to look", cfg.Temporal.Address)
	}
	if err := app.ReachTemporal(ctx, c, cfg.Temporal.Address, cfg.Temporal.Namespace); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

func migrate(ctx context.Context, e *env, args []string) error {
	f := flags(e, "migrate")
	if err := parse(f, args); err != nil {
		return err
	}
	cfg, keys, err := e.settings(config.Need{Migration: true, Keys: true})
	if err != nil {
		return exitError{2, err}
	}
	pool, err := db.Open(ctx, cfg.MigrationURL, db.Options{MaxOpen: 2})
	if err != nil {
		return err
	}
	defer pool.Close()
	if err := db.Migrate(ctx, pool); err != nil {
		return err
	}
	sealed, err := casework.New(pool, clock.System{}, keys, nil).SealExisting(ctx, false)
	if err != nil {
		return err
	}
	fmt.Fprintln(e.stdout, "the database is at this binary's schema")
	if sealed > 0 {
		fmt.Fprintf(e.stdout, "%d rows that stood open are sealed\n", sealed)
	}
	return nil
}

// organisation finds the helpline a command means: the one named, or the only one there is.
func organisation(ctx context.Context, d *casework.Desk, name string) (db.Organisation, error) {
	list, err := d.Organisations(ctx)
	if err != nil {
		return db.Organisation{}, err
	}
	var found []db.Organisation
	for _, o := range list {
		if name == "" || o.Name == name || o.ID.String() == name {
			found = append(found, o)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return db.Organisation{}, usageError("no such organisation; the first account makes one: throughline user add --organisation NAME …")
	}
	return db.Organisation{}, usageError("name the organisation: --organisation NAME")
}

func cli(organisation uuid.UUID) casework.Actor {
	who := casework.ClockActor(organisation)
	who.Via, who.Name = casework.ViaCLI, "command line"
	return who
}
