package db

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/jmoiron/sqlx"
)

// Snapshot reads the record as it is at one moment, whatever is changed meanwhile, and can't change it. Statements that
// take longer than a minute are ended.
func Snapshot(ctx context.Context, db *sqlx.DB, read func(ctx context.Context, tx *sqlx.Tx) error) error {
	tx, err := db.BeginTxx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return fmt.Errorf("begin: %w", Translate(err))
	}
	defer tx.Rollback() //nolint:errcheck // there is nothing to keep
	// Compiling a statement takes longer than running it over a page.
	if _, err := tx.ExecContext(ctx, `SET LOCAL statement_timeout = '60s'; SET LOCAL jit = off`); err != nil {
		return fmt.Errorf("bound statements: %w", Translate(err))
	}
	return read(ctx, tx)
}

// Apart does a part of a transaction's reading, so that a part that fails leaves the others their snapshot.
func Apart(ctx context.Context, tx *sqlx.Tx, read func() error) error {
	if _, err := tx.ExecContext(ctx, `SAVEPOINT part`); err != nil {
		return fmt.Errorf("savepoint: %w", Translate(err))
	}
	if err := read(); err != nil {
		// When even this fails the connection is gone, and the next part says so.
		_, _ = tx.ExecContext(ctx, `ROLLBACK TO part`)
		return err
	}
	return nil
}
