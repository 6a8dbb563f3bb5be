package app

import (
	"context"
	"errors"
	"time"
)

const (
	// drainTime is for requests under way.
	drainTime = 20 * time.Second
	// finishTime is for what the dispatcher has begun: a call to the provider, and then its mark in the record.
	finishTime = 35 * time.Second
)

// Stop ends everything in order: readiness says no, requests under way are answered, the watchdog lets go of the lead,
// the dispatcher finishes what it began, the worker its steps, then the record is closed, and the last traces go out.
// Each part ends before the next is told to, and none is waited for without end. The log says how far it came.
func (a *App) Stop() error {
	var errs []error
	stage := func(part string, running bool, end func() error) {
		if !running {
			return
		}
		if err := end(); err != nil {
			a.Log.Error("part did not stop in order", "part", part, "err", err)
			errs = append(errs, err)
			return
		}
		a.Log.Info("stopped", "part", part)
	}
	stage("readiness", true, func() error {
		a.stopping.Store(true)
		time.Sleep(a.options.Notice)
		return nil
	})
	stage("http", a.server != nil, a.drain)
	stage("watchdog", a.watch.stop != nil, a.leaveWatch)
	stage("dispatcher", a.cancel != nil, a.finish)
	stage("worker", a.worker != nil, a.leaveWork)
	stage("temporal", true, func() error { a.Temporal.Close(); return nil })
	stage("metrics", a.metrics != nil, a.hideMetrics)
	stage("database", true, func() error { return errors.Join(a.watching.Close(), a.Dispatcher.Outbox.Close(), a.DB.Close()) })
	stage("telemetry", true, func() error {
		ctx, cancel := context.WithTimeout(context.Background(), flushLimit)
		defer cancel()
		return a.Telemetry.Close(ctx)
	})
	return errors.Join(errs...)
}

// drain answers the requests under way and takes no more.
func (a *App) drain() error {
	ctx, cancel := context.WithTimeout(context.Background(), drainTime)
	defer cancel()
	if err := a.server.Shutdown(ctx); err != nil {
		return errors.Join(err, a.server.Close())
	}
	return nil
}

// finish ends what empties the outbox and whatever else runs beside the requests.
func (a *App) finish() error {
	a.cancel()
	ended := make(chan struct{})
	go func() { a.running.Wait(); close(ended) }()
	late := time.NewTimer(a.finishTime)
	defer late.Stop()
	select {
	case <-ended:
		return nil
	case <-late.C:
		return errors.New("what was begun did not come to its end; it is taken up again elsewhere")
	}
}

// leaveWork finishes the steps under way.
func (a *App) leaveWork() error {
	if a.stopCanaries != nil {
		a.stopCanaries()
	}
	a.worker.Stop()
	return nil
}

func (a *App) hideMetrics() error {
	err := a.metrics.Close()
	a.shown.Wait()
	return err
}
