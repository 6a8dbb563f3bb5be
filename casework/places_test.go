package casework_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"throughline/casework"
	"throughline/internal/seal/sealtest"
	"throughline/referral"
)

// within makes someone of a region or a partner organisation.
func (r *room) within(name string, role referral.Role, region, partner string) casework.Actor {
	r.t.Helper()
	a, err := r.AddAccountIn(r.t.Context(), r.organisation, uuid.NewString()+"@helpline.example", name, role, "en", password,
		casework.Belongs{Region: region, Partner: partner})
	require.NoError(r.t, err)
	return a.Actor(casework.ViaPage)
}

func (r *room) intakeBy(who casework.Actor, restricted string) casework.Intake {
	r.t.Helper()
	c := ana()
	c.Restricted = restricted
	in, err := r.Intake(r.t.Context(), who, casework.IntakeInput{Case: c, Referral: food(r.services...)}, nil)
	require.NoError(r.t, err)
	return in
}

// finds holds every way in which someone could see a case: by its id, in lists, and in the queue.
func (r *room) finds(who casework.Actor, in casework.Intake, want bool) {
	r.t.Helper()
	ctx := r.t.Context()
	missing := scene{Intake: casework.Intake{CaseID: uuid.New(), ReferralID: uuid.New()}, offer: uuid.New(), task: uuid.New()}
	absent := r.methods(who, missing)
	_, _, err := r.Case(ctx, who, in.CaseID)
	_, rerr := r.Referral(ctx, who, in.ReferralID)
	_, terr := r.Timeline(ctx, who, in.ReferralID)
	if want {
		require.NoError(r.t, err)
		require.NoError(r.t, rerr)
		require.NoError(r.t, terr)
	} else {
		assert.Equal(r.t, absent["Case"](), err)
		assert.Equal(r.t, absent["Referral"](), rerr)
		assert.Equal(r.t, absent["Timeline"](), terr)
		s := scene{Intake: in, offer: one[uuid.UUID](r, `SELECT id FROM offers WHERE referral_id = $1 LIMIT 1`, in.ReferralID)}
		for name, call := range r.methods(who, s) {
			if name != "Task" {
				assert.Equal(r.t, absent[name](), call(), name)
			}
		}
	}
	cases, err := r.Cases(ctx, who, 100)
	require.NoError(r.t, err)
	found, err := r.FindCases(ctx, who, in.Reference)
	require.NoError(r.t, err)
	queue, total, err := r.Queue(ctx, who, casework.QueueFilter{})
	require.NoError(r.t, err)
	inQueue, inCases := false, false
	for _, q := range queue {
		inQueue = inQueue || q.ID == in.ReferralID
	}
	for _, c := range cases {
		inCases = inCases || c.ID == in.CaseID
	}
	assert.Equal(r.t, want, inQueue, "in the queue")
	assert.Equal(r.t, want, inCases, "among the cases")
	assert.Equal(r.t, want, len(found) == 1, "by its reference")
	assert.Len(r.t, queue, total, "the count tells of nothing that is hidden")
}

func TestWhoSeesWhoseCases(t *testing.T) {
	t.Parallel()
	r := open(t)
	north, south := r.within("Nia", referral.Navigator, "North", ""), r.within("Sam", referral.Navigator, "South", "")
	north2 := r.within("Nils", referral.Coordinator, "north", "") // the same region, however it is written
	pat, pia := r.within("Pat", referral.Partner, "", "Legal clinic"), r.within("Pia", referral.Partner, "", "Legal clinic")
	other := r.within("Otto", referral.Partner, "", "Food bank")
	alone, alone2 := r.within("Ann", referral.Partner, "", ""), r.within("Abe", referral.Partner, "", "")
	whole, norths, pats, anns := r.intake(r.services...), r.intakeBy(north, ""), r.intakeBy(pat, ""), r.intakeBy(alone, "")
	for _, c := range []struct {
		who  casework.Actor
		sees []casework.Intake
	}{
		{r.coordinator, []casework.Intake{whole, norths, pats, anns}},
		{north, []casework.Intake{norths}}, {north2, []casework.Intake{norths}}, {south, nil},
		{pat, []casework.Intake{pats}}, {pia, []casework.Intake{pats}}, {other, nil},
		{alone, []casework.Intake{anns}}, {alone2, nil},
	} {
		for _, in := range []casework.Intake{whole, norths, pats, anns} {
			want := false
			for _, s := range c.sees {
				want = want || s.CaseID == in.CaseID
			}
			r.finds(c.who, in, want)
		}
	}
	_, err := r.Do(t.Context(), r.coordinator, norths.ReferralID, casework.CommandInput{Do: referral.Reassign, PersonID: south.ID}, nil)
	refused(t, err, referral.CodeInvalid, "person_id")
	_, err = r.Do(t.Context(), r.coordinator, norths.ReferralID, casework.CommandInput{Do: referral.Reassign, PersonID: north2.ID}, nil)
	require.NoError(t, err)
}

// A restricted case is there for named people only, whoever else asks and however.
func TestRestrictedCasesAreForNamedPeople(t *testing.T) {
	t.Parallel()
	r := open(t)
	ctx := t.Context()
	supervisor := r.person(r.organisation, "Sacha", referral.Supervisor)
	in := r.intakeBy(r.navigator, "violence")
	open := r.intake(r.services...)
	r.finds(r.navigator, in, true)
	for _, who := range []casework.Actor{r.colleague, r.coordinator, supervisor} {
		r.finds(who, in, false)
		r.finds(who, open, true)
	}
	_, err := r.CasePeople(ctx, r.colleague, in.CaseID)
	_, missing := r.CasePeople(ctx, r.colleague, uuid.New())
	assert.Equal(t, missing, err, "the list is not there for others")
	_, err = r.CasePeople(ctx, supervisor, open.CaseID)
	assert.Equal(t, referral.CodeNotFound, referral.CodeOf(err), "a case that is not restricted has no list")

	people, err := r.CasePeople(ctx, supervisor, in.CaseID)
	require.NoError(t, err)
	require.Len(t, people.Named, 1)
	assert.False(t, people.Sees)
	require.NoError(t, r.NamePerson(ctx, supervisor, in.CaseID, r.colleague.ID))
	r.finds(r.colleague, in, true)
	refused(t, r.NamePerson(ctx, supervisor, in.CaseID, r.person(r.helpline("Another 211"), "Ola", referral.Navigator).ID), referral.CodeInvalid, "person_id")
	refused(t, r.UnnamePerson(ctx, supervisor, in.CaseID, r.navigator.ID), referral.CodeInvalid, "person_id") // carries the referral
	require.NoError(t, r.UnnamePerson(ctx, r.navigator, in.CaseID, r.colleague.ID))
	r.finds(r.colleague, in, false)

	refused(t, r.Restrict(ctx, r.navigator, in.CaseID, "secret"), referral.CodeInvalid, "restricted")
	require.NoError(t, r.Restrict(ctx, r.navigator, in.CaseID, ""))
	r.finds(r.coordinator, in, true)
	require.NoError(t, r.Restrict(ctx, r.coordinator, in.CaseID, "staff"))
	r.finds(r.coordinator, in, true) // who closes a case is named
	r.finds(r.navigator, in, true)   // as is who opened it, and carries its referral
	r.finds(r.colleague, in, false)
	assert.Equal(t, []string{"restrict_case", "lift_restriction"}, all[string](r, `SELECT DISTINCT action FROM audit WHERE action LIKE '%restrict%' ORDER BY 1 DESC`))
}

// When someone leaves, whoever takes over a restricted case is named on it.
func TestTheHeirOfARestrictedCaseIsNamed(t *testing.T) {
	t.Parallel()
	r := open(t)
	in := r.intakeBy(r.navigator, "vip")
	email := one[string](r, `SELECT email FROM accounts WHERE id = $1`, r.navigator.ID)
	require.NoError(t, r.CloseAccount(t.Context(), email))
	r.finds(r.coordinator, in, true)
}

func TestBrokenGlass(t *testing.T) {
	t.Parallel()
	r := open(t)
	ctx := t.Context()
	supervisor, second := r.person(r.organisation, "Sacha", referral.Supervisor), r.person(r.organisation, "Sol", referral.Supervisor)
	in := r.intakeBy(r.navigator, "violence")
	behind := func(who casework.Actor, reference string) bool {
		there, err := r.Behind(ctx, who, reference)
		require.NoError(t, err)
		return there
	}
	assert.True(t, behind(supervisor, in.Reference))
	assert.True(t, behind(r.coordinator, " "+in.Reference[2:6]+in.Reference) == false, "only the whole reference")
	assert.False(t, behind(supervisor, in.Reference[:8]))
	assert.False(t, behind(r.navigator, in.Reference), "who is named finds the case itself")
	assert.False(t, behind(r.person(r.helpline("Another 211"), "Ola", referral.Supervisor), in.Reference))
	assert.False(t, behind(r.within("Sam", referral.Coordinator, "South", ""), in.Reference), "another region's is out of reach")
	assert.False(t, behind(r.within("Pat", referral.Partner, "", ""), in.Reference))

	_, err := r.BreakGlass(ctx, supervisor, in.Reference, " ")
	refused(t, err, referral.CodeInvalid, "why")
	_, err = r.BreakGlass(ctx, supervisor, "C-0000-0000", "a reason")
	refused(t, err, referral.CodeNotFound, "")
	id, err := r.BreakGlass(ctx, supervisor, in.Reference, "he is on the line")
	require.NoError(t, err)
	assert.Equal(t, in.CaseID, id)
	r.finds(supervisor, in, true)
	r.finds(second, in, false)
	assert.Equal(t, 1, one[int](r, `SELECT count(*) FROM audit WHERE action = 'break_glass' AND subject_id = $1 AND actor_id = $2`, id, supervisor.ID))
	r.clock.Advance(59 * time.Minute)
	r.finds(supervisor, in, true)
	r.clock.Advance(time.Minute)
	r.finds(supervisor, in, false)

	list, err := r.GlassToReview(ctx, supervisor)
	require.NoError(t, err)
	require.Len(t, list, 1)
	assert.True(t, list[0].Mine)
	refused(t, r.ReviewGlass(ctx, supervisor, list[0].ID, "justified", ""), referral.CodeForbidden, "")
	refused(t, r.ReviewGlass(ctx, r.navigator, list[0].ID, "justified", ""), referral.CodeForbidden, "")
	refused(t, r.ReviewGlass(ctx, second, list[0].ID, "perhaps", ""), referral.CodeInvalid, "decision")
	refused(t, r.ReviewGlass(ctx, second, uuid.New(), "justified", ""), referral.CodeNotFound, "")
	require.NoError(t, r.ReviewGlass(ctx, second, list[0].ID, "justified", "it was right"))
	refused(t, r.ReviewGlass(ctx, second, list[0].ID, "not_justified", ""), referral.CodeConflict, "")
	list, err = r.GlassToReview(ctx, second)
	require.NoError(t, err)
	assert.Empty(t, list)
}

// The desk holds the limits by itself, where the database does not: here as its owner, who is past row-level security.
func TestTheDeskHoldsTheLimitsByItself(t *testing.T) {
	t.Parallel()
	r := open(t)
	desk := casework.New(r.db, r.clock, sealtest.Keyring(), nil)
	north, pat := r.within("Nia", referral.Navigator, "North", ""), r.within("Pat", referral.Partner, "", "Legal clinic")
	whole, hidden := r.intake(r.services...), r.intakeBy(r.navigator, "violence")
	for _, c := range []struct {
		who casework.Actor
		in  casework.Intake
	}{{north, whole}, {pat, whole}, {r.coordinator, hidden}, {r.person(r.helpline("Another 211"), "Ola", referral.Coordinator), whole}} {
		_, _, err := desk.Case(t.Context(), c.who, c.in.CaseID)
		assert.Equal(t, referral.CodeNotFound, referral.CodeOf(err), "%s", c.who.Name)
		_, err = desk.Referral(t.Context(), c.who, c.in.ReferralID)
		assert.Equal(t, referral.CodeNotFound, referral.CodeOf(err), "%s", c.who.Name)
		_, err = desk.Timeline(t.Context(), c.who, c.in.ReferralID)
		assert.Equal(t, referral.CodeNotFound, referral.CodeOf(err), "%s", c.who.Name)
		_, err = desk.Do(t.Context(), c.who, c.in.ReferralID, casework.CommandInput{Do: referral.Withdraw, Reason: "moved"}, nil)
		assert.Equal(t, referral.CodeNotFound, referral.CodeOf(err), "%s", c.who.Name)
		in := food(r.services...)
		in.CaseID = c.in.CaseID
		_, err = desk.Refer(t.Context(), c.who, in, nil)
		refused(t, err, referral.CodeNotFound, "case_id")
	}
	_, err := desk.AccessReport(t.Context(), r.person(r.organisation, "Sacha", referral.Supervisor), hidden.CaseID)
	assert.Equal(t, referral.CodeNotFound, referral.CodeOf(err), "a supervisor keeps the list of a restricted case and does not read it")
}

// Another role takes along neither whom one referred for nor work that it does not let one see.
func TestAnotherRoleLeavesThePartnerAndTheWorkBehind(t *testing.T) {
	t.Parallel()
	r := open(t)
	ctx, admin := t.Context(), r.person(r.organisation, "Ada", referral.Admin)
	pat := r.within("Pat", referral.Partner, "", "Legal clinic")
	require.NoError(t, r.ChangeRole(ctx, admin, pat.ID, referral.Navigator))
	assert.Empty(t, one[string](r, `SELECT partner FROM accounts WHERE id = $1`, pat.ID))

	others := r.intake(r.services...)
	_, err := r.Do(ctx, r.coordinator, others.ReferralID, casework.CommandInput{Do: referral.Reassign, PersonID: pat.ID}, nil)
	require.NoError(t, err)
	require.NoError(t, r.ChangeRole(ctx, admin, pat.ID, referral.Partner))
	assert.Equal(t, r.coordinator.ID, r.referral(others.ReferralID).OwnerID, "a partner does not see it")
}

// Someone who is to work for another region must sign in again, sees what is there and no more, and keeps no work that they
// can't see.
func TestSomeoneWorksElsewhere(t *testing.T) {
	t.Parallel()
	r := open(t)
	ctx := t.Context()
	boss := r.boss("ada@helpline.example").Actor(casework.ViaPage)
	north := r.within("Ola", referral.Navigator, "North", "")
	r.within("Nel", referral.Navigator, "South", "")
	of := func(id uuid.UUID) casework.Actor { // as the next sign-in will find them
		p, err := r.Person(ctx, boss, id)
		require.NoError(t, err)
		return p.Actor(casework.ViaPage)
	}
	in := r.intakeBy(r.navigator, "")
	r.finds(of(r.navigator.ID), in, true)

	require.NoError(t, r.ChangePlace(ctx, boss, r.navigator.ID, casework.Belongs{Region: " north "}))
	p, err := r.Person(ctx, boss, r.navigator.ID)
	require.NoError(t, err)
	assert.Equal(t, "North", p.RegionName)
	assert.Equal(t, north.Region, p.Region, "a name in any case is the same region")
	r.finds(of(r.navigator.ID), in, false)
	got, err := r.Referral(ctx, r.coordinator, in.ReferralID)
	require.NoError(t, err)
	assert.Equal(t, r.coordinator.ID, got.OwnerID, "what they no longer see is another's work")

	require.NoError(t, r.ChangePlace(ctx, boss, r.navigator.ID, casework.Belongs{Region: "NORTH"}), "nothing changes")
	require.NoError(t, r.ChangePlace(ctx, boss, r.navigator.ID, casework.Belongs{}))
	r.finds(of(r.navigator.ID), in, true)
	names, err := r.Regions(ctx, boss)
	require.NoError(t, err)
	assert.Equal(t, []string{"North", "South"}, names)
	assert.Equal(t, 2, one[int](r, `SELECT count(*) FROM audit WHERE action = 'change_place' AND subject_id = $1 AND actor_id = $2`,
		r.navigator.ID, boss.ID))

	partner := r.within("Pat", referral.Partner, "", "Clinic")
	theirs := r.intakeBy(partner, "")
	require.NoError(t, r.ChangePlace(ctx, boss, partner.ID, casework.Belongs{Partner: "Shelter"}))
	got, err = r.Referral(ctx, r.coordinator, theirs.ReferralID)
	require.NoError(t, err)
	assert.Equal(t, r.coordinator.ID, got.OwnerID)

	refused(t, r.ChangePlace(ctx, boss, r.navigator.ID, casework.Belongs{Partner: "Clinic"}), referral.CodeInvalid, "partner")
	refused(t, r.ChangePlace(ctx, boss, r.navigator.ID, casework.Belongs{Region: strings.Repeat("x", 1000)}), referral.CodeInvalid, "region")
	refused(t, r.ChangePlace(ctx, boss, uuid.New(), casework.Belongs{}), referral.CodeNotFound, "")
	refused(t, r.ChangePlace(ctx, r.coordinator, r.navigator.ID, casework.Belongs{}), referral.CodeForbidden, "")
	_, err = r.Regions(ctx, r.coordinator)
	refused(t, err, referral.CodeForbidden, "")
	_, err = r.Invite(ctx, boss, casework.NewColleague{Email: "x@helpline.example", Name: "X", Role: referral.Navigator, Belongs: casework.Belongs{Partner: "Clinic"}})
	refused(t, err, referral.CodeInvalid, "partner")
	id, err := r.Invite(ctx, boss, casework.NewColleague{Email: "x@helpline.example", Name: "X", Role: referral.Partner, Belongs: casework.Belongs{Region: "South", Partner: "Clinic"}})
	require.NoError(t, err)
	p, err = r.Person(ctx, boss, id)
	require.NoError(t, err)
	assert.Equal(t, [2]string{"South", "Clinic"}, [2]string{p.RegionName, p.Partner})
}
