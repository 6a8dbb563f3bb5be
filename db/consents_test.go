package db_test

import (
	"os"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/pressly/goose/v3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"throughline/db"
	"throughline/db/dbtest"
	"throughline/referral"
)

// A record that was made before consent had groups and an end means what it meant: all that agencies could see then, to
// those that were named, without an end. What was refused, or taken back, stays so.
func TestOlderConsentsKeepTheirMeaning(t *testing.T) {
	t.Parallel()
	d := open(t, dbtest.Empty(t))
	older, err := goose.NewProvider(goose.DialectPostgres, d.DB, os.DirFS("migrations"))
	require.NoError(t, err)
	_, err = older.UpTo(t.Context(), 6)
	require.NoError(t, err)
	org, account, folder, service := uuid.New(), uuid.New(), uuid.New(), uuid.New()
	exec := func(query string, args ...any) {
		t.Helper()
		_, err := d.Exec(query, args...)
		require.NoError(t, err)
	}
	exec(`INSERT INTO organisations (id, name, created_at) VALUES ($1, 'Kawartha 211', now())`, org)
	exec(`INSERT INTO accounts (id, organisation_id, email, name, role, password_hash, created_at)
		VALUES ($1, $2, 'n@helpline.example', 'Noor', 'navigator', '-', now())`, account, org)
	exec(`INSERT INTO cases (id, organisation_id, reference, anonymous, created_by, created_at) VALUES ($1, $2, 'C-1', true, $3, now())`, folder, org, account)
	referred := func(given bool, withdrawn any) uuid.UUID {
		id := uuid.New()
		exec(`INSERT INTO referrals (id, organisation_id, case_id, need, urgency, state, version, owner_id, created_at, step_due, step_role)
			VALUES ($1, $2, $3, 'food', 'routine', 'open', 1, $4, now(), now(), 'navigator')`, id, org, folder, account)
		exec(`INSERT INTO consents (id, organisation_id, case_id, referral_id, given, how, script, service_ids, recorded_by, recorded_at, withdrawn_at)
			VALUES ($1, $2, $3, $4, $5, 'verbal', '2026-11', ARRAY[$6]::uuid[], $7, now() - interval '2 years', $8)`, uuid.New(), org, folder, id, given,
			service, account, withdrawn)
		return id
	}
	yes, no, back := referred(true, nil), referred(false, nil), referred(true, time.Now())
	require.NoError(t, db.Migrate(t.Context(), d))

	agreed := func(id, service uuid.UUID) referral.Grant {
		t.Helper()
		rec, err := db.ReadRecord(t.Context(), d, id)
		require.NoError(t, err)
		return rec.Facts.Agreed(service)
	}
	assert.Equal(t, referral.Groups, agreed(yes, service).Groups)
	assert.True(t, agreed(yes, service).Stands(time.Now().AddDate(50, 0, 0)), "no end was agreed")
	assert.False(t, agreed(yes, uuid.New()).Stands(time.Now()), "another service was not named")
	assert.False(t, agreed(no, service).Stands(time.Now()), "the client said no")
	assert.False(t, agreed(back, service).Stands(time.Now()), "the client took it back")
}
