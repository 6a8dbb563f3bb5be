package casework_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"throughline/casework"
	"throughline/referral"
)

// Whatever is written of a case has it kept for its whole time again: the schedule does not begin with it, and what it has
// begun ends. One that nobody uses goes.
func TestTheScheduleErasesNoCaseInUse(t *testing.T) {
	t.Parallel()
	r := open(t)
	supervisor := r.person(r.organisation, "Sacha", referral.Supervisor)
	uses := map[string]func(id uuid.UUID){
		"it is set right": func(id uuid.UUID) {
			_, err := r.Correct(t.Context(), r.navigator, id, right(1, casework.CorrectionInput{Notes: new("canary corrected")}), nil)
			require.NoError(t, err)
		},
		"the client wants what is kept": func(id uuid.UUID) {
			_, err := r.AskExport(t.Context(), supervisor, id, "en")
			require.NoError(t, err)
		},
		"the client is referred, and that ends": func(id uuid.UUID) {
			again := food(r.services[0])
			again.CaseID = id
			out, err := r.Refer(t.Context(), r.navigator, again, nil)
			require.NoError(t, err)
			r.closed(casework.Intake{ReferralID: out.ID})
		},
		"it was held": func(id uuid.UUID) {
			require.NoError(t, r.HoldCase(t.Context(), supervisor, id, "a court asks"))
			require.NoError(t, r.LiftHold(t.Context(), supervisor, id))
		},
		"nobody": func(uuid.UUID) {},
	}
	used, begun := map[string]uuid.UUID{}, map[string]uuid.UUID{}
	for name := range uses {
		before, during := r.intake(r.services[0]), r.intake(r.services[0])
		r.closed(before)
		r.closed(during)
		used[name], begun[name] = before.CaseID, during.CaseID
	}
	r.clock.Advance(731 * day)
	for name, use := range uses {
		use(used[name])
	}
	_, err := r.Retain(t.Context(), r.organisation, r.clock.Now())
	require.NoError(t, err)
	waits := func(id uuid.UUID) int { return one[int](r, `SELECT count(*) FROM erasures WHERE case_id = $1`, id) }
	for name, use := range uses {
		assert.Equal(t, map[bool]int{true: 1}[name == "nobody"], waits(used[name]), "%s before the night", name)
		require.Equal(t, 1, waits(begun[name]))
		use(begun[name])
	}

	r.clock.Advance(7 * day)
	for _, id := range all[uuid.UUID](r, `SELECT id FROM erasures`) {
		_, _, err := r.Erase(t.Context(), id, r.clock.Now())
		require.NoError(t, err)
	}
	for name := range uses {
		want := map[string]string{"nobody": "erased", "it was held": "held"}[name]
		if want == "" {
			want = "not_due"
		}
		assert.Equal(t, want, one[string](r, `SELECT outcome FROM erasures WHERE case_id = $1`, begun[name]), "%s after the night", name)
		assert.Equal(t, name == "nobody", one[bool](r, `SELECT erased_at IS NOT NULL FROM cases WHERE id = $1`, begun[name]), name)
	}
	_, err = r.Retain(t.Context(), r.organisation, r.clock.Now())
	require.NoError(t, err)
	assert.Zero(t, one[int](r, `SELECT count(*) FROM erasures WHERE ended_at IS NULL`), "nor is it begun with again")
}

// What an administrator has kept for longer meanwhile is not erased either.
func TestTheScheduleErasesNothingThatIsKeptForLongerMeanwhile(t *testing.T) {
	t.Parallel()
	r := open(t)
	in := r.intake(r.services[0])
	r.closed(in)
	r.clock.Advance(731 * day)
	_, err := r.Retain(t.Context(), r.organisation, r.clock.Now())
	require.NoError(t, err)
	require.NoError(t, r.SetRetention(t.Context(), r.person(r.organisation, "Ada", referral.Admin), map[string]int{"closed_cases": 1000}))
	r.clock.Advance(7 * day)
	w, gone, err := r.Erase(t.Context(), one[uuid.UUID](r, `SELECT id FROM erasures`), r.clock.Now())
	require.NoError(t, err)
	assert.Zero(t, gone)
	assert.Equal(t, casework.Wait{Ended: true}, w)
	assert.Equal(t, "not_due", one[string](r, `SELECT outcome FROM erasures`))
}
