package casework_test

import (
	"context"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"throughline/casework"
	"throughline/db"
	"throughline/referral"
)

// showsNothing are the methods of the desk that hand nobody a client's data, each with why.
var showsNothing = map[string]string{
	"SignIn": "an account of the staff", "Account": "an account of the staff", "AccountOfKey": "an account of the staff",
	"Accounts": "names of colleagues", "AuditPeople": "names of colleagues", "SetLocale": "nothing is shown",
	"AddOrganisation": "no client", "Organisations": "no client", "AddAccount": "no client", "AddAccountIn": "no client", "SetPassword": "no client",
	"CloseAccount": "no client", "AddKey": "no client", "Keys": "names of keys", "RevokeKey": "no client",
	"Zone": "no client", "Policy": "no client", "SetPolicy": "no client",
	"Check": "ids only", "VerifyAudit": "ids only", "WaitingLetters": "ids, and the agencies' own numbers", "DueBy": "ids only",
	"HoldLetters": "ids, and the agencies' own numbers", "HoldStep": "ids, and the agencies' own numbers",
	"Next": "a step, without words", "Run": "a step, without words",
	"LateReferrals": "ids only", "StepIn": "the name of a step", "TakeOver": "nothing is shown", "NoteMend": "nothing is shown",
	"SilentLetters": "ids only", "SilentLetter": "nothing is shown", "LeftLetters": "ids only", "LeftLetter": "nothing is shown",
	"LostLetters": "ids only", "LostLetter": "nothing is shown", "OpenReferrals": "ids only", "StartedUnopened": "ids only",
	"LinkLocale": "the agency's language", "AskNewLink": "nothing is shown; the letter has an entry of its own",
	"CheckCorrection": "what was typed", "OutOfReach": "that somebody was refused", "Refused": "that somebody was refused",
	"Fresh": "one's own visit", "ProveAgain": "one's own account",
	"SettleLetter": "nothing is shown", "Hear": "counts", "LettersWithEvents": "ids only", "ApplyEvents": "nothing is shown",
	"CallAboutNotices": "a count",
	"CheckCode":        "an account of the staff", "SignInBy": "an account of the staff", "ByKey": "an account of the staff",
	"Visitor": "an account of the staff", "Enter": "no client", "EnterProved": "no client", "Leave": "no client", "Visits": "the staff's own visits", "EndVisit": "no client",
	"SignOutEverywhere": "no client", "SignOutPerson": "no client", "ChangePassword": "no client", "ForgotPassword": "no client",
	"SecondFactor": "the staff's own", "ProposeSecondFactor": "the staff's own", "ConfirmSecondFactor": "the staff's own",
	"NewRecoveryCodes": "the staff's own", "ResetSecondFactor": "no client", "HasSingleSignOn": "no client",
	"People": "names of colleagues", "Person": "a colleague's name", "Invite": "no client", "InviteAgain": "no client", "Join": "no client",
	"Joining": "a colleague's name", "ChangeRole": "no client", "ChangePlace": "no client", "Regions": "names of regions", "ClosePerson": "no client", "TakeInvitation": "a colleague's address",
	"SettleInvitation": "no client", "AddKeyFor": "no client", "MakeKey": "no client", "EndKey": "no client", "KeysOf": "names of keys",
	"GlassWaiting": "a count", "OwnKeys": "names of keys", "MakeOwnKey": "no client", "EndOwnKey": "no client",
	"CheckKeys": "nothing is shown", "LookAtKeys": "nothing is shown", "KeysInUse": "names of keys, and counts", "Rewrap": "counts", "SealExisting": "a count",
	"DestroyCaseKey": "nothing is shown; who destroys it leaves the entry",
	"Erase":          "nothing is shown", "EraseAgain": "ids only", "ErasedCases": "ids only", "CarryExport": "nothing is shown",
	"Retain": "nothing is shown", "RetentionSchedule": "no client", "SetRetention": "no client", "OrganisationIDs": "no client",
}

// shows is every method that hands out what is about a client: how it is called, and the entry that it must leave, by its
// kind. Each is about the scene's case and nothing else.
func (r *room) shows(s scene, token string, letter uuid.UUID) map[string]struct {
	kind db.AuditKind
	call func() error
} {
	ctx := context.Background()
	type look = struct {
		kind db.AuditKind
		call func() error
	}
	auditor := r.as(referral.Auditor)
	return map[string]look{
		"Case":     {db.AuditView, func() error { _, _, err := r.Case(ctx, r.navigator, s.CaseID); return err }},
		"Referral": {db.AuditView, func() error { _, err := r.Referral(ctx, r.navigator, s.ReferralID); return err }},
		"Timeline": {db.AuditView, func() error { _, err := r.Timeline(ctx, r.navigator, s.ReferralID); return err }},
		"Task":     {db.AuditView, func() error { _, err := r.Task(ctx, r.navigator, s.task); return err }},
		"Queue":    {db.AuditList, func() error { _, _, err := r.Queue(ctx, r.navigator, casework.QueueFilter{}); return err }},
		"Tasks":    {db.AuditList, func() error { _, _, err := r.Tasks(ctx, r.navigator, casework.TaskFilter{}); return err }},
		"Cases":    {db.AuditList, func() error { _, err := r.Cases(ctx, r.navigator, 10); return err }},
		"FindCases": {db.AuditSearch, func() error {
			_, err := r.FindCases(ctx, r.navigator, "Canary")
			return err
		}},
		"OpenLink": {db.AuditLink, func() error { _, err := r.OpenLink(ctx, token); return err }},
		"TakeLetter": {db.AuditMail, func() error {
			_, _, err := r.TakeLetter(ctx, letter, "test")
			return err
		}},
		"CaseOfReference": {db.AuditSearch, func() error { _, err := r.CaseOfReference(ctx, auditor, s.Reference); return err }},
		"AuditOfCase":     {db.AuditView, func() error { _, _, err := r.AuditOfCase(ctx, auditor, s.CaseID, casework.TrailQuery{}); return err }},
		"AuditOfPerson": {db.AuditList, func() error {
			_, _, err := r.AuditOfPerson(ctx, auditor, r.navigator.ID, casework.TrailQuery{})
			return err
		}},
		"UnusualAccess": {db.AuditList, func() error {
			r.clock.Set(monday.Add(14 * time.Hour)) // midnight, when the navigator looked
			defer r.clock.Set(monday)
			_, _, err := r.Case(ctx, r.navigator, s.CaseID)
			require.NoError(r.t, err)
			_, err = r.UnusualAccess(ctx, auditor, false)
			return err
		}},
		"AccessReport": {db.AuditPrint, func() error { _, err := r.AccessReport(ctx, r.as(referral.Supervisor), s.CaseID); return err }},
		"CaseHistory":  {db.AuditView, func() error { _, err := r.CaseHistory(ctx, r.navigator, s.CaseID); return err }},
		"Correct": {db.AuditChange, func() error {
			c, _, err := r.Case(ctx, r.navigator, s.CaseID)
			require.NoError(r.t, err)
			_, err = r.Correct(ctx, r.navigator, s.CaseID, casework.CorrectionInput{Notes: new(uuid.NewString()), Reason: "so", IfVersion: c.Version}, nil)
			return err
		}},
		"Keeping": {db.AuditView, func() error { _, err := r.Keeping(ctx, r.navigator, s.CaseID); return err }},
		"HoldCase": {db.AuditChange, func() error {
			return r.HoldCase(ctx, r.person(r.organisation, "Sacha", referral.Supervisor), s.CaseID, "a court asks")
		}},
		"LiftHold": {db.AuditChange, func() error {
			supervisor := r.person(r.organisation, "Sacha", referral.Supervisor)
			require.NoError(r.t, r.HoldCase(ctx, supervisor, s.CaseID, "a court asks"))
			return r.LiftHold(ctx, supervisor, s.CaseID)
		}},
		"AskErasure": {db.AuditChange, func() error {
			r.closed(s.Intake)
			_, err := r.AskErasure(ctx, r.navigator, s.CaseID, "she asks")
			return err
		}},
		"CallOffErasure": {db.AuditChange, func() error {
			return r.CallOffErasure(ctx, r.navigator, r.askedErasure(s.Intake))
		}},
		"ApproveErasure": {db.AuditChange, func() error {
			return r.ApproveErasure(ctx, r.person(r.organisation, "Sacha", referral.Supervisor), r.askedErasure(s.Intake))
		}},
		"Erasures": {db.AuditList, func() error {
			r.askedErasure(s.Intake)
			_, err := r.Erasures(ctx, r.person(r.organisation, "Sacha", referral.Supervisor))
			return err
		}},
		"RetentionDue": {db.AuditList, func() error {
			r.closed(s.Intake)
			r.clock.Advance(3 * 365 * 24 * time.Hour)
			defer r.clock.Set(monday)
			_, err := r.RetentionDue(ctx, r.as(referral.Admin))
			return err
		}},
		"AskExport": {db.AuditChange, func() error {
			_, err := r.AskExport(ctx, r.person(r.organisation, "Sacha", referral.Supervisor), s.CaseID, "en")
			return err
		}},
		"FetchExport": {db.AuditExport, func() error {
			supervisor := r.person(r.organisation, "Sacha", referral.Supervisor)
			_, _, _, err := r.FetchExport(ctx, supervisor, r.exported(supervisor, s.CaseID), casework.ExportPage)
			return err
		}},
		"Restrict": {db.AuditChange, func() error { return r.Restrict(ctx, r.navigator, s.CaseID, "violence") }},
		"CasePeople": {db.AuditView, func() error {
			r.restricted(s)
			_, err := r.CasePeople(ctx, r.navigator, s.CaseID)
			return err
		}},
		"NamePerson": {db.AuditChange, func() error {
			r.restricted(s)
			return r.NamePerson(ctx, r.navigator, s.CaseID, r.colleague.ID)
		}},
		"UnnamePerson": {db.AuditChange, func() error {
			r.restricted(s)
			require.NoError(r.t, r.NamePerson(ctx, r.navigator, s.CaseID, r.colleague.ID))
			return r.UnnamePerson(ctx, r.navigator, s.CaseID, r.colleague.ID)
		}},
		"RestrictedCases": {db.AuditList, func() error {
			r.restricted(s)
			_, err := r.RestrictedCases(ctx, r.as(referral.Supervisor))
			return err
		}},
		"Behind": {db.AuditSearch, func() error {
			r.restricted(s)
			_, err := r.Behind(ctx, r.colleague, s.Reference)
			return err
		}},
		"BreakGlass": {db.AuditChange, func() error {
			r.restricted(s)
			_, err := r.BreakGlass(ctx, r.colleague, s.Reference, "he is on the line")
			return err
		}},
		"GlassToReview": {db.AuditList, func() error {
			r.broken(s)
			_, err := r.GlassToReview(ctx, r.as(referral.Supervisor))
			return err
		}},
		"ReviewGlass": {db.AuditChange, func() error {
			glass := r.broken(s)
			return r.ReviewGlass(ctx, r.person(r.organisation, "Sacha", referral.Supervisor), glass, "justified", "")
		}},
		"Reply": {db.AuditChange, func() error {
			return r.Reply(ctx, token, casework.ReplyInput{Do: referral.Ask, Name: "Sam", Note: "Again?"})
		}},
		"Do": {db.AuditChange, func() error {
			_, err := r.Do(ctx, r.navigator, s.ReferralID, casework.CommandInput{Do: referral.Answer, OfferID: s.offer, Note: "The second"}, nil)
			return err
		}},
		"Refer": {db.AuditChange, func() error {
			in := food(r.services[0])
			in.CaseID = s.CaseID
			_, err := r.Refer(ctx, r.navigator, in, nil)
			return err
		}},
		"OpenCase": {db.AuditChange, func() error { _, err := r.OpenCase(ctx, r.navigator, ana(), nil); return err }},
		"Intake": {db.AuditChange, func() error {
			_, err := r.Intake(ctx, r.navigator, casework.IntakeInput{Case: ana(), Referral: food(r.services[1])}, nil)
			return err
		}},
		"AllAccounts": {db.AuditCLI, func() error { _, err := r.AllAccounts(ctx, r.organisation); return err }},
	}
}

// restricted closes a scene's case to its navigator and who carries its referral.
func (r *room) restricted(s scene) {
	r.t.Helper()
	require.NoError(r.t, r.Restrict(r.t.Context(), r.navigator, s.CaseID, "violence"))
}

// broken is a restricted case that someone opened who is not named on it, and the id of that.
func (r *room) broken(s scene) uuid.UUID {
	r.t.Helper()
	r.restricted(s)
	_, err := r.BreakGlass(r.t.Context(), r.colleague, s.Reference, "he is on the line")
	require.NoError(r.t, err)
	return one[uuid.UUID](r, `SELECT id FROM glass`)
}

// Every method of the desk either hands out nothing about a client, and says why, or leaves an entry that names whose
// data it was. A new one is in neither list, and fails here.
func TestEveryMethodThatShowsLeavesAnEntry(t *testing.T) {
	t.Parallel()
	desk := reflect.TypeFor[*casework.Desk]()
	known := new(room).shows(scene{}, "", uuid.Nil)
	for i := range desk.NumMethod() {
		name := desk.Method(i).Name
		_, shows := known[name]
		assert.True(t, shows != (showsNothing[name] != ""), "%s: say in one of the lists of this file whether it shows anything about a client", name)
	}
	for name := range known {
		r := open(t)
		s := r.at(referral.InfoRequested)
		r.tick(s.ReferralID)
		s.task = r.holding(s.ReferralID, referral.AnswerAgency)[0].ID
		require.NoError(t, r.AskNewLink(t.Context(), s.token))
		look := r.shows(s, s.token, r.pending(s.ReferralID, referral.NewLinkLetter))[name]
		last := one[int64](r, `SELECT max(id) FROM audit`)
		require.NoError(t, look.call(), name)
		entries := r.entries(last)
		require.NotEmpty(t, entries, name)
		entry := entries[len(entries)-1]
		assert.Equal(t, look.kind, entry.Kind, name)
		assert.Equal(t, r.organisation, entry.Organisation, name)
		switch name {
		case "OpenCase", "Intake":
			require.Len(t, entry.Whose, 1, name)
			assert.NotEqual(t, s.CaseID, entry.Whose[0], name)
		case "AllAccounts":
			assert.Empty(t, entry.Whose, name)
		default:
			assert.Equal(t, []uuid.UUID{s.CaseID}, []uuid.UUID(entry.Whose), name)
		}
	}
}

// entries reads what the audit keeps after a number.
func (r *room) entries(after int64) []db.AuditRow {
	r.t.Helper()
	list, err := db.AuditTrail(context.Background(), r.db, r.organisation, db.AuditFilter{Limit: 1000})
	require.NoError(r.t, err)
	var rows []db.AuditRow
	for _, e := range slices.Backward(list) {
		if e.ID > after {
			rows = append(rows, e.AuditRow)
		}
	}
	return rows
}

// as is someone of a role, who needs no account for what they ask.
func (r *room) as(role referral.Role) casework.Actor {
	return casework.Actor{Actor: referral.Actor{Role: role, ID: uuid.New()}, Organisation: r.organisation, Name: string(role), Via: casework.ViaPage}
}

// An agency's look names the offer that let it in, a letter the offer it is about, and what staff say for another on
// whose behalf.
func TestEntriesSayWhyAndForWhom(t *testing.T) {
	t.Parallel()
	r := open(t)
	s := r.at(referral.Sent)
	mailed := r.entries(0)
	i := slices.IndexFunc(mailed, func(e db.AuditRow) bool { return e.Kind == db.AuditMail })
	require.GreaterOrEqual(t, i, 0)
	assert.Equal(t, []any{"offer", "offer", s.offer, []uuid.UUID{s.CaseID}, "mail"},
		[]any{mailed[i].Action, mailed[i].Subject, *mailed[i].SubjectID, []uuid.UUID(mailed[i].Whose), mailed[i].Via})

	last := one[int64](r, `SELECT max(id) FROM audit`)
	_, err := r.OpenLink(t.Context(), s.token)
	require.NoError(t, err)
	looked := r.entries(last)
	require.Len(t, looked, 1, "also before the agency has said yes")
	assert.Equal(t, []any{"agency", "link", "link", s.offer, []uuid.UUID{s.CaseID}},
		[]any{looked[0].Role, looked[0].Via, looked[0].Why, *looked[0].WhyID, []uuid.UUID(looked[0].Whose)})

	last = one[int64](r, `SELECT max(id) FROM audit`)
	require.NoError(t, r.Reply(t.Context(), s.token, posted(referral.Ask)))
	replied := r.entries(last)
	assert.Equal(t, []any{"ask", "link", s.offer}, []any{replied[0].Action, replied[0].Why, *replied[0].WhyID})

	last = one[int64](r, `SELECT max(id) FROM audit`)
	r.do(s.ReferralID, said(referral.Accept))
	assert.Equal(t, []any{"navigator", "agency", r.navigator.ID}, []any{r.entries(last)[0].Role, r.entries(last)[0].For, *r.entries(last)[0].Actor})
}

// A list names each case that it shows, and none that it does not.
func TestAListNamesEveryHit(t *testing.T) {
	t.Parallel()
	r := open(t)
	first, second, third := r.intake(r.services[0]), r.intake(r.services[0]), r.intake(r.services[0])
	last := one[int64](r, `SELECT max(id) FROM audit`)
	_, _, err := r.Queue(t.Context(), r.navigator, casework.QueueFilter{Limit: 2})
	require.NoError(t, err)
	_, err = r.FindCases(t.Context(), r.navigator, third.Reference)
	require.NoError(t, err)
	_, err = r.FindCases(t.Context(), r.navigator, "Nobody")
	require.NoError(t, err)
	entries := r.entries(last)
	require.Len(t, entries, 3)
	assert.Len(t, entries[0].Whose, 2)
	assert.Subset(t, []uuid.UUID{first.CaseID, second.CaseID, third.CaseID}, []uuid.UUID(entries[0].Whose))
	assert.Equal(t, []uuid.UUID{third.CaseID}, []uuid.UUID(entries[1].Whose))
	assert.Empty(t, entries[2].Whose, "that nobody was found is kept too, and not who was looked for")
	assert.Equal(t, db.AuditSearch, entries[2].Kind)
}
