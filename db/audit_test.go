package db_test

import (
	"context"
	"io/fs"
	"os"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/pressly/goose/v3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"throughline/db"
	"throughline/db/dbtest"
)

// The form that the verifier makes of an entry is what the database hashed, whatever stands in it.
func TestBothMakeTheSameForm(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	organisation := uuid.New()
	require.NoError(t, db.InsertOrganisation(t.Context(), d, db.Organisation{ID: organisation, Name: "211", TimeZone: "America/Toronto", CreatedAt: time.Now()}))
	for _, l := range []db.Look{
		{Kind: db.AuditList, Action: "view", Subject: "cases", Whose: []uuid.UUID{uuid.New(), uuid.New()}},
		{Kind: db.AuditView, Action: "view", Subject: "case", ID: uuid.New()},
		{Kind: db.AuditChange, Action: "l’été 5:x\n-", Subject: "", Whose: []uuid.UUID{}},
	} {
		who := db.Who{Organisation: organisation, Role: "agency", For: "client", ID: uuid.New(), Via: "link", Why: "link", WhyID: uuid.New()}
		require.NoError(t, db.Audit(t.Context(), d, who, time.Now(), l))
	}
	require.NoError(t, db.Audit(t.Context(), d, db.Who{Organisation: organisation}, time.Unix(-1, 999_999_999), db.Look{Kind: db.AuditCLI}))
	made, err := db.LinkAudit(t.Context(), d, 100)
	require.NoError(t, err)
	require.Equal(t, 4, made)
	links, err := db.AuditLinks(t.Context(), d, organisation, 0, 100)
	require.NoError(t, err)
	require.Len(t, links, 4)
	for _, l := range links {
		var theirs []byte
		require.NoError(t, d.Get(&theirs, `SELECT audit_form(a, $1) FROM audit a WHERE id = $2`, l.Seq, l.AuditID))
		assert.Equal(t, string(theirs), string(l.Entry.Form(l.Seq)))
		hash := l.Entry.Hash(l.Seq, l.Prev)
		assert.Equal(t, l.Hash, hash[:])
	}
}

// A record from before the chain is brought forward: its entries say whose data they were about, and are linked.
func TestAnOlderAuditIsBroughtForward(t *testing.T) {
	t.Parallel()
	d := open(t, dbtest.Empty(t))
	files, err := fs.Sub(os.DirFS("."), "migrations")
	require.NoError(t, err)
	provider, err := goose.NewProvider(goose.DialectPostgres, d.DB, files)
	require.NoError(t, err)
	const before = 10
	_, err = provider.UpTo(t.Context(), before)
	require.NoError(t, err)
	organisation, person, folder, ref, offer := uuid.New(), uuid.New(), uuid.New(), uuid.New(), uuid.New()
	exec := func(query string, args ...any) {
		t.Helper()
		_, err := d.ExecContext(context.Background(), query, args...)
		require.NoError(t, err)
	}
	exec(`INSERT INTO organisations (id, name, created_at) VALUES ($1, '211', now())`, organisation)
	exec(`INSERT INTO accounts (id, organisation_id, email, name, role, password_hash, created_at) VALUES ($1, $2, 'n@x', 'N', 'navigator', '-', now())`, person, organisation)
	exec(`INSERT INTO cases (id, organisation_id, reference, anonymous, created_by, created_at) VALUES ($1, $2, 'C-1', true, $3, now())`, folder, organisation, person)
	exec(`INSERT INTO referrals (id, organisation_id, case_id, need, urgency, state, version, owner_id, created_at, step_do, step_due, step_role)
		VALUES ($1, $2, $3, 'food', 'routine', 'open', 1, $4, now(), 'send', now(), 'system')`, ref, organisation, folder, person)
	exec(`INSERT INTO offers (id, organisation_id, referral_id, service_id, rank, state, created_at, entered_at, news_at)
		VALUES ($1, $2, $3, gen_random_uuid(), 1, 'queued', now(), now(), now())`, offer, organisation, ref)
	for _, e := range []struct {
		action, subject, via string
		id                   any
	}{{"refer", "referral", "page", ref}, {"view", "case", "page", folder}, {"view", "queue", "page", nil}, {"view", "offer", "link", offer}, {"sign_in", "account", "page", person}} {
		exec(`INSERT INTO audit (organisation_id, at, actor_role, action, subject, subject_id, via) VALUES ($1, now(), 'navigator', $2, $3, $4, $5)`,
			organisation, e.action, e.subject, e.id, e.via)
	}
	_, err = provider.Up(t.Context())
	require.NoError(t, err)
	links, err := db.AuditLinks(t.Context(), d, organisation, 0, 100)
	require.NoError(t, err)
	require.Len(t, links, 5)
	var said []string
	for i, l := range links {
		hash := l.Entry.Hash(l.Seq, l.Prev)
		assert.Equal(t, l.Hash, hash[:])
		whose := "nobody's"
		if len(l.Entry.Whose) > 0 {
			require.Equal(t, folder, l.Entry.Whose[0])
			whose = "the case's"
		}
		said = append(said, string(l.Entry.Kind)+" "+whose)
		assert.EqualValues(t, i+1, l.Seq)
	}
	assert.Equal(t, []string{"change the case's", "view the case's", "list nobody's", "link the case's", "change nobody's"}, said)
	_, err = provider.DownTo(t.Context(), before)
	require.NoError(t, err)
}

// Two who link at once make one chain, and so does one who links in small steps.
func TestLinkingAtOnceMakesOneChain(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	organisation := uuid.New()
	require.NoError(t, db.InsertOrganisation(t.Context(), d, db.Organisation{ID: organisation, Name: "211", TimeZone: "America/Toronto", CreatedAt: time.Now()}))
	const entries = 60
	done := make(chan error)
	for range 4 {
		go func() {
			var err error
			for range entries / 4 {
				if err == nil {
					err = db.InsertAudit(context.Background(), d, db.Who{Organisation: organisation, Role: "navigator", Via: "page"}, time.Now(), "view", "case", uuid.New())
				}
				if _, failed := db.LinkAudit(context.Background(), d, 3); err == nil {
					err = failed
				}
			}
			done <- err
		}()
	}
	for range 4 {
		require.NoError(t, <-done)
	}
	for made := 1; made > 0; {
		var err error
		made, err = db.LinkAudit(t.Context(), d, 7)
		require.NoError(t, err)
	}
	links, err := db.AuditLinks(t.Context(), d, organisation, 0, 1000)
	require.NoError(t, err)
	require.Len(t, links, entries)
	prev := db.ChainStart
	for i, l := range links {
		assert.EqualValues(t, i+1, l.Seq)
		assert.Equal(t, prev, l.Prev)
		prev = l.Hash
	}
}
