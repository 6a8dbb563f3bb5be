// Package watchdog proves that nothing is forgotten. It does not trust the clock: it looks at the record itself, finds
// what was left undone, has it done or does it, and says so on the referral's timeline. It goes on while Temporal is away.
package watchdog

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"throughline/casework"
	"throughline/db"
	"throughline/referral"
)

// Clock is what the watchdog asks of Temporal; package workflows has the real one.
type Clock interface {
	Start(ctx context.Context, id uuid.UUID) error
	Changed(ctx context.Context, id uuid.UUID, version int) error
	// Inspect looks at one workflow, and does not lag.
	Inspect(ctx context.Context, id uuid.UUID) (open, failing bool, err error)
	// Open lists the referrals that seem to have an open workflow, and Running counts them; both may lag by seconds.
	Open(ctx context.Context) ([]uuid.UUID, error)
	Running(ctx context.Context) (int, error)
}

// Watchdog looks around every half minute, in one process at a time: that of the leader. Two that lead for a moment, one
// of them without knowing better, do no harm: all that is done is done under the referral's lock, and looked at again there.
type Watchdog struct {
	Desk        *casework.Desk
	DatabaseURL string // for the session that holds the lead
	Clock       Clock
	Log         *slog.Logger
	Count       func(kind string) // told of each thing found and seen to, by one of Kinds; nil: nobody counts
	Every       time.Duration     // from one round to the next; 0: half a minute
	// Patience is how long a step may be overdue before the clock is told of it, and by the next round it is done in the
	// clock's place; 0: half of the step's grace, so that it is done within its grace.
	Patience time.Duration

	ended atomic.Int64 // when the last round of this process ended, in Unix nanoseconds; 0 while it does not lead
}

// Kinds are what Count is told: what was left undone, and these.
const (
	WorkflowLeft   = "workflow_left"   // an open workflow whose referral is not open: it was told
	PromisePutOff  = "promise_put_off" // a row of the outbox was put off too far: it is due now
	PromiseFailing = "promise_failing" // a class of promises can't be kept so far; counted each round
	RoundFailed    = "round_failed"    // a part of a round could not be done
)

// Kinds lists everything that is counted.
func Kinds() []string {
	kinds := []string{WorkflowLeft, PromisePutOff, PromiseFailing, RoundFailed}
	for _, left := range referral.Lefts {
		kinds = append(kinds, string(left))
	}
	return kinds
}

const (
	every = 30 * time.Second
	// stand is how often the lead is asked for, and hold how often a leader makes sure of it: with the five seconds after
	// which a silent leader's session ends, another leads within ten.
	stand = 2 * time.Second
	hold  = time.Second
	// tooLong is how long a round may take with the wait before it, until the watch counts as away.
	tooLong = 3 * time.Minute
)

// Detail says in a few words what is wrong with the watch, whichever process leads it; "" when all is well.
func (w *Watchdog) Detail(ctx context.Context) string {
	led, err := db.Led(ctx, w.Desk.DB)
	switch ended := w.ended.Load(); {
	case err != nil:
		return "not known"
	case !led:
		return "no process leads the watch"
	case ended != 0 && time.Since(time.Unix(0, ended)) > tooLong:
		return "the last round ended " + time.Since(time.Unix(0, ended)).Round(time.Second).String() + " ago"
	}
	return ""
}

// Run stands for the lead until the context ends, looks around while it leads, and returns when the last round has ended.
func (w *Watchdog) Run(ctx context.Context) {
	ctx = db.AsSystem(ctx)
	reported := false
	for ctx.Err() == nil {
		led, err := w.session(ctx)
		if ctx.Err() == nil && err != nil && (led || !reported) {
			w.Log.Warn("the watchdog has lost its session; another may lead", "led", led, "class", classOf(err))
			reported = true
		}
		if err == nil {
			reported = false
		}
		wait(ctx, stand)
	}
}

// session stands for the lead until the session or the context ends; led says whether it had the lead.
func (w *Watchdog) session(ctx context.Context) (led bool, err error) {
	c, err := db.Stand(ctx, w.DatabaseURL)
	if err != nil {
		return false, err
	}
	defer c.Close()
	stop := func() {}
	defer func() { stop() }()
	for pause := stand; ctx.Err() == nil; wait(ctx, pause) {
		leads, err := c.Leads(ctx)
		if err != nil || (led && !leads) {
			return led, err
		}
		if leads && !led {
			led, pause, stop = true, hold, w.lead(ctx)
		}
	}
	return led, nil
}

// lead looks around until stop is called, which returns when nothing is under way any more.
func (w *Watchdog) lead(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() {
		w.Log.Info("this process leads the watch")
		defer w.ended.Store(0)
		w.ended.Store(time.Now().UnixNano())
		for r := newWatch(w); ctx.Err() == nil; {
			more := r.round(ctx)
			w.ended.Store(time.Now().UnixNano())
			if !more {
				wait(ctx, w.every())
			}
		}
	})
	return func() { cancel(); running.Wait() }
}

func (w *Watchdog) every() time.Duration {
	if w.Every > 0 {
		return w.Every
	}
	return every
}

func (w *Watchdog) count(kind string) {
	if w.Count != nil {
		w.Count(kind)
	}
}

// wait lets time pass, or the context end.
func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
