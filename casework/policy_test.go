package casework_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"throughline/casework"
	"throughline/db"
	"throughline/referral"
)

func TestAPolicyReplansEveryOpenReferral(t *testing.T) {
	t.Parallel()
	r := open(t)
	sent, accepted := r.at(referral.Sent), r.at(referral.Accepted)
	closed := r.at(referral.Sent)
	r.do(closed.ReferralID, casework.CommandInput{Do: referral.Withdraw, Reason: "moved"})
	r.at("draft")
	elsewhere := *r
	elsewhere.organisation = r.helpline("Another 211")
	elsewhere.navigator = r.person(elsewhere.organisation, "Ola", referral.Navigator)
	other := elsewhere.at(referral.Sent)
	r.tick(sent.ReferralID)
	r.tick(accepted.ReferralID)
	r.exec(`DELETE FROM outbox`)

	before := r.referral(sent.ReferralID)
	assert.Equal(t, "standard", must(r.Policy(t.Context(), r.organisation)).Name)
	require.NoError(t, r.SetPolicy(t.Context(), r.coordinator, referral.Demo()))
	assert.ElementsMatch(t, []uuid.UUID{sent.ReferralID, accepted.ReferralID}, all[uuid.UUID](r, `SELECT referral_id FROM outbox WHERE kind = 'changed'`))
	assert.Equal(t, "set_policy policy", one[string](r, `SELECT action || ' ' || subject FROM audit WHERE actor_id = $1 ORDER BY id DESC LIMIT 1`, r.coordinator.ID))

	step, err := r.Next(t.Context(), sent.ReferralID, monday)
	require.NoError(t, err)
	assert.Equal(t, monday.Add(10*time.Second), step.Due.UTC())
	after := r.referral(sent.ReferralID)
	assert.Equal(t, step.Due.UTC(), after.Step.Due.UTC(), "the record shows the new due time")
	assert.True(t, after.Step.Due.Before(before.Step.Due))
	assert.Equal(t, before.Version, after.Version, "nothing has happened to the referral")
	r.watchNothing(func() {
		again, err := r.Next(t.Context(), sent.ReferralID, monday)
		require.NoError(t, err)
		assert.Equal(t, step.Due.UTC(), again.Due.UTC())
	})
	assert.Equal(t, "standard", must(r.Policy(t.Context(), elsewhere.organisation)).Name)
	assert.Equal(t, referral.Remind, elsewhere.referral(other.ReferralID).Step.Do)
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestABadPolicyChangesNothing(t *testing.T) {
	t.Parallel()
	r := open(t)
	r.at(referral.Sent)
	p := referral.Standard()
	p.Routine.Lapse = referral.Wait{N: 0, Unit: "h"}
	r.watchNothing(func() {
		assert.Equal(t, referral.CodeInvalid, referral.CodeOf(r.SetPolicy(t.Context(), r.coordinator, p)))
	})
	assert.Equal(t, "standard", must(r.Policy(t.Context(), r.organisation)).Name)
}

// Of policies that are set at once each is kept, or refused as a conflict; the last one kept is in force.
func TestPoliciesAtOnce(t *testing.T) {
	t.Parallel()
	r := open(t)
	said := atOnce(10, map[string]func(int) error{"set": func(i int) error {
		p := referral.Standard()
		p.LinkDays = 10 + i
		return r.SetPolicy(context.Background(), r.coordinator, p)
	}})
	kept := 0
	for _, err := range said["set"] {
		if err == nil {
			kept++
		} else {
			assert.Equal(t, referral.CodeConflict, referral.CodeOf(err))
		}
	}
	assert.NotZero(t, kept)
	assert.Equal(t, kept, one[int](r, `SELECT max(version) FROM policies`))
	assert.Equal(t, kept, one[int](r, `SELECT count(*) FROM policies`))
}

// A policy waits for nobody's work on a referral, nor does anyone's work wait for it.
func TestAPolicyDoesNotWaitForAReferral(t *testing.T) {
	t.Parallel()
	r := open(t)
	s := r.at(referral.Sent)
	tx, err := r.db.BeginTxx(t.Context(), nil)
	require.NoError(t, err)
	defer tx.Rollback() //nolint:errcheck // nothing was written
	_, err = db.LockRecord(t.Context(), tx, s.ReferralID)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	require.NoError(t, r.SetPolicy(ctx, r.coordinator, referral.Demo()))
}

// A referral that is opened while a policy is being set has the new one, though it was not there yet to be told of it.
func TestAReferralOpenedWhileThePolicyChanges(t *testing.T) {
	t.Parallel()
	r := open(t)
	draft := r.at("draft")
	yes := agreed()
	var opened casework.Referral
	var taken casework.Intake
	r.behindRow("organisations", r.organisation,
		func() { assert.NoError(t, r.SetPolicy(context.Background(), r.coordinator, referral.Demo())) },
		func() {
			var err error
			opened, err = r.Do(context.Background(), r.navigator, draft.ReferralID, casework.CommandInput{Do: referral.OpenDraft, Consent: &yes}, nil)
			assert.NoError(t, err)
		},
		func() {
			in := casework.IntakeInput{Case: ana(), Referral: food(r.services[0])}
			in.Referral.Draft = true
			var err error
			taken, err = r.Intake(context.Background(), r.navigator, in, nil)
			assert.NoError(t, err)
		})
	assert.Equal(t, referral.Open, opened.State)
	assert.Equal(t, monday.Add(30*time.Second), r.referral(taken.ReferralID).Step.Due.UTC(), "the new policy's time for a draft")
	set := one[int64](r, `SELECT id FROM audit WHERE action = 'set_policy'`)
	assert.Equal(t, []string{"open", "refer"}, all[string](r, `SELECT action FROM audit WHERE id > $1 AND action <> 'view' ORDER BY action`, set), "both came after it")
}

// Next of a referral that does not exist tells the workflow so.
func TestNextOfNothing(t *testing.T) {
	t.Parallel()
	r := open(t)
	_, err := r.Next(t.Context(), uuid.New(), monday)
	assert.Equal(t, referral.CodeNotFound, referral.CodeOf(err))
	_, err = r.Run(t.Context(), uuid.New(), referral.Step{Do: referral.Remind}, monday)
	assert.Equal(t, referral.CodeNotFound, referral.CodeOf(err))
}
