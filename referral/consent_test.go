package referral

import (
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
)

var desk = Actor{Role: Navigator}

// taken is a command that takes groups back from the agency of service a, or from all.
func taken(of uuid.UUID, groups ...Group) Command {
	return Command{Do: WithdrawConsent, Offer: of, Groups: groups}
}

func TestWhatWasSaidLastHolds(t *testing.T) {
	t.Parallel()
	a := service("a")
	f := at(t, Accepted, Routine, "b")
	says := func(want ...Group) {
		t.Helper()
		if got := f.Agreed(a.Service).Groups; !slices.Equal(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
	}
	says(Groups...)
	f = must(t, f, taken(a.ID, ContactGroup, AgeGroup), Client, monday10)
	says(NeedGroup, LanguageGroup, PlaceGroup, IdentityGroup, DetailsGroup)
	if got := f.Agreed(service("b").Service).Groups; !slices.Equal(got, Groups) {
		t.Errorf("the other agency may know %v", got)
	}
	f = must(t, f, taken(uuid.Nil, DetailsGroup), Client, monday10)
	says(NeedGroup, LanguageGroup, PlaceGroup, IdentityGroup)
	if got := f.Agreed(service("b").Service).Groups; slices.Contains(got, DetailsGroup) {
		t.Errorf("taken back from all, the other agency may know %v", got)
	}
	again := Command{Do: Agree, Consent: yes(monday10, a.Service)}
	f = must(t, f, again, Navigator, monday10)
	says(Groups...)
	f = must(t, f, taken(a.ID, NeedGroup), Client, monday10)
	says()
	if got := f.Agreed(named("a stranger")); got.Stands(monday10) {
		t.Errorf("nobody asked about a stranger, who may know %v", got.Groups)
	}
	f = must(t, f, taken(uuid.Nil), Client, monday10)
	if f.State != Closed || f.Withdrawn.IsZero() || f.Agreed(service("b").Service).Stands(monday10) {
		t.Errorf("all taken back: %s, %v", f.State, f.Agreed(service("b").Service))
	}
}

// Whatever the agency's turn has come to, it is told to stop, once, and nothing of it is shown any more.
func TestConsentIsTakenBackFromOneAgency(t *testing.T) {
	t.Parallel()
	for _, state := range OfferStates {
		if state == InError || state == Withdrawn {
			continue
		}
		before := at(t, state, Routine, "b")
		change, err := Decide(before, taken(service("a").ID), Actor{Role: Client}, Standard(), monday10)
		if err != nil {
			t.Fatalf("%s: %v", state, err)
		}
		want := []Letter{WithdrawnLetter}
		if state == Queued {
			want = nil
		}
		if got := letters(change, "a"); !slices.Equal(got, want) {
			t.Errorf("%s: told %v, want %v", state, got, want)
		}
		_, movable := find(Withdraw, state)
		if o := change.Facts.offer(service("a").ID); movable != (o.State == Withdrawn && o.Reason == "consent_withdrawn") {
			t.Errorf("%s: came to %s", state, o.State)
		}
		if change.Facts.Agreed(service("a").Service).Stands(monday10) || change.Facts.State != before.State {
			t.Errorf("%s: the agency may know %v of a referral that is %s", state, change.Facts.Agreed(service("a").Service), change.Facts.State)
		}
		twice, err := Decide(change.Facts, taken(service("a").ID), Actor{Role: Client}, Standard(), monday10)
		if err != nil || !twice.Repeated() || len(twice.Posts) > 0 {
			t.Errorf("%s: taken back twice: %v, %v", state, twice.Events, err)
		}
	}
}

func TestAnAgencyIsToldThatItMayUseLess(t *testing.T) {
	t.Parallel()
	for state, want := range map[OfferState][]Letter{Queued: nil, Sent: {NarrowedLetter}, Accepted: {NarrowedLetter}, Declined: {NarrowedLetter},
		Withdrawn: nil, InError: nil} {
		change, err := Decide(at(t, state, Routine, "b"), taken(uuid.Nil, PlaceGroup), desk, Standard(), monday10)
		if err != nil || !slices.Equal(letters(change, "a"), want) || len(letters(change, "b")) > 0 {
			t.Errorf("%s: %v, %v; want %v", state, change.Posts, err, want)
		}
	}
	less := yes(monday10, service("a").Service)
	less.Agreed[service("a").Service] = []Group{NeedGroup}
	change, err := Decide(at(t, Accepted, Routine), Command{Do: Agree, Consent: less}, desk, Standard(), monday10)
	if err != nil || !slices.Equal(letters(change, "a"), []Letter{NarrowedLetter}) {
		t.Errorf("agreed to less: %v, %v", change.Posts, err)
	}
}

// With no agency left it is the navigator's to find one, with the client.
func TestTheNavigatorHearsWhenNoAgencyIsLeft(t *testing.T) {
	t.Parallel()
	f := must(t, at(t, Accepted, Routine), taken(service("a").ID), Client, monday10)
	f, _ = run(t, f, Standard(), monday10)
	if len(f.Tasks) != 1 || f.Tasks[0].Kind != FindAlternative || f.Tasks[0].Cause != "consent_withdrawn" || f.Tasks[0].Assignee != owner {
		t.Fatalf("%+v", f.Tasks)
	}
}

// Before it runs out the client is asked again; once it has, nothing goes out and nobody is chased until they agree.
func TestConsentRunsOut(t *testing.T) {
	t.Parallel()
	for _, state := range []OfferState{Queued, Sent, InfoRequested, Accepted, Contacting, Scheduled, InService, Waitlisted} {
		f := handedOver(at(t, state, Routine))
		end := monday10.Add(time.Hour) // before the clock comes to anything else
		f.Consents[0].Until = end
		now := monday10
		if state == Queued {
			now = end // it has waited, as it does behind another
		}
		for ; now.Before(monday10.AddDate(0, 0, 60)); now = Next(f, Standard(), now).Due {
			before := f
			f, _ = run(t, f, Standard(), now)
			if o, was := f.Offers[0], before.Offers[0]; o.State != was.State || o.Mail != was.Mail || o.Reminded != was.Reminded || o.Asks != was.Asks {
				t.Errorf("%s: the clock went on: %+v, then %+v", state, was, o)
			}
		}
		asked := slices.DeleteFunc(slices.Clone(f.Tasks), func(k Task) bool { return k.Kind != AskConsent })
		if len(asked) != 1 || asked[0].State != TaskOpen || asked[0].Escalations == 0 {
			t.Fatalf("%s: %+v", state, f.Tasks)
		}
		late := monday10.AddDate(0, 0, 60)
		if _, err := Decide(f, Command{Do: FinishTask, Task: asked[0].ID}, desk, Standard(), late); CodeOf(err) != CodeInvalid {
			t.Errorf("%s: the task ends with a click: %v", state, err)
		}
		f = must(t, f, Command{Do: Agree, Consent: yes(late, service("a").Service)}, Navigator, late)
		if slices.ContainsFunc(f.Tasks, func(k Task) bool { return k.Kind == AskConsent && k.State == TaskOpen }) {
			t.Errorf("%s: the client agreed, and is still to be asked: %+v", state, f.Tasks)
		}
	}
}

func TestTheClientIsAskedBeforeConsentRunsOut(t *testing.T) {
	t.Parallel()
	f := handedOver(at(t, InService, Routine))
	var asked time.Time
	for now := monday10; asked.IsZero(); now = Next(f, Standard(), now).Due {
		f, _ = run(t, f, Standard(), now)
		for _, k := range f.Tasks {
			if k.Kind == AskConsent && k.Cause == "consent_expires" {
				asked = k.Created
			}
		}
	}
	if want := f.Consents[0].Until.AddDate(0, 0, -14); !asked.Equal(want) {
		t.Errorf("asked at %s, want %s", asked, want)
	}
	if g := (Grant{Given: monday10, Until: monday10.AddDate(0, 0, 6)}); !g.askAgain(14).Equal(monday10.AddDate(0, 0, 3)) {
		t.Errorf("a short consent is asked about at %s", g.askAgain(14))
	}
}

// After a gap an agency that was asked has its whole time.
func TestAnAgencyIsNotChasedForAGapInConsent(t *testing.T) {
	t.Parallel()
	f := handedOver(at(t, Sent, Routine))
	f.Consents[0].Until = monday10.Add(time.Hour)
	late := monday10.AddDate(0, 0, 14)
	f, _ = run(t, f, Standard(), late)
	f = must(t, f, Command{Do: Agree, Consent: yes(late, service("a").Service)}, Navigator, late)
	step := Next(handedOver(f), Standard(), late)
	if want := Standard().Routine.Remind.From(late, Calendar{}); step.Do != Remind || !step.Due.Equal(want) {
		t.Errorf("%s at %s, want a reminder at %s", step.Do, step.Due, want)
	}
}

func TestNothingIsToldWithoutConsent(t *testing.T) {
	t.Parallel()
	a := service("a")
	for do, c := range map[Name]struct {
		state OfferState
		role  Role
	}{Send: {Queued, System}, Remind: {Sent, System}, AskAgency: {Accepted, System}, Answer: {InfoRequested, Navigator},
		Resend: {Accepted, Navigator}} {
		f := handedOver(at(t, c.state, Routine))
		f.Consents[0].Until = monday10
		if _, err := Decide(f, full(do), Actor{Role: c.role}, Standard(), monday10); CodeOf(err) != CodeConsentRequired {
			t.Errorf("%s: %v, want consent_required", do, err)
		}
	}
	f := at(t, InfoRequested, Routine)
	f = must(t, f, taken(a.ID, DetailsGroup), Client, monday10)
	if _, err := Decide(f, full(Answer), desk, Standard(), monday10); CodeOf(err) != CodeConsentRequired {
		t.Errorf("answered without details: %v", err)
	}
	if _, err := Begin(Facts{Created: monday10, Consents: []Consent{*yes(monday10, a.Service)}}, []NewOffer{a, service("b")}, true); CodeOf(err) != CodeConsentRequired {
		t.Errorf("begun without a yes to b: %v", err)
	}
	c := Command{Do: AddOffer, Offers: []NewOffer{service("b")}, Consent: yes(monday10, a.Service)}
	if _, err := Decide(at(t, Sent, Routine), c, desk, Standard(), monday10); CodeOf(err) != CodeConsentRequired {
		t.Errorf("added without a yes: %v", err)
	}
}

func TestHowLongConsentHolds(t *testing.T) {
	t.Parallel()
	p := Standard()
	c, err := NewConsent(nil, time.Time{}, p, monday10)
	if err != nil || !c.Until.Equal(monday10.AddDate(0, 0, 365)) {
		t.Errorf("%s, %v", c.Until, err)
	}
	for _, until := range []time.Time{monday10, monday10.AddDate(-1, 0, 0), monday10.AddDate(0, 0, 367)} {
		if _, err := NewConsent(nil, until, p, monday10); CodeOf(err) != CodeInvalid {
			t.Errorf("until %s: %v", until, err)
		}
	}
	for field, groups := range map[string][]Group{"g.1": {NeedGroup, "shoe_size"}, "g": {PlaceGroup}, "": Groups} {
		got := ""
		if err := ValidGroups("g", groups); err != nil {
			got = err.(*Error).Field
		}
		if got != field {
			t.Errorf("%v: field %q, want %q", groups, got, field)
		}
	}
}
