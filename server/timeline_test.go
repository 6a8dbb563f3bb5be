package server

import (
	"testing"

	"github.com/google/uuid"

	"throughline/casework"
	"throughline/referral"
)

func TestTheTimelineSaysWhichServiceAndWhoseTask(t *testing.T) {
	t.Parallel()
	a, b, c := uuid.New(), uuid.New(), uuid.New()
	own, theirs := uuid.New(), uuid.New()
	r := casework.Referral{
		Offers: []casework.Offer{{ID: a, ServiceID: uuid.New(), Agency: "Millrace", Service: "Rent bank"},
			{ID: b, ServiceID: uuid.New(), Agency: "Millrace", Service: "Legal clinic"}, {ID: c, ServiceID: uuid.New(), Agency: "Other", Service: "Food"}},
		Tasks: []casework.Task{{ID: own, Kind: referral.CheckOnClient, Cause: "outcome_reported"}, {ID: theirs, Kind: referral.CallAgency, Cause: "silence"}}}
	lines := toldOf(r, []casework.TimelineEntry{{What: referral.Send, OfferID: &a}, {What: referral.Send, OfferID: &c},
		{What: referral.EscalateTask, TaskID: &own}, {What: referral.EscalateTask, TaskID: &own}, {What: referral.EscalateTask, TaskID: &theirs}})
	if lines[4].Service != "Rent bank" || lines[3].Service != "" {
		t.Errorf("the services are %q and %q", lines[4].Service, lines[3].Service)
	}
	if lines[2].Again || !lines[1].Again || !lines[0].Again {
		t.Errorf("handed over again: %v, %v, %v", lines[2].Again, lines[1].Again, lines[0].Again)
	}
}
