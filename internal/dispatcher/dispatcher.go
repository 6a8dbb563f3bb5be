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

	nudged chan struct{}
	once   sync.Once
}

const (
	batch   = 64
	workers = 16
	// poll is how soon a row is found whose process died before it could tell its own dispatcher.
	poll = time.Second
	// lease hides a row from other dispatchers; it outlasts the longest attempt by far.
	lease     = time.Minute
	callLimit = 20 * time.Second
	longest   = 30 * time.Second // pause between attempts
	keep      = 7 * 24 * time.Hour
	pruneTime = time.Hour
)

func (d *Dispatcher) nudges() chan struct{} {
	d.once.Do(func() { d.nudged = make(chan struct{}, 1) })
	return d.nudged
}

// Nudge says that there is something in the outbox. It never blocks.
func (d *Dispatcher) Nudge() {
	select {
	case d.nudges() <- struct{}{}:
	default:
	}
}

// Run dispatches until the context ends, and returns when what was under way has come to its end.
func (d *Dispatcher) Run(ctx context.Context) {
	tick := time.NewTicker(poll)
	defer tick.Stop()
	prune := time.NewTicker(pruneTime)
	defer prune.Stop()
	for {
		for d.round(ctx) == batch {
		}
		select {
		case <-ctx.Done():
			return
		case <-d.nudges():
		case <-tick.C:
		case <-prune.C:
			d.prune(ctx)
		}
	}
}

func (d *Dispatcher) prune(ctx context.Context) {
	if _, err := db.PruneOutbox(ctx, d.Desk.DB, keep, 10_000); err != nil && ctx.Err() == nil {
		d.Log.Warn("outbox could not be pruned", "class", classOf(err))
	}
}

// round dispatches one batch and says how many rows it held.
func (d *Dispatcher) round(ctx context.Context) int {
	if ctx.Err() != nil {
		return 0
	}
	rows, err := db.LeaseOutbox(ctx, d.Desk.DB, batch, lease)
	if err != nil {
		if ctx.Err() == nil {
			d.Log.Warn("outbox could not be read", "class", classOf(err))
		}
		return 0
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	var done []int64
	free := make(chan struct{}, workers)
	for _, row := range rows {
		wg.Add(1)
		free <- struct{}{}
		go func() {
			defer func() { <-free; wg.Done() }()
			// What was begun is carried through even when we are asked to stop: a letter cut off in the middle is ambiguous.
			call, cancel := context.WithTimeout(context.WithoutCancel(ctx), callLimit)
			defer cancel()
			if pause, err := d.tell(call, row); err != nil {
				d.putBack(call, row, pause, err)
				return
			}
			mu.Lock()
			done = append(done, row.ID)
			mu.Unlock()
		}()
	}
	wg.Wait()
	if err := db.FinishOutbox(context.WithoutCancel(ctx), d.Desk.DB, done); err != nil {
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
	if err := db.PutBackOutbox(ctx, d.Desk.DB, row.ID, pause, classOf(cause)); err != nil {
		d.Log.Warn("outbox could not be put back; its lease will end by itself", "class", classOf(err))
	}
}
