package db_test

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"github.com/pressly/goose/v3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"throughline/db"
	"throughline/db/dbtest"
	"throughline/referral"
)

// A record from before the guard is brought forward by a plain owner, who is no superuser and may make no roles, as in
// docker-compose.yml. What was there is kept, and is the organisation's own.
func TestAnOlderRecordIsBroughtForwardByAPlainOwner(t *testing.T) {
	t.Parallel()
	url := dbtest.Empty(t)
	super := dbtest.Open(t, url)
	owner := dbtest.PlainOwner(t, url)
	before, err := goose.NewProvider(goose.DialectPostgres, owner.DB, os.DirFS("migrations"))
	require.NoError(t, err)
	_, err = before.UpTo(t.Context(), 6)
	require.NoError(t, err)
	_, err = super.Exec(years + `UPDATE audit SET at = at - interval '10 years 4 days';`)
	require.NoError(t, err)

	require.NoError(t, db.Migrate(t.Context(), owner))
	count := func(ctx context.Context, q sqlx.QueryerContext) (n int) {
		require.NoError(t, sqlx.GetContext(ctx, q, &n, `SELECT count(*) FROM cases c JOIN referrals r ON r.case_id = c.id`))
		return n
	}
	app := dbtest.App(t, super)
	require.NoError(t, db.CheckRole(t.Context(), app))
	require.NoError(t, db.CheckSchema(t.Context(), app))
	ours := db.Scope{Organisation: uuid.MustParse("00000000-0000-0000-0000-00000000000a"), Account: uuid.New(), Role: referral.Coordinator}
	assert.Equal(t, 10_000, count(db.As(t.Context(), ours), app))
	assert.Zero(t, count(t.Context(), owner), "the owner is held to it too")
	assert.Equal(t, 10_000, count(db.AsSystem(t.Context()), owner), "as a later migration asks")

	// The functions of the audit work for all organisations, whoever calls them and owns them.
	who := db.Who{Organisation: ours.Organisation, Role: referral.Coordinator, ID: ours.Account, Via: "page"}
	require.NoError(t, db.InsertAudit(db.As(t.Context(), ours), app, who, time.Now(), "view", "queue", uuid.Nil))
	made, err := db.LinkAudit(t.Context(), app, 10)
	require.NoError(t, err)
	assert.Equal(t, 1, made)
	links, err := db.AuditLinks(db.As(t.Context(), ours), app, ours.Organisation, 10_000, 10)
	require.NoError(t, err)
	assert.Len(t, links, 1, "after those of before")
	var taken int
	require.NoError(t, owner.Get(&taken, `SELECT audit_retire($1, now() + interval '1 day')`, ours.Organisation))
	assert.Equal(t, 10_000, taken, "what is ten years old")
}
