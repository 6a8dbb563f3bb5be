package casework

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"throughline/db"
	"throughline/internal/seeded"
	"throughline/internal/token"
	"throughline/referral"
)

// Outgoing is a letter ready to be written and sent. It holds nothing about the client.
type Outgoing struct {
	db.Outgoing
	Told    Disclosed // of the client; letters say the need, and nothing else
	ReplyBy time.Time // zero when no answer is awaited
	Zone    *time.Location
	Token   string // of the link; "" when the letter has none
}

// TakeLetter claims a letter before it is sent: the attempt is on record before the call is made. ok is false when
// there is nothing to send: it was sent, it was overtaken by what happened since, or an earlier attempt was cut off,
// which leaves it ambiguous and is made known, never sent again in silence.
func (d *Desk) TakeLetter(ctx context.Context, id uuid.UUID, provider string) (out Outgoing, ok bool, err error) {
	now := d.Clock.Now()
	err = d.change(ctx, machine, func(ctx context.Context, tx *sqlx.Tx) error {
		if seeded.Is(seeded.SentWithoutFence) {
			_, _, _ = db.SettleMessage(ctx, tx, id, db.MessagePending, "", "", now)
		}
		out.Outgoing, ok, err = db.TakeMessage(ctx, tx, id, provider, d.Reports != "" && provider == d.Reports, now)
		if err != nil || !ok {
			return err
		}
		// Under the lock, so that consent is not withdrawn between this look and the link.
		rec, err := db.ReadRecord(ctx, tx, out.Referral)
		if err != nil {
			return err
		}
		if _, err := d.terms(ctx, tx, &rec); err != nil {
			return err
		}
		o := find(rec.Facts.Offers, out.Offer)
		if overtaken(out.Letter, *o, rec.Facts, now) || (destroyed(rec.Key) && out.Letter != referral.WithdrawnLetter) {
			ok = false
			_, _, err := db.SettleMessage(ctx, tx, id, db.MessageRejected, "overtaken", "", now)
			return err
		}
		err = db.Audit(ctx, tx, mailActor(out.Organisation).line(), now, db.Look{Kind: db.AuditMail, Action: string(out.Letter),
			Subject: "offer", ID: out.Offer, Whose: []uuid.UUID{rec.Case}})
		if err != nil {
			return err
		}
		out.Told = Disclosure(db.CaseRow{}, Asked{Need: rec.Need, Urgency: rec.Facts.Urgency}, rec.Facts.Agreed(o.Service), rec.Facts.State, o.State, now)
		out.Zone = o.Calendar.Zone
		out.ReplyBy = referral.ReplyBy(*o, rec.Facts.Urgency, rec.Policy)
		if out.Letter == referral.WithdrawnLetter {
			return nil
		}
		out.Token = token.New()
		expires := now.AddDate(0, 0, rec.Policy.LinkDays)
		return db.SaveLink(ctx, tx, out.Organisation, out.Offer, id, token.Hash(out.Token), now, expires)
	})
	if err != nil || ok {
		return out, ok, err
	}
	return out, false, d.cutOff(ctx, id)
}

// overtaken reports a letter that must not go out any more: its question has been answered, or the link it would carry
// was killed. Once consent is withdrawn, or has run out, no letter with a link goes out, not even a receipt.
func overtaken(l referral.Letter, o referral.Offer, f referral.Facts, now time.Time) bool {
	if l == referral.WithdrawnLetter {
		return false
	}
	if !f.Agreed(o.Service).Stands(now) {
		return true
	}
	switch l {
	case referral.ReceiptLetter, referral.NarrowedLetter:
		return o.State == referral.Withdrawn || o.State == referral.InError
	case referral.OfferLetter, referral.AnsweredLetter:
		return !o.State.Awaiting() || f.State != referral.Open
	case referral.ReminderLetter:
		if seeded.Is(seeded.SentAfterAnswer) {
			return false
		}
		return o.State != referral.Sent || f.State != referral.Open
	case referral.AskLetter:
		return !o.State.Taken() || f.State != referral.Open
	}
	return o.State.Ended() || f.State != referral.Open
}

// cutOff settles a letter whose attempt never came to an end: its process died, so nobody knows whether it went out.
func (d *Desk) cutOff(ctx context.Context, id uuid.UUID) error {
	var m db.Message
	err := d.read(ctx, machine, func(ctx context.Context, tx *sqlx.Tx) (err error) {
		m, err = db.LockMessage(ctx, tx, id)
		return err
	})
	if err != nil || m.State != db.MessageClaimed {
		return err
	}
	return d.SettleLetter(ctx, id, Settled{State: db.MessageAmbiguous, Class: "interrupted"})
}

// Settled is what became of an attempt to send a letter.
type Settled struct {
	State      string // db.MessageAccepted, MessageRejected, MessageAmbiguous, or MessagePending when it surely was not sent
	Class      string // why not, as a short code
	ProviderID string
}

// SettleLetter writes what became of an attempt. A letter that did not go out, or may not have, becomes news on the
// timeline and a phone call for a person (I8). Settling twice changes nothing.
func (d *Desk) SettleLetter(ctx context.Context, id uuid.UUID, s Settled) error {
	return d.change(ctx, machine, func(ctx context.Context, tx *sqlx.Tx) error {
		now := d.Clock.Now()
		m, settled, err := db.SettleMessage(ctx, tx, id, s.State, s.Class, s.ProviderID, now)
		if err != nil || !settled {
			return err
		}
		if s.State == db.MessageAccepted {
			if err := db.EndOlderLinks(ctx, tx, id, now, now.Add(linkOverlap)); err != nil {
				return err
			}
		}
		handedOver := s.State == db.MessageAccepted || s.State == db.MessagePending
		if handedOver && !m.Letter.WantsAnswer() || seeded.Is(seeded.FailureUnnoticed) {
			return nil
		}
		who := mailActor(m.Organisation)
		w, err := d.lock(ctx, tx, who, m.Referral, now)
		if err != nil {
			return err
		}
		if handedOver {
			_, err := w.refresh(ctx)
			return err
		}
		return w.undelivered(ctx, m.Offer, m.Letter, s.Class)
	})
}

// linkOverlap is how long an agency's older links go on once it was sent a letter with a newer one, which it did not ask
// for: over a long weekend (docs/adr/0016-newer-links.md).
const linkOverlap = 4 * 24 * time.Hour

// undelivered makes known that a letter did not reach its agency, or may not have. Next turns one that wants an answer
// into a phone call; for the others nothing waits, so the call is made work here, unless the rules have done so.
func (w *work) undelivered(ctx context.Context, offer uuid.UUID, l referral.Letter, class string) error {
	change, err := w.decide(ctx, referral.Command{Do: referral.Undelivered, Offer: offer, Reason: class})
	if err != nil || l.WantsAnswer() || raised(change) {
		return err
	}
	return w.callNow(ctx, offer)
}

// callNow makes a call about a letter that no step waits for.
func (w *work) callNow(ctx context.Context, offer uuid.UUID) error {
	_, err := w.decide(ctx, referral.Command{Do: referral.RaiseTask, TaskKind: referral.CallAgency, Offer: offer, Reason: "mail_undelivered"})
	return err
}

func raised(c referral.Change) bool {
	return slices.ContainsFunc(c.Events, func(e referral.Event) bool { return e.What == referral.RaiseTask })
}

// unmailable makes known, after a command, each notice that has no address to go to.
func (w *work) unmailable(ctx context.Context, posts []referral.Post) error {
	for _, p := range posts {
		o := find(w.rec.Facts.Offers, p.Offer)
		if p.Letter.WantsAnswer() || w.email(o) != "" {
			continue
		}
		mail := *w
		mail.who = mailActor(w.rec.Organisation)
		mail.note, mail.toldBy, mail.words = "", "", map[uuid.UUID]db.OfferWords{}
		if err := mail.undelivered(ctx, p.Offer, p.Letter, "no_address"); err != nil {
			return err
		}
		w.rec = mail.rec
	}
	return nil
}
