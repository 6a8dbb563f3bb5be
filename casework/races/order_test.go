package races

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// A referral that was sent to the first of two agencies.
func sent() Referral {
	r := Open("noor", false, "s1", "s2")
	r.Version, r.Offers[0].State, r.Offers[0].entered = 2, "sent", 2
	return r
}

var (
	accept  = Call{Way: Link, Do: "accept", Offer: "o1"}
	decline = Call{Way: Link, Do: "decline", Offer: "o1", Reason: "full"}
	contact = Call{Way: Link, Do: "contact", Offer: "o1"}
	toKim   = Call{Way: Staff, Do: "reassign", Person: "kim", Account: "noor"}
	look    = Call{Way: Link, Do: "look", Offer: "o1"}
	lapse   = Call{Way: Clock, Do: "lapse", Offer: "o1"}
)

func entry(version int, by, what, from, to, code string) Entry {
	return Entry{version, by, Line{What: what, Offer: "o1", From: from, To: to, Code: code}}
}

func made(by string, began, ended int, c Call, answer string) Made {
	return Made{Call: c, By: by, Began: began, Ended: ended, Answer: answer}
}

func handed(version int, by string) Entry { return Entry{version, by, Line{What: "reassign"}} }

func accepted() Referral {
	r := sent()
	r.Offers[0].State = "accepted"
	return r
}

// staffSee is a referral after a change, as staff would be shown it.
func staffSee(r Referral, change func(*Referral)) string {
	r = r.clone()
	r.Version++
	change(&r)
	return r.StaffSee()
}

var kims = func(r *Referral) { r.Owner = "kim" }

// What is in order is found to be, and what is not, is not: each way in which a record can fail its people.
func TestOrder(t *testing.T) {
	t.Parallel()
	due := sent().Alarm(Duty{Do: "lapse", Offer: "o1"})
	keyed := toKim
	keyed.Key = "key"
	withForm := contact
	withForm.Form = 2
	for name, c := range map[string]struct {
		begin    Referral
		made     []Made
		timeline []Entry
		broken   bool
	}{
		"one wins, the other is told": {sent(), []Made{made("sam", 1, 4, accept, "ok"), made("kim", 2, 3, decline, "409 accepted")},
			[]Entry{entry(3, "sam", "accept", "sent", "accepted", "")}, false},
		"two win": {sent(), []Made{made("sam", 1, 4, accept, "ok"), made("kim", 2, 3, decline, "ok")},
			[]Entry{entry(3, "sam", "accept", "sent", "accepted", "")}, true},
		"the loser is not told what was first": {sent(), []Made{made("sam", 1, 4, accept, "ok"), made("kim", 2, 3, decline, "409")},
			[]Entry{entry(3, "sam", "accept", "sent", "accepted", "")}, true},
		"the loser is told something else": {sent(), []Made{made("sam", 1, 4, accept, "ok"), made("kim", 2, 3, decline, "409 lapsed")},
			[]Entry{entry(3, "sam", "accept", "sent", "accepted", "")}, true},
		"nobody wins": {sent(), []Made{made("kim", 2, 3, decline, "409 accepted")}, nil, true},
		"the same again is answered alike": {sent(), []Made{made("sam", 1, 4, accept, "ok"), made("kim", 2, 3, accept, "ok")},
			[]Entry{entry(3, "kim", "accept", "sent", "accepted", "")}, false},
		"the same again is taken for new": {sent(), []Made{made("sam", 1, 2, accept, "ok"), made("sam", 3, 4, accept, "ok")},
			[]Entry{entry(3, "sam", "accept", "sent", "accepted", ""), entry(4, "sam", "accept", "accepted", "accepted", "")}, true},
		"each attempt counts": {accepted(), []Made{made("sam", 1, 4, contact, "ok"), made("kim", 2, 3, contact, "ok"), made("sam", 5, 6, look, "v4 open contacting(   2) and the client")},
			[]Entry{entry(3, "sam", "contact", "accepted", "contacting", ""), entry(4, "kim", "contact", "contacting", "contacting", "")}, false},
		"an attempt is lost": {accepted(), []Made{made("sam", 1, 4, contact, "ok"), made("kim", 2, 3, contact, "ok"), made("sam", 5, 6, look, "v4 open contacting(   1) and the client")},
			[]Entry{entry(3, "sam", "contact", "accepted", "contacting", ""), entry(4, "kim", "contact", "contacting", "contacting", "")}, true},
		"both see the same version": {accepted(), []Made{made("sam", 1, 4, contact, "ok"), made("kim", 2, 3, contact, "ok")},
			[]Entry{entry(3, "sam", "contact", "accepted", "contacting", ""), entry(3, "kim", "contact", "accepted", "contacting", "")}, true},
		"the same form once more": {accepted(), []Made{made("sam", 1, 2, withForm, "ok"), made("sam", 3, 4, withForm, "ok")},
			[]Entry{entry(3, "sam", "contact", "accepted", "contacting", "")}, false},
		"the same form counts twice": {accepted(), []Made{made("sam", 1, 2, withForm, "ok"), made("sam", 3, 4, withForm, "ok")},
			[]Entry{entry(3, "sam", "contact", "accepted", "contacting", ""), entry(4, "sam", "contact", "contacting", "contacting", "")}, true},
		"a later caller can't be first": {sent(), []Made{made("kim", 1, 2, decline, "409 accepted"), made("sam", 3, 4, accept, "ok")},
			[]Entry{entry(3, "sam", "accept", "sent", "accepted", "")}, true},
		"an old page after the change": {sent(), []Made{made("sam", 1, 2, accept, "ok"), made("kim", 3, 4, look, "v2 open sent(   0)")},
			[]Entry{entry(3, "sam", "accept", "sent", "accepted", "")}, true},
		"the timeline names another":         {sent(), []Made{made("sam", 1, 4, accept, "ok")}, []Entry{entry(3, "kim", "accept", "sent", "accepted", "")}, true},
		"the timeline tells something else":  {sent(), []Made{made("sam", 1, 4, accept, "ok")}, []Entry{entry(3, "sam", "decline", "sent", "declined", "full")}, true},
		"the timeline tells nothing":         {sent(), []Made{made("sam", 1, 4, accept, "ok")}, nil, true},
		"nobody did what the timeline tells": {sent(), nil, []Entry{entry(3, "sam", "accept", "sent", "accepted", "")}, true},
		"a version is missing":               {sent(), []Made{made("sam", 1, 4, accept, "ok")}, []Entry{entry(4, "sam", "accept", "sent", "accepted", "")}, true},

		"the clock lapses what is due": {due, []Made{made("clock", 1, 4, lapse, "due send o2  "), made("clock", 2, 3, lapse, "due send o2  ")},
			[]Entry{entry(3, "clock", "lapse", "sent", "lapsed", "")}, false},
		"the clock leaves alone what was answered": {due, []Made{made("sam", 1, 3, accept, "ok"), made("clock", 2, 4, lapse, "later")},
			[]Entry{entry(3, "sam", "accept", "sent", "accepted", "")}, false},
		"the clock forgets what is due": {due, []Made{made("clock", 1, 2, lapse, "later")}, nil, true},
		"the clock is early": {sent(), []Made{made("clock", 1, 2, lapse, "due send o2  ")},
			[]Entry{entry(3, "clock", "lapse", "sent", "lapsed", "")}, true},
		"the clock lapses what was answered": {due, []Made{made("sam", 1, 4, accept, "ok"), made("clock", 2, 3, lapse, "due send o2  ")},
			[]Entry{entry(3, "sam", "accept", "sent", "accepted", ""), entry(4, "clock", "lapse", "accepted", "lapsed", "")}, true},
		"a duty is left undone": {due, []Made{made("clock", 1, 2, lapse, "later")}, []Entry{entry(3, "clock", "lapse", "sent", "lapsed", "")}, true},

		"a key is answered alike": {sent(), []Made{made("a", 1, 2, keyed, staffSee(sent(), kims)), made("b", 5, 6, keyed, staffSee(sent(), kims)),
			made("sam", 3, 4, accept, "ok")}, []Entry{handed(3, "a"), entry(4, "sam", "accept", "sent", "accepted", "")}, false},
		"a key is answered anew": {sent(), []Made{made("a", 1, 2, keyed, staffSee(sent(), kims)),
			made("sam", 3, 4, accept, "ok"),
			made("b", 5, 6, keyed, "v4 open of kim; o1 s1 #1 accepted(   0); o2 s2 #2 queued(   0)")},
			[]Entry{handed(3, "a"), entry(4, "sam", "accept", "sent", "accepted", "")}, true},
		"a key is busy": {sent(), []Made{made("a", 1, 4, keyed, staffSee(sent(), kims)), made("b", 2, 3, keyed, "409 in_flight")}, []Entry{handed(3, "a")}, false},
		"a key is busy with nobody": {sent(), []Made{made("a", 1, 2, keyed, staffSee(sent(), kims)), made("b", 3, 4, keyed, "409 in_flight")},
			[]Entry{handed(3, "a")}, true},
		"who has left is given work": {sent(), []Made{made("house", 1, 2, Call{Way: House, Do: "leave", Person: "kim"}, "ok"),
			made("a", 3, 4, toKim, staffSee(sent(), kims))}, []Entry{handed(3, "a")}, true},
		"who leaves keeps work": {sent(), []Made{made("a", 1, 2, toKim, staffSee(sent(), kims)), made("house", 3, 4, Call{Way: House, Do: "leave", Person: "kim"}, "ok")},
			[]Entry{handed(3, "a")}, true},
		"who leaves hands over": {sent(), []Made{made("a", 1, 4, toKim, staffSee(sent(), kims)), made("house", 2, 3, Call{Way: House, Do: "leave", Person: "kim"}, "ok")},
			[]Entry{handed(3, "a"), handed(4, "house")}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			steps, err := History{Begin: c.begin, Made: c.made, Timeline: c.timeline}.Order()
			if (err != nil) != c.broken {
				t.Fatalf("broken: %v, want %v\n%v", err != nil, c.broken, err)
			}
			if err == nil && len(steps) != len(c.made) {
				t.Errorf("%d calls have a place, want %d", len(steps), len(c.made))
			}
			if err != nil && !strings.Contains(err.Error(), "goes as far as") {
				t.Errorf("the error does not say how far it goes: %v", err)
			}
		})
	}
}

// Fifty who ask for the same, all at the same time, are in order in a moment, and so is the proof that they are not.
func TestOrderOfManyAlike(t *testing.T) {
	t.Parallel()
	h := History{Begin: sent().Alarm(Duty{Do: "lapse", Offer: "o1"}), Timeline: []Entry{entry(3, "clock", "lapse", "sent", "lapsed", "")}}
	for i := range 50 {
		h.Made = append(h.Made, made("clock", 1, 100+i, lapse, "due send o2  "), made("sam", 1, 200+i, accept, "409 lapsed"))
	}
	if _, err := h.Order(); err != nil {
		t.Error(err)
	}
	h.Made = append(h.Made, made("kim", 1, 300, decline, "409 accepted"))
	if _, err := h.Order(); err == nil {
		t.Error("a loser who was told something else has a place")
	}
}

// A form that counts each time it is posted leaves many ways to try, and none that leads on: the search gives up in time.
func TestOrderOfManyThatCanNotBe(t *testing.T) {
	t.Parallel()
	form := contact
	form.Form = 2
	h := History{Begin: accepted()}
	from := "accepted"
	for i := range 50 {
		by := fmt.Sprint("caller ", i)
		h.Made = append(h.Made, made(by, 1, 100+i, form, "ok"), made(by, 200+i, 300+i, form, "ok"))
		h.Timeline = append(h.Timeline, entry(3+i, by, "contact", from, "contacting", ""))
		from = "contacting"
	}
	if _, err := h.Order(); err == nil {
		t.Error("a form that counts fifty times has a place")
	}
}

// Every state of DESIGN's table can be reached in the model, and every end is one.
func TestTheModelReachesEveryState(t *testing.T) {
	t.Parallel()
	reached := map[string]bool{"queued": true, "sent": true, "lapsed": true}
	for range moves {
		for from, to := range moves {
			for _, state := range to {
				reached[state] = reached[state] || reached[from]
			}
		}
	}
	for _, state := range []string{"queued", "sent", "info_requested", "accepted", "contacting", "scheduled", "in_service", "waitlisted", "declined",
		"lapsed", "withdrawn", "outcome_reported", "confirmed", "failed", "in_error"} {
		if !reached[state] {
			t.Errorf("nothing leads to %s", state)
		}
		ends := slices.Contains([]string{"lapsed", "withdrawn", "confirmed", "in_error"}, state)
		if ends != (len(moves[state]) == 0) {
			t.Errorf("%s leads to %v", state, moves[state])
		}
	}
}
