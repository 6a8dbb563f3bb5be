package casework

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"throughline/db"
	"throughline/directory"
	"throughline/internal/seeded"
	"throughline/referral"
)

// Next says what comes next for a referral. at is the workflow's time: the present is the later of it and the desk's
// clock, so that a workflow whose time is skipped sees its own future. When the stored step no longer is what the rules
// say (a changed policy, a calendar, a failed mail), the record is brought up to date. not_found when there is none.
func (d *Desk) Next(ctx context.Context, id uuid.UUID, at time.Time) (referral.Step, error) {
	now := d.at(at)
	ctx = db.AsSystem(ctx)
	rec, err := db.ReadRecord(ctx, d.DB, id)
	if err != nil {
		return referral.Step{}, err
	}
	if _, err := d.terms(ctx, d.DB, &rec); err != nil {
		return referral.Step{}, err
	}
	step := referral.Next(rec.Facts, rec.Policy, now)
	if current(rec.Step, step, now) {
		return step, nil
	}
	return step, d.change(ctx, machine, func(ctx context.Context, tx *sqlx.Tx) error {
		w, err := d.lock(ctx, tx, ClockActor(rec.Organisation), id, now)
		if err != nil {
			return err
		}
		step, err = w.refresh(ctx)
		return err
	})
}

// refresh brings the stored step up to date with the rules, without a new version: nothing happened, only the outlook
// is another.
func (w *work) refresh(ctx context.Context) (referral.Step, error) {
	step := referral.Next(w.rec.Facts, w.rec.Policy, w.now)
	if current(w.rec.Step, step, w.now) {
		return step, nil
	}
	return step, db.Write(ctx, w.tx, db.UpdateReferral(w.rec.Facts, w.rec.Facts.Version, step))
}

// current reports that the stored step is still right; steps that are due now differ in nothing that matters.
func current(stored, step referral.Step, now time.Time) bool {
	return stored.Same(step) && stored.Role == step.Role && stored.Person == step.Person &&
		(stored.Due.Equal(step.Due) || (!stored.Due.After(now) && !step.Due.After(now)))
}

// Run carries out a step that has come due and says what comes after it. A step that is no longer next, because someone
// was faster or because this runs a second time, is left alone: the answer is just the step that is next now.
func (d *Desk) Run(ctx context.Context, id uuid.UUID, step referral.Step, at time.Time) (referral.Step, error) {
	var after referral.Step
	err := d.change(ctx, machine, func(ctx context.Context, tx *sqlx.Tx) error {
		w, err := d.take(ctx, tx, ClockActor, id, at)
		if err != nil {
			return err
		}
		after, err = w.refresh(ctx)
		if err != nil || !after.Same(step) || after.Due.After(w.now) {
			return err
		}
		if _, err := w.decide(ctx, w.commandOf(after)); err != nil {
			return err
		}
		after = w.rec.Step
		return nil
	})
	return after, err
}

// commandOf turns a step into its command. Weeks may have passed since the client agreed to a service: one that takes no
// referrals any more is passed over, where a letter would only cost days.
func (w *work) commandOf(step referral.Step) referral.Command {
	c := step.CommandOf()
	if seeded.Is(seeded.SilenceEnds) && step.TaskKind == referral.FindAlternative && step.Do == referral.RaiseTask {
		w.who.Role = referral.Coordinator
		return referral.Command{Do: referral.Close, Outcome: referral.Unmet, Unmet: "agencies_unresponsive"}
	}
	if o := find(w.rec.Facts.Offers, step.Offer); step.Do == referral.Send && o != nil {
		if s, known := w.services[o.Service]; known && closed(s, w.now) {
			return referral.Command{Do: referral.PassOver, Offer: o.ID}
		}
	}
	return c
}

// closed reports a service that takes no referrals now. One that is full is asked: it may have a waitlist.
func closed(s directory.OfferService, now time.Time) bool {
	return s.Status != "active" || !s.AcceptsReferrals || (s.ClosedUntil != nil && s.ClosedUntil.After(now))
}

func (d *Desk) at(at time.Time) time.Time {
	now := d.Clock.Now()
	if at = at.UTC().Truncate(time.Microsecond); at.After(now) {
		return at
	}
	return now
}
