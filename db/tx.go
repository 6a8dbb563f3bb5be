package db

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"

	"throughline/internal/seeded"
)

// txAttempts bounds how often InTx runs work that PostgreSQL asked to run again.
const txAttempts = 5

// InTx runs work in one transaction: committed when work returns nil, rolled back when it returns an error or panics.
// A serialization failure or a deadlock runs it again, up to 5 times in all, so work must do nothing outside tx that
// can't be done twice. The error of work comes back as it is, wrapped or not; use Translate for the answer.
func InTx(ctx context.Context, db *sqlx.DB, work func(ctx context.Context, tx *sqlx.Tx) error) error {
	for attempt := 1; ; attempt++ {
		err := once(ctx, db, work)
		if err == nil || attempt == txAttempts || !runAgain(err) {
			return err
		}
		// Spread apart those who collided; nothing is gained by waiting longer than they hold their locks.
		pause := time.Duration(rand.Int64N(int64(attempt) * int64(10*time.Millisecond))) // #nosec G404 -- a pause is no secret
		select {
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		case <-time.After(pause):
		}
	}
}

func once(ctx context.Context, db *sqlx.DB, work func(ctx context.Context, tx *sqlx.Tx) error) error {
	tx, err := db.BeginTxx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	// A panic of work leaves through here too; after Commit it does nothing.
	defer tx.Rollback() //nolint:errcheck // the connection is dropped when even that fails
	if err := work(ctx, tx); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil && !seeded.Is(seeded.CommitUnchecked) {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

func runAgain(err error) bool {
	return errors.Is(err, errRunAgain) || pq.As(err, pqerror.TRSerializationFailure, pqerror.TRDeadlockDetected) != nil
}
