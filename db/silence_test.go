package db_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"throughline/db"
	"throughline/db/dbtest"
	"throughline/referral"
)

// A database that is reachable and silent holds nobody beyond the end of the context, whatever was being done.
func TestASilentDatabaseHoldsNobody(t *testing.T) {
	t.Parallel()
	const prepared, limit = "SELECT $1::int", 200 * time.Millisecond
	query := func(ctx context.Context, q sqlx.QueryerContext, text string) error {
		var n int
		return sqlx.GetContext(ctx, q, &n, text, 7)
	}
	for name, do := range map[string]func(ctx context.Context, d *sqlx.DB, hush func()) error{
		"a new statement": func(ctx context.Context, d *sqlx.DB, hush func()) error {
			hush()
			return query(ctx, d, "SELECT 1 + $1")
		},
		"a prepared statement": func(ctx context.Context, d *sqlx.DB, hush func()) error { hush(); return query(ctx, d, prepared) },
		"no parameters": func(ctx context.Context, d *sqlx.DB, hush func()) error {
			hush()
			_, err := d.ExecContext(ctx, "SELECT 1")
			return err
		},
		"beginning": func(ctx context.Context, d *sqlx.DB, hush func()) error {
			hush()
			_, err := d.BeginTx(ctx, nil)
			return err
		},
		"readiness": func(ctx context.Context, d *sqlx.DB, hush func()) error { hush(); return d.PingContext(ctx) },
		"connecting": func(ctx context.Context, d *sqlx.DB, hush func()) error {
			hush()
			d.SetMaxIdleConns(0)
			return query(ctx, d, prepared)
		},
		"in a transaction": func(ctx context.Context, d *sqlx.DB, hush func()) error {
			return db.InTx(ctx, d, func(ctx context.Context, tx *sqlx.Tx) error { hush(); return query(ctx, tx, prepared) })
		},
		"committing": func(ctx context.Context, d *sqlx.DB, hush func()) error {
			return db.InTx(ctx, d, func(ctx context.Context, tx *sqlx.Tx) error { defer hush(); return query(ctx, tx, prepared) })
		},
		"in the middle of rows": func(ctx context.Context, d *sqlx.DB, hush func()) error {
			rows, err := d.QueryContext(ctx, "SELECT repeat('x', 1000) FROM generate_series(1, 100000)")
			if err != nil {
				return err
			}
			defer rows.Close()
			hush()
			for rows.Next() {
			}
			return rows.Err()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			line := dbtest.Through(t, dbtest.Empty(t))
			d, err := db.Open(t.Context(), line.URL, db.Options{MaxOpen: 1})
			require.NoError(t, err)
			for range 3 {
				require.NoError(t, query(t.Context(), d, prepared))
			}
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			started := time.Now()
			err = do(ctx, d, line.Hush)
			assert.Less(t, time.Since(started), limit+700*time.Millisecond)
			require.Error(t, err)
			if !errors.Is(err, context.DeadlineExceeded) {
				assert.Equal(t, referral.CodeUnavailable, referral.CodeOf(db.Translate(err)), "%v", err)
			}

			// The pool's only connection is free again, and one that goes through is made in its place.
			line.Speak()
			again, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			require.NoError(t, query(again, d, prepared))
			require.NoError(t, d.Close())
		})
	}
}

// Without an end of its own, what waits for a silent server waits a little longer than the server may work on it.
func TestSilenceEndsWithoutAContext(t *testing.T) {
	t.Parallel()
	line := dbtest.Through(t, dbtest.Empty(t))
	d, err := db.Open(t.Context(), line.URL, db.Options{StatementTimeout: 100 * time.Millisecond})
	require.NoError(t, err)
	line.Hush()
	_, err = d.ExecContext(context.Background(), "SELECT 1")
	require.Equal(t, referral.CodeUnavailable, referral.CodeOf(db.Translate(err)), "%v", err)
	line.Speak()
	require.NoError(t, d.Close())
}
