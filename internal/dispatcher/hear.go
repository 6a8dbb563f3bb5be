package dispatcher

import (
	"context"
	"time"
)

const (
	// eventsAtOnce bounds how many letters are looked up at a time.
	eventsAtOnce = 100
	// noticesEvery is how often letters are looked for of which nothing was heard; they have hours.
	noticesEvery = time.Minute
)

// NudgeEvents says that something was heard of letters. It never blocks.
func (d *Dispatcher) NudgeEvents() {
	d.all()
	select {
	case d.heard <- struct{}{}:
	default:
	}
}

// hear does what the mail provider's events ask for, and what its silence does. Events of a process that died after it
// had answered the provider are found within a second.
func (d *Dispatcher) hear(ctx context.Context) {
	d.all()
	tick, notices := time.NewTicker(poll), time.NewTicker(noticesEvery)
	defer tick.Stop()
	defer notices.Stop()
	d.callAboutNotices(ctx)
	for ctx.Err() == nil {
		d.applyEvents(ctx)
		select {
		case <-ctx.Done():
		case <-d.heard:
		case <-tick.C:
		case <-notices.C:
			d.callAboutNotices(ctx)
		}
	}
}

// applyEvents goes on until none is left that can be applied now. What was begun is carried through.
func (d *Dispatcher) applyEvents(ctx context.Context) {
	for ctx.Err() == nil {
		letters, err := d.Desk.LettersWithEvents(ctx, eventsAtOnce)
		if err != nil {
			d.couldNot(ctx, "events could not be read", err)
			return
		}
		for _, id := range letters {
			if ctx.Err() != nil {
				return
			}
			apply, cancel := context.WithTimeout(context.WithoutCancel(ctx), callLimit)
			if err := d.Desk.ApplyEvents(apply, id); err != nil {
				d.Log.Warn("events could not be applied yet", "message", id, "class", classOf(err))
			}
			cancel()
		}
		if len(letters) < eventsAtOnce {
			return
		}
	}
}

func (d *Dispatcher) callAboutNotices(ctx context.Context) {
	n, err := d.Desk.CallAboutNotices(ctx)
	if err != nil {
		d.couldNot(ctx, "letters without word could not be looked for", err)
	}
	if n > 0 {
		d.Log.Warn("nothing was heard of letters; someone is asked to call", "letters", n)
	}
}

// couldNot says what failed, unless it was only that we are asked to stop.
func (d *Dispatcher) couldNot(ctx context.Context, what string, err error) {
	if ctx.Err() == nil {
		d.Log.Warn(what, "class", classOf(err))
	}
}
