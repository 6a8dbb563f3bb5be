package dispatcher

import (
	"context"
	"time"

	"github.com/google/uuid"

	"throughline/db"
)

// House starts the workflows of what is no referral's, and tells them of news; package workflows has the real one.
type House interface {
	// Attend is of an erasure or an export, as db.Errand names them.
	Attend(ctx context.Context, kind string, id uuid.UUID) error
	// KeepRetention is of an organisation's retention schedule.
	KeepRetention(ctx context.Context, organisation uuid.UUID) error
}

const (
	errandsAtOnce = 50
	// keepEvery is how soon a schedule comes back whose workflow was lost.
	keepEvery = time.Hour
	// keepAgain is how soon that is tried again while Temporal is away.
	keepAgain = 10 * time.Second
)

// runErrands runs the errands one after the other: there are few.
func (d *Dispatcher) runErrands(ctx context.Context) {
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for ctx.Err() == nil {
		list, err := db.LeaseErrands(ctx, d.outbox(), errandsAtOnce, lease)
		if err != nil {
			d.couldNot(ctx, "errands could not be read", err)
		}
		for _, e := range list {
			d.runErrand(ctx, e)
		}
		if len(list) == errandsAtOnce {
			continue
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}

// runErrand keeps one promise. What was begun is carried through even when we are asked to stop.
func (d *Dispatcher) runErrand(ctx context.Context, e db.Errand) {
	call, cancel := context.WithTimeout(context.WithoutCancel(ctx), callLimit)
	defer cancel()
	cause := d.House.Attend(call, e.Kind, e.Subject)
	mark, done := context.WithTimeout(context.WithoutCancel(ctx), markLimit)
	defer done()
	var err error
	if ids := []int64{e.ID}; cause == nil {
		err = db.FinishErrands(mark, d.outbox(), ids)
	} else {
		pause := min(time.Duration(1<<min(e.Attempts, 10))*500*time.Millisecond, longest)
		d.Log.Warn("an errand could not be run yet", "kind", e.Kind, "subject", e.Subject, "attempt", e.Attempts, "class", classOf(cause), "again_in", pause)
		err = db.PutBackErrands(mark, d.outbox(), ids, pause)
	}
	if err != nil {
		d.couldNot(ctx, "an errand could not be marked; its lease will end by itself", err)
	}
}

// keepSchedules sees to it that each organisation's retention schedule has its workflow, from the start on and whatever
// becomes of Temporal's databases.
func (d *Dispatcher) keepSchedules(ctx context.Context) {
	for ctx.Err() == nil {
		next := keepEvery
		if err := d.keepEach(ctx); err != nil {
			d.couldNot(ctx, "a retention schedule could not be started yet", err)
			next = keepAgain
		}
		timer := time.NewTimer(next)
		select {
		case <-ctx.Done():
			timer.Stop()
		case <-timer.C:
		}
	}
}

func (d *Dispatcher) keepEach(ctx context.Context) error {
	ids, err := d.Desk.OrganisationIDs(ctx)
	if err != nil {
		return err
	}
	for _, id := range ids {
		call, cancel := context.WithTimeout(ctx, callLimit)
		err := d.House.KeepRetention(call, id)
		cancel()
		if err != nil {
			return err
		}
	}
	return nil
}
