package casework_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"throughline/casework"
	"throughline/referral"
)

// An auditor may print who looked at a case, of a restricted one too, and learns nobody's name by it: the client's is on the
// report that a supervisor prints, who sees the case.
func TestAnAuditorsReportNamesNobody(t *testing.T) {
	t.Parallel()
	r := open(t)
	supervisor, auditor := r.person(r.organisation, "Sacha", referral.Supervisor), r.person(r.organisation, "Otto", referral.Auditor)
	for _, in := range []casework.Intake{r.intakeBy(r.navigator, ""), r.intakeBy(r.navigator, "violence")} {
		report, err := r.AccessReport(t.Context(), auditor, in.CaseID)
		require.NoError(t, err)
		assert.Empty(t, report.Name)
		assert.Equal(t, in.Reference, report.Reference)
		assert.NotEmpty(t, report.Lines)
	}
	report, err := r.AccessReport(t.Context(), supervisor, r.intakeBy(r.navigator, "").CaseID)
	require.NoError(t, err)
	assert.Equal(t, "Ana Canary", report.Name)
}
