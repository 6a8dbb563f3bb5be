package casework

import (
	"context"
	"math"
	"time"

	"github.com/google/uuid"

	"throughline/db"
	"throughline/referral"
)

// A restored record is older than the world. What it would mail may have gone out after the backup was made, so before
// anything starts each such letter is kept back, and becomes work for a person: only a person can find out, and have it
// sent again for that reason.

// restored is why a held letter's fate is unknown.
const restored = "restored"

// Held is a letter that is kept back.
type Held = db.HeldMessage

// WaitingLetters lists the letters that would go out at once.
func (d *Desk) WaitingLetters(ctx context.Context) ([]Held, error) {
	return db.WaitingMessages(db.AsSystem(ctx), d.DB)
}

// DueBy lists the open referrals whose step was due by an instant, the longest overdue first.
func (d *Desk) DueBy(ctx context.Context, until time.Time) ([]db.Late, error) {
	return db.LateReferrals(db.AsSystem(ctx), d.DB, until.Add(time.Microsecond), nil, math.MaxInt32)
}

// HoldLetters keeps back what waits to go out of a referral, and has someone call about each letter.
func (d *Desk) HoldLetters(ctx context.Context, id uuid.UUID) (held []Held, err error) {
	err = d.mend(ctx, id, func(ctx context.Context, w *work) (err error) {
		held, err = w.hold(ctx)
		return err
	})
	return held, err
}

// HoldStep carries out the step that a referral's clock would begin with, when it was due by an instant, and keeps back
// what it mails. did is empty when nothing was due.
func (d *Desk) HoldStep(ctx context.Context, id uuid.UUID, until time.Time) (did referral.Name, held []Held, err error) {
	err = d.mend(ctx, id, func(ctx context.Context, w *work) error {
		did, held = "", nil
		step, err := w.refresh(ctx)
		if err != nil || w.rec.Facts.State != referral.Open || step.Due.After(until) {
			return err
		}
		if _, err := w.decide(ctx, w.commandOf(step)); err != nil {
			return err
		}
		did = step.Do
		held, err = w.hold(ctx)
		return err
	})
	return did, held, err
}

// hold keeps back the referral's letters. What the rules know of the mail is read anew first.
func (w *work) hold(ctx context.Context) ([]Held, error) {
	held, err := db.HoldMessages(ctx, w.tx, w.rec.Facts.ID, restored, w.now)
	if err != nil || len(held) == 0 {
		return nil, err
	}
	again, err := w.desk.take(ctx, w.tx, watchdog, w.rec.Facts.ID, w.now)
	if err != nil {
		return nil, err
	}
	for _, h := range held {
		again.mends(referral.LetterHeld, h.Offer)
		if err := again.call(ctx, h.Offer, restored, "mail_unknown"); err != nil {
			return nil, err
		}
	}
	return held, nil
}
