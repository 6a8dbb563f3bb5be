package casework_test

import (
	"os"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/pressly/goose/v3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"throughline/casework"
	"throughline/db"
	"throughline/db/dbtest"
	"throughline/internal/clock"
	"throughline/internal/seal/sealtest"
	"throughline/referral"
)

// older is a record as a program of before kept it: n cases, with a referral each, in the open.
const older = `
INSERT INTO organisations (id, name, created_at) VALUES ('00000000-0000-0000-0000-00000000000a', 'Kawartha 211', now());
INSERT INTO accounts (id, organisation_id, email, name, role, password_hash, created_at)
	VALUES ('00000000-0000-0000-0000-00000000000b', '00000000-0000-0000-0000-00000000000a', 'noor@helpline.example', 'Noor', 'navigator', '-', now());
CREATE TEMP TABLE n AS SELECT i, md5('r' || i)::uuid AS r, md5('c' || i)::uuid AS c, md5('o' || i)::uuid AS o,
	'00000000-0000-0000-0000-00000000000a'::uuid AS g, '00000000-0000-0000-0000-00000000000b'::uuid AS a FROM generate_series(1, 450) i;
INSERT INTO cases (id, organisation_id, reference, anonymous, created_by, created_at, name, phone, email, birth_year, notes)
	SELECT c, g, 'C-' || i, false, a, now(), 'Ana Canary' || i, '+17055550123', 'ana@canary.example', 1971, 'canary notes' FROM n;
INSERT INTO referrals (id, organisation_id, case_id, need, urgency, state, version, owner_id, created_at, step_due, step_role, details)
	SELECT r, g, c, 'food', 'routine', 'open', 1, a, now(), now(), 'navigator', 'canary details' FROM n;
INSERT INTO offers (id, organisation_id, referral_id, service_id, rank, state, created_at, entered_at, news_at, question)
	SELECT o, g, r, o, 1, 'queued', now(), now(), now(), 'canary question' FROM n;
INSERT INTO tasks (id, organisation_id, referral_id, offer_id, kind, cause, state, role, created_at, due_at, result)
	SELECT md5('t' || i)::uuid, g, r, o, 'call_agency', 'silence', 'done', 'navigator', now(), now(), 'canary result' FROM n;
INSERT INTO timeline (organisation_id, referral_id, version, at, what, offer_id, actor_role, actor_name, via, note, told_by)
	SELECT g, r, 1, now(), 'refer', NULL, 'navigator', 'Noor', 'page', 'canary note', 'Canary Sam' FROM n
	UNION ALL SELECT g, r, 1, now(), 'ask', o, 'agency', 'Canary Kay', 'link', '', '' FROM n;
INSERT INTO idempotency (organisation_id, account_id, key, body_hash, body, created_at)
	SELECT g, a, 'call ' || i, sha256('x'), convert_to('{"case_id":"' || c || '","referral_id":"' || r || '","case_reference":"canary"}', 'UTF8'), now() FROM n;
`

// A record of before is sealed by what migrate does after the schema, in steps of which each may be the last for a while.
func TestARecordOfBeforeIsSealed(t *testing.T) {
	t.Parallel()
	url := dbtest.Empty(t)
	owner, pool := dbtest.PlainOwner(t, url), dbtest.Open(t, url)
	before, err := goose.NewProvider(goose.DialectPostgres, owner.DB, os.DirFS("../db/migrations"))
	require.NoError(t, err)
	_, err = before.UpTo(t.Context(), 6)
	require.NoError(t, err)
	_, err = pool.Exec(older)
	require.NoError(t, err)
	require.NoError(t, db.Migrate(t.Context(), owner))

	// As its owner, whom row-level security holds too, and who is no superuser.
	now := clock.NewManual(monday)
	r := &room{Desk: casework.New(owner, now, sealtest.Keyring(), nil), t: t, db: pool, clock: now}
	open := func() (n int) {
		findings, err := r.Check(t.Context(), nil)
		require.NoError(t, err)
		for _, f := range findings {
			if f.Invariant == "I11" {
				require.Empty(t, f.NotChecked)
				n = len(f.Violations)
			}
		}
		return n
	}
	assert.Positive(t, open(), "the check finds what stands open")
	require.ErrorContains(t, r.CheckKeys(t.Context()), "run `throughline migrate`")

	// Something breaks in the middle.
	r.exec(`ALTER TABLE tasks ADD CONSTRAINT stop CHECK (result NOT LIKE 's1.%') NOT VALID`)
	_, err = r.SealExisting(t.Context(), false)
	require.Error(t, err)
	left := all[string](r, `SELECT table_name FROM sealing WHERE done_at IS NULL ORDER BY position`)
	assert.Equal(t, []string{"tasks", "timeline", "idempotency"}, left)
	r.exec(`ALTER TABLE tasks DROP CONSTRAINT stop`)
	n, err := r.SealExisting(t.Context(), false)
	require.NoError(t, err)
	assert.Equal(t, 450*4, n, "what was sealed is not touched again")
	assert.Zero(t, open())
	require.NoError(t, r.CheckKeys(t.Context()))
	for table, text := range r.dump() {
		assert.False(t, strings.Contains(strings.ToLower(text), "canary"), table)
	}

	// All of it can be read, and found.
	who := casework.Actor{Actor: referral.Actor{Role: referral.Navigator, ID: uuid.MustParse("00000000-0000-0000-0000-00000000000b")},
		Organisation: uuid.MustParse("00000000-0000-0000-0000-00000000000a"), Name: "Noor", Via: casework.ViaPage}
	found, err := r.FindCases(t.Context(), who, "canary7")
	require.NoError(t, err)
	require.NotEmpty(t, found)
	c, list, err := r.Case(t.Context(), who, found[0].ID)
	require.NoError(t, err)
	assert.Equal(t, 1971, c.BirthYear)
	assert.Equal(t, "canary details canary question canary result", list[0].Details+" "+list[0].Offers[0].Question+" "+list[0].Tasks[0].Result)
	lines, err := r.Timeline(t.Context(), who, list[0].ID)
	require.NoError(t, err)
	assert.Equal(t, "canary note Canary Sam Noor Canary Kay", lines[0].Note+" "+lines[0].ToldBy+" "+lines[0].ActorName+" "+lines[1].ActorName)

	// An older program that still runs writes in the open; that is found, and sealed by going over everything again.
	r.exec(`UPDATE cases SET notes = 'canary again' WHERE id = $1`, found[0].ID)
	r.exec(`INSERT INTO consents (id, organisation_id, case_id, given, how, script, service_ids, recorded_by, recorded_at, substitute)
		VALUES (gen_random_uuid(), $1, $2, false, 'substitute', '', '{}', $3, now(), 'Canary Maria')`, who.Organisation, found[0].ID, who.ID)
	r.exec(`INSERT INTO glass (id, organisation_id, case_id, account_id, reason, broken_at, until)
		VALUES (gen_random_uuid(), $1, $2, $3, 'canary on the line', now(), now())`, who.Organisation, found[0].ID, who.ID)
	const secret = "JBSWY3DPEHPK3PXP"
	r.exec(`INSERT INTO second_factors (account_id, organisation_id, secret, confirmed_at) VALUES ($1, $2, $3, now())`, who.ID, who.Organisation, secret)
	assert.Equal(t, 4, open())
	n, err = r.SealExisting(t.Context(), true)
	require.NoError(t, err)
	assert.Equal(t, 4, n)
	require.NoError(t, r.CheckCode(t.Context(), who.ID, r.code(secret), here))
	assert.Zero(t, open())
	c, _, err = r.Case(t.Context(), who, found[0].ID)
	require.NoError(t, err)
	assert.Equal(t, "canary again", c.Notes)
}
