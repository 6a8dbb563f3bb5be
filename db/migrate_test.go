package db_test

import (
	"context"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/require"

	"throughline/db"
	"throughline/db/dbtest"
)

func open(t *testing.T, databaseURL string) *sqlx.DB {
	t.Helper()
	d, err := db.Open(t.Context(), databaseURL, db.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Close()) })
	return d
}

func TestFiveProcessesMigrateAtOnce(t *testing.T) {
	t.Parallel()
	target := dbtest.Empty(t)
	results := make(chan error)
	for range 5 {
		// A pool each, as processes have.
		d := open(t, target)
		go func() { results <- db.Migrate(context.WithoutCancel(t.Context()), d) }()
	}
	for range 5 {
		require.NoError(t, <-results)
	}
	d := open(t, target)
	require.NoError(t, db.CheckSchema(t.Context(), d))
	var twice int
	require.NoError(t, d.Get(&twice, "SELECT count(*) FROM (SELECT version_id FROM goose_db_version GROUP BY 1 HAVING count(*) > 1) v"))
	require.Zero(t, twice, "each migration ran once")
}

func TestMigrateWaitsNoLongerThanItsContext(t *testing.T) {
	t.Parallel()
	d := open(t, dbtest.Empty(t))
	conn, err := d.Connx(t.Context())
	require.NoError(t, err)
	defer conn.Close()
	_, err = conn.ExecContext(t.Context(), "SELECT pg_advisory_lock(7211000001)")
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, db.Migrate(ctx, d), context.DeadlineExceeded)
}

func TestCheckSchemaNamesBothVersions(t *testing.T) {
	t.Parallel()
	fresh := open(t, dbtest.Empty(t))
	err := db.CheckSchema(t.Context(), fresh)
	require.ErrorIs(t, err, db.ErrSchema)
	require.ErrorContains(t, err, "the database is at version 0, the program needs ")
	require.ErrorContains(t, err, "throughline migrate")
	var tables int
	require.NoError(t, fresh.Get(&tables, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"))
	require.Zero(t, tables, "a check changes nothing")

	d := dbtest.New(t)
	require.NoError(t, db.CheckSchema(t.Context(), d))
	_, err = d.Exec("INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, true)")
	require.NoError(t, err)
	err = db.CheckSchema(t.Context(), d)
	require.ErrorIs(t, err, db.ErrSchema)
	require.ErrorContains(t, err, "the database is at version 99999, the program knows up to ")
}
