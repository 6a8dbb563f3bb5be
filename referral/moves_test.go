package referral

import (
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"
)

// everyone is each way to act: in one's own right, or as staff on another's word.
var everyone = []Actor{{Role: System}, {Role: Agency}, {Role: Client}, {Role: Navigator}, {Role: Coordinator},
	{Role: Navigator, For: Agency}, {Role: Coordinator, For: Agency}, {Role: Navigator, For: Client},
	{Role: Coordinator, For: Client}, {Role: Agency, For: Navigator}, {Role: Client, For: Agency}, {Role: "visitor"}, {}}

// spoken is whose permission counts, written out apart from Actor.as.
func spoken(a Actor) Role {
	staff := a.Role == Navigator || a.Role == Coordinator
	if staff && (a.For == Agency || a.For == Client) {
		return a.For
	}
	return a.Role
}

// Every state × every command × everyone: an offer moves exactly along the table, or nothing changes and the error
// says which kind it is.
func TestOffersMoveExactlyAlongTheTable(t *testing.T) {
	t.Parallel()
	for _, state := range OfferStates {
		before := at(t, state, Routine)
		for _, do := range CommandNames() {
			if len(rolesOf(do)) == 0 {
				continue
			}
			for _, who := range everyone {
				kept := before.clone()
				change, err := Decide(before, full(do), who, Standard(), monday10)
				if !reflect.DeepEqual(before, kept) {
					t.Fatalf("%s × %s by %v changed the facts it was given", state, do, who)
				}
				judge(t, before, change, err, state, do, who)
			}
		}
	}
}

func judge(t *testing.T, before Facts, change Change, err error, state OfferState, do Name, who Actor) {
	t.Helper()
	line, listed := find(do, state)
	allowed := slices.Contains(rolesOf(do), spoken(who))
	switch {
	case !allowed:
		if CodeOf(err) != CodeForbidden {
			t.Errorf("%s × %s by %v: %v, want forbidden", state, do, who, err)
		}
	case err == nil && change.Repeated():
		leadsHere := func(l Transition) bool { return l.Do == do && l.To == state }
		if !slices.ContainsFunc(Transitions, leadsHere) {
			t.Errorf("%s × %s by %v: answered as done before", state, do, who)
		}
		if !reflect.DeepEqual(change.Facts, before) {
			t.Errorf("%s × %s by %v: done before, and yet the facts changed", state, do, who)
		}
	case !listed || before.State == Closed:
		if CodeOf(err) != CodeConflict {
			t.Errorf("%s × %s by %v: %v, want conflict", state, do, who, err)
		}
		var e *Error
		if errors.As(err, &e) && e.Outcome != string(state) && e.Outcome != string(before.State) {
			t.Errorf("%s × %s by %v: the loser is told %q", state, do, who, e.Outcome)
		}
	case err != nil:
		t.Errorf("%s × %s by %v: %v", state, do, who, err)
	default:
		if got := change.Facts.offer(service("a").ID).State; got != line.To {
			t.Errorf("%s × %s by %v led to %s, want %s", state, do, who, got, line.To)
		}
		if change.Facts.Version != before.Version+1 {
			t.Errorf("%s × %s by %v: version %d after %d", state, do, who, change.Facts.Version, before.Version)
		}
	}
	if err != nil && (len(change.Events) > 0 || len(change.Posts) > 0) {
		t.Errorf("%s × %s by %v was refused and still did something", state, do, who)
	}
}

// The commands that are no line of an offer's graph leave every offer where it was, unless they end the referral.
func TestOtherCommandsLeaveOffersAlone(t *testing.T) {
	t.Parallel()
	for _, state := range OfferStates {
		before := at(t, state, Routine)
		for _, do := range CommandNames() {
			if len(rolesOf(do)) > 0 {
				continue
			}
			for _, who := range everyone {
				change, err := Decide(before, full(do), who, Standard(), monday10)
				if err != nil || do == Close {
					continue
				}
				got := change.Facts.offer(service("a").ID).State
				if _, back := find(Withdraw, state); do == WithdrawConsent && back && got == Withdrawn {
					continue // it does what withdraw does
				}
				if got != state {
					t.Errorf("%s × %s by %v led to %s", state, do, who, got)
				}
			}
		}
	}
}

// settled is what a closed referral keeps for good: all but the call to an agency that was not told of the end, and the
// consent, which the client may withdraw at any time.
func settled(f Facts) Facts {
	f.Tasks, f.Version, f.Withdrawn, f.Consents = nil, 0, time.Time{}, nil
	return f
}

func TestReferralsMoveExactlyAlongTheTable(t *testing.T) {
	t.Parallel()
	draft, err := Begin(Facts{ID: named("referral"), Urgency: Routine, Owner: owner, Created: monday10}, []NewOffer{service("a")}, false)
	if err != nil {
		t.Fatal(err)
	}
	open := at(t, InService, Routine)
	closed := must(t, open, full(Close), Navigator, monday10)
	edges := ReferralEdges()
	for _, before := range []Facts{draft, open, closed} {
		for _, do := range CommandNames() {
			for _, whole := range []bool{true, false} {
				c := full(do)
				if whole {
					c.Offer = service("none").ID
				}
				if whole && do == Withdraw {
					c.Offer = nobody
				}
				for _, who := range everyone {
					change, err := Decide(before, c, who, Standard(), monday10)
					if err != nil {
						if code := CodeOf(err); code == CodeInternal {
							t.Errorf("%s × %s by %v: %v is not a typed answer", before.State, do, who, err)
						}
						continue
					}
					after := change.Facts.State
					if after != before.State && !slices.Contains(edges, Edge{string(before.State), string(after)}) {
						t.Errorf("%s × %s by %v led to %s", before.State, do, who, after)
					}
					if before.State == Closed && !reflect.DeepEqual(settled(change.Facts), settled(closed)) {
						t.Errorf("%s by %v changed a closed referral", do, who)
					}
				}
			}
		}
	}
}

// Each line of the referral's own graph can be walked by each role it names, and by no other.
func TestReferralLinesCanBeWalked(t *testing.T) {
	t.Parallel()
	for _, line := range ReferralTransitions {
		for _, do := range line.Do {
			for _, who := range everyone {
				before := opened(t, Routine, "a")
				before.State = line.From
				c := full(do)
				switch do {
				case Withdraw:
					c.Offer = nobody
				case Confirm:
					before = at(t, OutcomeReported, Routine)
				}
				by := line.By
				if do == Confirm {
					by = rolesOf(Confirm)
				}
				change, err := Decide(before, c, who, Standard(), monday10)
				if !slices.Contains(by, spoken(who)) {
					if CodeOf(err) != CodeForbidden {
						t.Errorf("%s by %v: %v, want forbidden", do, who, err)
					}
					continue
				}
				if err != nil || change.Facts.State != line.To {
					t.Errorf("%s by %v: %v, %s", do, who, err, change.Facts.State)
				}
			}
		}
	}
}

// Asked twice, a command of an agency is answered alike and changes nothing, or is a further word that the table
// allows in the new state: a further attempt, question or month on the waitlist.
func TestTheSameCommandTwice(t *testing.T) {
	t.Parallel()
	furtherWord := []Name{Ask, Contact, Continue, Waitlist}
	for _, state := range OfferStates {
		for _, line := range Transitions {
			if !slices.Contains(line.From, state) {
				continue
			}
			who := Actor{Role: line.By[0]}
			c := full(line.Do)
			once, err := Decide(at(t, state, Routine), c, who, Standard(), monday10)
			if err != nil {
				t.Fatalf("%s × %s: %v", state, line.Do, err)
			}
			twice, err := Decide(once.Facts, c, who, Standard(), monday10)
			switch {
			case line.Do == Answer:
				if CodeOf(err) != CodeConflict {
					t.Errorf("%s × answer twice: %v, want conflict", state, err)
				}
			case err != nil:
				t.Errorf("%s × %s twice: %v", state, line.Do, err)
			case twice.Repeated() == slices.Contains(furtherWord, line.Do):
				t.Errorf("%s × %s twice: repeated is %v", state, line.Do, twice.Repeated())
			case twice.Repeated() && len(twice.Posts) > 0:
				t.Errorf("%s × %s twice: mailed again", state, line.Do)
			}
		}
	}
}

func TestEveryStateCanBeReached(t *testing.T) {
	t.Parallel()
	found := ways()
	for _, s := range OfferStates {
		if _, ok := found[s]; !ok {
			t.Errorf("no commands lead to %s", s)
		}
		if s.TaskStatus() == "" {
			t.Errorf("%s has no Task.status", s)
		}
	}
	if len(taskStatus) != len(OfferStates) {
		t.Errorf("%d states have a Task.status, want %d", len(taskStatus), len(OfferStates))
	}
}
