package casework_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"throughline/casework"
	"throughline/internal/seal/sealtest"
	"throughline/referral"
)

// listing is a method that lists things, what lets someone call it, and how it is called by whom.
type listing struct {
	permission casework.Permission
	role       referral.Role // who calls it: of region North, where cases are listed
	call       func(d *casework.Desk, who casework.Actor) (any, error)
}

// lists are all methods that hand out a list to somebody with an account.
func (r *room) lists(seen, hidden casework.Intake) map[string]listing {
	ctx := r.t.Context()
	cases := func(call func(d *casework.Desk, who casework.Actor) (any, error)) listing {
		return listing{casework.SeeCases, referral.Supervisor, call}
	}
	audit := func(call func(d *casework.Desk, who casework.Actor) (any, error)) listing {
		return listing{casework.ReadAudit, referral.Auditor, call}
	}
	return map[string]listing{
		"Queue": cases(func(d *casework.Desk, who casework.Actor) (any, error) {
			open, total, err := d.Queue(ctx, who, casework.QueueFilter{})
			if err == nil {
				assert.Len(r.t, open, total, "the count tells of nothing that is hidden")
				_, total, err = d.Queue(ctx, who, casework.QueueFilter{Offset: 1000})
				assert.Len(r.t, open, total, "nor behind the last page")
			}
			return open, err
		}),
		"Tasks": cases(func(d *casework.Desk, who casework.Actor) (any, error) {
			open, total, err := d.Tasks(ctx, who, casework.TaskFilter{})
			if err == nil {
				assert.Len(r.t, open, total, "the count tells of nothing that is hidden")
				_, total, err = d.Tasks(ctx, who, casework.TaskFilter{Offset: 1000})
				assert.Len(r.t, open, total, "nor behind the last page")
			}
			return open, err
		}),
		"Cases":     cases(func(d *casework.Desk, who casework.Actor) (any, error) { return d.Cases(ctx, who, 100) }),
		"FindCases": cases(func(d *casework.Desk, who casework.Actor) (any, error) { return d.FindCases(ctx, who, "Canary") }),
		"Case": cases(func(d *casework.Desk, who casework.Actor) (any, error) {
			_, l, err := d.Case(ctx, who, seen.CaseID)
			return l, err
		}),
		"Timeline": cases(func(d *casework.Desk, who casework.Actor) (any, error) { return d.Timeline(ctx, who, seen.ReferralID) }),
		"Accounts": {casework.SeeColleagues, referral.Supervisor, func(d *casework.Desk, who casework.Actor) (any, error) {
			return d.Accounts(ctx, who)
		}},
		"Erasures": {casework.ApproveErasure, referral.Supervisor, func(d *casework.Desk, who casework.Actor) (any, error) {
			return d.Erasures(ctx, who)
		}},
		"GlassToReview": {casework.ReviewGlass, referral.Supervisor, func(d *casework.Desk, who casework.Actor) (any, error) {
			return d.GlassToReview(ctx, who)
		}},
		"RestrictedCases": {casework.OverseePeople, referral.Supervisor, func(d *casework.Desk, who casework.Actor) (any, error) {
			return d.RestrictedCases(ctx, who)
		}},
		"AuditPeople":   audit(func(d *casework.Desk, who casework.Actor) (any, error) { return d.AuditPeople(ctx, who) }),
		"UnusualAccess": audit(func(d *casework.Desk, who casework.Actor) (any, error) { return d.UnusualAccess(ctx, who, false) }),
		"AuditOfCase": audit(func(d *casework.Desk, who casework.Actor) (any, error) {
			_, l, err := d.AuditOfCase(ctx, who, hidden.CaseID, casework.TrailQuery{})
			return l, err
		}),
		"AuditOfPerson": audit(func(d *casework.Desk, who casework.Actor) (any, error) {
			_, l, err := d.AuditOfPerson(ctx, who, r.navigator.ID, casework.TrailQuery{})
			return l, err
		}),
		"People": {casework.ManagePeople, referral.Admin, func(d *casework.Desk, who casework.Actor) (any, error) { return d.People(ctx, who) }},
		"Regions": {casework.ManagePeople, referral.Admin, func(d *casework.Desk, who casework.Actor) (any, error) {
			return d.Regions(ctx, who)
		}},
		"KeysOf": {casework.ManageKeys, referral.Admin, func(d *casework.Desk, who casework.Actor) (any, error) { return d.KeysOf(ctx, who) }},
		"RetentionDue": {casework.SetRetention, referral.Admin, func(d *casework.Desk, who casework.Actor) (any, error) {
			return d.RetentionDue(ctx, who)
		}},
		"RetentionSchedule": {casework.SetRetention, referral.Admin, func(d *casework.Desk, who casework.Actor) (any, error) {
			return d.RetentionSchedule(ctx, who)
		}},
	}
}

// ofTheMachine are lists that no account may ask for.
var ofTheMachine = []string{"ErasedCases", "EraseAgain"}

// abroad is another helpline, with some of everything that lists show, each named so that it is found.
func (r *room) abroad() (foreign casework.Intake) {
	r.t.Helper()
	ctx := r.t.Context()
	other := r.helpline("Foreign 211")
	abroad := func(role referral.Role) casework.Actor {
		email := "foreign." + string(role) + "@helpline.example"
		a, err := r.AddAccountIn(ctx, other, email, "Foreigner", role, "en", password, casework.Belongs{Region: "Foreignland"})
		require.NoError(r.t, err)
		_, _, err = r.AddKey(ctx, email, "Foreign key")
		require.NoError(r.t, err)
		return a.Actor(casework.ViaPage)
	}
	foreign = r.intakeBy(abroad(referral.Navigator), "violence")
	_, err := r.BreakGlass(ctx, abroad(referral.Supervisor), foreign.Reference, "he is on the line")
	require.NoError(r.t, err)
	return foreign
}

// Each list holds the limits by itself, where the database does not: here as its owner, who is past row-level security.
// What is another helpline's, another region's, or restricted, is in none, and no count tells of it.
func TestEveryListHoldsTheLimitsByItself(t *testing.T) {
	t.Parallel()
	r := open(t)
	r.damaged = true // tasks and erasures are put there by hand
	ctx := t.Context()
	desk := casework.New(r.db, r.clock, sealtest.Keyring(), nil)
	north, south := r.within("Nia", referral.Navigator, "North", ""), r.within("Sam", referral.Navigator, "South", "")
	whole, seen, hidden, souths := r.intake(r.services...), r.intakeBy(north, ""), r.intakeBy(north, "violence"), r.intakeBy(south, "violence")
	foreign := r.abroad()
	_, err := r.BreakGlass(ctx, r.within("Sol", referral.Coordinator, "South", ""), souths.Reference, "she is on the line")
	require.NoError(t, err)
	_, err = r.BreakGlass(ctx, r.within("Nel", referral.Coordinator, "North", ""), hidden.Reference, "she is on the line")
	require.NoError(t, err)
	r.exec(`INSERT INTO tasks (id, organisation_id, referral_id, kind, cause, state, role, created_at, due_at)
		SELECT gen_random_uuid(), organisation_id, id, 'call_agency', 'silence', 'open', 'navigator', created_at, created_at FROM referrals`)
	r.exec(`INSERT INTO erasures (id, organisation_id, case_id, cause, asked_by, asked_at, due_at)
		SELECT gen_random_uuid(), organisation_id, id, 'client_request', created_by, created_at, created_at FROM cases`)

	out := func(in ...casework.Intake) (marks []string) {
		for _, i := range in {
			marks = append(marks, i.Reference, i.CaseID.String(), i.ReferralID.String())
		}
		return append(marks, "Foreign")
	}
	lists := r.lists(seen, hidden)
	byRole := map[referral.Role]casework.Actor{}
	for _, l := range lists {
		if _, ok := byRole[l.role]; !ok {
			region := map[bool]string{true: "North", false: ""}[l.role.Staff()]
			byRole[l.role] = r.within("Ask", l.role, region, "")
		}
	}
	for name, l := range lists {
		found, err := l.call(desk, byRole[l.role])
		require.NoError(t, err, name)
		raw, err := json.Marshal(found)
		require.NoError(t, err, name)
		marks := out(foreign)
		switch {
		case name == "GlassToReview" || name == "RestrictedCases": // a supervisor's, without reading the case
			marks = out(foreign, souths, whole)
			assert.Contains(t, string(raw), hidden.Reference, name)
		case l.role.Staff():
			marks = out(foreign, souths, whole, hidden)
			if name != "Accounts" && name != "Timeline" {
				assert.Contains(t, string(raw), seen.Reference, name)
			}
		}
		for _, mark := range marks {
			assert.NotContains(t, string(raw), mark, name)
		}
	}

	// A partner's limits are another condition.
	pat, pia := r.within("Pat", referral.Partner, "", "Legal clinic"), r.within("Pia", referral.Partner, "", "Food bank")
	pats, pias := r.intakeBy(pat, ""), r.intakeBy(pia, "")
	for _, name := range []string{"Queue", "Cases", "FindCases"} {
		found, err := lists[name].call(desk, pat)
		require.NoError(t, err, name)
		raw, err := json.Marshal(found)
		require.NoError(t, err, name)
		assert.Contains(t, string(raw), pats.Reference, name)
		for _, mark := range out(foreign, souths, whole, hidden, seen, pias) {
			assert.NotContains(t, string(raw), mark, name)
		}
	}
}

// Each list is refused to every role that the table does not give it to, before anything is read; a new one has its place
// here.
func TestEveryListAsksForItsPermission(t *testing.T) {
	t.Parallel()
	r := open(t)
	in := r.intake(r.services...)
	lists := r.lists(in, in)
	for name, l := range lists {
		require.True(t, casework.May(l.role, l.permission), name)
		for _, role := range referral.AccountRoles {
			if casework.May(role, l.permission) {
				continue
			}
			_, err := l.call(r.Desk, r.as(role))
			assert.Equal(t, referral.CodeForbidden, referral.CodeOf(err), "%s of %s", name, role)
		}
		nobody := casework.Actor{Actor: referral.Actor{Role: l.role}, Organisation: r.organisation}
		_, err := l.call(r.Desk, nobody)
		assert.Equal(t, referral.CodeForbidden, referral.CodeOf(err), "%s without an account", name)
	}
	desk := reflect.TypeFor[*casework.Desk]()
	for i := range desk.NumMethod() {
		m := desk.Method(i)
		asks := m.Type.NumIn() > 2 && m.Type.In(2) == reflect.TypeFor[casework.Actor]()
		many := false
		for out := range m.Type.Outs() {
			many = many || out.Kind() == reflect.Slice && out.Elem().Kind() != reflect.Uint8
		}
		_, known := lists[m.Name]
		assert.True(t, !asks || !many || known || slices.Contains(ofTheMachine, m.Name), "%s is in no list of this file", m.Name)
	}
	_, err := r.ErasedCases(t.Context(), r.person(r.organisation, "Ada", referral.Admin))
	assert.Equal(t, referral.CodeForbidden, referral.CodeOf(err))
	_, _, err = r.EraseAgain(t.Context(), r.person(r.organisation, "Ada", referral.Admin), []casework.ErasedCase{{Case: uuid.New()}})
	assert.Equal(t, referral.CodeForbidden, referral.CodeOf(err))
}
