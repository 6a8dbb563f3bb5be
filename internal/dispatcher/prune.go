package dispatcher

import (
	"context"
	"time"

	"throughline/db"
)

const (
	keepTold = 7 * 24 * time.Hour // rows of the outbox, for whoever looks into what went wrong
	// The longest that a retention schedule may choose (casework.Retentions): it has most of this gone sooner, night by night,
	// and what is no organisation's goes here.
	keepAnswers = 90 * 24 * time.Hour
	keepEvents  = 365 * 24 * time.Hour
	keepVisits  = 365 * 24 * time.Hour // after they have run out
	keepTries   = 2 * 24 * time.Hour   // longer than any of them slows anyone down
	pruneEvery  = time.Hour
	pruneAtOnce = 10_000 // rows of one statement, so that none holds its locks for long
)

// prune forgets what nobody asks for any more.
func (d *Dispatcher) prune(ctx context.Context) {
	tick := time.NewTicker(pruneEvery)
	defer tick.Stop()
	for {
		d.forget(ctx, "outbox", func() (int64, error) { return db.PruneOutbox(ctx, d.Desk.DB, keepTold, pruneAtOnce) })
		before := d.Desk.Clock.Now().Add(-keepAnswers)
		d.forget(ctx, "idempotency", func() (int64, error) { return db.PruneIdempotency(ctx, d.Desk.DB, before, pruneAtOnce) })
		old := d.Desk.Clock.Now().Add(-keepEvents)
		d.forget(ctx, "provider_events", func() (int64, error) { return db.PruneEvents(ctx, d.Desk.DB, old, pruneAtOnce) })
		ended, quiet := d.Desk.Clock.Now().Add(-keepVisits), d.Desk.Clock.Now().Add(-keepTries)
		d.forget(ctx, "visits", func() (int64, error) { return db.PruneVisits(ctx, d.Desk.DB, ended, pruneAtOnce) })
		d.forget(ctx, "sessions", func() (int64, error) { return db.PruneSessions(ctx, d.Desk.DB, d.Desk.Clock.Now(), pruneAtOnce) })
		d.forget(ctx, "sign_in_tries", func() (int64, error) { return db.PruneTries(ctx, d.Desk.DB, quiet, pruneAtOnce) })
		d.forget(ctx, "uses", func() (int64, error) { return db.PruneUses(ctx, d.Desk.DB, d.Desk.Clock.Now(), pruneAtOnce) })
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// forget prunes until there is nothing old left, or it fails, or we are asked to stop.
func (d *Dispatcher) forget(ctx context.Context, table string, some func() (int64, error)) {
	for ctx.Err() == nil {
		n, err := some()
		if err != nil && ctx.Err() == nil {
			d.Log.Warn("table could not be pruned", "table", table, "class", classOf(err))
		}
		if err != nil || n < pruneAtOnce {
			return
		}
	}
}
