package casework

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"throughline/db"
	"throughline/internal/seeded"
	"throughline/referral"
)

// ProviderEvent is one thing that the mail provider says of a letter.
type ProviderEvent struct {
	ID     string // the provider's own, the same each time it says it
	Letter uuid.UUID
	Word   referral.MailWord
	At     time.Time
	Raw    []byte // as it came
	Fault  Fault  // why it can't be understood; "" when it can
}

// Fault is why an event can't be understood. It is kept aside then, and the rest of its batch is heard.
type Fault string

// Faults.
const (
	FaultNotAnObject Fault = "not_an_object"
	FaultNoID        Fault = "no_event_id"
	FaultNoLetter    Fault = "no_message_id"
	FaultBadLetter   Fault = "bad_message_id"
	FaultTime        Fault = "bad_time"
)

// Heard is what became of a batch of events.
type Heard struct {
	New, Repeated int
	Aside         map[string]int // of the new ones those that change nothing, by the reason; hints are not among them
}

// Hear keeps what the mail provider says, each event once however often it comes. Nothing is done about it yet: that is
// ApplyEvents, after the provider has been answered. unavailable when the record is away: then nothing was kept.
func (d *Desk) Hear(ctx context.Context, events []ProviderEvent) (Heard, error) {
	now := d.Clock.Now()
	rows := make([]db.NewEvent, len(events))
	for i, e := range events {
		rows[i] = rowOf(e, now)
	}
	var outcomes []string
	err := d.read(ctx, machine, func(ctx context.Context, tx *sqlx.Tx) (err error) {
		outcomes, err = db.InsertEvents(ctx, tx, rows, now)
		return err
	})
	if err != nil {
		return Heard{}, err
	}
	h := Heard{New: len(outcomes), Repeated: len(events) - len(outcomes), Aside: map[string]int{}}
	for _, o := range outcomes {
		if o != "" && o != db.EventNoEffect {
			h.Aside[o]++
		}
	}
	if d.NudgeEvents != nil && slices.Contains(outcomes, "") {
		d.NudgeEvents()
	}
	return h, nil
}

func rowOf(e ProviderEvent, now time.Time) db.NewEvent {
	row := db.NewEvent{ID: e.ID, Kind: e.Word, Raw: e.Raw, Outcome: string(e.Fault), Message: some(e.Letter)}
	if !e.At.IsZero() {
		// A clock that is a little ahead of ours must not make something happen in our future.
		at := e.At.UTC()
		if at.After(now) {
			at = now
		}
		row.Happened = &at
	}
	switch {
	case row.Outcome != "" || slices.Contains(referral.MailWords, e.Word):
	case slices.Contains(referral.MailHints, e.Word):
		row.Outcome = db.EventNoEffect
	default:
		row.Outcome = db.EventUnknownKind
	}
	return row
}

// LettersWithEvents lists up to n letters about which something was heard that has not been applied.
func (d *Desk) LettersWithEvents(ctx context.Context, n int) ([]uuid.UUID, error) {
	return db.MessagesWithEvents(db.AsSystem(ctx), d.DB, n)
}

// ApplyEvents does what the events of one letter ask for. Done twice, the second time does nothing. When it fails the
// events are kept and tried again later.
func (d *Desk) ApplyEvents(ctx context.Context, letter uuid.UUID) error {
	err := d.change(ctx, machine, func(ctx context.Context, tx *sqlx.Tx) error {
		m, err := db.LockFate(ctx, tx, letter)
		if err != nil {
			return err
		}
		events, err := db.WaitingEvents(ctx, tx, letter)
		if err != nil || len(events) == 0 {
			return err
		}
		now, fate := d.Clock.Now(), m.Fate()
		for _, e := range events {
			fate = fate.Hear(e.Kind, e.Happened)
		}
		if err := db.SaveFate(ctx, tx, letter, fate, now); err != nil {
			return err
		}
		if err := db.FinishEvents(ctx, tx, events, now); err != nil {
			return err
		}
		return d.makeKnown(ctx, tx, m, fate, now)
	})
	if err == nil {
		return nil
	}
	if back := db.PutBackEvents(db.AsSystem(context.WithoutCancel(ctx)), d.DB, letter); back != nil {
		return back
	}
	return err
}

// makeKnown does what a letter's new fate asks for: a line on the timeline, and a call when it did not arrive.
func (d *Desk) makeKnown(ctx context.Context, tx *sqlx.Tx, m db.MessageFate, fate referral.Fate, now time.Time) error {
	before := m.Fate()
	if seeded.Is(seeded.BounceIgnored) {
		return nil
	}
	handedOver := m.State != db.MessageAccepted && m.State != db.MessageRejected
	if before == fate && !handedOver {
		return nil
	}
	w, err := d.lock(ctx, tx, mailActor(m.Organisation), m.Referral, now)
	if err != nil {
		return err
	}
	switch {
	case fate.Final.Hard() && !before.Final.Hard():
		return w.refused(ctx, m, fate.Final)
	case fate.Final == referral.WordDelivered && before.Final == "":
		return w.delivered(ctx, m)
	case fate.Final == "" && before.Deferred.IsZero() && !fate.Deferred.IsZero():
		return w.deferred(ctx, m)
	}
	_, err = w.refresh(ctx)
	return err
}

func mailActor(organisation uuid.UUID) Actor {
	return system(organisation, ViaMail)
}

// refused makes known that the provider could not deliver a letter, or may deliver no more to its address. Next has
// someone call about the offer's latest letter; about one that a later letter has taken the place of the call is made
// work here.
func (w *work) refused(ctx context.Context, m db.MessageFate, word referral.MailWord) error {
	was := len(w.rec.Facts.Tasks)
	if err := w.undelivered(ctx, m.Offer, m.Letter, string(word)); err != nil {
		return err
	}
	o := find(w.rec.Facts.Offers, m.Offer)
	if len(w.rec.Facts.Tasks) > was || !m.Letter.WantsAnswer() || o.Mail.State == referral.MailFailed {
		return nil
	}
	return w.callNow(ctx, m.Offer)
}

// delivered puts the provider's word on the timeline. Calls that were to ask after the letter are needless now.
func (w *work) delivered(ctx context.Context, m db.MessageFate) error {
	o := find(w.rec.Facts.Offers, m.Offer)
	if o.Mail.State == referral.MailDelivered && len(w.rec.Facts.InDoubt(m.Offer)) > 0 {
		_, err := w.decide(ctx, referral.Command{Do: referral.Delivered, Offer: m.Offer, Reason: string(m.Letter)})
		return err
	}
	return w.remark(ctx, referral.Delivered, m, "")
}

// deferred puts it on the timeline, and tells the clock: a call may be due sooner than what it waits for.
func (w *work) deferred(ctx context.Context, m db.MessageFate) error {
	promise := ""
	if w.rec.Facts.State == referral.Open {
		promise = db.OutboxChanged
	}
	return w.remark(ctx, referral.Deferred, m, promise)
}

// remark writes a line about a letter. The referral keeps its version: nothing about it was decided, only what comes next
// may be another.
func (w *work) remark(ctx context.Context, what referral.Name, m db.MessageFate, promise string) error {
	line := db.Entry{What: what, Offer: &m.Offer, Code: string(m.Letter)}
	err := w.write(ctx, w.lines(w.rec.Facts.Version, []db.Entry{line}, promise))
	if err != nil {
		return err
	}
	_, err = w.refresh(ctx)
	return err
}
