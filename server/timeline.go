package server

import (
	"slices"

	"github.com/google/uuid"

	"throughline/casework"
	"throughline/referral"
)

// eventView is a line of the timeline with what only the rest of the referral tells.
type eventView struct {
	casework.TimelineEntry
	Service, ServiceFR string // where the agency alone does not tell which offer it is about
	Again              bool   // an overdue task was the coordinators' already
}

// toldOf makes the lines of a referral's timeline, newest first, of its entries, oldest first.
func toldOf(r casework.Referral, entries []casework.TimelineEntry) []eventView {
	var lines []eventView
	theirs := map[uuid.UUID]bool{}
	for _, t := range r.Tasks {
		theirs[t.ID] = referral.RaisedFor(t.Kind, t.Cause) == referral.Coordinator
	}
	for _, e := range entries {
		line := eventView{TimelineEntry: e}
		if e.What == referral.EscalateTask && e.TaskID != nil {
			line.Again, theirs[*e.TaskID] = theirs[*e.TaskID], true
		}
		line.Service, line.ServiceFR = serviceOf(r, e)
		lines = append(lines, line)
	}
	slices.Reverse(lines)
	return lines
}

// serviceOf is the service of an entry's offer, where another service of the same agency is on the referral too.
func serviceOf(r casework.Referral, e casework.TimelineEntry) (en, fr string) {
	for _, o := range r.Offers {
		if !isOf(e.OfferID, o) {
			continue
		}
		if slices.ContainsFunc(r.Offers, func(b casework.Offer) bool { return b.Agency == o.Agency && b.ServiceID != o.ServiceID }) {
			return o.Service, o.ServiceFR
		}
	}
	return "", ""
}
