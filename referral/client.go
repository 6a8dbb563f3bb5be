package referral

import (
	"time"

	"github.com/google/uuid"
)

// What the client says, or a navigator on the client's word.

// confirm closes the loop: the client says what came of it.
func (d *decision) confirm() error {
	if err := d.validOutcome(); err != nil {
		return err
	}
	o, t, err := d.target(func(o *Offer) bool { return o.State == Confirmed && d.Facts.Outcome == d.c.Outcome })
	if o == nil {
		return err
	}
	evidence := ByClient
	if o.State == OutcomeReported && o.Outcome == d.c.Outcome {
		evidence = ByBoth
	}
	d.finish(CheckOnClient, o.ID)
	d.move(o, t, d.c.Outcome, AttributionOf(Outcomes, d.c.Outcome))
	d.end(d.c.Outcome, d.c.Unmet, evidence, "met_elsewhere")
	return nil
}

// dispute says that what the agency reported did not happen. The need is still there, so the navigator has it back.
func (d *decision) dispute() error {
	o, t, err := d.target(func(o *Offer) bool { return o.State == Failed && o.Reason == "outcome_disputed" })
	if o == nil {
		return err
	}
	o.Reason = "outcome_disputed"
	d.finish(CheckOnClient, o.ID)
	d.move(o, t, o.Reason, OfClient)
	return nil
}

// withdraw takes one offer back, or the whole referral when no offer is named.
func (d *decision) withdraw() error {
	if !Known(WithdrawReasons, d.c.Reason) {
		return Invalid("reason", "must be one of the withdrawal reasons")
	}
	if d.c.Offer == uuid.Nil {
		return d.withdrawAll()
	}
	o, t, err := d.target(func(o *Offer) bool { return o.State == Withdrawn && o.Reason == d.c.Reason })
	if o == nil {
		return err
	}
	if d.c.Reason == consentWithdrawn {
		d.unagree(o.Service)
	}
	d.takeBack(o, t, d.c.Reason)
	return nil
}

// withdrawAll ends the referral. Consent can be withdrawn after the end too: then the outcome stands, and nobody is
// written to, since an agency that still had the referral was told at its end.
func (d *decision) withdrawAll() error {
	if err := d.allow([]Role{Client, Navigator, Coordinator}); err != nil {
		return err
	}
	outcome := outcomeOfWithdrawal[d.c.Reason]
	consent := d.c.Reason == consentWithdrawn && !d.Facts.Opened.IsZero()
	if consent && d.Facts.Withdrawn.IsZero() {
		d.Facts.Withdrawn = d.now
		d.Events = append(d.Events, Event{What: ConsentWithdrawn, Of: OfClient})
	}
	if d.Facts.State == Closed {
		if consent || d.Facts.Outcome == outcome {
			return nil
		}
		return conflict(string(Closed))
	}
	// Only the client can withdraw consent or decline, so these are the client's word whoever records them.
	evidence := ByNobody
	if d.who.as() == Client || d.c.Reason == consentWithdrawn || d.c.Reason == "client_declined" {
		evidence = ByClient
	}
	d.end(outcome, "", evidence, d.c.Reason)
	return nil
}

func (d *decision) takeBack(o *Offer, t Transition, reason string) {
	known := o.State != Queued
	o.Reason = reason
	d.move(o, t, reason, AttributionOf(WithdrawReasons, reason))
	if known {
		d.post(o, WithdrawnLetter)
	}
}

// end closes the referral and takes back what other agencies still have of it.
func (d *decision) end(outcome, unmet string, evidence Evidence, reason string) {
	from := d.Facts.State
	d.Facts.State, d.Facts.Outcome, d.Facts.Unmet, d.Facts.Evidence = Closed, outcome, unmet, evidence
	d.Facts.Closed = d.now
	for i := range d.Facts.Offers {
		o := &d.Facts.Offers[i]
		if t, ok := find(Withdraw, o.State); ok {
			d.takeBack(o, t, reason)
		}
	}
	for i := range d.Facts.Tasks {
		if t := &d.Facts.Tasks[i]; t.State == TaskOpen {
			t.State, t.Done = TaskOvertaken, d.now
		}
	}
	d.Events = append(d.Events, Event{What: Close, From: string(from), To: string(Closed), Code: outcome,
		Of: AttributionOf(Outcomes, outcome)})
}

// close ends the referral without the client's confirmation; the evidence says who had reported that outcome.
func (d *decision) close() error {
	if err := d.validOutcome(); err != nil {
		return err
	}
	if err := d.allow([]Role{Client, Navigator, Coordinator}); err != nil {
		return err
	}
	if d.Facts.State == Closed {
		if d.Facts.Outcome == d.c.Outcome && d.Facts.Unmet == d.c.Unmet {
			return nil
		}
		return conflict(string(Closed))
	}
	agency, client := false, d.who.as() == Client
	for _, o := range d.Facts.Offers {
		agency = agency || (o.State == OutcomeReported && o.Outcome == d.c.Outcome)
	}
	evidence := map[[2]bool]Evidence{{true, true}: ByBoth, {true, false}: ByAgency, {false, true}: ByClient}[[2]bool{agency, client}]
	if evidence == "" {
		evidence = ByNobody
	}
	d.end(d.c.Outcome, d.c.Unmet, evidence, "met_elsewhere")
	return nil
}

// markInError ends an offer that should not have been, or undoes a decision that a machine or a mistake posted; with a
// new offer in the command the agency is asked afresh.
func (d *decision) markInError() error {
	o, t, err := d.target(in(InError))
	if o == nil {
		return err
	}
	if d.Facts.State == Closed {
		return conflict(string(Closed))
	}
	rank := o.Rank
	d.move(o, t, "", OfSystem)
	o.Escalated = time.Time{}
	for _, n := range d.c.Offers {
		d.queue(n, rank)
	}
	if len(d.c.Offers) > 0 {
		d.finish(FindAlternative, uuid.Nil)
	}
	return nil
}
