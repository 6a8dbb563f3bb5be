package casework_test

import (
	"flag"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"throughline/casework"
	"throughline/referral"
)

var update = flag.Bool("update", false, "write docs/roles.md anew")

func TestRolesPageIsMadeFromTheTable(t *testing.T) {
	t.Parallel()
	const file = "../docs/roles.md"
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(casework.RolesMarkdown()), 0o644))
	}
	got, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, casework.RolesMarkdown(), string(got), "go test ./casework -run RolesPage -update")
}

// What a role may not do must follow from the table, and not from who happened to be asked.
func TestTheTableSaysWhoMayDoWhat(t *testing.T) {
	t.Parallel()
	seen := map[casework.Permission]bool{}
	for _, g := range casework.Grants {
		assert.False(t, seen[g.Permission], "%s stands there twice", g.Permission)
		seen[g.Permission] = true
		assert.True(t, strings.HasSuffix(g.Reason, ".") && len(g.Reason) > 40, "%s has no reason", g.Permission)
		for _, role := range append(slices.Clone(referral.AccountRoles), referral.System, referral.Agency, referral.Client) {
			assert.Equal(t, slices.Contains(g.Roles, role), casework.May(role, g.Permission), "%s %s", role, g.Permission)
		}
		assert.False(t, slices.Contains(g.Roles, referral.Coordinator) && !slices.Contains(g.Roles, referral.Supervisor),
			"a supervisor can do all that a coordinator can: %s", g.Permission)
	}
	for _, role := range []referral.Role{referral.DataEditor, referral.Auditor, referral.Admin} {
		assert.False(t, casework.May(role, casework.SeeCases), "%s", role)
	}
}

// Every method that staff call is refused to a role without its permission, before anything is looked up.
func TestRolesWithoutCasesAreRefusedEverywhere(t *testing.T) {
	t.Parallel()
	r := open(t)
	s := r.at(referral.InfoRequested)
	r.tick(s.ReferralID)
	s.task = r.holding(s.ReferralID, referral.AnswerAgency)[0].ID
	for _, role := range []referral.Role{referral.DataEditor, referral.Auditor, referral.Admin} {
		who := r.person(r.organisation, "Alex", role)
		before := r.contents()
		for name, call := range r.methods(who, s) {
			assert.Equal(t, referral.CodeForbidden, referral.CodeOf(call()), "%s of %s", name, role)
		}
		_, _, err := r.Queue(t.Context(), who, casework.QueueFilter{})
		assert.Equal(t, referral.CodeForbidden, referral.CodeOf(err))
		_, err = r.OpenCase(t.Context(), who, ana(), nil)
		assert.Equal(t, referral.CodeForbidden, referral.CodeOf(err))
		assert.Equal(t, before, r.contents(), "nothing was written")
	}
}

// A supervisor can do all that a coordinator can, and a partner carries its own referrals as a navigator does.
func TestSupervisorsAndPartnersCarryReferrals(t *testing.T) {
	t.Parallel()
	r := open(t)
	supervisor := r.person(r.organisation, "Sacha", referral.Supervisor)
	in := r.intake(r.services...)
	r.tick(in.ReferralID)
	_, err := r.Do(t.Context(), supervisor, in.ReferralID, casework.CommandInput{Do: referral.Withdraw, Reason: "moved"}, nil)
	require.NoError(t, err)

	partner := r.person(r.organisation, "Pat", referral.Partner)
	own, err := r.Intake(t.Context(), partner, casework.IntakeInput{Case: ana(), Referral: food(r.services...)}, nil)
	require.NoError(t, err)
	_, err = r.Do(t.Context(), partner, own.ReferralID, casework.CommandInput{Do: referral.Withdraw, Reason: "moved"}, nil)
	require.NoError(t, err)
	assert.Equal(t, referral.Closed, r.referral(own.ReferralID).State, "the helpline sees a partner's case")
}
