package referral

import (
	"slices"
	"testing"
	"time"
)

// about is a command to the offer of a service.
func about(do Name, name string) Command {
	c := full(do)
	c.Offer, c.Offers = service(name).ID, nil
	return c
}

func letters(c Change, name string) []Letter {
	var got []Letter
	for _, p := range c.Posts {
		if p.Offer == service(name).ID {
			got = append(got, p.Letter)
		}
	}
	return got
}

// A waitlist comes to a place while a second agency is being asked: the first has it, the second is told to stop.
func TestAPlaceComesFreeWhileAnotherIsAsked(t *testing.T) {
	t.Parallel()
	for _, second := range []Name{Send, Ask} {
		f, _ := run(t, at(t, Waitlisted, Routine, "b"), Standard(), monday10)
		if f.Offers[1].State != Sent {
			t.Fatalf("the second agency is %s", f.Offers[1].State)
		}
		if second == Ask {
			f = must(t, f, about(Ask, "b"), Agency, monday10)
		}
		change, err := Decide(f, about(Accept, "a"), Actor{Role: Agency}, Standard(), monday10)
		if err != nil {
			t.Fatal(err)
		}
		if a, b := change.Facts.Offers[0], change.Facts.Offers[1]; a.State != Accepted || b.State != Withdrawn || b.Reason != "met_elsewhere" {
			t.Errorf("the agencies are %s and %s (%s)", a.State, b.State, b.Reason)
		}
		if got := letters(change, "b"); !slices.Equal(got, []Letter{WithdrawnLetter}) {
			t.Errorf("the second agency is written %v", got)
		}
		if change.Events[0].What != Accept {
			t.Errorf("the timeline begins with %s", change.Events[0].What)
		}
	}
}

// The second agency has said yes: the first is told so, and keeps its waitlist.
func TestAPlaceComesFreeTooLate(t *testing.T) {
	t.Parallel()
	f, _ := run(t, at(t, Waitlisted, Routine, "b"), Standard(), monday10)
	f = must(t, f, about(Accept, "b"), Agency, monday10)
	_, err := Decide(f, about(Accept, "a"), Actor{Role: Agency}, Standard(), monday10)
	if CodeOf(err) != CodeConflict || err.(*Error).Outcome != string(Accepted) {
		t.Errorf("%v, want a conflict with accepted", err)
	}
	f = must(t, f, about(Withdraw, "b"), Navigator, monday10)
	must(t, f, about(Accept, "a"), Agency, monday10)
}

// A stale step of the clock can't put a referral before two agencies.
func TestNoSecondAgencyWhileOneIsAsked(t *testing.T) {
	t.Parallel()
	f := at(t, Sent, Routine, "b")
	if _, err := Decide(f, about(Send, "b"), Actor{Role: System}, Standard(), monday10); CodeOf(err) != CodeConflict {
		t.Errorf("%v, want conflict", err)
	}
}

func TestAWaitlistBeginsTheSearchOnce(t *testing.T) {
	t.Parallel()
	f, _ := run(t, at(t, Waitlisted, Routine), Standard(), monday10)
	if len(f.Tasks) != 1 || f.Tasks[0].Kind != FindAlternative || f.Tasks[0].Cause != "waitlisted" || f.Tasks[0].Assignee != owner {
		t.Fatalf("tasks: %+v", f.Tasks)
	}
	// The client would rather wait.
	waiting := must(t, f, Command{Do: FinishTask, Task: f.Tasks[0].ID}, Navigator, monday10)
	if step := Next(handedOver(waiting), Standard(), monday10); step.Do != AskAgency || !step.Due.Equal(monday10.AddDate(0, 0, 30)) {
		t.Errorf("%+v", step)
	}
	// A place comes free: nobody need be found any more.
	placed := must(t, f, about(Accept, "a"), Agency, monday10)
	if placed.Tasks[0].State != TaskOvertaken {
		t.Errorf("the search is %s", placed.Tasks[0].State)
	}
}

// Help that failed after a yes is the navigator's to judge before a second agency is asked.
func TestFailedHelpIsJudgedBeforeItGoesOn(t *testing.T) {
	t.Parallel()
	f, _ := run(t, at(t, Failed, Routine, "b"), Standard(), monday10)
	if f.Offers[1].State != Queued || len(f.Tasks) != 1 || f.Tasks[0].Cause != "failed" || f.Tasks[0].Role != Navigator {
		t.Fatalf("the second agency is %s, tasks %+v", f.Offers[1].State, f.Tasks)
	}
	f = must(t, f, Command{Do: FinishTask, Task: f.Tasks[0].ID}, Navigator, monday10.Add(time.Hour))
	if f, _ = run(t, f, Standard(), monday10.Add(time.Hour)); f.Offers[1].State != Sent {
		t.Errorf("judged, the second agency is %s", f.Offers[1].State)
	}
}

func TestASearchEndsWithAServiceNeverWithAClick(t *testing.T) {
	t.Parallel()
	f, _ := run(t, at(t, Declined, Routine), Standard(), monday10)
	search := f.Tasks[0]
	if search.Kind != FindAlternative || search.Role != Coordinator || search.Assignee != nobody {
		t.Fatalf("%+v", search)
	}
	click := Command{Do: FinishTask, Task: search.ID}
	if _, err := Decide(f, click, Actor{Role: Coordinator}, Standard(), monday10); CodeOf(err) != CodeInvalid {
		t.Errorf("%v, want invalid", err)
	}
	f = must(t, f, full(AddOffer), Coordinator, monday10)
	if f.Tasks[0].State != TaskDone {
		t.Errorf("the search is %s", f.Tasks[0].State)
	}
	// That agency declines in the same breath: a new search begins.
	f, _ = run(t, f, Standard(), monday10)
	f = must(t, f, about(Decline, "again"), Agency, monday10)
	if step := Next(f, Standard(), monday10); step.TaskKind != FindAlternative || step.Do != RaiseTask {
		t.Errorf("%+v", step)
	}
}

// A decision posted by a machine is undone: the agency is asked afresh, in its old place, and nobody need be found.
func TestAnErrorIsUndone(t *testing.T) {
	t.Parallel()
	f, _ := run(t, at(t, Declined, Routine), Standard(), monday10)
	f = must(t, f, full(MarkInError), Navigator, monday10)
	if f.Offers[0].State != InError || f.Offers[1].State != Queued || f.Offers[1].Rank != f.Offers[0].Rank || f.Tasks[0].State != TaskDone {
		t.Fatalf("%+v", f)
	}
	if f, _ = run(t, f, Standard(), monday10); f.Offers[1].State != Sent {
		t.Errorf("asked afresh, the agency is %s", f.Offers[1].State)
	}
}

func TestServicesAreChosenOnce(t *testing.T) {
	t.Parallel()
	many := make([]NewOffer, MaxOffers+1)
	for i := range many {
		many[i] = service(string(rune('a' + i)))
	}
	for about, offers := range map[string][]NewOffer{"none": nil, "too many": many, "one twice": {service("a"), service("a")}} {
		if _, err := Begin(Facts{}, offers, true); CodeOf(err) != CodeInvalid {
			t.Errorf("begin with %s: %v, want invalid", about, err)
		}
		add := Command{Do: AddOffer, Offers: offers, Consent: yes(monday10, servicesOf(offers)...)}
		if _, err := Decide(opened(t, Routine, "z"), add, Actor{Role: Navigator}, Standard(), monday10); CodeOf(err) != CodeInvalid {
			t.Errorf("add %s: %v, want invalid", about, err)
		}
	}
	again := Command{Do: AddOffer, Offers: []NewOffer{{ID: named("offer again"), Service: service("a").Service}},
		Consent: yes(monday10, service("a").Service)}
	for _, state := range OfferStates {
		before := at(t, state, Routine)
		if before.State == Closed {
			continue
		}
		_, err := Decide(before, again, Actor{Role: Navigator}, Standard(), monday10)
		open := state == Lapsed || state == Withdrawn || state == InError
		if open && err != nil || !open && CodeOf(err) != CodeInvalid {
			t.Errorf("asking an agency again whose turn is %s: %v", state, err)
		}
	}
}
