// Package dispatcher tells the outside what committed transactions promised: it starts workflows, signals them, and
// hands letters to the mail provider. Every promise is kept until it is confirmed; keeping one twice does no harm.
package dispatcher

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"

	"throughline/casework"
	"throughline/db"
	"throughline/mail"
)

// Conductor starts a referral's workflow and tells it of changes; package workflows has the real one.
type Conductor interface {
	Start(ctx context.Context, id uuid.UUID) error
	Changed(ctx context.Context, id uuid.UUID, version int) error
}

// Dispatcher empties the outbox. Any number may run at once, in any number of processes.
type Dispatcher struct {
	Desk      *casework.Desk
	Conductor Conductor
	Sender    mail.Sender
	From      mail.Address
	BaseURL   string // of the links in letters, without a slash at its end
	Log       *slog.Logger

	once  sync.Once
	lanes [2]lane
}

// lane empties a part of the outbox. Letters have one of their own: a mail provider that is slow or away must not hold
// up the workflows, nor the other way round.
type lane struct {
	kinds  []string
	nudged chan struct{}
}

const (
	// workers of each lane. As many rows are taken at a time, so that none waits under its lease for another.
	workers = 16
	// poll is how soon a row is found whose process died before it could tell its own dispatcher.
	poll = time.Second
	// lease hides a row from other dispatchers; it outlasts the longest attempt by far.
	lease     = time.Minute
	callLimit = 20 * time.Second
	markLimit = 10 * time.Second
	longest   = 30 * time.Second // pause between attempts
	keep      = 7 * 24 * time.Hour
	pruneTime = time.Hour
)

func (d *Dispatcher) all() *[2]lane {
	d.once.Do(func() {
		d.lanes = [2]lane{{kinds: []string{db.OutboxStart, db.OutboxChanged}}, {kinds: []string{db.OutboxDeliver}}}
		for i := range d.lanes {
			d.lanes[i].nudged = make(chan struct{}, 1)
		}
	})
	return &d.lanes
}

// Nudge says that there is something in the outbox. It never blocks.
func (d *Dispatcher) Nudge() {
	for _, l := range d.all() {
		select {
		case l.nudged <- struct{}{}:
		default:
		}
	}
}

// Run dispatches until the context ends, and returns when what was under way has come to its end.
func (d *Dispatcher) Run(ctx context.Context) {
	var running sync.WaitGroup
	for _, l := range d.all() {
		running.Go(func() { d.run(ctx, l) })
	}
	running.Go(func() { d.prune(ctx) })
	running.Wait()
}

func (d *Dispatcher) run(ctx context.Context, l lane) {
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for {
		for d.round(ctx, l) == workers {
		}
		select {
		case <-ctx.Done():
			return
		case <-l.nudged:
		case <-tick.C:
		}
	}
}

func (d *Dispatcher) prune(ctx context.Context) {
	tick := time.NewTicker(pruneTime)
	defer tick.Stop()
	for {
		if _, err := db.PruneOutbox(ctx, d.Desk.DB, keep, 10_000); err != nil && ctx.Err() == nil {
			d.Log.Warn("outbox could not be pruned", "class", classOf(err))
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// round dispatches as many rows as there are workers and says how many there were.
func (d *Dispatcher) round(ctx context.Context, l lane) int {
	if ctx.Err() != nil {
		return 0
	}
	rows, err := db.LeaseOutbox(ctx, d.Desk.DB, workers, lease, l.kinds...)
	if err != nil {
		if ctx.Err() == nil {
			d.Log.Warn("outbox could not be read", "class", classOf(err))
		}
		return 0
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	var done []int64
	// What was begun is carried through even when we are asked to stop: a letter cut off in the middle is ambiguous.
	ctx = context.WithoutCancel(ctx)
	for _, row := range rows {
		wg.Go(func() {
			call, cancel := context.WithTimeout(ctx, callLimit)
			defer cancel()
			if pause, err := d.tell(call, row); err != nil {
				d.putBack(ctx, row, pause, err)
				return
			}
			mu.Lock()
			done = append(done, row.ID)
			mu.Unlock()
		})
	}
	wg.Wait()
	mark, cancel := context.WithTimeout(ctx, markLimit)
	defer cancel()
	if err := db.FinishOutbox(mark, d.Desk.DB, done); err != nil {
		d.Log.Warn("outbox could not be marked; its rows will be told again", "rows", len(done), "class", classOf(err))
	}
	return len(rows)
}

// tell keeps one promise. On error pause is how long the other side asked us to wait, 0 when it did not say.
func (d *Dispatcher) tell(ctx context.Context, row db.OutboxRow) (pause time.Duration, err error) {
	switch row.Kind {
	case db.OutboxStart:
		return 0, d.Conductor.Start(ctx, row.Referral)
	case db.OutboxChanged:
		return 0, d.Conductor.Changed(ctx, row.Referral, row.Version)
	}
	return d.deliver(ctx, *row.Message)
}

func (d *Dispatcher) putBack(ctx context.Context, row db.OutboxRow, pause time.Duration, cause error) {
	if pause == 0 {
		pause = min(time.Duration(1<<min(row.Attempts, 10))*500*time.Millisecond, longest)
	}
	d.Log.Warn("could not be told yet", "kind", row.Kind, "referral", row.Referral, "attempt", row.Attempts,
		"class", classOf(cause), "again_in", pause)
	// The call itself may have used up all of its time.
	mark, cancel := context.WithTimeout(ctx, markLimit)
	defer cancel()
	if err := db.PutBackOutbox(mark, d.Desk.DB, row.ID, pause, classOf(cause)); err != nil {
		d.Log.Warn("outbox could not be put back; its lease will end by itself", "class", classOf(err))
	}
}
