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

// behindGlass has someone open a restricted case that they are not named on.
func (r *room) behindGlass(who casework.Actor, reference string) {
	r.t.Helper()
	_, err := r.BreakGlass(r.t.Context(), who, reference, "he is on the line")
	require.NoError(r.t, err)
}

// Broken glass shows a case for an hour: whatever is done meanwhile, by whatever role, nobody sees it after that who is not
// named by someone who is.
func TestBrokenGlassGivesNothingThatLasts(t *testing.T) {
	t.Parallel()
	r := open(t)
	ctx := t.Context()
	supervisor := r.person(r.organisation, "Sacha", referral.Supervisor)
	in := r.intakeBy(r.navigator, "violence")
	for _, who := range []casework.Actor{r.colleague, r.coordinator, supervisor} {
		r.behindGlass(who, in.Reference)
		for _, kind := range []string{"vip", "violence", ""} {
			refused(t, r.Restrict(ctx, who, in.CaseID, kind), referral.CodeForbidden, "not_named")
		}
		for _, draft := range []bool{true, false} {
			more := food(r.services[0])
			if more.CaseID = in.CaseID; draft {
				more.Draft, more.Consent = true, casework.ConsentInput{}
			}
			got, err := r.Refer(ctx, who, more, nil)
			require.NoError(t, err)
			assert.Equal(t, r.navigator.ID, got.OwnerID, "someone carries it on who goes on seeing it")
		}
		_, err := r.Do(ctx, who, in.ReferralID, casework.CommandInput{Do: referral.Reassign, PersonID: who.ID}, nil)
		refused(t, err, referral.CodeInvalid, "person_id")
	}
	assert.Equal(t, []uuid.UUID{r.navigator.ID}, all[uuid.UUID](r, `SELECT account_id FROM case_people WHERE case_id = $1`, in.CaseID))
	r.clock.Advance(61 * time.Minute)
	for _, who := range []casework.Actor{r.colleague, r.coordinator, supervisor} {
		r.finds(who, in, false)
	}
	require.NoError(t, r.Restrict(ctx, r.navigator, in.CaseID, "vip"), "who is named may say another reason")
	assert.Len(t, all[uuid.UUID](r, `SELECT account_id FROM case_people WHERE case_id = $1`, in.CaseID), 1)
	require.NoError(t, r.NamePerson(ctx, r.navigator, in.CaseID, supervisor.ID))
	require.NoError(t, r.Restrict(ctx, supervisor, in.CaseID, ""), "and a supervisor who is named may open it again")
}

// Who opened a case and was taken off its list is no better off behind glass than anyone else, and where nobody is named
// nobody could carry a referral on.
func TestWhoIsOffTheListStaysOff(t *testing.T) {
	t.Parallel()
	r := open(t)
	ctx := t.Context()
	c, err := r.OpenCase(ctx, r.navigator, casework.CaseInput{Name: "Ana Canary", Restricted: "staff"}, nil)
	require.NoError(t, err)
	require.NoError(t, r.UnnamePerson(ctx, r.navigator, c.ID, r.navigator.ID))
	_, _, err = r.Case(ctx, r.navigator, c.ID)
	refused(t, err, referral.CodeNotFound, "")
	r.behindGlass(r.navigator, c.Reference)
	seen, _, err := r.Case(ctx, r.navigator, c.ID)
	require.NoError(t, err)
	assert.True(t, seen.ByGlass)
	_, err = r.CasePeople(ctx, r.navigator, c.ID)
	refused(t, err, referral.CodeNotFound, "")
	refused(t, r.NamePerson(ctx, r.navigator, c.ID, r.navigator.ID), referral.CodeNotFound, "")
	refused(t, r.Restrict(ctx, r.navigator, c.ID, ""), referral.CodeForbidden, "not_named")
	more := food(r.services[0])
	more.CaseID = c.ID
	_, err = r.Refer(ctx, r.navigator, more, nil)
	refused(t, err, referral.CodeConflict, "nobody_named")
	r.clock.Advance(61 * time.Minute)
	_, _, err = r.Case(ctx, r.navigator, c.ID)
	refused(t, err, referral.CodeNotFound, "")
}

// Who may name people without reading a case can't name themselves, and the audit says who was named and who was taken off.
func TestNobodyNamesThemselves(t *testing.T) {
	t.Parallel()
	r := open(t)
	ctx := t.Context()
	supervisor, auditor := r.person(r.organisation, "Sacha", referral.Supervisor), r.person(r.organisation, "Otto", referral.Auditor)
	in := r.intakeBy(r.navigator, "violence")
	people, err := r.CasePeople(ctx, supervisor, in.CaseID)
	require.NoError(t, err)
	offered := map[uuid.UUID]bool{}
	for _, p := range people.Others {
		offered[p.ID] = true
	}
	assert.Equal(t, map[uuid.UUID]bool{r.colleague.ID: true, r.coordinator.ID: true}, offered)
	refused(t, r.NamePerson(ctx, supervisor, in.CaseID, supervisor.ID), referral.CodeInvalid, "person_id")
	r.behindGlass(supervisor, in.Reference)
	refused(t, r.NamePerson(ctx, supervisor, in.CaseID, supervisor.ID), referral.CodeInvalid, "person_id")
	r.clock.Advance(61 * time.Minute)
	r.finds(supervisor, in, false)

	require.NoError(t, r.NamePerson(ctx, supervisor, in.CaseID, r.colleague.ID))
	require.NoError(t, r.UnnamePerson(ctx, supervisor, in.CaseID, r.colleague.ID))
	require.NoError(t, r.CloseAccount(ctx, one[string](r, `SELECT email FROM accounts WHERE id = $1`, r.navigator.ID)))
	_, trail, err := r.AuditOfCase(ctx, auditor, in.CaseID, casework.TrailQuery{})
	require.NoError(t, err)
	var said [][3]string
	for _, e := range trail {
		if e.Why == "person" {
			said = append(said, [3]string{e.Action, e.ActorName, e.WhyName})
		}
	}
	heir := one[string](r, `SELECT a.name FROM referrals f JOIN accounts a ON a.id = f.owner_id WHERE f.id = $1`, in.ReferralID)
	assert.Equal(t, [][3]string{{"name_person", "", heir}, {"unname_person", "Sacha", "Kim"}, {"name_person", "Sacha", "Kim"}}, said,
		"the newest first; the system names who takes over")
}
