//go:build unix

package servertest

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"throughline/activities"
	"throughline/activities/names"
	"throughline/referral"
	"throughline/workflows"
	"throughline/workflows/lifetest"
)

// asksForEver is what a workflow did about a referral that the record does not know, before it learned to end.
func asksForEver(ctx workflow.Context, in workflows.ReferralInput) error {
	changed := workflow.GetSignalChannel(ctx, workflows.SignalChanged)
	for {
		local := workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{StartToCloseTimeout: time.Second,
			RetryPolicy: &temporal.RetryPolicy{MaximumAttempts: 1}})
		_ = workflow.ExecuteLocalActivity(local, names.Next, names.Input{Referral: in.Referral, At: workflow.Now(ctx)}).Get(ctx, nil)
		timerCtx, cancel := workflow.WithCancel(ctx)
		s := workflow.NewSelector(ctx)
		s.AddFuture(workflow.NewTimer(timerCtx, time.Minute), func(workflow.Future) {})
		s.AddReceive(changed, func(c workflow.ReceiveChannel, _ bool) { c.Receive(ctx, nil) })
		s.Select(ctx)
		cancel()
	}
}

// A workflow that has asked in vain under the old code replays under the new one, and goes on as before: its history
// begins anew one day, and then it ends.
func TestAHistoryThatAskedInVainReplays(t *testing.T) {
	t.Parallel()
	c, _ := serve(t)
	o := open(t, c, referral.Standard())
	w := worker.New(c, workflows.TaskQueue, worker.Options{})
	w.RegisterWorkflowWithOptions(asksForEver, workflow.RegisterOptions{Name: workflows.ReferralType})
	activities.Activities{Desk: o}.Register(w)
	if err := w.Start(); err != nil {
		t.Fatal(err)
	}
	id := uuid.New()
	startUnknown(t, c, id)
	timers := func(n int) {
		await(t, "it to wait", func(context.Context) (bool, error) {
			set := 0
			for _, e := range history(t, c, id, "").Events {
				if e.EventType == enumspb.EVENT_TYPE_TIMER_STARTED {
					set++
				}
			}
			return set == n, nil
		})
	}
	timers(1)
	if err := c.SignalWorkflow(t.Context(), workflows.ReferralID(id), "", workflows.SignalChanged, 1); err != nil {
		t.Fatal(err)
	}
	timers(2)
	w.Stop()
	worker.PurgeStickyWorkflowCache()
	replay(t, history(t, c, id, ""))

	// One that has not asked yet ends at once under the new code.
	hire(t, c, o)
	young := uuid.New()
	startUnknown(t, c, young)
	await(t, "the end of the workflow", endOf(c, young))
	h := history(t, c, young, "")
	replay(t, h)
	if err := lifetest.Replay(h, asksForEver); err == nil {
		t.Error("the history replays under the old code too: the change is not in it")
	}
}
