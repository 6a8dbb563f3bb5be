package casework_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"throughline/casework"
	"throughline/db"
	"throughline/referral"
)

func key(name, body string) *casework.Key { return &casework.Key{Key: name, Body: []byte(body)} }

// inJSON is an answer as a caller of the API gets it.
func inJSON(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	require.NoError(t, err)
	return string(b)
}

// keyed is every method that takes a key, giving its answer as JSON.
func (r *room) keyed(who casework.Actor, s scene) map[string]func(*casework.Key) (string, error) {
	ctx := context.Background()
	return map[string]func(*casework.Key) (string, error){
		"OpenCase": func(k *casework.Key) (string, error) {
			out, err := r.OpenCase(ctx, who, ana(), k)
			return inJSON(r.t, out), err
		},
		"Intake": func(k *casework.Key) (string, error) {
			out, err := r.Intake(ctx, who, casework.IntakeInput{Case: ana(), Referral: food(r.services[0])}, k)
			return inJSON(r.t, out), err
		},
		"Refer": func(k *casework.Key) (string, error) {
			in := food(r.services...)
			in.CaseID = s.CaseID
			out, err := r.Refer(ctx, who, in, k)
			return inJSON(r.t, out), err
		},
		"Do": func(k *casework.Key) (string, error) {
			out, err := r.Do(ctx, who, s.ReferralID, casework.CommandInput{Do: referral.Contact, ToldBy: "Sam"}, k)
			return inJSON(r.t, out), err
		},
	}
}

func TestAKeyIsAnsweredTheSameWay(t *testing.T) {
	t.Parallel()
	r := open(t)
	s := r.at(referral.Accepted)
	for name, call := range r.keyed(r.navigator, s) {
		t.Run(name, func(t *testing.T) {
			r := r.in(t)
			first, err := call(key(name, "body"))
			require.NoError(t, err)
			r.exec(`UPDATE accounts SET name = name || '!'`) // what is answered is what was answered, not what is now
			before := r.contents()
			again, err := call(key(name, "body"))
			require.NoError(t, err)
			assert.Equal(t, first, again)
			after := r.contents()
			looked := one[string](r, `SELECT action FROM audit ORDER BY id DESC LIMIT 1`)
			assert.Equal(t, "view", looked, "who is answered again has seen it again")
			delete(before, "audit")
			delete(after, "audit")
			assert.Equal(t, before, after, "nothing else was written")

			before = r.contents()
			_, err = call(key(name, "another body"))
			refused(t, err, referral.CodeInvalid, "Idempotency-Key")
			assert.Equal(t, before, r.contents())
		})
	}
}

// A key is its owner's: another person's request with the same key is another request.
func TestAKeyIsOfOnePerson(t *testing.T) {
	t.Parallel()
	r := open(t)
	in := casework.IntakeInput{Case: ana(), Referral: food(r.services[0])}
	a, err := r.Intake(t.Context(), r.navigator, in, key("k", "a"))
	require.NoError(t, err)
	b, err := r.Intake(t.Context(), r.colleague, in, key("k", "b"))
	require.NoError(t, err)
	assert.NotEqual(t, a.CaseID, b.CaseID)
}

func TestAKeyAtWorkIsInFlight(t *testing.T) {
	t.Parallel()
	r := open(t)
	tx, err := r.db.Beginx()
	require.NoError(t, err)
	defer tx.Rollback()
	busy, err := db.ClaimKey(t.Context(), tx, r.navigator.ID, "k")
	require.NoError(t, err)
	require.False(t, busy)
	for name, call := range r.keyed(r.navigator, scene{}) {
		before := r.contents()
		_, err := call(key("k", "body"))
		require.ErrorIs(t, err, casework.ErrInFlight, name)
		assert.Equal(t, "in_flight", refused(t, err, referral.CodeConflict, "Idempotency-Key").Outcome)
		assert.Equal(t, before, r.contents())
	}
	require.NoError(t, tx.Rollback())
	_, err = r.OpenCase(t.Context(), r.navigator, ana(), key("k", "body"))
	require.NoError(t, err, "afterwards the key is free")
}

func TestTwentyIntakesWithOneKeyMakeOneCase(t *testing.T) {
	t.Parallel()
	r := open(t)
	ids := make([]uuid.UUID, 20)
	said := atOnce(len(ids), map[string]func(int) error{"intake": func(i int) error {
		for {
			out, err := r.Intake(context.Background(), r.navigator, casework.IntakeInput{Case: ana(), Referral: food(r.services[0])}, key("k", "body"))
			if !errors.Is(err, casework.ErrInFlight) {
				ids[i] = out.CaseID
				return err
			}
		}
	}})
	for _, err := range said["intake"] {
		require.NoError(t, err)
	}
	for _, id := range ids {
		assert.Equal(t, ids[0], id)
	}
	for _, table := range []string{"cases", "referrals", "consents", "idempotency"} {
		assert.Equal(t, 1, one[int](r, `SELECT count(*) FROM `+table), table)
	}
	assert.Equal(t, []string{"start"}, all[string](r, `SELECT kind FROM outbox`))
}

// What is refused leaves its key free: the corrected request may use it.
func TestARefusalLeavesTheKeyFree(t *testing.T) {
	t.Parallel()
	r := open(t)
	in := ana()
	in.Phone = "call me"
	_, err := r.OpenCase(t.Context(), r.navigator, in, key("k", "wrong"))
	refused(t, err, referral.CodeInvalid, "phone")
	s := r.at(referral.Declined)
	_, err = r.Do(t.Context(), r.navigator, s.ReferralID, said(referral.Accept), key("k", "also wrong"))
	refused(t, err, referral.CodeConflict, "")
	_, err = r.OpenCase(t.Context(), r.navigator, ana(), key("k", "right"))
	require.NoError(t, err)
}

// What someone was answered before a case was taken from their reach they are not answered again.
func TestAKeyOpensNothingThatIsOutOfReach(t *testing.T) {
	t.Parallel()
	r := open(t)
	in := r.intakeBy(r.navigator, "violence")
	require.NoError(t, r.NamePerson(t.Context(), r.navigator, in.CaseID, r.colleague.ID))
	note := casework.CommandInput{Do: referral.Withdraw, Reason: "moved", Note: "she moved to her sister's"}
	_, err := r.Do(t.Context(), r.colleague, in.ReferralID, note, key("withdraw", "body"))
	require.NoError(t, err)
	require.NoError(t, r.UnnamePerson(t.Context(), r.navigator, in.CaseID, r.colleague.ID))
	_, err = r.Do(t.Context(), r.colleague, in.ReferralID, note, key("withdraw", "body"))
	refused(t, err, referral.CodeNotFound, "")
}
