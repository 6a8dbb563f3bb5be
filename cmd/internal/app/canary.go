package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"

	"throughline/activities"
	"throughline/workflows"
)

// canaryPace is how often canaries are sent, and how long they may take. One takes a second or two.
type canaryPace struct {
	every, again time.Duration // after one that came through, and after one that did not
	limit        time.Duration
	late         time.Duration // when one should have come through again, whatever became of it
}

var ordinaryPace = canaryPace{every: 5 * time.Minute, again: 30 * time.Second, limit: 30 * time.Second, late: 15 * time.Minute}

// canaryEnd is when Temporal ends a canary that nobody waits for any more.
const canaryEnd = time.Minute

// canary sends a workflow the way that all go, again and again, and remembers how it fared. That Temporal answers does
// not say that it takes work: one that has just started has been seen to keep a workflow's first task for good.
type canary struct {
	temporal client.Client
	worker   worker.Worker
	id       string
	pace     canaryPace
	log      *slog.Logger

	mu      sync.Mutex
	came    time.Time // when the last one came through; at first when the worker started
	failing bool
}

// sendCanaries starts a worker on a task queue of this process alone, and sends the first canary.
func (a *App) sendCanaries() error {
	id := workflows.CanaryID(uuid.NewString())
	c := &canary{temporal: a.Temporal, id: id, pace: a.canaryPace, log: a.Log, came: time.Now(),
		worker: worker.New(a.Temporal, id, worker.Options{MaxConcurrentWorkflowTaskPollers: 2, MaxConcurrentActivityTaskPollers: 1,
			OnFatalError: a.fail})}
	workflows.RegisterCanary(c.worker)
	activities.RegisterChirp(c.worker)
	if err := c.worker.Start(); err != nil {
		return fmt.Errorf("temporal: start canary: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var flying sync.WaitGroup
	flying.Go(func() { c.fly(ctx) })
	a.canary.Store(c)
	a.stopCanaries = func() { cancel(); flying.Wait(); c.worker.Stop() }
	a.AlsoAsk(Check{Name: "canary", Ask: c.ask})
	return nil
}

func (c *canary) fly(ctx context.Context) {
	for ctx.Err() == nil {
		next := c.pace.every
		if !c.tell(ctx, c.send(ctx)) {
			next = c.pace.again
		}
		timer := time.NewTimer(next)
		select {
		case <-ctx.Done():
			timer.Stop()
		case <-timer.C:
		}
	}
}

// send lets one canary go and waits for it.
func (c *canary) send(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, c.pace.limit)
	defer cancel()
	run, err := c.temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: c.id, TaskQueue: c.id, WorkflowExecutionTimeout: canaryEnd,
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING}, workflows.CanaryType)
	if err != nil {
		return err
	}
	return run.Get(ctx, nil)
}

// tell keeps how a canary fared, and says so in the log when that has changed.
func (c *canary) tell(ctx context.Context, err error) (came bool) {
	if ctx.Err() != nil {
		return true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case err == nil && c.failing:
		c.log.Info("a canary came through again")
	case err != nil && !c.failing:
		c.log.Error("a canary did not come through: Temporal did not take a workflow, keep a timer or run an activity for this worker",
			"class", canaryClass(err))
	}
	if c.failing = err != nil; err == nil {
		c.came = time.Now()
	}
	return err == nil
}

func canaryClass(err error) string {
	var away *serviceerror.Unavailable
	var missing *serviceerror.NamespaceNotFound
	var late *serviceerror.DeadlineExceeded
	switch {
	case errors.As(err, &away):
		return "temporal_unavailable"
	case errors.As(err, &missing):
		return "namespace_not_found"
	case errors.As(err, &late), errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	}
	return "failed"
}

func (c *canary) ask(context.Context) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	age := time.Since(c.came)
	if c.failing || age > c.pace.late {
		return fmt.Sprintf("none has come through for %s", age.Round(time.Second))
	}
	return ""
}

// canaryAge is the time since one came through; false where none are sent.
func (a *App) canaryAge() (time.Duration, bool) {
	c := a.canary.Load()
	if c == nil {
		return 0, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Since(c.came), true
}
