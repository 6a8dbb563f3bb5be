package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"throughline/workflows"
)

// The control is the barest workflow with as many waits and steps as a referral that goes well: two steps at the start
// (what is next; send), then three times a wait on a timer or a signal and one step after it. Its steps do nothing.
const (
	controlQueue  = "bench-control"
	controlSignal = "go-on"
	controlWaits  = 3
)

// arrived tells a client of the control that its workflow waits, as a letter tells a client of ours.
var arrived sync.Map

func bareStep(_ context.Context, id string, last bool) error {
	if box, ok := arrived.Load(id); ok && last {
		close(box.(chan struct{}))
	}
	return nil
}

func bareWorkflow(ctx workflow.Context, id string) error {
	steps := workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{StartToCloseTimeout: 10 * time.Second})
	step := func(last bool) error {
		return workflow.ExecuteLocalActivity(steps, "bare-step", id, last).Get(ctx, nil)
	}
	if err := step(false); err != nil {
		return err
	}
	if err := step(true); err != nil {
		return err
	}
	signals := workflow.GetSignalChannel(ctx, controlSignal)
	for range controlWaits {
		timerCtx, cancel := workflow.WithCancel(ctx)
		s := workflow.NewSelector(ctx)
		s.AddFuture(workflow.NewTimer(timerCtx, 24*time.Hour), func(workflow.Future) {})
		s.AddReceive(signals, func(c workflow.ReceiveChannel, _ bool) { c.Receive(ctx, nil) })
		s.Select(ctx)
		cancel()
		if err := step(false); err != nil {
			return err
		}
	}
	return nil
}

// startControl runs a worker with the settings of ours, for the control alone.
func (g *ground) startControl() (stop func(), err error) {
	w := worker.New(g.app.Temporal, controlQueue, g.app.WorkerOptions())
	w.RegisterWorkflowWithOptions(bareWorkflow, workflow.RegisterOptions{Name: "bare"})
	w.RegisterActivityWithOptions(bareStep, activity.RegisterOptions{Name: "bare-step"})
	if err := w.Start(); err != nil {
		return nil, err
	}
	return w.Stop, nil
}

// bare lives one life of the control.
func (g *ground) bare(ctx context.Context) error {
	id := "bare-" + uuid.NewString()
	waits := make(chan struct{})
	arrived.Store(id, waits)
	defer arrived.Delete(id)
	run, err := g.app.Temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: id, TaskQueue: controlQueue}, "bare", id)
	if err != nil {
		return err
	}
	select {
	case <-waits:
	case <-ctx.Done():
		return ctx.Err()
	}
	for i := range controlWaits {
		if err := g.app.Temporal.SignalWorkflow(ctx, id, "", controlSignal, i); err != nil {
			return err
		}
	}
	return run.Get(ctx, nil)
}

// reportHistories says what one life costs Temporal, over the last hundred of each kind.
func (g *ground) reportHistories(ctx context.Context) error {
	for _, kind := range []struct{ name, query string }{
		{"whole referral", fmt.Sprintf("WorkflowType = %q AND ExecutionStatus = 'Completed'", workflows.ReferralType)},
		{"bare workflow", "WorkflowType = 'bare' AND ExecutionStatus = 'Completed'"},
	} {
		list, err := g.app.Temporal.ListWorkflow(ctx, listRequest(kind.query))
		if err != nil {
			return err
		}
		events, actions, most := 0, 0, 0
		for _, e := range list.GetExecutions() {
			n, a, err := g.countHistory(ctx, e.GetExecution().GetWorkflowId())
			if err != nil {
				return err
			}
			events, actions, most = events+n, actions+a, max(most, n)
		}
		if n := len(list.GetExecutions()); n > 0 {
			fmt.Fprintf(g.out, "%-17s %.1f history events (most %d), %.1f Temporal actions each, over %d\n", kind.name,
				float64(events)/float64(n), most, float64(actions)/float64(n), n)
		}
	}
	return nil
}

// countHistory counts a workflow's events, and its actions as Temporal bills them: starts, signals, timers, and one for
// the local activities of each workflow task.
func (g *ground) countHistory(ctx context.Context, id string) (events, actions int, err error) {
	it := g.app.Temporal.GetWorkflowHistory(ctx, id, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	var marked int64
	for it.HasNext() {
		e, err := it.Next()
		if err != nil {
			return 0, 0, err
		}
		events++
		if counts(e, &marked) {
			actions++
		}
	}
	return events, actions, nil
}

func counts(e *historypb.HistoryEvent, marked *int64) bool {
	switch e.GetEventType() {
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED, enumspb.EVENT_TYPE_TIMER_STARTED:
		return true
	case enumspb.EVENT_TYPE_MARKER_RECORDED:
		task := e.GetMarkerRecordedEventAttributes().GetWorkflowTaskCompletedEventId()
		first := task != *marked
		*marked = task
		return first
	}
	return false
}
