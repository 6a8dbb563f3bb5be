package casework

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"throughline/db"
	"throughline/referral"
)

// What the watchdog does to the record. Each is safe to run twice, beside the clock and beside another watchdog: it is
// done under the referral's lock and looks again whether it is still needed.

const (
	// sendLimit is how long after its beginning an attempt to mail counts as cut off; the longest takes half a minute.
	sendLimit = 2 * time.Minute
	// unknownLimit is how long a letter's fate may be unknown before someone must have been told.
	unknownLimit = 15 * time.Minute
	// failedDays is how far back the watchdog looks for letters that failed unseen.
	failedDays = 30
)

// Late is an open referral whose step is overdue, and the grace that its pace gives to steps.
type Late struct {
	db.Late
	Grace time.Duration
}

// LateReferrals lists what is overdue for longer than least, the longest first, at most n, without those to skip.
func (d *Desk) LateReferrals(ctx context.Context, least time.Duration, skip []uuid.UUID, n int) ([]Late, error) {
	ctx = db.AsSystem(ctx)
	rows, err := db.LateReferrals(ctx, d.DB, d.Clock.Now().Add(-least), skip, n)
	if err != nil {
		return nil, err
	}
	policies := map[uuid.UUID]referral.Policy{}
	list := make([]Late, len(rows))
	for i, r := range rows {
		p, ok := policies[r.Organisation]
		if !ok {
			if p, err = db.FindPolicy(ctx, d.DB, r.Organisation); err != nil {
				return nil, err
			}
			policies[r.Organisation] = p
		}
		list[i] = Late{Late: r, Grace: p.Pace(r.Urgency).Grace()}
	}
	return list, nil
}

// StepIn carries out a step that the clock has left undone, by the same command as the clock's, when it was due at or
// before an instant. did names it, and is empty when nothing of that kind is left to do.
func (d *Desk) StepIn(ctx context.Context, id uuid.UUID, before time.Time) (did referral.Name, err error) {
	err = d.mend(ctx, id, func(ctx context.Context, w *work) error {
		did = ""
		step, err := w.refresh(ctx)
		if err != nil || w.rec.Facts.State != referral.Open || step.Due.After(before) {
			return err
		}
		w.mends(referral.StepOverdue, step.Offer)
		if _, err := w.decide(ctx, w.commandOf(step)); err != nil {
			return err
		}
		did = step.Do
		return nil
	})
	return did, err
}

// TakeOver has a coordinator carry on by hand with a referral whose step can't be carried out. raised is false when one
// has been asked before.
func (d *Desk) TakeOver(ctx context.Context, id uuid.UUID) (raised bool, err error) {
	err = d.mend(ctx, id, func(ctx context.Context, w *work) error {
		w.mends(referral.StepStuck, uuid.Nil)
		change, err := w.decide(ctx, referral.Command{Do: referral.RaiseTask, TaskKind: referral.TakeOver, Reason: string(referral.StepStuck)})
		raised = !change.Repeated()
		return err
	})
	return raised, err
}

// NoteMend puts on a referral's timeline what was mended outside the record.
func (d *Desk) NoteMend(ctx context.Context, id uuid.UUID, what referral.Left) error {
	return d.mend(ctx, id, func(ctx context.Context, w *work) error { return w.noteMend(ctx, what, uuid.Nil) })
}

// SilentLetters lists letters whose attempt never came to an end and that nobody is at work on.
func (d *Desk) SilentLetters(ctx context.Context, n int) ([]uuid.UUID, error) {
	return db.SilentMessages(db.AsSystem(ctx), d.DB, d.Clock.Now().Add(-sendLimit), n)
}

// SilentLetter settles such a letter as ambiguous: nobody knows whether it went out, and a person will call. settled is
// false when its attempt has come to an end after all.
func (d *Desk) SilentLetter(ctx context.Context, id uuid.UUID) (settled bool, err error) {
	err = d.change(ctx, machine, func(ctx context.Context, tx *sqlx.Tx) error {
		now := d.Clock.Now()
		m, err := db.LockMessage(ctx, tx, id)
		settled = err == nil && m.State == db.MessageClaimed && m.AttemptedAt != nil && m.AttemptedAt.Before(now.Add(-sendLimit))
		if err != nil || !settled {
			return err
		}
		if _, _, err := db.SettleMessage(ctx, tx, id, db.MessageAmbiguous, "interrupted", "", now); err != nil {
			return err
		}
		w, err := d.lock(ctx, tx, watchdog(m.Organisation), m.Referral, now)
		if err != nil {
			return err
		}
		w.mends(referral.LetterSilent, m.Offer)
		return w.undelivered(ctx, m.Offer, m.Letter, "interrupted")
	})
	return settled, err
}

// LeftLetters lists letters that failed, or may have, without anyone having been asked to see to it.
func (d *Desk) LeftLetters(ctx context.Context, n int) ([]uuid.UUID, error) {
	now := d.Clock.Now()
	return db.LeftMessages(db.AsSystem(ctx), d.DB, now.Add(-stepGrace), now.Add(-unknownLimit), now.AddDate(0, 0, -failedDays), n)
}

// LeftLetter asks a person to call about such a letter. raised is false when somebody has been asked meanwhile.
func (d *Desk) LeftLetter(ctx context.Context, id uuid.UUID) (raised bool, err error) {
	err = d.letter(ctx, id, func(ctx context.Context, w *work, m db.Message) error {
		left, err := db.MessageLeft(ctx, w.tx, id, w.now.Add(-stepGrace), w.now.Add(-unknownLimit))
		if raised = left; err != nil || !left {
			return err
		}
		w.mends(referral.LetterLeft, m.Offer)
		return w.call(ctx, m.Offer, m.State, "mail_undelivered")
	})
	return raised, err
}

// call makes it someone's work to phone an agency, whatever the rules would wait for.
func (w *work) call(ctx context.Context, offer uuid.UUID, class, cause string) error {
	change, err := w.decide(ctx, referral.Command{Do: referral.Undelivered, Offer: offer, Reason: class})
	if err != nil || raised(change) {
		return err
	}
	_, err = w.decide(ctx, referral.Command{Do: referral.RaiseTask, TaskKind: referral.CallAgency, Offer: offer, Reason: cause})
	return err
}

// LostLetters lists letters that wait to go out although nothing promises to send them.
func (d *Desk) LostLetters(ctx context.Context, n int) ([]uuid.UUID, error) {
	return db.LostMessages(db.AsSystem(ctx), d.DB, d.Clock.Now().Add(-sendLimit), n)
}

// LostLetter promises such a letter again: it surely was not sent. promised is false when something promises it.
func (d *Desk) LostLetter(ctx context.Context, id uuid.UUID) (promised bool, err error) {
	err = d.letter(ctx, id, func(ctx context.Context, w *work, m db.Message) error {
		again, err := db.PromiseDelivery(ctx, w.tx, id, w.rec.Facts.Version, w.now)
		if promised = again; err != nil || !again {
			return err
		}
		return w.noteMend(ctx, referral.LetterLost, m.Offer)
	})
	return promised, err
}

// mend opens a referral for the watchdog, of whatever organisation it is.
func (d *Desk) mend(ctx context.Context, id uuid.UUID, do func(context.Context, *work) error) error {
	return d.change(ctx, machine, func(ctx context.Context, tx *sqlx.Tx) error {
		w, err := d.take(ctx, tx, watchdog, id, d.Clock.Now())
		if err != nil {
			return err
		}
		return do(ctx, w)
	})
}

// letter opens a letter, and then its referral, in the order in which a delivery does.
func (d *Desk) letter(ctx context.Context, id uuid.UUID, do func(context.Context, *work, db.Message) error) error {
	return d.change(ctx, machine, func(ctx context.Context, tx *sqlx.Tx) error {
		m, err := db.LockMessage(ctx, tx, id)
		if err != nil {
			return err
		}
		w, err := d.lock(ctx, tx, watchdog(m.Organisation), m.Referral, d.Clock.Now())
		if err != nil {
			return err
		}
		return do(ctx, w, m)
	})
}

// mends has the next change say on the timeline that the watchdog made it, and why.
func (w *work) mends(what referral.Left, offer uuid.UUID) {
	w.also = append(w.also, referral.Event{What: referral.Mend, Offer: offer, Code: string(what)})
}

// noteMend says so without a change: the version stays, since nothing that anyone decided on is another.
func (w *work) noteMend(ctx context.Context, what referral.Left, offer uuid.UUID) error {
	entry := db.EntryOf(referral.Event{What: referral.Mend, Offer: offer, Code: string(what)})
	return w.write(ctx, w.lines(w.rec.Facts.Version, []db.Entry{entry}, ""))
}
