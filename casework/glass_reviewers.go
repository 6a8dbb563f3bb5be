package casework

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"throughline/db"
	"throughline/referral"
)

// reviewTime is how long a supervisor has to look at broken glass: long enough for a weekend. After it a coordinator may
// do it too, and whoever runs the service is told (docs/runbook.md).
const reviewTime = 72 * time.Hour

// Due is by when someone must have looked at it.
func (g GlassToReview) Due() time.Time { return g.BrokenAt.Add(reviewTime) }

// reviews says of broken glass whether someone's role has it to look at: a supervisor's always does, a coordinator's where
// there is no second supervisor, or none did in time. That nobody looks at their own comes besides.
func (d *Desk) reviews(who Actor, g db.Glass) bool {
	if who.Region != uuid.Nil && idIn(g.Region) != who.Region {
		return false
	}
	return who.Role == referral.Supervisor || !g.Second || d.Clock.Now().After(g.BrokenAt.Add(reviewTime))
}

// glassFor lists what waits to be looked at and is someone's role's to look at, the oldest first.
func (d *Desk) glassFor(ctx context.Context, q sqlx.QueryerContext, who Actor) ([]db.Glass, error) {
	list, err := db.GlassToReview(ctx, q, who.Organisation, who.Region)
	return slices.DeleteFunc(list, func(g db.Glass) bool { return !d.reviews(who, g) }), err
}

// GlassWaiting counts the times that a restricted case was opened which wait for whoever asks to look at them; none for who
// looks at none.
func (d *Desk) GlassWaiting(ctx context.Context, who Actor) (n int, err error) {
	if who.may(ReviewGlass) != nil {
		return 0, nil
	}
	return n, d.read(ctx, machine, func(ctx context.Context, tx *sqlx.Tx) error {
		list, err := d.glassFor(ctx, tx, who)
		n = len(slices.DeleteFunc(list, func(g db.Glass) bool { return g.Account == who.ID }))
		return err
	})
}
