package app

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/jmoiron/sqlx"

	"throughline/casework"
	"throughline/db"
	"throughline/workflows"
)

const (
	// watchConnections are the watchdog's own: what it sees to must not wait behind the requests that hold all others.
	watchConnections = 5
	// leaveTime is for the round that is under way.
	leaveTime = 20 * time.Second
)

// watch is the watchdog of this process at work.
type watch struct {
	stop    context.CancelFunc // nil where there is none
	running sync.WaitGroup
	pool    *sqlx.DB
}

// line is all that the watchdog asks of Temporal.
type line struct {
	workflows.Starter
	workflows.Inspector
}

// Watch stands for the lead of the watch, and looks around while this process has it.
func (a *App) Watch(ctx context.Context) (err error) {
	a.watch.pool, err = db.Open(ctx, a.options.DatabaseURL, db.Options{MaxOpen: watchConnections, StatementTimeout: statementTimeout,
		Application: "throughline watchdog"})
	if err != nil {
		return err
	}
	a.Watchdog.Desk = casework.New(a.watch.pool, a.Desk.Clock, a.options.Keys, a.Dispatcher.Nudge)
	a.AlsoAsk(Check{Name: "watchdog", Ask: a.Watchdog.Detail})
	ctx, a.watch.stop = context.WithCancel(context.WithoutCancel(ctx))
	a.watch.running.Go(func() { a.Watchdog.Run(ctx) })
	a.notarize(ctx)
	return nil
}

// leaveWatch lets go of the lead, so that another process has it within seconds.
func (a *App) leaveWatch() error {
	a.watch.stop()
	ended := make(chan struct{})
	go func() { a.watch.running.Wait(); close(ended) }()
	late := time.NewTimer(leaveTime)
	defer late.Stop()
	select {
	case <-ended:
		return a.watch.pool.Close()
	case <-late.C:
		return errors.Join(errors.New("a round did not come to its end"), a.watch.pool.Close())
	}
}
