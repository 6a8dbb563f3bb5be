package referral

import (
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// What becomes of letters: the mail provider's word, and a person's.

// Commands about letters. Undelivered and Delivered are the provider's word, Arrived and Resend a person's.
const (
	// Undelivered says that a letter did not reach the agency, or may not have. Next turns that into a phone call while an
	// answer is awaited; a notice after the end of an offer has no Next, so the call is a task at once (I8).
	Undelivered Name = "undelivered"
	// Delivered says that a letter reached the agency's mail server after all.
	Delivered Name = "delivered"
	// Arrived says on an agency's word that it has the letter whose fate nobody knew.
	Arrived Name = "arrived"
	// Resend has a letter go out once more, for a reason that is kept with it (I4).
	Resend Name = "resend"
)

func (d *decision) undelivered() error {
	if err := d.allow([]Role{System}); err != nil {
		return err
	}
	o := d.Facts.offer(d.c.Offer)
	if o == nil {
		return NotFound("offer")
	}
	d.Events = append(d.Events, Event{What: Undelivered, Offer: o.ID, Code: d.c.Reason})
	if o.State.Ended() || d.Facts.State == Closed || o.State == OutcomeReported {
		d.raise(CallAgency, o.ID, "mail_undelivered", Navigator, d.Facts.Owner)
	}
	return nil
}

// delivered makes the calls about the letter needless.
func (d *decision) delivered() error {
	if err := d.allow([]Role{System}); err != nil {
		return err
	}
	o := d.Facts.offer(d.c.Offer)
	if o == nil {
		return NotFound("offer")
	}
	d.Events = append(d.Events, Event{What: Delivered, Offer: o.ID})
	d.endCalls(o, TaskOvertaken)
	return nil
}

// InDoubt lists the open calls that were raised for want of word about an offer's letter. A call that a coordinator has
// since been given because the agency is silent is not among them: the silence goes on.
func (f Facts) InDoubt(offer uuid.UUID) []Task {
	o := f.offer(offer)
	return slices.DeleteFunc(slices.Clone(f.Tasks), func(t Task) bool {
		return o == nil || !o.Escalated.IsZero() || t.State != TaskOpen || t.Kind != CallAgency || t.Offer != offer ||
			!strings.HasPrefix(t.Cause, "mail_") || t.Cause == "mail_undelivered"
	})
}

func (d *decision) endCalls(o *Offer, as TaskState) {
	for _, call := range d.Facts.InDoubt(o.ID) {
		t := d.Facts.task(call.ID)
		t.State, t.Done = as, d.now
	}
}

// MailCommands lists what staff may record of an offer's letter.
func MailCommands(state State, o OfferState, m MailState) []Name {
	if state != Open || !(o.Awaiting() || o.Taken()) {
		return nil
	}
	switch m {
	case MailNone, MailPending:
		return nil
	case MailAccepted, MailDelivered: // nothing is in doubt, and still the agency may have lost it
		return []Name{Resend}
	}
	return []Name{Arrived, Resend}
}

// lettered is the command's offer when its letter has gone out, or was to, and its turn goes on.
func (d *decision) lettered() (*Offer, error) {
	if err := d.allow([]Role{Navigator, Coordinator}); err != nil {
		return nil, err
	}
	o := d.Facts.offer(d.c.Offer)
	if o == nil {
		return nil, &Error{Code: CodeNotFound, Field: "offer_id", Message: "offer not found"}
	}
	if err := d.mustBeOpen(); err != nil {
		return nil, err
	}
	switch {
	case MailCommands(d.Facts.State, o.State, o.Mail.State) != nil:
		return o, nil
	case o.Mail.State == MailPending:
		return nil, conflict(string(MailPending))
	}
	return nil, conflict(string(o.State))
}

func (d *decision) arrived() error {
	o, err := d.lettered()
	if err != nil || o.Mail.State == MailDelivered {
		return err
	}
	d.Events = append(d.Events, Event{What: Arrived, Offer: o.ID})
	o.Mail.State, o.Mail.Since = MailDelivered, d.now
	d.endCalls(o, TaskDone)
	return nil
}

// resend asks the agency once more. One that had nothing to answer until now gets its whole time: it is not chased for a
// letter that never came.
func (d *decision) resend() error {
	if !Known(ResendReasons, d.c.Reason) {
		return Invalid("reason", "must be one of the resend reasons")
	}
	o, err := d.lettered()
	if err != nil {
		return err
	}
	if err := d.agreed(o, NeedGroup, ""); err != nil {
		return err
	}
	d.Events = append(d.Events, Event{What: Resend, Offer: o.ID, Code: d.c.Reason, Of: AttributionOf(ResendReasons, d.c.Reason)})
	l := again(o)
	d.Posts = append(d.Posts, Post{Offer: o.ID, Letter: l, Again: d.c.Reason})
	d.mailed(o, l)
	d.endCalls(o, TaskDone)
	if o.State == Sent && d.c.Reason != mislaid {
		o.Sent, o.Paused, o.Reminded, o.Escalated = d.now, 0, time.Time{}, time.Time{}
	}
	return nil
}

// again is the letter that says what the one before said, as things stand now: for a reminder the offer itself, and the
// bare link when what was asked has been answered meanwhile.
func again(o *Offer) Letter {
	switch {
	case o.State == Sent && o.Mail.Letter == AnsweredLetter, o.State.Taken() && o.Mail.Letter == AskLetter:
		return o.Mail.Letter
	case o.State == Sent:
		return OfferLetter
	}
	return NewLinkLetter
}
