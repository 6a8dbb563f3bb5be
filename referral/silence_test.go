package referral

import (
	"slices"
	"testing"
	"time"
)

// year lets only the clock act for a year, and counts what it puts on the timeline.
func year(t *testing.T, f Facts, p Policy) (Facts, int) {
	t.Helper()
	now, total := monday10, 0
	for end := now.AddDate(1, 0, 0); now.Before(end); {
		var events int
		f, events = run(t, f, p, now)
		if total += events; total > 1000 {
			t.Fatalf("%d events by %s", total, now)
		}
		step := Next(f, p, now)
		if !step.Due.After(now) {
			t.Fatalf("the clock stands still at %s: %+v", now, step)
		}
		now = step.Due
	}
	return f, total
}

// A year in which nobody does anything: every agency has its turn and lapses, a coordinator is called again and again,
// but not without end.
func TestAYearOfSilence(t *testing.T) {
	t.Parallel()
	for _, p := range []Policy{Standard(), Demo()} {
		for _, u := range Urgencies {
			f, events := year(t, opened(t, u, "a", "b", "c"), p)
			for _, o := range f.Offers {
				if o.State != Lapsed {
					t.Errorf("%s, %s: an offer is %s", p.Name, u, o.State)
				}
			}
			open := slices.IndexFunc(f.Tasks, func(k Task) bool { return k.State == TaskOpen })
			if open < 0 || f.Tasks[open].Kind != FindAlternative || f.Tasks[open].Role != Coordinator || f.Tasks[open].Escalations < 5 {
				t.Errorf("%s, %s: no coordinator is looking for an agency: %+v", p.Name, u, f.Tasks)
			}
			if f.State != Open || events >= 200 {
				t.Errorf("%s, %s: %s after %d events", p.Name, u, f.State, events)
			}
		}
	}
}

// The same year begun in every other state: help that was promised is asked about, ever more seldom.
func TestAYearOfSilenceFromEveryState(t *testing.T) {
	t.Parallel()
	for _, p := range []Policy{Standard(), Demo()} {
		for _, u := range Urgencies {
			for _, s := range OfferStates {
				if s == Confirmed {
					continue
				}
				f, events := year(t, at(t, s, u, "b"), p)
				if f.State != Open || events >= 200 {
					t.Errorf("%s, %s, %s: %s after %d events", p.Name, u, s, f.State, events)
				}
				if !slices.ContainsFunc(f.Tasks, func(k Task) bool { return k.State == TaskOpen && k.Role == Coordinator }) {
					t.Errorf("%s, %s, %s: no coordinator was called", p.Name, u, s)
				}
			}
		}
	}
}

// After an outage the agency is not reminded, escalated and lapsed in one breath.
func TestAfterAnOutageTheAgencyStillHasAFairWhile(t *testing.T) {
	t.Parallel()
	f := must(t, opened(t, Routine, "a", "b"), full(Send), System, monday10)
	back := monday10.AddDate(0, 0, 28)
	f, _ = run(t, f, Standard(), back)
	if o := f.Offers[0]; o.State != Sent || o.Reminded.IsZero() || o.Escalated.IsZero() {
		t.Fatalf("after four weeks: %+v", o)
	}
	f, _ = run(t, f, Standard(), back.Add(23*time.Hour))
	if f.Offers[0].State != Sent {
		t.Error("lapsed within a day of our own return")
	}
	f, _ = run(t, f, Standard(), back.Add(24*time.Hour))
	if f.Offers[0].State != Lapsed || f.Offers[1].State != Sent {
		t.Errorf("a business day later the offers are %s and %s", f.Offers[0].State, f.Offers[1].State)
	}
}

// What the clock has done it does not do again, whoever asks: an activity may run twice.
func TestTheClockDoesNothingTwice(t *testing.T) {
	t.Parallel()
	f, now, seen := opened(t, Urgent, "a"), monday10, map[Name]bool{}
	for range 12 {
		step := Next(f, Standard(), now)
		now = later(now, step.Due)
		f = must(t, f, step.CommandOf(), System, now)
		seen[step.Do] = true
		again, err := Decide(f, step.CommandOf(), Actor{Role: System}, Standard(), now)
		if err != nil || !again.Repeated() {
			t.Errorf("%s twice: %v, %v", step.Do, again.Events, err)
		}
	}
	for _, do := range []Name{Send, Remind, Escalate, Lapse, RaiseTask, EscalateTask} {
		if !seen[do] {
			t.Errorf("%s was not tried", do)
		}
	}
	asked := must(t, at(t, Accepted, Routine), full(AskAgency), System, monday10)
	if again, err := Decide(asked, full(AskAgency), Actor{Role: System}, Standard(), monday10); err != nil || !again.Repeated() {
		t.Errorf("ask_agency twice: %v, %v", again.Events, err)
	}
}
