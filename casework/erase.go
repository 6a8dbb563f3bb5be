package casework

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"throughline/db"
	"throughline/referral"
)

// Wait is what a workflow of the house is told: when to ask again, or that there is nothing left to do.
type Wait struct {
	Due   time.Time
	Ended bool
}

// askAnew is how long an erasure that waits for a person's word sleeps at most: news of it wakes it.
const askAnew = 24 * time.Hour

// Erase carries an erasure on, as far as it is time: it waits until it can't be called off any more and, where a client
// asked for it, a second person has agreed; then the case is erased, or the erasure ends because something stands against
// it: one of the schedule's also when the case's time is not over any more. Doing it twice does no harm. not_found when there is no such erasure.
func (d *Desk) Erase(ctx context.Context, id uuid.UUID, at time.Time) (w Wait, erased uuid.UUID, err error) {
	err = d.change(ctx, machine, func(ctx context.Context, tx *sqlx.Tx) error {
		e, err := db.FindErasure(ctx, tx, id)
		if err != nil {
			return err
		}
		w, erased = Wait{Ended: true}, uuid.Nil
		switch {
		case e.EndedAt != nil:
			return nil
		case at.Before(e.DueAt):
			w = Wait{Due: e.DueAt}
			return nil
		case e.AskedBy != nil && e.ApprovedBy == nil:
			w = Wait{Due: at.Add(askAnew)}
			return nil
		}
		// Under the locks of the case; the erasure itself is locked after it, and only if nobody has called it off.
		outcome, err := d.against(ctx, tx, e.Organisation, e.Case)
		if err == nil && outcome == "" && e.Cause == Schedule {
			outcome, err = d.notDue(ctx, tx, e.Organisation, e.Case, at)
		}
		if err == nil && outcome == "" {
			outcome, erased = ErasedOutcome, e.Case
			err = d.erase(ctx, tx, system(e.Organisation, ViaClock).because(e.Cause, e.ID), e.Case, e.Cause, e.ApprovedBy)
		}
		if err != nil {
			return err
		}
		return db.EndErasure(ctx, tx, id, uuid.Nil, outcome, d.Clock.Now())
	})
	if erased != uuid.Nil {
		d.Keyring.Forget(erased) // whoever read it a moment before the commit has had it kept again
	}
	return w, erased, err
}

// against locks a case whole, for the transaction, and says what stands against its erasure; "" when nothing does. What
// was begun meanwhile counts: an open referral, a hold.
func (d *Desk) against(ctx context.Context, tx *sqlx.Tx, organisation, id uuid.UUID) (outcome string, err error) {
	was, open, err := db.LockWholeCase(ctx, tx, organisation, id)
	if err != nil {
		return "", err
	}
	held, err := db.Held(ctx, tx, id)
	switch {
	case err != nil:
		return "", err
	case was.ErasedAt != nil:
		return "erased_again", nil
	case held:
		return "held", nil
	case len(open) > 0:
		return "open_referral", nil
	}
	return "", nil
}

// erase destroys what people said of a case that is locked, and that nothing stands against, in a transaction of the
// caller's.
func (d *Desk) erase(ctx context.Context, tx *sqlx.Tx, who Actor, id uuid.UUID, why string, by *uuid.UUID) error {
	now := d.Clock.Now()
	if err := db.EraseCase(ctx, tx, id, db.Tombstone{ErasedAt: &now, ErasedWhy: why, ErasedBy: by}); err != nil {
		return err
	}
	if err := d.DestroyCaseKey(ctx, tx, who.Organisation, id); err != nil {
		return err
	}
	return db.InsertAudit(ctx, tx, who.line(), now, "erase", "case", id)
}

// ErasedCase is an entry of the list that is kept apart from backups.
type ErasedCase = db.ErasedCase

// ErasedCases lists every case that was erased: what must be erased again when a backup from before is restored.
func (d *Desk) ErasedCases(ctx context.Context, who Actor) (list []ErasedCase, err error) {
	if err := who.may(KeepErased); err != nil {
		return nil, err
	}
	return db.ErasedCases(d.as(ctx, machine), d.DB)
}

// EraseAgain erases the cases of a list that a restored backup brought back, whatever has been written of them since. One
// that is not there, or is erased, is left alone. kept are those that could not be erased: an open referral or a hold
// stands against it, which a person must look at.
func (d *Desk) EraseAgain(ctx context.Context, who Actor, list []ErasedCase) (done int, kept []uuid.UUID, err error) {
	if err := who.may(KeepErased); err != nil {
		return 0, nil, err
	}
	why, ids := map[uuid.UUID]string{}, []uuid.UUID{}
	for _, c := range list {
		if c.Why != ClientRequest && c.Why != Schedule {
			return 0, nil, referral.Invalid("why", "must be client_request or schedule")
		}
		why[c.Case] = c.Why
		ids = append(ids, c.Case)
	}
	found, err := db.NotErased(d.as(ctx, machine), d.DB, ids)
	if err != nil {
		return 0, nil, err
	}
	for _, c := range found {
		var outcome string
		err := d.change(ctx, machine, func(ctx context.Context, tx *sqlx.Tx) (err error) {
			outcome, err = d.against(ctx, tx, c.Organisation, c.ID)
			if err != nil || outcome != "" {
				return err
			}
			outcome = ErasedOutcome
			if err := d.erase(ctx, tx, system(c.Organisation, who.Via).because("again", c.ID), c.ID, why[c.ID], nil); err != nil {
				return err
			}
			return d.endWaiting(ctx, tx, c.ID, uuid.Nil, "erased_again")
		})
		if err != nil {
			return done, kept, err
		}
		if outcome == ErasedOutcome {
			d.Keyring.Forget(c.ID)
			done++
		} else {
			kept = append(kept, c.ID)
		}
	}
	return done, kept, nil
}
