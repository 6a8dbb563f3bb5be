package referral

import (
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"
)

// monday10 is an ordinary working Monday, 2026-11-23 at ten in Toronto.
var monday10 = time.Date(2026, time.November, 23, 10, 0, 0, 0, Toronto)

// owner is the navigator of every referral in these tests.
var owner = named("owner")

func named(s string) uuid.UUID { return uuid.NewSHA1(uuid.NameSpaceOID, []byte(s)) }

func service(name string) NewOffer {
	return NewOffer{ID: named("offer " + name), Service: named("service " + name)}
}

// opened begins an open referral to services of these names at monday10.
func opened(t rapid.TB, urgency Urgency, names ...string) Facts {
	t.Helper()
	var offers []NewOffer
	for _, n := range names {
		offers = append(offers, service(n))
	}
	f, err := Begin(Facts{ID: named("referral"), Urgency: urgency, Owner: owner, Created: monday10,
		Consents: []Consent{*yes(monday10, servicesOf(offers)...)}}, offers, true)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// yes is what a client usually says of services at now: all groups, for as long as the standard policy has it.
func yes(now time.Time, services ...uuid.UUID) *Consent {
	agreed := map[uuid.UUID][]Group{}
	for _, s := range services {
		agreed[s] = Groups
	}
	return &Consent{Agreed: agreed, At: now, Until: now.AddDate(0, 0, Standard().ConsentDays)}
}

// full is a command with every field filled in rightly, about the offer of service "a".
func full(do Name) Command {
	c := Command{Do: do, Offer: service("a").ID, Reason: "other", Outcome: "received_in_full",
		At: monday10.AddDate(0, 0, 9), Person: named("colleague"), TaskKind: CallAgency}
	if do == AddOffer || do == MarkInError {
		c.Offers = []NewOffer{service("again")}
		c.Offers[0].Service = named("service again")
	}
	switch do {
	case MarkInError:
		c.Offers[0].Service = named("service a")
	case AddOffer:
		c.Consent = yes(monday10, named("service again"))
	case OpenDraft, Agree:
		c.Consent = yes(monday10, named("service a"))
	}
	return c
}

// must decides a command under the standard policy.
func must(t rapid.TB, f Facts, c Command, role Role, now time.Time) Facts {
	t.Helper()
	change, err := Decide(f, c, Actor{Role: role}, Standard(), now)
	if err != nil {
		t.Fatalf("%s by %s: %v", c.Do, role, err)
	}
	return change.Facts
}

// ways gives the commands that take an offer to each state, found by walking the table from queued.
func ways() map[OfferState][]Transition {
	found := map[OfferState][]Transition{Queued: {}}
	for again := true; again; {
		again = false
		for _, t := range Transitions {
			for _, from := range t.From {
				way, reached := found[from]
				if _, known := found[t.To]; reached && !known {
					found[t.To] = append(way[:len(way):len(way)], t)
					again = true
				}
			}
		}
	}
	return found
}

// at is a referral whose offer to service "a" has come to a state by commands, all decided at monday10.
func at(t rapid.TB, s OfferState, urgency Urgency, others ...string) Facts {
	t.Helper()
	way, ok := ways()[s]
	if !ok {
		t.Fatalf("no commands lead to %s", s)
	}
	f := opened(t, urgency, append([]string{"a"}, others...)...)
	for _, tr := range way {
		c := full(tr.Do)
		c.Offers = nil
		f = must(t, f, c, tr.By[0], monday10)
	}
	if got := f.offer(service("a").ID).State; got != s {
		t.Fatalf("the offer came to %s, want %s", got, s)
	}
	return f
}

// run lets the clock carry out everything due at now, and fails when it does not go quiet.
func run(t rapid.TB, f Facts, p Policy, now time.Time) (Facts, int) {
	t.Helper()
	events := 0
	for range 10 + 6*len(f.Offers) + 3*len(f.Tasks) {
		step := Next(f, p, now)
		if step.None() || step.Do == FinishDraft || step.Due.After(now) {
			return f, events
		}
		change, err := Decide(f, step.CommandOf(), Actor{Role: System}, p, now)
		if err != nil {
			t.Fatalf("the clock can't do its own step %+v: %v", step, err)
		}
		if change.Repeated() {
			t.Fatalf("the clock's step changed nothing: %+v", step)
		}
		f, events = change.Facts, events+len(change.Events)
	}
	t.Fatalf("the clock does not go quiet at %s: next is %+v", now, Next(f, p, now))
	return f, events
}
