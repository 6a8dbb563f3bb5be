package faults

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"throughline/mail/mailtest"
	"throughline/referral"
)

var (
	ours    = uuid.MustParse("00000000-0000-4000-8000-0000000000a1")
	anOffer = uuid.MustParse("00000000-0000-4000-8000-0000000000b1")
	aLetter = uuid.MustParse("00000000-0000-4000-8000-0000000000c1")
	aTask   = uuid.MustParse("00000000-0000-4000-8000-0000000000d1")
	noon    = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
)

// kept is a record and an outside log in which every promise was kept: a call, a letter, a reminder, a visit agreed on
// the agency's page in the hour that is repeated, and the end.
func kept() (record, []Entry) {
	visit := time.Date(2027, 11, 7, 6, 30, 0, 0, time.UTC)
	line := func(version int, what referral.Name, from, to, via, note string) lineRow {
		return lineRow{Referral: ours, Version: version, At: noon.Add(time.Duration(version) * time.Minute), What: what, Offer: &anOffer, From: from,
			To: to, Actor: via, Via: via, Note: note}
	}
	attempted := noon.Add(150 * time.Second)
	r := record{
		Referrals: []referralRow{{ID: ours, State: referral.Closed, Outcome: "moved", Version: 6, Details: "m1"}},
		Offers:    []offerRow{{ID: anOffer, Referral: ours, State: referral.Withdrawn, Visit: &visit, Zone: "America/Toronto"}},
		Tasks:     []taskRow{{ID: aTask, Referral: ours, Kind: referral.CallAgency, State: referral.TaskDone}},
		Timeline: []lineRow{
			{Referral: ours, Version: 1, At: noon, What: referral.Refer, To: "open", Actor: "api", Via: "api"},
			line(2, referral.Send, "queued", "sent", "clock", ""),
			line(3, referral.Remind, "", "", "clock", ""),
			line(4, referral.Accept, "sent", "accepted", "link", "m2"),
			line(5, referral.Schedule, "accepted", "scheduled", "link", "m3"),
			line(6, referral.Withdraw, "scheduled", "withdrawn", "api", "m4"),
			{Referral: ours, Version: 6, At: noon.Add(6 * time.Minute), What: referral.Close, From: "open", To: "closed", Actor: "api", Via: "api"},
		},
		Messages: []messageRow{{ID: aLetter, Referral: ours, Offer: anOffer, Letter: referral.OfferLetter, StepKey: "v2", Generation: 1,
			State: "accepted", Attempted: &attempted}},
		Taken: []mailtest.Received{{MID: aLetter.String()}},
		Now:   noon.Add(time.Hour),
	}
	log := []Entry{
		{Mark: "m1", Via: "api", Do: "refer", Key: "k1", Referral: ours, Status: 201, Version: 1, Digest: "a", At: noon, Try: 1},
		{Mark: "m2", Via: "link", Do: "accept", Referral: ours, Offer: anOffer, Status: 303, At: noon.Add(4 * time.Minute), Try: 1},
		{Mark: "m3", Via: "link", Do: "schedule", Referral: ours, Offer: anOffer, Status: 303, Clock: "2027-11-07 01:30 -05:00", Try: 1},
		{Mark: "m4", Via: "api", Do: "close", Key: "k2", Referral: ours, Status: 200, Version: 6, Digest: "b", Try: 2},
		{Mark: "m4", Via: "api", Do: "close", Key: "k2", Referral: ours, Status: 200, Version: 6, Digest: "b", Try: 1, Again: true},
		{Mark: "m4", Via: "api", Do: "close", Key: "k2", Referral: ours, Status: 422, Try: 1, Again: true, Forged: true},
		{Mark: "m5", Via: "api", Do: "withdraw", Key: "k3", Referral: ours, Status: 409, Code: "conflict", Outcome: "closed", Try: 1},
		{Mark: "m6", Via: "api", Do: "reassign", Key: "k4", Referral: ours, Status: 0, Try: 9},
	}
	return r, log
}

func TestAKeptRecordIsClean(t *testing.T) {
	t.Parallel()
	for _, v := range Judge(kept()) {
		t.Error(v)
	}
}

// Each damage is one that a defect could do, and is told by its rule.
func TestEveryDamageIsTold(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		rule   string
		damage func(r *record, log []Entry)
	}{
		"the intake is gone":             {RuleIntake, func(r *record, _ []Entry) { *r = record{} }},
		"the intake is there twice":      {RuleIntake, func(r *record, _ []Entry) { r.double() }},
		"a refused intake is there":      {RuleIntake, func(_ *record, l []Entry) { l[0].Status = 422 }},
		"the intake has another id":      {RuleIntake, func(_ *record, l []Entry) { l[0].Referral = anOffer }},
		"a decision is gone":             {RuleDecision, func(r *record, _ []Entry) { r.Timeline[3].Note, r.Timeline[3].What = "", referral.Ask }},
		"a decision is there twice":      {RuleDecision, func(r *record, _ []Entry) { r.Timeline[4].Note = "m4" }},
		"a decision is something else":   {RuleDecision, func(r *record, _ []Entry) { r.Timeline[3].What = referral.Decline }},
		"a decision is another's":        {RuleDecision, func(_ *record, l []Entry) { l[1].Referral = anOffer }},
		"a refused decision is there":    {RuleDecision, func(_ *record, l []Entry) { l[1].Status = 409 }},
		"another version was answered":   {RuleDecision, func(_ *record, l []Entry) { l[3].Version = 5 }},
		"another version was insisted":   {RuleDecision, func(_ *record, l []Entry) { l[3].If = 4 }},
		"a form without a name counts":   {RuleUnasked, func(_ *record, l []Entry) { l[1].Machine = true }},
		"nobody asked for a decision":    {RuleUnasked, func(_ *record, l []Entry) { l[1].Mark = "other" }},
		"nobody asked for a referral":    {RuleUnasked, func(_ *record, l []Entry) { l[0].Mark = "other" }},
		"a key is answered otherwise":    {RuleKey, func(_ *record, l []Entry) { l[4].Digest = "c" }},
		"a key is refused later":         {RuleKey, func(_ *record, l []Entry) { l[4].Status = 409 }},
		"a key takes another request":    {RuleKey, func(_ *record, l []Entry) { l[5].Status = 200 }},
		"a loser is told a lie":          {RuleLoser, func(_ *record, l []Entry) { l[6].Outcome = "declined" }},
		"a version is missing":           {RuleLine, func(r *record, _ []Entry) { r.Timeline[2].Version = 2 }},
		"a version is beyond the end":    {RuleLine, func(r *record, _ []Entry) { r.Referrals[0].Version = 5 }},
		"two people made one version":    {RuleLine, func(r *record, _ []Entry) { r.Timeline[6].Actor = "link" }},
		"a state is left that was not":   {RuleGraph, func(r *record, _ []Entry) { r.Timeline[4].From = "contacting" }},
		"an edge is not in the graph":    {RuleGraph, func(r *record, _ []Entry) { r.Timeline[5].To, r.Offers[0].State = "lapsed", "lapsed" }},
		"an offer is elsewhere":          {RuleGraph, func(r *record, _ []Entry) { r.Offers[0].State = referral.Accepted }},
		"it is open again":               {RuleGraph, func(r *record, _ []Entry) { r.Referrals[0].State = referral.Open }},
		"it is closed twice":             {RuleGraph, func(r *record, _ []Entry) { r.Timeline = append(r.Timeline, r.Timeline[6]) }},
		"something moves after the end":  {RuleGraph, func(r *record, _ []Entry) { r.Timeline = append(r.Timeline, r.moved()) }},
		"it is closed without outcome":   {RuleWork, func(r *record, _ []Entry) { r.Referrals[0].Outcome = "" }},
		"it is open and nobody's":        {RuleWork, func(r *record, _ []Entry) { r.reopen() }},
		"it is open without a next step": {RuleWork, func(r *record, _ []Entry) { r.reopen(); r.Referrals[0].StepDo = "" }},
		"the clock closed it":            {RuleSilent, func(r *record, _ []Entry) { r.Timeline[6].Via = "clock" }},
		"a step is overdue":              {RuleDue, func(r *record, _ []Entry) { r.reopen(); r.Now = r.Now.Add(time.Minute) }},
		"a failed letter and no call":    {RuleCall, func(r *record, _ []Entry) { r.fail() }},
		"a letter left twice":            {RuleOnce, func(r *record, _ []Entry) { r.Taken = append(r.Taken, r.Taken[0]) }},
		"a letter did not leave":         {RuleKnown, func(r *record, _ []Entry) { r.Taken = nil }},
		"a refused letter left":          {RuleKnown, func(r *record, _ []Entry) { r.Messages[0].State = "rejected" }},
		"a letter still waits":           {RuleLeft, func(r *record, _ []Entry) { r.Messages[0].State = "pending" }},
		"a letter is not ours":           {RuleKnown, func(r *record, _ []Entry) { r.Messages = nil }},
		"an occasion has two letters":    {RuleOnce, func(r *record, _ []Entry) { r.another(1, "") }},
		"a further one has no reason":    {RuleOnce, func(r *record, _ []Entry) { r.another(2, "") }},
		"reminded after the answer":      {RuleAnswered, func(r *record, _ []Entry) { r.remindLate() }},
		"a letter begun after an answer": {RuleAnswered, func(r *record, _ []Entry) { late := noon.Add(5 * time.Minute); r.Messages[0].Attempted = &late }},
		"an appointment an hour off":     {RuleClock, func(r *record, _ []Entry) { off := r.Offers[0].Visit.Add(-time.Hour); r.Offers[0].Visit = &off }},
		"an appointment in the gap":      {RuleClock, func(_ *record, l []Entry) { l[2].Clock = "2027-03-14 02:30" }},
		"an hour that is two":            {RuleClock, func(_ *record, l []Entry) { l[2].Clock = "2027-11-07 01:30" }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, log := kept()
			c.damage(&r, log)
			var told []string
			for _, v := range Judge(r, log) {
				if v.Rule == c.rule {
					return
				}
				told = append(told, v.String())
			}
			t.Errorf("not told; instead: %s", strings.Join(told, "\n"))
		})
	}
}

func (r *record) double() {
	twice := r.Referrals[0]
	twice.ID = uuid.New()
	r.Referrals = append(r.Referrals, twice)
}

func (r *record) moved() lineRow {
	l := r.Timeline[5]
	l.Version, l.From, l.To, l.Note, l.Via = 7, "withdrawn", "withdrawn", "", "clock"
	return l
}

func (r *record) reopen() {
	due := r.Now
	r.Referrals[0].State, r.Referrals[0].StepDo, r.Referrals[0].StepDue = referral.Open, referral.Remind, &due
}

// fail has the last letter fail, after which nothing moved.
func (r *record) fail() {
	r.another(1, "")
	m := &r.Messages[1]
	m.State, m.StepKey, m.Offer = "ambiguous", "v6", uuid.New()
}

func (r *record) another(generation int, reason string) {
	m := r.Messages[0]
	m.ID, m.Generation, m.Reason = uuid.New(), generation, reason
	r.Messages = append(r.Messages, m)
	r.Taken = append(r.Taken, mailtest.Received{MID: m.ID.String()})
}

func (r *record) remindLate() {
	r.Timeline[2], r.Timeline[3] = r.Timeline[3], r.Timeline[2]
	r.Timeline[2].Version, r.Timeline[3].Version = 3, 4
}

func TestAFurtherLetterWithItsReasonIsFine(t *testing.T) {
	t.Parallel()
	r, log := kept()
	r.another(2, "asked_by_staff")
	for _, v := range Judge(r, log) {
		t.Error(v)
	}
}

// The agency may post the same page twice, and a request whose answer was lost is sent again: neither is a second
// decision.
func TestWhatIsSaidTwiceIsOneOperation(t *testing.T) {
	t.Parallel()
	r, log := kept()
	twice, late := log[1], log[1]
	late.Status = 409 // what came after has moved the offer on
	for _, v := range Judge(r, append(log, twice, late)) {
		t.Error(v)
	}
}

func TestClocksShowAMomentNoneOrTwo(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"2027-03-14 01:30": "[06:30]", "2027-03-14 02:30": "[]", "2027-03-14 03:30": "[07:30]",
		"2027-11-07 00:30": "[04:30]", "2027-11-07 01:30 -04:00": "[05:30]", "2027-11-07 01:30 -05:00": "[06:30]", "2027-11-07 01:30 -06:00": "[]",
		"2027-11-07 02:30": "[07:30]", "nonsense": "[]",
	} {
		got := []string{}
		for _, m := range clockShows(text, "America/Toronto") {
			got = append(got, m.UTC().Format("15:04"))
		}
		if s := fmt.Sprint(got); s != want {
			t.Errorf("%s: %s, want %s", text, s, want)
		}
	}
	if two := clockShows("2027-11-07 01:30", "America/Toronto"); len(two) != 0 {
		t.Errorf("an hour that is two, without saying which: %v", two)
	}
}
