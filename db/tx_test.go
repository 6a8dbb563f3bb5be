package db_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"
	"github.com/stretchr/testify/require"

	"throughline/db"
	"throughline/db/dbtest"
)

func counters(t *testing.T) *sqlx.DB {
	t.Helper()
	d := open(t, dbtest.Empty(t))
	_, err := d.Exec("CREATE TABLE counters (id int PRIMARY KEY, n int NOT NULL); INSERT INTO counters VALUES (1, 0), (2, 0)")
	require.NoError(t, err)
	return d
}

func count(t *testing.T, d *sqlx.DB) (n int) {
	t.Helper()
	require.NoError(t, d.Get(&n, "SELECT sum(n) FROM counters"))
	return n
}

func TestInTxKeepsAllOrNothing(t *testing.T) {
	t.Parallel()
	d := counters(t)
	add := func(ctx context.Context, tx *sqlx.Tx) error {
		_, err := tx.ExecContext(ctx, "UPDATE counters SET n = n + 1 WHERE id = 1")
		return err
	}
	require.NoError(t, db.InTx(t.Context(), d, add))
	require.Equal(t, 1, count(t, d))

	refused := errors.New("refused")
	err := db.InTx(t.Context(), d, func(ctx context.Context, tx *sqlx.Tx) error {
		return errors.Join(add(ctx, tx), refused)
	})
	require.ErrorIs(t, err, refused)
	require.Panics(t, func() {
		_ = db.InTx(t.Context(), d, func(ctx context.Context, tx *sqlx.Tx) error {
			require.NoError(t, add(ctx, tx))
			panic("at the worst moment")
		})
	})
	require.Equal(t, 1, count(t, d))
	require.Zero(t, d.Stats().InUse, "a panic gives its connection back")
}

// TestInTxRunsADeadlockAgain makes two transactions take two rows in opposite order.
func TestInTxRunsADeadlockAgain(t *testing.T) {
	t.Parallel()
	d := counters(t)
	var runs atomic.Int32
	firstRowTaken := [2]chan struct{}{make(chan struct{}), make(chan struct{})}
	done := make(chan error)
	for me := range 2 {
		other, first := 1-me, true
		go func() {
			done <- db.InTx(context.WithoutCancel(t.Context()), d, func(ctx context.Context, tx *sqlx.Tx) error {
				runs.Add(1)
				if _, err := tx.ExecContext(ctx, "UPDATE counters SET n = n + 1 WHERE id = $1", me+1); err != nil {
					return err
				}
				if first {
					first = false
					close(firstRowTaken[me])
					<-firstRowTaken[other]
				}
				_, err := tx.ExecContext(ctx, "UPDATE counters SET n = n + 1 WHERE id = $1", other+1)
				return db.Translate(err) // as every function of package db does
			})
		}()
	}
	require.NoError(t, <-done)
	require.NoError(t, <-done)
	require.GreaterOrEqual(t, runs.Load(), int32(3), "the victim ran again")
	require.Equal(t, 4, count(t, d))
}

func TestInTxGivesUpAfterFiveRuns(t *testing.T) {
	t.Parallel()
	d := counters(t)
	runs := 0
	err := db.InTx(t.Context(), d, func(ctx context.Context, tx *sqlx.Tx) error {
		runs++
		_, err := tx.ExecContext(ctx, "DO $$ BEGIN RAISE EXCEPTION 'again' USING ERRCODE = '40001'; END $$")
		return err
	})
	require.NotNil(t, pq.As(err, pqerror.TRSerializationFailure))
	require.Equal(t, 5, runs)
}
