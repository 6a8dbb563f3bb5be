package casework_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"throughline/casework"
	"throughline/referral"
)

// Tries that were refused tell as much as looks: at one's own family name, at night, and again and again.
func TestRefusedTriesAreUnusual(t *testing.T) {
	t.Parallel()
	r := open(t)
	auditor := r.person(r.organisation, "Odile", referral.Auditor)
	kin := r.person(r.organisation, "Kim Canary", referral.Navigator)
	in := r.intakeBy(r.navigator, "violence")
	unusual := func() (list []casework.Unusual) {
		t.Helper()
		list, err := r.UnusualAccess(t.Context(), auditor, false)
		require.NoError(t, err)
		return list
	}
	assert.Empty(t, unusual())
	for range 4 {
		require.NoError(t, r.OutOfReach(t.Context(), kin, in.CaseID))
	}
	list := unusual()
	require.Len(t, list, 1, "four are mistakes")
	assert.Equal(t, []any{casework.OwnNameTried, kin.ID, []string{in.Reference}}, []any{list[0].Oddity, list[0].Person, list[0].References})

	require.NoError(t, r.Refused(t.Context(), kin, casework.HoldCases))
	list = unusual()
	require.Len(t, list, 2)
	for _, u := range list {
		if u.Oddity == casework.ManyRefused {
			assert.Equal(t, []any{5, []string{in.Reference}}, []any{u.Tries, u.References}, "what names no case counts too")
		} else {
			assert.Equal(t, casework.OwnNameTried, u.Oddity)
		}
	}

	r.clock.Advance(12 * time.Hour) // ten at night
	require.NoError(t, r.OutOfReach(t.Context(), r.colleague, in.CaseID))
	list = unusual()
	require.Len(t, list, 3)
	assert.Equal(t, []any{casework.AfterHours, r.colleague.ID}, []any{list[0].Oddity, list[0].Person}, "the newest first")

	_, err := r.BreakGlass(t.Context(), kin, in.Reference, "she is on the line")
	require.NoError(t, err)
	_, _, err = r.Case(t.Context(), kin, in.CaseID)
	require.NoError(t, err)
	var said []casework.Oddity
	for _, u := range unusual() {
		said = append(said, u.Oddity)
	}
	assert.Contains(t, said, casework.OwnName, "who was refused and then looked has looked")
	assert.NotContains(t, said, casework.OwnNameTried)
}
