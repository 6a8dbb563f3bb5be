package faults

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/google/uuid"
)

// Violation is a promise that was not kept. It names ids and codes only.
type Violation struct {
	Rule     string    `json:"rule"`
	Referral uuid.UUID `json:"referral"`
	What     string    `json:"what"`
}

func (v Violation) String() string { return fmt.Sprintf("%s: %s: %s", v.Rule, v.Referral, v.What) }

// Rules of the outside log, each a sentence.
const (
	RuleIntake   = "an acknowledged intake exists exactly once"
	RuleDecision = "an acknowledged operation is in the record exactly once"
	RuleUnasked  = "nothing is in the record that nobody asked for"
	RuleKey      = "a key gives the same answer each time, and refuses another request"
	RuleLoser    = "who is told of a conflict is told what was so"
	RuleLine     = "the changes of a referral form one line"
	RuleGraph    = "states move along the graph, from where they were"
	RuleWork     = "an open referral is with an agency, or is someone's work"
	RuleSilent   = "silence never ends a referral"
	RuleDue      = "what is due is done"
	RuleHeard    = "what the provider was thanked for telling is kept, once"
	RuleCall     = "a letter that failed is someone's call"
	RuleOnce     = "a letter leaves once"
	RuleKnown    = "the record knows which letters left"
	RuleLeft     = "no letter waits for good"
	RuleAnswered = "nobody is reminded who has answered"
	RuleCheck    = "throughline check finds every invariant kept"
	RuleSilence  = "no log names a person, a link or a key"
	RuleClock    = "an appointment is on the agency's own clock"
)

// passing are the rules that may be broken for a while, until what is under way is done.
var passing = []string{RuleDue, RuleWork, RuleCall, RuleLeft, RuleHeard, RuleCheck}

// judge holds the record against the outside log, and against itself.
type judge struct {
	record
	log    []Entry
	found  []Violation
	byID   map[uuid.UUID]referralRow
	lines  map[uuid.UUID][]lineRow
	offers map[uuid.UUID]offerRow
	tasks  map[uuid.UUID]taskRow
	marked map[string][]lineRow
}

// Judge gives every promise that was not kept.
func Judge(r record, log []Entry) []Violation {
	j := &judge{record: r, log: log, byID: map[uuid.UUID]referralRow{}, lines: map[uuid.UUID][]lineRow{},
		offers: map[uuid.UUID]offerRow{}, tasks: map[uuid.UUID]taskRow{}, marked: map[string][]lineRow{}}
	for _, row := range r.Referrals {
		j.byID[row.ID] = row
	}
	for _, o := range r.Offers {
		j.offers[o.ID] = o
	}
	for _, t := range r.Tasks {
		j.tasks[t.ID] = t
	}
	for _, l := range r.Timeline {
		j.lines[l.Referral] = append(j.lines[l.Referral], l)
		if l.Note != "" {
			j.marked[l.Note] = append(j.marked[l.Note], l)
		}
	}
	j.intakes()
	j.operations()
	j.unasked()
	j.keys()
	j.losers()
	j.appointments()
	for _, row := range r.Referrals {
		j.story(row, j.lines[row.ID])
	}
	j.work()
	j.letters()
	j.heard()
	j.calls()
	j.answered()
	slices.SortStableFunc(j.found, func(a, b Violation) int {
		return cmp.Or(cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Referral.String(), b.Referral.String()))
	})
	return j.found
}

func (j *judge) broken(rule string, id uuid.UUID, format string, args ...any) {
	j.found = append(j.found, Violation{rule, id, fmt.Sprintf(format, args...)})
}
