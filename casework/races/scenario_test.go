package races_test

import (
	"fmt"
	"slices"

	"pgregory.net/rapid"

	"throughline/casework/races"
)

// callers is how many are at one referral at once.
const callers = 50

// scenario is a round: a referral brought to some state, and what is asked of it by fifty at once. Beside it others are
// in flight, at the same helpline and with a few callers each.
type scenario struct {
	Start    start
	Services int
	Steps    int    // of the clock, carried out before
	Until    string // or as many as it takes until this step comes next
	Due      bool   // the next one has come due as the race begins
	Calls    []wish
	Crowd    bool // callers without a call of their own make one of the others'; else they only look
	Again    bool // each caller asks again after the answer, as one whose answer was lost
	Beside   int
}

// wish is a call before it is known what there is to ask for.
type wish struct {
	What           what
	Offer, Variant int
	Person, Task   int
	Key            int // 0: none
	Form           bool
	IfVersion      bool
}

type what struct {
	way races.Way
	do  string
}

// start is a state to begin in, and the way there.
type start struct {
	Name string
	way  []races.Call
}

func link(do, offer string) races.Call {
	c := races.Call{Way: races.Link, Do: do, Offer: offer, Note: "Which floor?"}
	vary(&c, 0)
	return c
}

func staff(do, offer string) races.Call {
	c := link(do, offer)
	c.Way, c.Account = races.Staff, "noor"
	return c
}

var starts = []start{
	{"sent", nil},
	{"accepted", []races.Call{link("accept", "o1")}},
	{"info_requested", []races.Call{link("ask", "o1")}},
	{"asked and answered", []races.Call{link("ask", "o1"), staff("answer", "o1")}},
	{"contacting", []races.Call{link("accept", "o1"), link("contact", "o1")}},
	{"two attempts", []races.Call{link("accept", "o1"), link("contact", "o1"), link("contact", "o1")}},
	{"scheduled", []races.Call{link("accept", "o1"), link("schedule", "o1")}},
	{"in_service", []races.Call{link("accept", "o1"), link("start_service", "o1")}},
	{"waitlisted", []races.Call{link("waitlist", "o1")}},
	{"two waitlists", []races.Call{link("waitlist", "o1"), link("waitlist", "o2")}},
	{"outcome_reported", []races.Call{link("accept", "o1"), link("report_outcome", "o1")}},
	{"declined", []races.Call{link("decline", "o1")}},
	{"failed", []races.Call{link("accept", "o1"), link("fail", "o1")}},
	{"closed", []races.Call{link("accept", "o1"), staff("close", "")}},
	{"draft", nil},
}

// whats are what can be asked, some more often. A look comes first: it is the least that can happen.
var whats = oftener([]weight{{races.Staff, "look", 1},
	{races.Link, "accept", 5}, {races.Link, "decline", 5}, {races.Link, "ask", 2}, {races.Link, "waitlist", 2}, {races.Link, "contact", 2},
	{races.Link, "schedule", 1}, {races.Link, "start_service", 1}, {races.Link, "continue", 1}, {races.Link, "report_outcome", 2},
	{races.Link, "fail", 1}, {races.Link, "new_link", 1}, {races.Link, "look", 1},
	{races.Staff, "withdraw", 5}, {races.Staff, "withdraw all", 2}, {races.Staff, "reassign", 5}, {races.Staff, "mark_in_error", 1},
	{races.Staff, "ask again", 1}, {races.Staff, "add_offer", 2}, {races.Staff, "close", 1}, {races.Staff, "confirm", 2},
	{races.Staff, "dispute", 1}, {races.Staff, "answer", 2}, {races.Staff, "finish_task", 2}, {races.Staff, "open", 1}, {races.Staff, "resend", 2},
	{races.Staff, "accept", 2}, {races.Staff, "decline", 1}, {races.Staff, "contact", 1}, {races.Staff, "schedule", 1},
	{races.Clock, "due", 5}, {races.Clock, "look", 1},
	{races.House, "leave", 1}, {races.House, "set_policy", 1},
})

type weight struct {
	way   races.Way
	do    string
	times int
}

func oftener(weights []weight) (list []what) {
	for _, w := range weights {
		list = append(list, slices.Repeat([]what{{w.way, w.do}}, w.times)...)
	}
	return list
}

var wishes = rapid.Custom(func(t *rapid.T) wish {
	return wish{
		What:    rapid.SampledFrom(whats).Draw(t, "what"),
		Offer:   rapid.SampledFrom([]int{0, 0, 0, 1, 2}).Draw(t, "offer"),
		Variant: rapid.SampledFrom([]int{0, 0, 1, 2}).Draw(t, "variant"),
		Person:  rapid.IntRange(0, 2).Draw(t, "person"),
		Task:    rapid.IntRange(0, 1).Draw(t, "task"),
		Key:     rapid.SampledFrom([]int{0, 0, 0, 1, 2}).Draw(t, "key"),
		Form:    rapid.Bool().Draw(t, "form"),
		// Mostly not: whoever names a version is refused in most races.
		IfVersion: rapid.IntRange(0, 9).Draw(t, "if version") == 9,
	}
})

var scenarios = rapid.Custom(func(t *rapid.T) scenario {
	return scenario{
		Start:    rapid.SampledFrom(starts).Draw(t, "start"),
		Services: rapid.IntRange(1, 3).Draw(t, "services"),
		Steps:    rapid.SampledFrom([]int{0, 0, 1, 2}).Draw(t, "steps"),
		Due:      rapid.Bool().Draw(t, "due"),
		Calls:    rapid.OneOf(rapid.SliceOfN(wishes, 1, callers), rapid.SliceOfN(wishes, callers/4, callers)).Draw(t, "calls"),
		Crowd:    rapid.Bool().Draw(t, "crowd"),
		Again:    rapid.Bool().Draw(t, "again"),
		Beside:   rapid.IntRange(0, 2).Draw(t, "beside"),
	}
})

// fives are rounds of ten each who accept, decline, withdraw and reassign, and of ten workers who find that it has lapsed.
var fives = rapid.Custom(func(t *rapid.T) scenario {
	ends := []wish{{What: what{races.Link, "accept"}}, {What: what{races.Link, "decline"}}, {What: what{races.Staff, "withdraw"}},
		{What: what{races.Clock, "due"}}, {What: what{races.Staff, "reassign"}}}
	s := scenario{
		Start:    starts[0],
		Services: rapid.IntRange(1, 3).Draw(t, "services"),
		Until:    "lapse",
		Due:      true,
		Calls:    rapid.Permutation(ends).Draw(t, "calls"),
		Crowd:    true,
		Again:    rapid.Bool().Draw(t, "again"),
		Beside:   rapid.IntRange(0, 2).Draw(t, "beside"),
	}
	for i := range s.Calls {
		s.Calls[i].Variant = rapid.IntRange(0, 1).Draw(t, "variant")
		s.Calls[i].Key = rapid.IntRange(0, 1).Draw(t, "key")
	}
	return s
})

func startNamed(name string) start {
	return starts[slices.IndexFunc(starts, func(s start) bool { return s.Name == name })]
}

// known are rounds that are run each time, for what luck brings up seldom: everyone with the same form, or the same key;
// two agencies that each have a place; one who leaves while work is given to them; a decision that is undone as it is made.
var known = []scenario{
	{Start: startNamed("accepted"), Services: 1, Crowd: true, Again: true, Calls: []wish{{What: what{races.Link, "contact"}, Form: true}}},
	{Start: startNamed("sent"), Services: 1, Crowd: true, Again: true, Calls: []wish{{What: what{races.Link, "ask"}, Form: true},
		{What: what{races.Link, "ask"}, Variant: 1, Form: true}, {What: what{races.Staff, "answer"}}}},
	{Start: startNamed("waitlisted"), Services: 2, Crowd: true, Calls: []wish{{What: what{races.Link, "waitlist"}, Form: true},
		{What: what{races.Link, "accept"}, Offer: 1}, {What: what{races.Link, "fail"}}}},
	{Start: startNamed("two waitlists"), Services: 3, Crowd: true, Calls: []wish{{What: what{races.Link, "accept"}},
		{What: what{races.Link, "accept"}, Offer: 1}, {What: what{races.Link, "new_link"}}}},
	{Start: startNamed("sent"), Services: 2, Crowd: true, Again: true, Calls: []wish{{What: what{races.Staff, "reassign"}, Key: 1},
		{What: what{races.Staff, "reassign"}, Variant: 1, Key: 1}, {What: what{races.Staff, "contact"}, Key: 1}}},
	{Start: startNamed("asked and answered"), Services: 2, Crowd: true, Beside: 2, Calls: []wish{{What: what{races.House, "leave"}},
		{What: what{races.Staff, "reassign"}}, {What: what{races.Staff, "reassign"}, Variant: 1}, {What: what{races.House, "set_policy"}}}},
	{Start: startNamed("declined"), Services: 1, Crowd: true, Again: true, Calls: []wish{{What: what{races.Staff, "ask again"}},
		{What: what{races.Staff, "add_offer"}}, {What: what{races.Link, "accept"}}, {What: what{races.Staff, "withdraw all"}, Variant: 1}}},
	{Start: startNamed("sent"), Services: 2, Until: "escalate", Due: true, Crowd: true, Calls: []wish{{What: what{races.Staff, "resend"}},
		{What: what{races.Staff, "resend"}, Variant: 1}, {What: what{races.Clock, "due"}}, {What: what{races.Link, "new_link"}}}},
	{Start: startNamed("waitlisted"), Services: 2, Crowd: true, Again: true, Calls: []wish{{What: what{races.Link, "accept"}},
		{What: what{races.Link, "accept"}, Offer: 1}, {What: what{races.Staff, "resend"}, Offer: 1}}},
	{Start: startNamed("accepted"), Services: 1, Until: "ask_agency", Due: true, Crowd: true, Again: true, Calls: []wish{
		{What: what{races.Clock, "due"}}, {What: what{races.Staff, "resend"}}, {What: what{races.Staff, "finish_task"}}, {What: what{races.Link, "schedule"}}}},
	{Start: startNamed("draft"), Services: 2, Crowd: true, Calls: []wish{{What: what{races.Staff, "open"}}, {What: what{races.Staff, "withdraw all"}},
		{What: what{races.Staff, "add_offer"}}, {What: what{races.House, "set_policy"}}}},
	{Start: startNamed("outcome_reported"), Services: 2, Due: true, Crowd: true, Calls: []wish{{What: what{races.Staff, "confirm"}},
		{What: what{races.Staff, "dispute"}}, {What: what{races.Staff, "close"}}, {What: what{races.Clock, "due"}}}},
}

// vary fills in what a command needs besides its name.
func vary(c *races.Call, variant int) {
	pick := func(list ...string) string { return list[variant%len(list)] }
	switch c.Do {
	case "decline", "fail":
		c.Reason = pick("full", "other")
	case "withdraw":
		c.Reason = pick("met_elsewhere", "other", "consent_withdrawn")
		if c.Offer == "" {
			c.Reason, c.Client = pick("moved", "consent_withdrawn", "other"), variant == 2
		}
	case "report_outcome", "confirm", "close":
		c.Outcome = pick("received_in_full", "moved", "unmet")
		if c.Outcome == "unmet" {
			c.Unmet = "cost"
		}
		c.Client = c.Do == "close" && variant == 1
	case "resend":
		c.Reason = pick("not_received", "mislaid")
	case "schedule":
		c.Visit = pick("tomorrow", "the day after")
	case "add_offer":
		c.Service = pick("s4", "s1", "s2")
	case "ask", "answer":
		c.Note = pick("Which floor?", "Which language?")
	}
	if c.Do != "ask" && c.Do != "answer" {
		c.Note = ""
	}
}

// String is a scenario to be read when it has failed.
func (s scenario) String() string {
	return fmt.Sprintf("begin %s with %d services, %d steps of the clock %s, the next due %v, crowd %v, again %v, %d beside", s.Start.Name,
		s.Services, s.Steps, s.Until, s.Due, s.Crowd, s.Again, s.Beside)
}
