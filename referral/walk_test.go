package referral

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"
)

// Random lives: people, agencies and the clock act in any order, time leaps, mail fails. Whatever happens, the
// referral is never out of sight.

var calendars = []Calendar{{}, {Zone: Winnipeg}, lunchBreak, closedMonday, aroundTheClock, {Hours: []Hours{{time.Friday, 600, 660}}}}

type walk struct {
	*rapid.T
	p       Policy
	u       Urgency // "" is either
	f       Facts
	now     time.Time
	offered int
	ended   map[uuid.UUID]OfferState
}

// begin takes the call.
func (w *walk) begin() {
	var offers []NewOffer
	for range rapid.IntRange(1, 4).Draw(w.T, "services") {
		offers = append(offers, w.newOffer())
	}
	if w.u == "" {
		w.u = rapid.SampledFrom(Urgencies).Draw(w.T, "urgency")
	}
	f, err := Begin(Facts{ID: named("walk"), Urgency: w.u, Owner: owner, Created: w.now, Consents: []Consent{w.yes(servicesOf(offers)...)}},
		offers, rapid.IntRange(0, 5).Draw(w.T, "open") > 0)
	if err != nil {
		w.Fatal(err)
	}
	w.f, w.ended = f, map[uuid.UUID]OfferState{}
}

// yes is what a client says of services: some groups, for a while.
func (w *walk) yes(services ...uuid.UUID) Consent {
	c := *yes(w.now, services...)
	for s := range c.Agreed {
		c.Agreed[s] = append([]Group{NeedGroup}, rapid.SliceOfDistinct(rapid.SampledFrom(Groups[1:]), rapid.ID).Draw(w.T, "groups")...)
	}
	c.Until = w.now.AddDate(0, 0, rapid.SampledFrom([]int{1, 30, 365, 365}).Draw(w.T, "days"))
	return c
}

// live lets someone act.
func (w *walk) live() {
	rapid.SampledFrom([]func(){w.person, w.person, w.person, w.clock, w.post}).Draw(w.T, "who acts")()
}

func (w *walk) newOffer() NewOffer {
	w.offered++
	o := service(fmt.Sprint(w.offered))
	o.Calendar = rapid.SampledFrom(calendars).Draw(w.T, "calendar")
	return o
}

func (w *walk) someOffer() uuid.UUID {
	if rapid.IntRange(0, 19).Draw(w.T, "stranger") == 0 {
		return named("stranger")
	}
	return rapid.SampledFrom(w.f.Offers).Draw(w.T, "offer").ID
}

// person gives a command that anyone might give, sensible or not.
func (w *walk) person() {
	c := Command{
		Do:      rapid.SampledFrom(CommandNames()).Draw(w.T, "do"),
		Offer:   w.someOffer(),
		Reason:  rapid.SampledFrom([]string{"full", "other", "client_declined", "moved", "address_corrected", "nonsense"}).Draw(w.T, "reason"),
		Outcome: rapid.SampledFrom([]string{"received_in_full", "moved", "unmet", "nonsense"}).Draw(w.T, "outcome"),
		Unmet:   rapid.SampledFrom([]string{"", "", "cost"}).Draw(w.T, "unmet"),
		At:      w.now.Add(time.Duration(rapid.IntRange(-48, 2000).Draw(w.T, "hours")) * time.Hour),
		Person:  owner,
	}
	if c.Do.ByClock() {
		return
	}
	// Most walks would end at once if anyone could close a referral at any time.
	ends := c.Do == Close || c.Do == Confirm || (c.Do == Withdraw && rapid.Bool().Draw(w.T, "whole"))
	if ends && rapid.IntRange(0, 9).Draw(w.T, "really") > 0 {
		return
	}
	if ends && c.Do == Withdraw {
		c.Offer = uuid.Nil
	}
	if len(w.f.Tasks) > 0 {
		c.Task = rapid.SampledFrom(w.f.Tasks).Draw(w.T, "task").ID
	}
	if c.Do == AddOffer || (c.Do == MarkInError && rapid.Bool().Draw(w.T, "afresh")) {
		c.Offers = []NewOffer{w.newOffer()}
	}
	if c.Do == AddOffer || c.Do == OpenDraft || c.Do == Agree {
		about := servicesOf(c.Offers)
		for _, o := range w.f.Offers {
			if c.Do != AddOffer && !o.State.Ended() {
				about = append(about, o.Service)
			}
		}
		yes := w.yes(about...)
		c.Consent = &yes
	}
	if c.Do == WithdrawConsent {
		if c.Groups = rapid.SliceOfDistinct(rapid.SampledFrom(Groups[1:]), rapid.ID).Draw(w.T, "taken back"); rapid.Bool().Draw(w.T, "everyone") {
			c.Offer = uuid.Nil
		}
		ends = c.Offer == uuid.Nil && len(c.Groups) == 0
		if ends && rapid.IntRange(0, 9).Draw(w.T, "really") > 0 {
			return
		}
	}
	c.NoAddress = rapid.IntRange(0, 9).Draw(w.T, "no address") == 0
	role := rapid.SampledFrom([]Role{Navigator, Coordinator}).Draw(w.T, "role")
	if roles := rolesOf(c.Do); len(roles) > 0 {
		role = rapid.SampledFrom(roles).Draw(w.T, "role of the table")
	}
	w.decide(c, Actor{Role: role})
}

func (w *walk) decide(c Command, who Actor) {
	kept := w.f.clone()
	change, err := Decide(w.f, c, who, w.p, w.now)
	if !reflect.DeepEqual(kept, w.f) {
		w.Fatalf("%s changed the facts it was given", c.Do)
	}
	if err != nil {
		if CodeOf(err) == CodeInternal {
			w.Fatalf("%s: %v is not a typed answer", c.Do, err)
		}
		return
	}
	switch {
	case change.Repeated() && !reflect.DeepEqual(change.Facts, kept):
		w.Fatalf("%s says nothing happened, and yet the facts changed", c.Do)
	case kept.State == Closed && !reflect.DeepEqual(settled(change.Facts), settled(kept)):
		w.Fatalf("%s changed a closed referral", c.Do)
	case !change.Repeated() && change.Facts.Version != kept.Version+1:
		w.Fatalf("%s led from version %d to %d", c.Do, kept.Version, change.Facts.Version)
	}
	w.f = change.Facts
}

// clock leaps to the next due time, or just some way, and does all that is due.
func (w *walk) clock() {
	step := Next(w.f, w.p, w.now)
	if !step.None() && rapid.Bool().Draw(w.T, "to the next step") {
		w.now = later(w.now, step.Due)
	} else {
		w.now = w.now.Add(time.Duration(rapid.Int64Range(0, int64(60*24*time.Hour)).Draw(w.T, "leap")))
	}
	before := w.f.Version
	f, events := run(w.T, w.f, w.p, w.now)
	if events > 0 && f.Version <= before {
		w.Fatalf("the clock led from version %d to %d", before, f.Version)
	}
	w.f = f
}

// post settles the mail of an offer, one way or another.
func (w *walk) post() {
	o := w.f.offer(rapid.SampledFrom(w.f.Offers).Draw(w.T, "whose mail").ID)
	if rapid.IntRange(0, 4).Draw(w.T, "lost") == 0 {
		word := rapid.SampledFrom([]Name{Undelivered, Delivered}).Draw(w.T, "word")
		w.decide(Command{Do: word, Offer: o.ID, Reason: "bounced"}, Actor{Role: System})
		return
	}
	if o.Mail.State != MailNone && w.f.State == Open {
		f := w.f.clone()
		state := rapid.SampledFrom([]MailState{MailAccepted, MailUnheard, MailDeferred, MailDelivered, MailFailed, MailUnknown}).Draw(w.T, "mail")
		f.offer(o.ID).Mail = Mail{Letter: o.Mail.Letter, State: state, Since: w.now, Out: w.now}
		w.f = f
	}
}

// hold asserts what must always hold.
func (w *walk) hold() {
	step := Next(w.f, w.p, w.now)
	if (w.f.State == Closed) != step.None() {
		w.Fatalf("a referral that is %s has the step %+v", w.f.State, step)
	}
	if !step.None() && (step.Due.IsZero() || step.Role == "") {
		w.Fatalf("nobody, or no time: %+v", step)
	}
	for _, o := range w.f.Offers {
		if step.Offer == o.ID && (step.Do == Send || step.Do == Remind || step.Do == AskAgency || step.Do == Lapse) &&
			!step.Due.After(w.now) && !w.f.Agreed(o.Service).Stands(w.now) {
			w.Fatalf("%s comes next, and the client does not agree", step.Do)
		}
	}
	holding := 0
	for _, o := range w.f.Offers {
		if o.State.holds() {
			holding++
		}
		was, ended := w.ended[o.ID]
		if ended && o.State != was && !(o.State == InError && (was == Declined || was == Failed)) {
			w.Fatalf("an offer that was %s is %s", was, o.State)
		}
		if o.State.Ended() {
			w.ended[o.ID] = o.State
		}
	}
	if holding > 1 {
		w.Fatalf("%d agencies have the referral at once", holding)
	}
	for _, k := range w.f.Tasks {
		if k.Due.IsZero() || k.Role == "" || (k.State == TaskOpen) != k.Done.IsZero() {
			w.Fatalf("a task without time, role or end: %+v", k)
		}
		if k.State == TaskOpen && w.f.State == Closed && k.Cause != "mail_undelivered" {
			w.Fatalf("a closed referral leaves the task %s", k.Kind)
		}
	}
}

func TestNoReferralIsEverOutOfSight(t *testing.T) {
	t.Parallel()
	for _, p := range []Policy{Standard(), Demo()} {
		for _, u := range Urgencies {
			t.Run(p.Name+" "+string(u), rapid.MakeCheck(func(rt *rapid.T) {
				w := &walk{T: rt, p: p, u: u, now: monday10}
				w.begin()
				w.hold()
				for range rapid.IntRange(1, 80).Draw(rt, "length") {
					w.live()
					w.hold()
				}
			}))
		}
	}
}
