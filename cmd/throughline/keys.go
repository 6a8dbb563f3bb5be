package main

import (
	"context"
	"errors"
	"fmt"

	"throughline/casework"
	"throughline/cmd/internal/app"
	"throughline/db"
	"throughline/internal/clock"
	"throughline/internal/config"
	"throughline/internal/seal"
)

// keysCommand shows and changes the keys that wrap the keys of cases. It may run beside everything else.
func keysCommand(ctx context.Context, e *env, args []string) error {
	const wants = "wants show, add, rotate or seal"
	if len(args) != 1 {
		return usageError(wants)
	}
	verbs := map[string]func(context.Context, *env, *casework.Desk, *seal.Keyring) error{
		"show": showKeys, "add": addKey, "rotate": rotateKeys, "seal": sealAgain}
	do, known := verbs[args[0]]
	if !known {
		return usageError(wants)
	}
	cfg, keys, err := e.settings(config.Need{Database: true, Keys: true})
	if err != nil {
		return exitError{2, err}
	}
	pool, err := db.Open(ctx, cfg.DatabaseURL, db.Options{MaxOpen: 2})
	if err != nil {
		return err
	}
	defer pool.Close()
	if err := app.Unfit(ctx, pool, nil); err != nil { // the keys need not fit: they are what it looks after
		return err
	}
	return do(ctx, e, casework.New(pool, clock.System{}, keys, nil), keys)
}

// showKeys names each key, never more of it, and says what it wraps.
func showKeys(ctx context.Context, e *env, d *casework.Desk, keys *seal.Keyring) error {
	uses, err := d.KeysInUse(ctx)
	if err != nil {
		return err
	}
	wraps := map[string]int{}
	for _, u := range uses {
		wraps[u.KEK] = u.Count
		if !keys.Has(u.KEK) {
			fmt.Fprintf(e.stdout, "%s  missing  wraps %d keys\n", u.KEK, u.Count)
		}
	}
	for _, id := range keys.Known() {
		state := "opens"
		if id == keys.Primary() {
			state = "wraps"
		}
		fmt.Fprintf(e.stdout, "%s  %s    wraps %d keys\n", id, state, wraps[id])
	}
	return nil
}

// addKey puts a key into KEY_FILE that wraps nothing yet, so that every process has it before one uses it.
func addKey(_ context.Context, e *env, _ *casework.Desk, keys *seal.Keyring) error {
	if err := keys.AddKey(false); err != nil {
		return err
	}
	fmt.Fprintln(e.stdout, "a key was added to KEY_FILE: when every process has that file, run `throughline keys rotate`")
	return nil
}

// rotateKeys has the newest key wrap from now on, and wraps with it all that others wrapped. Where every process reads the
// same KEY_FILE it makes that key too.
func rotateKeys(ctx context.Context, e *env, d *casework.Desk, keys *seal.Keyring) error {
	promoted, err := keys.Promote()
	if err == nil && !promoted {
		// Nothing is waiting to take over. One who was broken off goes on with the key that wraps by now.
		var left bool
		if left, err = othersWrap(ctx, d, keys); err == nil && !left {
			err = keys.AddKey(true)
		}
	}
	if err != nil && !errors.Is(err, seal.ErrNoFile) {
		return err
	}
	return d.Rewrap(ctx, func(done int) { fmt.Fprintf(e.stdout, "%d keys are wrapped anew by %s\n", done, keys.Primary()) })
}

func othersWrap(ctx context.Context, d *casework.Desk, keys *seal.Keyring) (bool, error) {
	uses, err := d.KeysInUse(ctx)
	for _, u := range uses {
		if u.KEK != keys.Primary() {
			return true, err
		}
	}
	return false, err
}

// sealAgain seals what stands open, such as what an older program wrote after the database was sealed.
func sealAgain(ctx context.Context, e *env, d *casework.Desk, _ *seal.Keyring) error {
	n, err := d.SealExisting(ctx, true)
	if err == nil {
		fmt.Fprintf(e.stdout, "%d rows that stood open are sealed\n", n)
	}
	return err
}
