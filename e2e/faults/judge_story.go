package faults

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"throughline/referral"
)

// story goes through what happened to a referral, in order, and wants it to be one line that makes sense.
func (j *judge) story(row referralRow, lines []lineRow) {
	s := teller{judge: j, row: row, at: map[uuid.UUID]referral.OfferState{}}
	for _, l := range lines {
		s.line(l)
	}
	if s.version != row.Version {
		j.broken(RuleLine, row.ID, "it is at version %d, and its story ends at %d", row.Version, s.version)
	}
	if s.closed != (row.State == referral.Closed) {
		j.broken(RuleGraph, row.ID, "it is %s, and its story says otherwise", row.State)
	}
	for id, state := range s.at {
		if o := j.offers[id]; o.State != state {
			j.broken(RuleGraph, row.ID, "offer %s is %s, and its story ends at %s", id, o.State, state)
		}
	}
}

// teller is where the story stands.
type teller struct {
	*judge
	row     referralRow
	version int
	first   lineRow // of this version
	at      map[uuid.UUID]referral.OfferState
	closed  bool
	closing int // the version that closed it
}

// remark reports a line that may stand beside a version without being of it: an agency asked for its link, the provider
// said something of a letter, the watchdog mended something outside the record.
func (l lineRow) remark() bool {
	return l.What == referral.NewLink || l.What == referral.Deferred || l.What == referral.Delivered || l.What == referral.Mend
}

func (s *teller) line(l lineRow) {
	switch {
	case l.Version == s.version+1:
		s.version, s.first = l.Version, l
	case l.Version == s.version && l.remark():
		return
	case l.Version != s.version:
		s.broken(RuleLine, s.row.ID, "version %d comes after %d", l.Version, s.version)
		s.version, s.first = l.Version, l
	case l.Actor != s.first.Actor || !l.At.Equal(s.first.At):
		s.broken(RuleLine, s.row.ID, "version %d was made twice: %s and %s", l.Version, s.first.What, l.What)
	}
	if l.Offer != nil {
		s.offer(*l.Offer, l)
	}
	if l.What == referral.Close {
		if s.closed {
			s.broken(RuleGraph, s.row.ID, "version %d closes it again", l.Version)
		}
		if l.Via == "clock" {
			s.broken(RuleSilent, s.row.ID, "version %d: the clock closed it", l.Version)
		}
		s.closed, s.closing = true, l.Version
	}
}

// offer follows one agency's turn.
func (s *teller) offer(id uuid.UUID, l lineRow) {
	state, known := s.at[id]
	if !known {
		state = referral.Queued
	}
	switch l.What {
	case referral.Remind:
		if state != referral.Sent {
			s.broken(RuleAnswered, s.row.ID, "version %d reminds an agency that is at %s", l.Version, state)
		}
	case referral.AskAgency:
		if !state.Taken() {
			s.broken(RuleGraph, s.row.ID, "version %d asks an agency how it goes that is at %s", l.Version, state)
		}
	}
	if l.To != "" && s.closed && s.closing != l.Version {
		s.broken(RuleGraph, s.row.ID, "version %d: %s after it was closed", l.Version, l.What)
	}
	if l.To == "" || l.What == referral.AddOffer {
		return
	}
	from, to := referral.OfferState(l.From), referral.OfferState(l.To)
	switch {
	case from != state:
		s.broken(RuleGraph, s.row.ID, "version %d: %s from %s, but the offer was at %s", l.Version, l.What, from, state)
	case from != to && !slices.Contains(referral.OfferEdges(), referral.Edge{From: l.From, To: l.To}):
		s.broken(RuleGraph, s.row.ID, "version %d: no way leads from %s to %s", l.Version, from, to)
	}
	s.at[id] = to
}

// slack is how long a step may be due while it is being done.
const slack = 5 * time.Second

// moving reports a referral that is just being sent on, or made someone's work.
func (r referralRow) moving() bool {
	return r.StepDo == referral.Send || r.StepDo == referral.RaiseTask
}

// work wants every open referral to be with an agency, or to be a person's work.
func (j *judge) work() {
	with, tasks := map[uuid.UUID]bool{}, map[uuid.UUID]bool{}
	for _, o := range j.Offers {
		if o.State.Awaiting() || o.State.Taken() || o.State == referral.OutcomeReported {
			with[o.Referral] = true
		}
	}
	for _, t := range j.Tasks {
		if t.State == referral.TaskOpen {
			tasks[t.Referral] = true
		}
	}
	for _, row := range j.Referrals {
		switch {
		case row.State == referral.Closed && row.Outcome == "":
			j.broken(RuleWork, row.ID, "it is closed without an outcome")
		case row.State != referral.Closed && (row.StepDo == "" || row.StepDue == nil):
			j.broken(RuleWork, row.ID, "it is %s and has no next step", row.State)
		case row.State == referral.Open && row.StepDue.Before(j.Now.Add(-slack)):
			j.broken(RuleDue, row.ID, "%s is %s overdue", row.StepDo, j.Now.Sub(*row.StepDue).Round(time.Second))
		case row.State == referral.Open && !with[row.ID] && !tasks[row.ID] && !row.moving():
			j.broken(RuleWork, row.ID, "no agency has it and nobody has work with it")
		}
	}
}
