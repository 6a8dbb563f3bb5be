package db_test

import (
	"context"
	"strings"
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

// Every table is guarded, against its owner too, or its comment says why everyone may see all of it: then it names nobody
// and nobody's case. A new one wants guard, guard_for or a reason in the migration that makes it.
func TestEveryTableIsGuardedOrSaysWhyNot(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	var tables []struct {
		Name    string `db:"name"`
		Guarded bool   `db:"guarded"`
		Reason  string `db:"reason"`
		Tied    bool   `db:"tied"` // to a guarded table
		Written bool   `db:"written"`
	}
	require.NoError(t, d.Select(&tables, `SELECT c.relname AS name, c.relrowsecurity AND c.relforcerowsecurity AND EXISTS (SELECT FROM pg_policy WHERE polrelid = c.oid) AS guarded,
			coalesce(obj_description(c.oid, 'pg_class'), '') AS reason,
			EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname IN ('organisation_id', 'account_id', 'case_id', 'referral_id') AND NOT a.attisdropped)
				OR EXISTS (SELECT FROM pg_constraint k JOIN pg_class f ON f.oid = k.confrelid WHERE k.conrelid = c.oid AND f.relrowsecurity) AS tied,
			has_table_privilege('throughline_app', c.oid, 'INSERT') OR has_table_privilege('throughline_app', c.oid, 'UPDATE')
				OR has_table_privilege('throughline_app', c.oid, 'DELETE') AS written
		FROM pg_class c WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace ORDER BY 1`))
	open := 0
	for _, table := range tables {
		reason, says := strings.CutPrefix(table.Reason, "No row-level security: ")
		assert.True(t, table.Guarded != (says && len(reason) > 20), "%s: guarded %t, and says %q", table.Name, table.Guarded, table.Reason)
		if table.Guarded {
			continue
		}
		open++
		assert.False(t, table.Tied, "%s is about someone, and has no guard", table.Name)
		assert.False(t, table.Written && strings.Contains(reason, "only read"), "%s can be written to", table.Name)
	}
	assert.Equal(t, 23, open, "the directory's tables, those of the rules, and the schema's own")
	assert.Greater(t, len(tables), 50)
}

// What is somebody's own is seen by them and the house; what keeps the house is seen by the house alone.
func TestWhatIsNoOrganisationsIsTheHouses(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	_, err := d.Exec(years)
	require.NoError(t, err)
	ours := uuid.MustParse("00000000-0000-0000-0000-00000000000a")
	noor, other := uuid.MustParse("00000000-0000-0000-0000-00000000000b"), uuid.New()
	require.NoError(t, db.InsertAccount(t.Context(), d, db.Account{ID: other, OrganisationID: ours, Email: "o@helpline.example", Name: "O", Role: referral.Admin,
		Locale: "en", PasswordHash: "-", Active: true, CreatedAt: time.Now()}))
	own := map[string]string{
		"recovery_codes": `INSERT INTO recovery_codes (account_id, code_hash, created_at) VALUES ('%', decode(md5(random()::text), 'hex'), now())`,
		"known_devices":  `INSERT INTO known_devices (account_id, device_hash, seen_at) VALUES ('%', decode(md5(random()::text), 'hex'), now())`,
	}
	house := map[string]string{
		"sessions":      `INSERT INTO sessions (token, data, expiry) VALUES (random()::text, '', now() + interval '1 hour')`,
		"sign_in_tries": `INSERT INTO sign_in_tries (key, tries, last_at, next_at) VALUES (decode(md5(random()::text), 'hex'), 1, now(), now())`,
		"uses":          `INSERT INTO uses (key, used, until) VALUES (decode(md5(random()::text), 'hex'), 1, now())`,
		"key_checks":    `INSERT INTO key_checks (kek, value, created_at) VALUES (random()::text, '', now())`,
		"sealing":       "",
		"audit_waiting": "",
	}
	app := dbtest.App(t, d)
	as := func(account uuid.UUID, role referral.Role) context.Context {
		return db.As(t.Context(), db.Scope{Organisation: ours, Account: account, Role: role})
	}
	count := func(ctx context.Context, q sqlx.QueryerContext, table string) (n int) {
		require.NoError(t, sqlx.GetContext(ctx, q, &n, "SELECT count(*) FROM "+table), table)
		return n
	}
	for table, insert := range house {
		if insert != "" {
			_, err := app.ExecContext(as(noor, referral.Admin), insert)
			require.ErrorContains(t, err, "row-level security", table)
			_, err = app.ExecContext(db.AsSystem(t.Context()), insert)
			require.NoError(t, err, table)
		}
		all := count(t.Context(), d, table)
		require.NotZero(t, all, table)
		assert.Equal(t, all, count(db.AsSystem(t.Context()), app, table), table)
		for name, ctx := range map[string]context.Context{"nobody": t.Context(), "an admin": as(noor, referral.Admin), "a navigator": as(noor, referral.Navigator)} {
			assert.Zero(t, count(ctx, app, table), "%s, for %s", table, name)
		}
	}
	for table, insert := range own {
		mine, theirs := strings.Replace(insert, "%", noor.String(), 1), strings.Replace(insert, "%", other.String(), 1)
		_, err := app.ExecContext(as(noor, referral.Admin), theirs)
		require.ErrorContains(t, err, "row-level security", table)
		for _, row := range []string{mine, mine} {
			_, err := app.ExecContext(as(noor, referral.Admin), row)
			require.NoError(t, err, table)
		}
		_, err = app.ExecContext(db.AsSystem(t.Context()), theirs)
		require.NoError(t, err, table)
		assert.Equal(t, 2, count(as(noor, referral.Admin), app, table), table)
		assert.Equal(t, 1, count(as(other, referral.Admin), app, table), table)
		assert.Zero(t, count(t.Context(), app, table), table)
		assert.Equal(t, 3, count(db.AsSystem(t.Context()), app, table), table)
	}
	// Whoever leaves an entry has its number wait, though they see nothing that waits and can't write there themselves.
	before := count(t.Context(), d, "audit_waiting")
	who := db.Who{Organisation: ours, Role: referral.Navigator, ID: noor, Via: "page"}
	require.NoError(t, db.InsertAudit(as(noor, referral.Navigator), app, who, time.Now(), "view", "queue", uuid.Nil))
	assert.Equal(t, before+1, count(t.Context(), d, "audit_waiting"))
	_, err = app.ExecContext(db.AsSystem(t.Context()), `INSERT INTO audit_waiting (audit_id) VALUES (1000000)`)
	require.ErrorContains(t, err, "permission denied")
}
