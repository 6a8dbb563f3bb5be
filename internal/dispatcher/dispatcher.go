// Package dispatcher tells the outside what committed transactions promised: it starts workflows, signals them, and
// hands letters to the mail provider. Every promise is kept until it is confirmed; keeping one twice does no harm.
package dispatcher

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"throughline/casework"
	"throughline/db"
	"throughline/internal/trace"
	"throughline/mail"
)

// Conductor starts a referral's workflow and tells it of changes, which starts one that is missing; package workflows has
// the real one.
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
	Tracer    trace.Tracer // the zero value traces nothing
	// Outbox is where leases are taken and marks made; nil takes the desk's. They may be lost in a crash of the database,
	// since a promise can be kept twice, so a pool whose commits do not wait for the disk does.
	Outbox *sqlx.DB
	// House carries what is no referral's; nil where nothing does.
	House House

	once  sync.Once
	lanes [3]lane
	heard chan struct{} // something was heard of letters
}

// lane empties a part of the outbox. Letters have one of their own: a mail provider that is slow or away must not hold
// up the workflows, nor the other way round.
type lane struct {
	kind      string
	gather    time.Duration // how long rows are let come together before they are asked for
	nudged    chan struct{}
	waitUntil atomic.Pointer[time.Time] // the other side asked for a pause until then; measured, so that a clock that is set does not stretch it
}

const (
	// workers of each lane. Rows are taken for free workers only, so that none waits under its lease for another.
	workers = 16
	// mostMarked rows at once, when many have been told.
	mostMarked = 256
	// fewest workers that must be free before the outbox is asked again.
	fewest = 4
	// gather is how long a lane lets rows come together; nobody notices, and the database is asked once for many.
	gather = 50 * time.Millisecond
	// gatherNews is how long it lets the news of a referral come together: people seldom do one thing alone, and a signal
	// costs more than all that the record writes for what it tells. No one waits for it: the record has answered them.
	gatherNews = 250 * time.Millisecond
	// poll is how soon a row is found whose process died before it could tell its own dispatcher; and an invitation or an
	// errand, which nobody tells of: there are few, and to ask for them after each change of a referral cost a third of all
	// that the record was asked.
	poll = time.Second
	// lease hides a row from other dispatchers. It outlasts the longest attempt, a call and two marks; what a process that
	// died was at work on waits until then, and with it an agency or a referral.
	lease     = 40 * time.Second
	callLimit = 20 * time.Second
	markLimit = 5 * time.Second
	longest   = 30 * time.Second // pause between attempts
)

func (d *Dispatcher) outbox() *sqlx.DB {
	if d.Outbox != nil {
		return d.Outbox
	}
	return d.Desk.DB
}

func (d *Dispatcher) all() *[3]lane {
	d.once.Do(func() {
		d.heard = make(chan struct{}, 1)
		for i, kind := range [3]string{db.OutboxStart, db.OutboxChanged, db.OutboxDeliver} {
			d.lanes[i].kind, d.lanes[i].gather, d.lanes[i].nudged = kind, gather, make(chan struct{}, 1)
			if kind == db.OutboxChanged {
				d.lanes[i].gather = gatherNews
			}
		}
	})
	return &d.lanes
}

// Nudge says that there is something in the outbox. It never blocks.
func (d *Dispatcher) Nudge() {
	for i := range d.all() {
		l := &d.lanes[i]
		select {
		case l.nudged <- struct{}{}:
		default:
		}
	}
}

// Run dispatches until the context ends, and returns when what was under way has come to its end.
func (d *Dispatcher) Run(ctx context.Context) {
	ctx = db.AsSystem(ctx)
	var running sync.WaitGroup
	for i := range d.all() {
		running.Go(func() { d.run(ctx, &d.lanes[i]) })
	}
	running.Go(func() { d.hear(ctx) })
	running.Go(func() { d.invite(ctx) })
	if d.House != nil {
		running.Go(func() { d.runErrands(ctx) })
		running.Go(func() { d.keepSchedules(ctx) })
	}
	running.Go(func() { d.prune(ctx) })
	running.Wait()
}

// run keeps a lane's workers busy. A slow call holds up its own worker only; what the others have told is marked while
// it goes on.
func (d *Dispatcher) run(ctx context.Context, l *lane) {
	tick := time.NewTicker(poll)
	defer tick.Stop()
	told := make(chan []int64, workers)
	var marking, calling sync.WaitGroup
	marking.Go(func() { d.mark(ctx, l, told) })
	free := make(chan struct{}, workers)
	for range workers {
		free <- struct{}{}
	}
	for ctx.Err() == nil {
		n, full := d.take(ctx, free), false
		if rows := d.rows(ctx, l, n); len(rows) > 0 {
			full = len(rows) >= n
			promises := together(rows)
			for _, p := range promises {
				calling.Go(func() { d.fulfil(ctx, l, p, told); free <- struct{}{} })
			}
			n -= len(promises)
		}
		for range n {
			free <- struct{}{}
		}
		if full {
			continue
		}
		select {
		case <-ctx.Done():
		case <-l.nudged:
			time.Sleep(l.gather)
		case <-tick.C:
		}
	}
	calling.Wait()
	close(told)
	marking.Wait()
}

// take waits until a few workers are free and takes all that are: asking the outbox for each one by itself would cost
// more than the rows.
func (d *Dispatcher) take(ctx context.Context, free chan struct{}) (n int) {
	for n < workers {
		if n < fewest {
			select {
			case <-free:
			case <-ctx.Done():
				return n
			}
		} else {
			select {
			case <-free:
			default:
				return n
			}
		}
		n++
	}
	return n
}

// rows leases rows for n workers; none while the other side has asked the lane to wait.
func (d *Dispatcher) rows(ctx context.Context, l *lane, n int) []db.OutboxRow {
	if until := l.waitUntil.Load(); ctx.Err() != nil || n == 0 || (until != nil && time.Now().Before(*until)) {
		return nil
	}
	rows, err := db.LeaseOutbox(ctx, d.outbox(), n, lease, l.kind)
	if err != nil && ctx.Err() == nil {
		d.Log.Warn("outbox could not be read", "class", classOf(err))
	}
	return rows
}

// fulfil keeps one promise. What was begun is carried through even when we are asked to stop: a letter cut off in the
// middle is ambiguous.
func (d *Dispatcher) fulfil(ctx context.Context, l *lane, p promise, told chan<- []int64) {
	ctx = context.WithoutCancel(ctx)
	ctx, span := d.Tracer.Start(ctx, "outbox."+p.Kind, trace.Kind(p.Kind), trace.Referral(p.Referral))
	call, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	pause, err := d.tell(call, p.OutboxRow)
	span.End(failure(err))
	if err == nil {
		told <- p.rows
		return
	}
	if pause > 0 {
		until := time.Now().Add(pause)
		l.waitUntil.Store(&until)
	}
	d.putBack(ctx, p, pause, err)
}

// mark writes down what was told, as many rows at once as have come together.
func (d *Dispatcher) mark(ctx context.Context, l *lane, told <-chan []int64) {
	for done := range told {
		enough := time.After(l.gather)
		for more := true; more && len(done) < mostMarked; {
			select {
			case rows, open := <-told:
				done, more = append(done, rows...), open
			case <-enough:
				more = false
			}
		}
		mark, cancel := context.WithTimeout(context.WithoutCancel(ctx), markLimit)
		if err := db.FinishOutbox(mark, d.outbox(), done); err != nil {
			d.Log.Warn("outbox could not be marked; its rows will be told again", "rows", len(done), "class", classOf(err))
		}
		cancel()
	}
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

func (d *Dispatcher) putBack(ctx context.Context, p promise, pause time.Duration, cause error) {
	if pause == 0 {
		pause = min(time.Duration(1<<min(p.Attempts, 10))*500*time.Millisecond, longest)
	}
	d.Log.Warn("could not be told yet", "kind", p.Kind, "referral", p.Referral, "attempt", p.Attempts,
		"class", classOf(cause), "again_in", pause)
	// The call itself may have used up all of its time.
	mark, cancel := context.WithTimeout(ctx, markLimit)
	defer cancel()
	if err := db.PutBackOutbox(mark, d.outbox(), p.rows, pause, classOf(cause)); err != nil {
		d.Log.Warn("outbox could not be put back; its lease will end by itself", "class", classOf(err))
	}
}
