package db_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"throughline/db"
	"throughline/db/dbtest"
)

// What the metrics show of a record in which much is open and much is done.
func TestTheStandingOfARecord(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	empty, err := db.ReadStanding(t.Context(), d, time.Now())
	require.NoError(t, err)
	assert.Equal(t, db.Standing{Referrals: map[string]int{}, Outbox: map[string]db.Backlog{}, Messages: map[string]db.Backlog{},
		Tasks: map[string]int{}}, empty, "nothing is nothing, not an error")

	_, err = d.Exec(years)
	require.NoError(t, err)
	_, err = d.Exec(`ALTER TABLE offers DISABLE TRIGGER USER`)
	require.NoError(t, err)
	at := time.Date(2026, 11, 23, 15, 0, 0, 0, time.UTC)
	for _, change := range []string{
		// Of the 500 open referrals: one whose first agency put it on a waitlist while the second is asked, one whose only
		// agency declined, and 498 that nobody has been asked about.
		`UPDATE offers SET state = 'waitlisted' WHERE id = md5('o20')::uuid`,
		`INSERT INTO offers (id, organisation_id, referral_id, service_id, rank, state, created_at, entered_at, news_at)
			SELECT md5('second')::uuid, organisation_id, referral_id, service_id, 2, 'sent', now(), now() - interval '1 day', now()
			FROM offers WHERE id = md5('o20')::uuid`,
		`UPDATE offers SET state = 'declined' WHERE id = md5('o40')::uuid`,
		`UPDATE offers SET state = 'sent' WHERE id = md5('o21')::uuid`, // of a closed referral
		`UPDATE referrals SET step_due = NULL WHERE state = 'closed'`,
		`UPDATE referrals SET step_due = '2026-11-23 16:00Z' WHERE state = 'open'`,
		`UPDATE referrals SET step_due = '2026-11-23 14:59Z' WHERE id = md5('r20')::uuid`,
		`UPDATE referrals SET step_due = '2026-11-23 14:00Z' WHERE id = md5('r40')::uuid`,
		`UPDATE outbox SET created_at = '2026-11-23 14:30Z' WHERE done_at IS NULL AND kind = 'start'`,
		`UPDATE outbox SET done_at = now() WHERE kind = 'changed'`,
		// A receipt that is held back, and a signal that could not be told and is put off.
		`INSERT INTO outbox (organisation_id, kind, referral_id, version, created_at, available_at)
			SELECT organisation_id, 'deliver', referral_id, 2, now(), now() + interval '10 minutes' FROM offers WHERE id = md5('o20')::uuid`,
		`INSERT INTO outbox (organisation_id, kind, referral_id, version, created_at, available_at, attempts)
			SELECT organisation_id, 'changed', referral_id, 2, now(), now() + interval '30 seconds', 5 FROM offers WHERE id = md5('o20')::uuid`,
		`UPDATE messages SET state = 'ambiguous', created_at = '2026-11-22 15:00Z' WHERE id = md5('m1')::uuid`,
		`UPDATE messages SET state = 'pending', created_at = '2026-11-23 14:00Z' WHERE id IN (md5('m2')::uuid, md5('m3')::uuid)`,
		`UPDATE tasks SET due_at = '2026-11-24 15:00Z'`,
		`UPDATE tasks SET due_at = '2026-11-23 14:00Z', escalations = 1 WHERE id = md5('t20')::uuid`,
		`UPDATE tasks SET due_at = '2026-11-23 14:00Z', kind = 'reach_client' WHERE id IN (md5('t40')::uuid, md5('t41')::uuid)`,
		// A restricted case that was opened twice, and one time was looked at.
		`INSERT INTO accounts (id, organisation_id, email, name, role, password_hash, created_at)
			SELECT md5('second')::uuid, organisation_id, 'sol@helpline.example', 'Sol', 'supervisor', '-', now() FROM accounts`,
		`INSERT INTO glass (id, organisation_id, case_id, account_id, reason, broken_at, until)
			SELECT md5('g' || n)::uuid, r.organisation_id, r.case_id, r.owner_id, 'sealed', '2026-11-20 15:00Z'::timestamptz + n * interval '1 hour', now()
			FROM referrals r, generate_series(0, 1) n WHERE r.id = md5('r20')::uuid`,
		`UPDATE glass SET reviewed_at = now(), reviewed_by = md5('second')::uuid, decision = 'justified' WHERE id = md5('g0')::uuid`,
	} {
		_, err := d.Exec(change)
		require.NoError(t, err, change)
	}
	s, err := db.ReadStanding(t.Context(), d, at)
	require.NoError(t, err)
	assert.Equal(t, map[string]int{"sent": 1, "none": 499}, s.Referrals)
	assert.Equal(t, 2, s.Steps.Count)
	assert.Equal(t, at.Add(-time.Hour), s.Steps.Oldest.UTC())
	require.Len(t, s.Outbox, 2)
	assert.Equal(t, 1, s.Outbox["changed"].Count)
	assert.Equal(t, 500, s.Outbox["start"].Count)
	assert.Equal(t, at.Add(-30*time.Minute), s.Outbox["start"].Oldest.UTC())
	require.Len(t, s.Messages, 2)
	assert.Equal(t, 1, s.Messages["ambiguous"].Count)
	assert.Equal(t, at.AddDate(0, 0, -1), s.Messages["ambiguous"].Oldest.UTC())
	assert.Equal(t, 2, s.Messages["pending"].Count)
	assert.Equal(t, map[string]int{"call_agency": 499, "reach_client": 1}, s.Tasks)
	assert.Equal(t, 2, s.TasksLate)
	assert.Equal(t, 1, s.Escalated)
	assert.Equal(t, 1, s.Glass.Count)
	assert.Equal(t, at.Add(-71*time.Hour), s.Glass.Oldest.UTC())
}
