package casework

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"throughline/db"
	"throughline/directory"
	"throughline/internal/seeded"
	"throughline/referral"
)

// work is one referral under the lock of one transaction.
type work struct {
	desk     *Desk
	tx       *sqlx.Tx
	who      Actor
	now      time.Time
	rec      db.Record
	services map[uuid.UUID]directory.OfferService
	words    map[uuid.UUID]db.OfferWords
	note     string            // what was said, for the timeline
	toldBy   string            // who at the agency said it to staff
	also     []referral.Event  // that go on the timeline with the next change
	said     *referral.Consent // the client's yes that came with the command
	yes      db.Consent        // and as it is kept
	vault    *vault            // of the case
}

// lock opens a referral for change; not_found also when it is out of reach.
func (d *Desk) lock(ctx context.Context, tx *sqlx.Tx, who Actor, id uuid.UUID, now time.Time) (*work, error) {
	w, err := d.take(ctx, tx, func(uuid.UUID) Actor { return who }, id, now)
	if err == nil && w.rec.Organisation != who.Organisation {
		err = referral.NotFound("referral")
	}
	if err == nil {
		err = d.sees(ctx, tx, who, w.rec.Case)
	}
	if err == nil && destroyed(w.rec.Key) {
		if who.Role == referral.Agency {
			return nil, errLink
		}
		return nil, errErasedCase
	}
	if referral.CodeOf(err) == referral.CodeNotFound {
		return nil, referral.NotFound("referral")
	}
	return w, err
}

// take opens a referral of any organisation for change, for those who act by policy for each of them. The time of the change
// is now, or later when the lock was waited for: what comes after another change must not seem to have come before it.
func (d *Desk) take(ctx context.Context, tx *sqlx.Tx, who func(organisation uuid.UUID) Actor, id uuid.UUID, now time.Time) (*work, error) {
	rec, err := db.LockRecord(ctx, tx, id)
	if err != nil {
		return nil, err
	}
	w := &work{desk: d, tx: tx, who: who(rec.Organisation), now: d.at(now), rec: rec, words: map[uuid.UUID]db.OfferWords{},
		vault: d.vault(rec.Case, rec.Key)}
	w.services, err = d.terms(ctx, tx, &w.rec)
	return w, err
}

// email is the address an offer's letters go to; "" when the directory has none, or no longer has the service.
func (w *work) email(o *referral.Offer) string { return w.services[o.Service].Email }

// decide asks the rules and writes what they say. A repeated command writes nothing.
func (w *work) decide(ctx context.Context, c referral.Command) (change referral.Change, err error) {
	ctx, done := traced(ctx, c.Do, w.rec.Organisation)
	defer func() { done(err) }()
	if o := find(w.rec.Facts.Offers, c.Offer); o != nil {
		c.NoAddress = w.email(o) == ""
	}
	facts := w.rec.Facts
	if seeded.Is(seeded.MovesAfterEnd) && facts.State == referral.Closed {
		facts.State = referral.Open
	}
	change, err = referral.Decide(facts, c, w.who.Actor, w.rec.Policy, w.now)
	if seeded.Is(seeded.MovesAfterEnd) && w.rec.Facts.State == referral.Closed {
		change.Facts.State = referral.Closed
	}
	if err != nil || change.Repeated() {
		return change, err
	}
	return change, w.save(ctx, change)
}

// save writes a change: the referral guarded by its version, its offers and tasks, the timeline with its audit entry,
// the letters and the outbox.
func (w *work) save(ctx context.Context, change referral.Change) error {
	before, after := w.rec.Facts, change.Facts
	step := referral.Next(after, w.rec.Policy, w.now)
	if err := w.passThrough(ctx, change.Events); err != nil {
		return err
	}
	tasks := slices.DeleteFunc(slices.Clone(after.Tasks), func(t referral.Task) bool { return slices.Contains(before.Tasks, t) })
	events := append(slices.Clone(change.Events), w.also...)
	w.also = nil
	parts := append(w.offers(after.Offers), db.UpdateReferral(after, before.Version, step),
		db.SaveTasks(w.rec.Organisation, after.ID, tasks, w.who.ID, w.results(tasks)),
		w.lines(after.Version, w.entries(events), w.promise(before, after)))
	parts = append(parts, w.letters(change.Posts, after)...)
	parts = append(parts, w.consents(before, after)...)
	parts = append(parts, db.EndLinks(astray(change.Events), w.now))
	if after.Withdrawn.Equal(before.Withdrawn) {
		parts = append(parts, db.RevokeLinks(w.takenBack(after), w.now))
	} else {
		parts = append(parts, w.consentWithdrawn()...)
	}
	if err := w.write(ctx, parts...); err != nil {
		return err
	}
	if err := w.postAgain(ctx, change.Posts, after); err != nil {
		return err
	}
	if err := w.saveArrived(ctx, before, after); err != nil {
		return err
	}
	w.rec.Facts, w.rec.Step = after, step
	return w.unmailable(ctx, change.Posts)
}

// write writes parts, unless something in them could not be sealed.
func (w *work) write(ctx context.Context, parts ...db.Part) error {
	if w.vault.err != nil {
		return w.vault.err
	}
	return db.Write(ctx, w.tx, parts...)
}

// lines are lines of the timeline as they are kept.
func (w *work) lines(version int, entries []db.Entry, promise string) db.Part {
	who := w.who.line()
	w.vault.sealLines(&who, w.rec.Facts.ID, version, entries)
	return db.InsertTimeline(who, w.rec.Facts.ID, version, w.now, entries, promise)
}

// results are what is written beside the tasks that are done by a change.
func (w *work) results(tasks []referral.Task) map[uuid.UUID]string {
	results := map[uuid.UUID]string{}
	for _, t := range tasks {
		if t.State == referral.TaskDone {
			results[t.ID] = w.vault.seal("tasks", "result", t.ID.String(), w.note)
		}
	}
	return results
}

// entries makes the timeline's lines. What was said stands beside the first event only: that is the command, the rest
// follows from it. Who said it stands beside each state that its agency's offer came to.
func (w *work) entries(events []referral.Event) []db.Entry {
	entries := make([]db.Entry, len(events))
	for i, e := range events {
		entries[i] = db.EntryOf(e)
		if i == 0 {
			entries[i].Note = w.note
		}
		if e.Offer == events[0].Offer && e.Task == uuid.Nil {
			entries[i].ToldBy = w.toldBy
		}
	}
	return entries
}

// offers are the rows of offers that a change adds or moves.
func (w *work) offers(after []referral.Offer) []db.Part {
	var fresh, changed []referral.Offer
	for _, o := range after {
		was := find(w.rec.Facts.Offers, o.ID)
		switch {
		case was == nil:
			fresh = append(fresh, o)
		case !sameOffer(*was, o) || w.words[o.ID] != (db.OfferWords{}):
			changed = append(changed, o)
		}
	}
	return []db.Part{db.InsertOffers(w.rec.Organisation, w.rec.Facts.ID, fresh), db.UpdateOffers(changed, w.vault.sealWords(w.words))}
}

// takenBack are the offers whose agency loses by a change its turn, or all that the client agreed to, and with it its links.
func (w *work) takenBack(after referral.Facts) []uuid.UUID {
	var dead []uuid.UUID
	for _, o := range after.Offers {
		was := find(w.rec.Facts.Offers, o.ID)
		if was == nil {
			continue
		}
		ended := o.State != was.State && (o.State == referral.Withdrawn || o.State == referral.InError)
		unagreed := len(w.rec.Facts.Agreed(o.Service).Groups) > 0 && len(after.Agreed(o.Service).Groups) == 0
		if ended || unagreed {
			dead = append(dead, o.ID)
		}
	}
	return dead
}

// astray are the offers whose letters someone else has, or may have.
func astray(events []referral.Event) []uuid.UUID {
	var offers []uuid.UUID
	for _, e := range events {
		if e.What == referral.Resend && e.Code == referral.WentAstray {
			offers = append(offers, e.Offer)
		}
	}
	return offers
}

// passThrough writes the edge that a move takes on its way, accepted and then on hold, so that the database sees each.
func (w *work) passThrough(ctx context.Context, events []referral.Event) error {
	for i, e := range events {
		if e.What == referral.Accept && i+1 < len(events) && events[i+1].Offer == e.Offer && events[i+1].From == e.To {
			if err := db.PassThrough(ctx, w.tx, e.Offer, referral.OfferState(e.To)); err != nil {
				return err
			}
		}
	}
	return nil
}

// sameOffer compares what the offers table keeps; mail is in messages, the calendar in the directory.
func sameOffer(a, b referral.Offer) bool {
	a.Mail, b.Mail = referral.Mail{}, referral.Mail{}
	a.Calendar, b.Calendar = referral.Calendar{}, referral.Calendar{}
	return a.ID == b.ID && a.State == b.State && a.Reason == b.Reason && a.Outcome == b.Outcome && a.Entered.Equal(b.Entered) &&
		a.Sent.Equal(b.Sent) && a.Paused == b.Paused && a.Reminded.Equal(b.Reminded) && a.Escalated.Equal(b.Escalated) &&
		a.News.Equal(b.News) && a.Asked.Equal(b.Asked) && a.Asks == b.Asks && a.Attempts == b.Attempts && a.Visit.Equal(b.Visit)
}

// receiptPace bounds the receipts about one offer. Each carries a link that works, and whoever has one can ask questions
// without end, so the address on file is told of three answers at once, and of those that follow in one letter when ten
// minutes have passed since. Still it is told of each decision: what waits tells the newest, and its link shows it.
var receiptPace = db.ReceiptPace{Most: 3, Window: 10 * time.Minute}

// letters turns letters into message rows, those that are sent again apart. One to an agency without an address is a row
// too, refused from the start.
func (w *work) letters(posts []referral.Post, f referral.Facts) []db.Part {
	var receipts []db.Part // a change has one at most
	messages, occasion := make([]db.NewMessage, 0, len(posts)), fmt.Sprintf("v%d", f.Version)
	for _, p := range posts {
		m := w.letter(p, find(f.Offers, p.Offer))
		switch {
		case p.Again != "":
		case p.Letter == referral.ReceiptLetter:
			receipts = append(receipts, db.InsertReceipt(w.rec.Organisation, f.ID, f.Version, occasion, w.now, receiptPace, m))
		default:
			messages = append(messages, m)
		}
	}
	return append(receipts, db.InsertMessages(w.rec.Organisation, f.ID, f.Version, occasion, w.now, messages))
}

// letter makes the row of a letter to the agency of an offer, on its first occasion.
func (w *work) letter(p referral.Post, o *referral.Offer) db.NewMessage {
	s := w.services[o.Service]
	m := db.NewMessage{ID: uuid.New(), Offer: o.ID, Letter: p.Letter, Recipient: s.Email, Locale: s.MailLocale,
		OfferState: o.State, State: db.MessagePending, Generation: 1, Reason: p.Again}
	if m.Locale == "" {
		m.Locale = "en"
	}
	if m.Recipient == "" {
		m.State, m.ErrorClass = db.MessageRejected, "no_address"
	}
	return m
}

// promise is what the workflow must be told: its start when a draft opens, or the news of a change that it did not make
// itself.
func (w *work) promise(before, after referral.Facts) string {
	switch {
	case before.State == referral.Draft && after.State == referral.Open:
		return db.OutboxStart
	case before.State == referral.Open && w.who.Via != ViaClock && !seeded.Is(seeded.NewsLost):
		return db.OutboxChanged
	}
	return ""
}

// line is the actor as the timeline and the audit write it.
func (a Actor) line() db.Who {
	return db.Who{Organisation: a.Organisation, Role: a.Role, For: a.For, ID: a.ID, Name: a.Name, Via: string(a.Via),
		Why: a.Because.Code, WhyID: a.Because.ID}
}

func find(offers []referral.Offer, id uuid.UUID) *referral.Offer {
	for i := range offers {
		if offers[i].ID == id {
			return &offers[i]
		}
	}
	return nil
}
