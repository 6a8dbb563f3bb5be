package referral

import (
	"slices"
	"time"

	"github.com/google/uuid"
)

// What the helpline's own people do.

// MaxOffers bounds how many agencies a client can agree to at once, and how many a referral can see in its life.
const (
	MaxOffers    = 10
	maxOffersAll = 100
)

// Begin makes the facts of a new referral: a draft, or open at once when the client has agreed to each service.
// consent_required when not.
func Begin(f Facts, offers []NewOffer, open bool) (Facts, error) {
	if len(offers) == 0 {
		return f, Invalid("service_ids", "choose at least one service")
	}
	if len(offers) > MaxOffers {
		return f, Invalid("service_ids", "at most %d services at once", MaxOffers)
	}
	d := &decision{Change: Change{Facts: f}, now: f.Created}
	for _, n := range offers {
		if d.tried(n.Service) {
			return f, Invalid("service_ids", "names a service twice")
		}
		d.queue(n, len(d.Facts.Offers)+1)
	}
	if open {
		if err := d.consented(d.Facts.queued()); err != nil {
			return f, err
		}
	}
	d.Facts.State, d.Facts.Version = Draft, 1
	if open {
		d.Facts.State, d.Facts.Opened = Open, f.Created
	}
	return d.Facts, nil
}

func (d *decision) open() error {
	if err := d.allow([]Role{Navigator, Coordinator}); err != nil {
		return err
	}
	switch d.Facts.State {
	case Open:
		return nil
	case Closed:
		return conflict(string(Closed))
	}
	if err := d.consented(d.Facts.queued()); err != nil {
		return err
	}
	d.Facts.State, d.Facts.Opened = Open, d.now
	d.Events = append(d.Events, Event{What: OpenDraft, From: string(Draft), To: string(Open)})
	return nil
}

// addOffer asks further agencies, after those already chosen. One that has said no is not asked again.
func (d *decision) addOffer() error {
	if err := d.allow([]Role{Navigator, Coordinator}); err != nil {
		return err
	}
	if d.Facts.State == Closed {
		return conflict(string(Closed))
	}
	if len(d.c.Offers) == 0 {
		return Invalid("service_ids", "choose at least one service")
	}
	if len(d.c.Offers) > MaxOffers || len(d.Facts.Offers)+len(d.c.Offers) > maxOffersAll {
		return Invalid("service_ids", "too many services")
	}
	rank := 0
	for _, o := range d.Facts.Offers {
		rank = max(rank, o.Rank)
	}
	for _, n := range d.c.Offers {
		if d.tried(n.Service) {
			return Invalid("service_ids", "names a service that was already asked")
		}
		rank++
		d.queue(n, rank)
	}
	// A draft asks for consent once, when it is opened.
	if d.Facts.State == Open {
		if err := d.consented(servicesOf(d.c.Offers)); err != nil {
			return err
		}
	}
	d.finish(FindAlternative, uuid.Nil)
	return nil
}

func servicesOf(offers []NewOffer) []uuid.UUID {
	ids := make([]uuid.UUID, len(offers))
	for i, n := range offers {
		ids[i] = n.Service
	}
	return ids
}

// tried reports that a service has the referral, waits for its turn, or has said no. One that stayed silent may answer
// yet, and a turn that was an error, or was taken back, says nothing of the agency.
func (d *decision) tried(service uuid.UUID) bool {
	return slices.ContainsFunc(d.Facts.Offers, func(o Offer) bool {
		return o.Service == service && o.State != Lapsed && o.State != Withdrawn && o.State != InError
	})
}

func (d *decision) queue(n NewOffer, rank int) {
	at := len(d.Facts.Offers)
	for i, o := range d.Facts.Offers {
		if o.Rank > rank {
			at = i
			break
		}
	}
	o := Offer{ID: n.ID, Service: n.Service, Rank: rank, State: Queued, Entered: d.now, News: d.now, Calendar: n.Calendar}
	d.Facts.Offers = slices.Insert(d.Facts.Offers, at, o)
	d.Events = append(d.Events, Event{What: AddOffer, Offer: n.ID, To: string(Queued)})
}

// reassign hands a referral over with every open task that is someone's own. System does so when an account is closed.
// A closed referral keeps its owner; only what is still to be done about it, a call say, can be handed over.
func (d *decision) reassign() error {
	if err := d.allow([]Role{System, Navigator, Coordinator}); err != nil {
		return err
	}
	if d.c.Person == uuid.Nil {
		return Invalid("person_id", "is missing")
	}
	handed := false
	for i := range d.Facts.Tasks {
		if t := &d.Facts.Tasks[i]; t.State == TaskOpen && t.Assignee != nobody && t.Assignee != d.c.Person {
			t.Assignee, handed = d.c.Person, true
		}
	}
	switch {
	case d.Facts.State == Closed && !handed:
		return conflict(string(Closed))
	case d.Facts.State == Closed:
	case d.c.Person == d.Facts.Owner && !handed:
		return nil
	default:
		d.Facts.Owner = d.c.Person
	}
	d.Events = append(d.Events, Event{What: Reassign})
	return nil
}

// finishTask records that a person has done a task. News from a call begins the wait for the next word of an agency
// that has said yes anew; one that has not answered lapses when it would have, since a call is no answer. A search for
// an alternative ends with a further service or with a closed referral, never with a click.
func (d *decision) finishTask() error {
	if err := d.allow([]Role{Navigator, Coordinator}); err != nil {
		return err
	}
	t := d.Facts.task(d.c.Task)
	if t == nil {
		return &Error{Code: CodeNotFound, Field: "task_id", Message: "task not found"}
	}
	switch {
	case t.State == TaskDone:
		return nil
	case t.State == TaskOvertaken:
		return conflict(string(TaskOvertaken))
	case t.Kind == AnswerAgency:
		return Invalid("task_id", "answer the agency's question instead")
	case t.Kind == AskConsent && d.Facts.unagreed(d.now):
		return Invalid("task_id", "record what the client agrees to, withdraw consent, or close the referral")
	case t.Kind == FindAlternative && !d.Facts.live() && d.Facts.nextQueued() == nil:
		return Invalid("task_id", "refer to another service, or close the referral with its outcome")
	}
	t.State, t.Done = TaskDone, d.now
	if o := d.Facts.offer(t.Offer); o != nil && t.Kind == CallAgency && !o.State.Ended() && d.Facts.State == Open {
		o.News, o.Asks = d.now, 0
		if o.State.Taken() {
			o.Escalated = time.Time{}
		}
	}
	d.Events = append(d.Events, Event{What: FinishTask, Offer: t.Offer, Task: t.ID, Code: string(t.Kind)})
	return nil
}
