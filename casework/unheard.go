package casework

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"throughline/db"
	"throughline/referral"
)

// atOnce bounds how many letters one look takes.
const atOnce = 200

// CallAboutNotices has someone call about each letter that wants no answer, and of which the provider has said nothing
// final within the policy's time (I8), and says how many. Next watches over the letters that want one; for a receipt or
// a notice, sent when an offer has often ended, no step waits.
func (d *Desk) CallAboutNotices(ctx context.Context) (called int, err error) {
	ctx = db.AsSystem(ctx)
	organisations, err := db.Organisations(ctx, d.DB)
	if err != nil {
		return 0, err
	}
	for _, o := range organisations {
		policy, err := db.FindPolicy(ctx, d.DB, o.ID)
		if err != nil {
			return called, err
		}
		for _, urgency := range referral.Urgencies {
			letters, err := db.UnheardNotices(ctx, d.DB, o.ID, urgency, atOnce)
			if err != nil {
				return called, err
			}
			for _, m := range letters {
				if d.Clock.Now().Before(callBy(m, policy)) {
					continue
				}
				if err := d.callAboutNotice(ctx, m.ID); err != nil {
					return called, err
				}
				called++
			}
		}
	}
	return called, nil
}

// callBy is when a letter that nothing final was heard of becomes a call.
func callBy(m db.MessageFate, p referral.Policy) time.Time {
	pace, fate := p.Pace(m.Urgency), m.Fate()
	by := pace.Unheard.From(*m.Settled, referral.Calendar{})
	if !fate.Deferred.IsZero() {
		if sooner := pace.Deferred.From(fate.Deferred, referral.Calendar{}); sooner.Before(by) {
			return sooner
		}
	}
	return by
}

func (d *Desk) callAboutNotice(ctx context.Context, letter uuid.UUID) error {
	return d.change(ctx, machine, func(ctx context.Context, tx *sqlx.Tx) error {
		now := d.Clock.Now()
		m, err := db.LockFate(ctx, tx, letter)
		if err != nil || m.Final != "" || m.Unheard != nil {
			return err
		}
		if err := db.MarkUnheard(ctx, tx, letter, now); err != nil {
			return err
		}
		w, err := d.lock(ctx, tx, mailActor(m.Organisation), m.Referral, now)
		if err != nil {
			return err
		}
		return w.undelivered(ctx, m.Offer, m.Letter, "unheard")
	})
}
