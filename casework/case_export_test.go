package casework_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"throughline/casework"
	"throughline/referral"
)

// What a client is given names no colleague, says why the case was opened and was to be erased, and of a legal hold when
// it was and not why.
func TestWhatAClientIsGiven(t *testing.T) {
	t.Parallel()
	r := open(t)
	supervisor := r.person(r.organisation, "Sacha", referral.Supervisor)
	in, _ := r.told()
	require.NoError(t, r.Restrict(t.Context(), r.navigator, in.CaseID, "violence"))
	_, err := r.BreakGlass(t.Context(), r.colleague, in.Reference, "canary on the line")
	require.NoError(t, err)
	waiting, err := r.GlassToReview(t.Context(), supervisor)
	require.NoError(t, err)
	require.NoError(t, r.ReviewGlass(t.Context(), supervisor, waiting[0].ID, "justified", "canary it was"))
	require.NoError(t, r.Restrict(t.Context(), r.navigator, in.CaseID, ""))
	require.NoError(t, r.HoldCase(t.Context(), supervisor, in.CaseID, "canary goes to court"))
	require.NoError(t, r.LiftHold(t.Context(), supervisor, in.CaseID))
	require.NoError(t, r.CallOffErasure(t.Context(), r.navigator, r.askedErasure(in)))

	given, raw, _, err := r.FetchExport(t.Context(), supervisor, r.exported(supervisor, in.CaseID), casework.ExportData)
	require.NoError(t, err)
	require.NotEmpty(t, given.Referrals)
	require.NotEmpty(t, given.Referrals[0].Consents)
	for _, name := range all[string](r, `SELECT name FROM accounts`) {
		assert.NotContains(t, string(raw), name, "a colleague's name")
	}
	for _, why := range []string{"canary on the line", "canary it was", "canary wants it gone"} {
		assert.Contains(t, string(raw), why)
	}
	assert.NotContains(t, string(raw), "canary goes to court", "which may be someone else's to tell")
	require.Len(t, given.Holds, 1)
	assert.NotNil(t, given.Holds[0].LiftedAt)
	require.Len(t, given.Openings, 1)
	assert.Equal(t, "justified", given.Openings[0].Decision)
	require.Len(t, given.Erasures, 1)
	assert.Equal(t, []string{casework.ClientRequest, "called_off"}, []string{given.Erasures[0].Cause, given.Erasures[0].Outcome})

	var fields map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(raw, &fields))
	for _, field := range []string{"schema", "made_at", "helpline", "helpline_phone", "time_zone", "case", "referrals", "corrections", "openings", "erasures", "holds", "letters", "access"} {
		assert.Contains(t, fields, field, "as docs/retention.md says")
		delete(fields, field)
	}
	assert.Empty(t, fields, "docs/retention.md says nothing of these")
}
