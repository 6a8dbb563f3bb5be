package casework_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"throughline/casework"
	"throughline/referral"
)

// waiting is what each of some people finds to be looked at, and is told of.
func (r *room) waiting(who ...casework.Actor) (found, told []int) {
	r.t.Helper()
	for _, w := range who {
		list, err := r.GlassToReview(r.t.Context(), w)
		require.NoError(r.t, err)
		n, err := r.GlassWaiting(r.t.Context(), w)
		require.NoError(r.t, err)
		found, told = append(found, len(list)), append(told, n)
	}
	return found, told
}

// Broken glass is a supervisor's to look at for three days, and a coordinator's too after that: it does not wait for ever.
func TestBrokenGlassIsLookedAtInTime(t *testing.T) {
	t.Parallel()
	r := open(t)
	ctx := t.Context()
	supervisor, second := r.person(r.organisation, "Sacha", referral.Supervisor), r.person(r.organisation, "Sol", referral.Supervisor)
	in := r.intakeBy(r.navigator, "violence")
	r.behindGlass(supervisor, in.Reference)
	glass := one[uuid.UUID](r, `SELECT id FROM glass`)
	found, told := r.waiting(supervisor, second, r.coordinator)
	assert.Equal(t, []int{1, 1, 0}, found, "who opened it sees that it waits")
	assert.Equal(t, []int{0, 1, 0}, told)
	n, err := r.GlassWaiting(ctx, r.navigator)
	require.NoError(t, err)
	assert.Zero(t, n)
	refused(t, r.ReviewGlass(ctx, r.coordinator, glass, "justified", ""), referral.CodeNotFound, "")
	list, err := r.GlassToReview(ctx, second)
	require.NoError(t, err)
	assert.Equal(t, monday.AddDate(0, 0, 3), list[0].Due().UTC())

	r.clock.Advance(72 * time.Hour)
	refused(t, r.ReviewGlass(ctx, r.coordinator, glass, "justified", ""), referral.CodeNotFound, "")
	r.clock.Advance(time.Second)
	found, told = r.waiting(supervisor, second, r.coordinator)
	assert.Equal(t, [2][]int{{1, 1, 1}, {0, 1, 1}}, [2][]int{found, told})
	refused(t, r.ReviewGlass(ctx, supervisor, glass, "justified", ""), referral.CodeForbidden, "")
	require.NoError(t, r.ReviewGlass(ctx, r.coordinator, glass, "justified", ""))
}

// Where there is no second supervisor who sees the case, a coordinator looks at it at once, and never at their own.
func TestACoordinatorLooksWhereThereIsNoSecondSupervisor(t *testing.T) {
	t.Parallel()
	r := open(t)
	ctx := t.Context()
	supervisor := r.person(r.organisation, "Sacha", referral.Supervisor)
	r.within("Sol", referral.Supervisor, "South", "") // who does not see the case
	r.person(r.helpline("Another 211"), "Sam", referral.Supervisor)
	south := r.within("Cleo", referral.Coordinator, "South", "")
	in := r.intakeBy(r.navigator, "violence")
	r.behindGlass(supervisor, in.Reference)
	r.behindGlass(r.coordinator, in.Reference)
	of := func(who casework.Actor) uuid.UUID {
		return one[uuid.UUID](r, `SELECT id FROM glass WHERE account_id = $1`, who.ID)
	}
	found, told := r.waiting(supervisor, r.coordinator, south)
	assert.Equal(t, [2][]int{{2, 1, 0}, {1, 1, 0}}, [2][]int{found, told}, "a supervisor is there to look at the coordinator's")
	refused(t, r.ReviewGlass(ctx, r.coordinator, of(r.coordinator), "justified", ""), referral.CodeNotFound, "")
	refused(t, r.ReviewGlass(ctx, south, of(supervisor), "justified", ""), referral.CodeNotFound, "")
	require.NoError(t, r.ReviewGlass(ctx, r.coordinator, of(supervisor), "not_justified", "there was time"))
	r.clock.Advance(73 * time.Hour)
	refused(t, r.ReviewGlass(ctx, r.coordinator, of(r.coordinator), "justified", ""), referral.CodeForbidden, "")
	require.NoError(t, r.ReviewGlass(ctx, supervisor, of(r.coordinator), "justified", ""))
}
