package faults

import (
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"throughline/referral"
)

// intakes looks for each call that was taken down, by the mark in its details. One that nobody knows the fate of is
// there once or not at all.
func (j *judge) intakes() {
	there := map[string][]referralRow{}
	for _, row := range j.Referrals {
		there[row.Details] = append(there[row.Details], row)
	}
	for _, e := range j.log {
		if e.Do != string(referral.Refer) || e.Again {
			continue
		}
		rows := there[e.Mark]
		switch {
		case len(rows) > 1:
			j.broken(RuleIntake, e.Referral, "%s is there %d times", e.Mark, len(rows))
		case e.Good() && len(rows) == 0:
			j.broken(RuleIntake, e.Referral, "%s was answered %d and is not there", e.Mark, e.Status)
		case e.Good() && rows[0].ID != e.Referral:
			j.broken(RuleIntake, e.Referral, "%s is there as %s", e.Mark, rows[0].ID)
		case !e.Good() && e.Status != 0 && len(rows) > 0:
			j.broken(RuleIntake, rows[0].ID, "%s was refused with %d and is there", e.Mark, e.Status)
		}
	}
}

// operations looks for each operation on a referral, by the mark in its note. A form can be posted more than once, so
// what is known of it is gathered first.
func (j *judge) operations() {
	var order []string
	posted := map[string][]Entry{}
	for _, e := range j.log {
		if e.Do == string(referral.Refer) || e.Again {
			continue
		}
		if posted[e.Mark] == nil {
			order = append(order, e.Mark)
		}
		posted[e.Mark] = append(posted[e.Mark], e)
	}
	for _, mark := range order {
		j.operation(posted[mark], j.marked[mark])
	}
}

// counted are the commands that count, which one page of an agency can give only once. The others say where the offer
// stands: said again after something else has happened, they may move it again.
var counted = []string{string(referral.Contact), string(referral.Continue), string(referral.Waitlist), string(referral.Ask)}

func (j *judge) operation(posted []Entry, lines []lineRow) {
	e := posted[0]
	tries := 0
	good := slices.IndexFunc(posted, Entry.Good)
	for _, p := range posted {
		tries += p.Try
	}
	mayRepeat := e.Via == "link" && tries > 1
	switch {
	case e.Machine && (good >= 0 || len(lines) > 0):
		j.broken(RuleUnasked, e.Referral, "%s %s: a form without a name was taken", e.Mark, e.Do)
	case len(lines) > 1 && (!mayRepeat || slices.Contains(counted, e.Do)):
		j.broken(RuleDecision, e.Referral, "%s %s is there %d times", e.Mark, e.Do, len(lines))
	case good >= 0:
		j.acknowledged(posted[good], lines)
	case len(lines) > 0 && !mayRepeat && e.Status != 0:
		j.broken(RuleDecision, e.Referral, "%s %s was refused with %d and is there", e.Mark, e.Do, e.Status)
	}
}

// acknowledged wants an operation at its version; or, when it changed nothing because it had been done before, what it
// repeats.
func (j *judge) acknowledged(e Entry, lines []lineRow) {
	if len(lines) == 0 {
		if !j.repeats(e) {
			j.broken(RuleDecision, e.Referral, "%s %s was acknowledged and is not there", e.Mark, e.Do)
		}
		return
	}
	l := lines[0]
	switch {
	case l.Referral != e.Referral:
		j.broken(RuleDecision, e.Referral, "%s %s is there on %s", e.Mark, e.Do, l.Referral)
	case !j.carries(l.Referral, l.Version, e.Do):
		j.broken(RuleDecision, e.Referral, "%s %s: version %d is something else", e.Mark, e.Do, l.Version)
	case e.If > 0 && l.Version != e.If+1:
		j.broken(RuleDecision, e.Referral, "%s %s insisted on version %d and made %d", e.Mark, e.Do, e.If, l.Version)
	case e.Via == "api" && !j.ends(e, l):
		j.broken(RuleDecision, e.Referral, "%s %s was answered with version %d and made %d", e.Mark, e.Do, e.Version, l.Version)
	}
}

// ends reports that an answer's version is the one that the operation made; a letter without an address adds one more
// in the same transaction.
func (j *judge) ends(e Entry, made lineRow) bool {
	for _, l := range j.lines[made.Referral] {
		if l.Version > made.Version && l.Version <= e.Version && !l.remark() && (l.Via != "mail" || !l.At.Equal(made.At)) {
			return false
		}
	}
	return e.Version >= made.Version
}

// carries reports that a version of a referral is what a command makes. To withdraw a whole referral closes it.
func (j *judge) carries(id uuid.UUID, version int, do string) bool {
	return slices.ContainsFunc(j.lines[id], func(l lineRow) bool {
		return l.Version == version && (string(l.What) == do ||
			do == string(referral.Withdraw) && (l.What == referral.Close || l.What == referral.ConsentWithdrawn))
	})
}

// repeats reports that what an operation asks had been done already.
func (j *judge) repeats(e Entry) bool {
	row := j.byID[e.Referral]
	switch referral.Name(e.Do) {
	case referral.Reassign: // to who has it already
		return row.ID == e.Referral
	case referral.FinishTask: // what the task was for has been done by a command
		return j.tasks[e.Task].State == referral.TaskDone
	case referral.Arrived: // the provider had said so
		return slices.ContainsFunc(j.lines[e.Referral], func(l lineRow) bool {
			return (l.What == referral.Delivered || l.What == referral.Arrived) && l.Offer != nil && *l.Offer == e.Offer
		})
	case referral.Close, referral.Withdraw:
		if row.State == referral.Closed && e.Offer == uuid.Nil {
			return true
		}
	}
	return slices.ContainsFunc(j.lines[e.Referral], func(l lineRow) bool {
		before := e.Version == 0 || l.Version <= e.Version
		ofIt := e.Offer == uuid.Nil || (l.Offer != nil && *l.Offer == e.Offer)
		return before && ofIt && string(l.What) == e.Do
	})
}

// unasked looks for changes by people that no one had asked for.
func (j *judge) unasked() {
	asked := map[string]Entry{}
	for _, e := range j.log {
		if !e.Again {
			asked[e.Mark] = e
		}
	}
	type change struct {
		id      uuid.UUID
		version int
	}
	known := map[change]bool{}
	for _, l := range j.Timeline {
		if e, ok := asked[l.Note]; ok && !e.Machine && e.Referral == l.Referral && e.Via == l.Via && j.carries(l.Referral, l.Version, e.Do) {
			known[change{l.Referral, l.Version}] = true
		}
	}
	for _, row := range j.Referrals {
		if e, ok := asked[row.Details]; ok && e.Do == string(referral.Refer) {
			known[change{row.ID, 1}] = true
			continue
		}
		j.broken(RuleUnasked, row.ID, "a referral that nobody asked for")
	}
	for _, l := range j.Timeline {
		if (l.Via == "api" || l.Via == "link" || l.Via == "page") && !known[change{l.Referral, l.Version}] {
			j.broken(RuleUnasked, l.Referral, "version %d: %s by %s", l.Version, l.What, l.Via)
		}
	}
}

// keys compares the answers that each key got.
func (j *judge) keys() {
	first := map[string]Entry{}
	for _, e := range j.log {
		if e.Key == "" || e.Status == 0 {
			continue
		}
		before, seen := first[e.Key]
		switch {
		case e.Forged && e.Status != 422:
			j.broken(RuleKey, e.Referral, "%s: the key with another request was answered %d", e.Key, e.Status)
		case e.Forged:
		case !seen:
			first[e.Key] = e
		case e.Status != before.Status || e.Digest != before.Digest:
			j.broken(RuleKey, e.Referral, "%s: answered %d, then %d, or in other words", e.Key, before.Status, e.Status)
		}
	}
}

// losers wants each conflict to have run into something that was so.
func (j *judge) losers() {
	for _, e := range j.log {
		if e.Code != "conflict" || e.Outcome == "" || e.Outcome == string(referral.TaskOvertaken) {
			continue
		}
		was := e.Outcome == string(referral.Queued) || slices.ContainsFunc(j.lines[e.Referral], func(l lineRow) bool { return l.To == e.Outcome })
		if !was {
			j.broken(RuleLoser, e.Referral, "%s %s was told %q, which it never was", e.Mark, e.Do, e.Outcome)
		}
	}
}

// appointments wants each that was made by an agency's clock at the moment when that clock shows it.
func (j *judge) appointments() {
	type made struct {
		Entry
		version int
	}
	latest := map[uuid.UUID]made{}
	for _, l := range j.Timeline {
		if l.What == referral.Schedule && l.Offer != nil {
			latest[*l.Offer] = made{version: l.Version}
		}
	}
	for _, e := range j.log {
		if e.Clock == "" || !e.Good() {
			continue
		}
		if moments := clockShows(e.Clock, j.offers[e.Offer].Zone); len(moments) != 1 {
			j.broken(RuleClock, e.Referral, "%s: %q was taken, and is %d moments", e.Mark, e.Clock, len(moments))
			continue
		}
		if lines := j.marked[e.Mark]; len(lines) > 0 && lines[len(lines)-1].Version == latest[e.Offer].version {
			latest[e.Offer] = made{e, lines[len(lines)-1].Version}
		}
	}
	for id, m := range latest {
		o := j.offers[id]
		if m.Clock == "" {
			continue
		}
		if want := clockShows(m.Clock, o.Zone)[0]; o.Visit == nil || !o.Visit.Equal(want) {
			j.broken(RuleClock, o.Referral, "%s: %q in %s is kept as another moment", m.Mark, m.Clock, o.Zone)
		}
	}
}

// clockShows gives the moments at which the clocks of a zone show this. It goes through every quarter of an hour that
// could be meant, so that it shares no arithmetic with what it judges.
func clockShows(text, zone string) (moments []time.Time) {
	local, offset, _ := cutAt(text, len("2006-01-02 15:04"))
	place, err := time.LoadLocation(zone)
	if zone == "" || err != nil {
		place = referral.Toronto
	}
	near, err := time.Parse("2006-01-02 15:04", local)
	if err != nil {
		return nil
	}
	for t := near.Add(-26 * time.Hour); t.Before(near.Add(26 * time.Hour)); t = t.Add(15 * time.Minute) {
		if here := t.In(place); here.Format("2006-01-02 15:04") == local {
			moments = append(moments, t)
		}
	}
	if len(moments) < 2 {
		return moments
	}
	return slices.DeleteFunc(moments, func(t time.Time) bool { return t.In(place).Format("-07:00") != offset })
}

func cutAt(text string, n int) (before, after string, ok bool) {
	if len(text) < n {
		return text, "", false
	}
	return text[:n], strings.TrimSpace(text[n:]), true
}
