package db_test

import (
	"context"
	"database/sql"
	"net/url"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"throughline/db"
	"throughline/db/dbtest"
	"throughline/referral"
)

// organisationTables are those with an organisation's data.
func organisationTables(t *testing.T, d *sqlx.DB) []string {
	t.Helper()
	var tables []string
	require.NoError(t, d.Select(&tables, `SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND NOT a.attisdropped
		WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace AND (a.attname = 'organisation_id' OR c.relname = 'organisations' AND a.attname = 'id')
		ORDER BY 1`))
	require.Greater(t, len(tables), 15)
	return tables
}

// Every table with an organisation's data is guarded, against its owner too. A new one wants SELECT guard('name') in the
// migration that makes it.
func TestEveryTableOfAnOrganisationIsGuarded(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	for _, table := range organisationTables(t, d) {
		var on, forced, policed bool
		require.NoError(t, d.QueryRow(`SELECT relrowsecurity, relforcerowsecurity, EXISTS (SELECT FROM pg_policy WHERE polrelid = c.oid)
			FROM pg_class c WHERE oid = $1::regclass`, table).Scan(&on, &forced, &policed))
		assert.True(t, on && forced && policed, "%s: row-level security %t, forced %t, with a policy %t", table, on, forced, policed)
	}
}

// Who says nothing of who asks sees nothing and changes nothing, in each table, in a transaction or outside, and after a
// connection has served someone who could.
func TestWithoutAScopeThereIsNothing(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	_, err := d.Exec(years + linked)
	require.NoError(t, err)
	app := dbtest.App(t, d)
	app.SetMaxOpenConns(1)
	count := func(ctx context.Context, q sqlx.QueryerContext, table string) (n int) {
		require.NoError(t, sqlx.GetContext(ctx, q, &n, "SELECT count(*) FROM "+table), table)
		return n
	}
	filled := 0
	for _, table := range organisationTables(t, d) {
		want := count(t.Context(), d, table)
		if want > 0 {
			filled++
		}
		assert.Equal(t, want, count(db.AsSystem(t.Context()), app, table), "%s, for the system", table)
		assert.Zero(t, count(t.Context(), app, table), "%s, outside a transaction", table)
		assert.Zero(t, count(db.As(t.Context(), db.Scope{Organisation: uuid.New(), Account: uuid.New(), Role: referral.Coordinator}), app, table),
			"%s, for another organisation", table)
		require.NoError(t, db.InTx(t.Context(), app, func(ctx context.Context, tx *sqlx.Tx) error {
			assert.Zero(t, count(db.AsSystem(ctx), tx, table), "%s, in a transaction: its beginning counts", table)
			return nil
		}))
	}
	assert.Greater(t, filled, 8, "tables that hold something")
	for _, write := range []string{`UPDATE cases SET name = 'x'`, `DELETE FROM tasks`, `UPDATE accounts SET active = false`, `DELETE FROM messages`} {
		res, err := app.Exec(write)
		require.NoError(t, err)
		n, err := res.RowsAffected()
		require.NoError(t, err)
		assert.Zero(t, n, write)
	}
	_, err = app.Exec(`INSERT INTO outbox (organisation_id, kind, referral_id, version, created_at, available_at)
		SELECT '00000000-0000-0000-0000-00000000000a', 'changed', md5('r1')::uuid, 1, now(), now()`)
	require.ErrorContains(t, err, "row-level security")
	for _, write := range []string{`UPDATE audit SET why = ''`, `DELETE FROM audit`, `INSERT INTO goose_db_version (version_id, is_applied) VALUES (1, true)`,
		`ALTER TABLE cases NO FORCE ROW LEVEL SECURITY`, `DROP POLICY own ON cases`} {
		_, err := app.ExecContext(db.AsSystem(t.Context()), write)
		assert.Error(t, err, write)
	}
}

// A scope holds for its transaction, whatever is done over the same connection before and after.
func TestAScopeEndsWithItsTransaction(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	_, err := d.Exec(years + linked)
	require.NoError(t, err)
	app := dbtest.App(t, d)
	app.SetMaxOpenConns(1)
	ours := db.Scope{Organisation: uuid.MustParse("00000000-0000-0000-0000-00000000000a"), Account: uuid.MustParse("00000000-0000-0000-0000-00000000000b"),
		Role: referral.Navigator}
	see := func(ctx context.Context, q sqlx.QueryerContext) (n int) {
		require.NoError(t, sqlx.GetContext(ctx, q, &n, `SELECT count(*) FROM referrals r JOIN offers o ON o.referral_id = r.id`))
		return n
	}
	in := func(ctx context.Context, end error) (n int) {
		err := db.InTx(ctx, app, func(ctx context.Context, tx *sqlx.Tx) error { n = see(ctx, tx); return end })
		require.ErrorIs(t, err, end)
		return n
	}
	all := see(t.Context(), d)
	require.NotZero(t, all)
	for _, end := range []error{nil, context.Canceled} {
		assert.Equal(t, all, in(db.As(t.Context(), ours), end))
		assert.Zero(t, see(t.Context(), app))
		assert.Zero(t, in(t.Context(), nil))
		auditor := ours
		auditor.Role = referral.Auditor
		assert.Zero(t, in(db.As(t.Context(), auditor), nil), "an auditor has no cases")
		auditor.Role, auditor.Region = referral.Navigator, uuid.New()
		assert.Zero(t, in(db.As(t.Context(), auditor), nil), "another region's")
	}
	require.NoError(t, db.Snapshot(db.AsSystem(t.Context()), app, func(ctx context.Context, tx *sqlx.Tx) error {
		assert.Equal(t, all, see(ctx, tx))
		_, err := tx.Exec(`UPDATE cases SET name = ''`)
		require.ErrorContains(t, err, "read-only")
		return nil
	}))
	_, err = app.BeginTxx(t.Context(), &sql.TxOptions{Isolation: sql.LevelLinearizable})
	require.Error(t, err)
}

// What is set for a scope can't end a statement, whatever stands in it.
func TestAPartnersNameIsOnlyAName(t *testing.T) {
	t.Parallel()
	app := dbtest.App(t, dbtest.New(t))
	for _, name := range []string{`O'Brien`, `x'; SELECT 1; --`, `back\slash`, "é"} {
		err := db.InTx(db.As(t.Context(), db.Scope{Role: referral.Partner, Partner: name, At: time.Now()}), app, func(ctx context.Context, tx *sqlx.Tx) error {
			var said string
			require.NoError(t, tx.GetContext(ctx, &said, `SELECT asks_partner()`))
			assert.Equal(t, name, said)
			return nil
		})
		require.NoError(t, err)
	}
}

// The application does not start as someone whom row-level security would not hold.
func TestTheApplicationsRole(t *testing.T) {
	t.Parallel()
	url := dbtest.URL(t)
	owner := dbtest.Open(t, url)
	require.NoError(t, db.CheckRole(t.Context(), dbtest.App(t, owner)))
	require.ErrorContains(t, db.CheckRole(t.Context(), owner), "superuser")

	as := func(role, extra string) *sqlx.DB {
		_, err := owner.Exec(`DROP ROLE IF EXISTS ` + role)
		require.NoError(t, err)
		_, err = owner.Exec(`CREATE ROLE ` + role + ` LOGIN PASSWORD 'x' IN ROLE throughline_app ` + extra)
		require.NoError(t, err)
		t.Cleanup(func() {
			_, err := owner.Exec(`REASSIGN OWNED BY ` + role + ` TO CURRENT_USER; DROP OWNED BY ` + role + `; DROP ROLE ` + role)
			assert.NoError(t, err)
		})
		return dbtest.Open(t, withUser(t, url, role))
	}
	name := "tl_" + uuid.NewString()[:8]
	require.NoError(t, db.CheckRole(t.Context(), as(name+"_plain", "")), "a member of the application's role")
	require.ErrorContains(t, db.CheckRole(t.Context(), as(name+"_bypass", "BYPASSRLS")), "BYPASSRLS")
	owning := as(name+"_owner", "")
	_, err := owner.Exec(`ALTER TABLE cases OWNER TO ` + name + `_owner`)
	require.NoError(t, err)
	require.ErrorContains(t, db.CheckRole(t.Context(), owning), "owner of the tables")
}

func withUser(t *testing.T, raw, role string) string {
	t.Helper()
	u, err := url.Parse(raw)
	require.NoError(t, err)
	u.User = url.UserPassword(role, "x")
	return u.String()
}
