package casework_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"throughline/casework"
	"throughline/referral"
)

// A reason that was tampered with is left out and said to be so; it hides no other, and nobody is kept from the work that
// the list is for.
func TestOneDamagedReasonHidesNoOther(t *testing.T) {
	t.Parallel()
	r := open(t)
	r.damaged = true
	supervisor := r.person(r.organisation, "Sacha", referral.Supervisor)
	one, two := r.intake(r.services[0]), r.intake(r.services[1])
	damaged, whole := r.askedErasure(one), r.askedErasure(two)
	r.exec(`UPDATE erasures a SET reason = b.reason FROM erasures b WHERE a.id = $1 AND b.id = $2`, damaged, whole)
	list, err := r.Erasures(t.Context(), supervisor)
	require.NoError(t, err)
	require.Len(t, list, 2)
	for _, e := range list {
		assert.Equal(t, e.ID == damaged, e.Unreadable)
		assert.Equal(t, map[bool]string{false: "canary wants it gone"}[e.ID == damaged], e.Reason)
	}
	require.NoError(t, r.ApproveErasure(t.Context(), supervisor, damaged))

	require.NoError(t, r.HoldCase(t.Context(), supervisor, one.CaseID, "canary goes to court"))
	require.NoError(t, r.LiftHold(t.Context(), supervisor, one.CaseID))
	require.NoError(t, r.HoldCase(t.Context(), supervisor, one.CaseID, "canary complains"))
	r.exec(`UPDATE legal_holds SET reason = 'in the open' WHERE lifted_at IS NOT NULL`)
	k, err := r.Keeping(t.Context(), supervisor, one.CaseID)
	require.NoError(t, err)
	require.Len(t, k.Holds, 2)
	for _, h := range k.Holds {
		assert.Equal(t, h.LiftedAt != nil, h.Unreadable)
		assert.Equal(t, map[bool]string{true: "canary complains"}[h.LiftedAt == nil], h.Reason)
	}
	assert.True(t, k.Erasures[0].Unreadable)

	for _, in := range []casework.Intake{one, two} {
		require.NoError(t, r.Restrict(t.Context(), r.navigator, in.CaseID, "vip"))
		_, err := r.BreakGlass(t.Context(), r.colleague, in.Reference, "canary on the line")
		require.NoError(t, err)
	}
	r.exec(`UPDATE glass a SET reason = b.reason FROM glass b WHERE a.case_id = $1 AND b.case_id = $2`, one.CaseID, two.CaseID)
	glass, err := r.GlassToReview(t.Context(), supervisor)
	require.NoError(t, err)
	require.Len(t, glass, 2)
	for _, g := range glass {
		assert.Equal(t, g.Case == one.CaseID, g.Unreadable)
		assert.Equal(t, map[bool]string{true: "canary on the line"}[g.Case == two.CaseID], g.Reason)
	}
}
