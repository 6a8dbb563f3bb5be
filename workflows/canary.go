package workflows

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"throughline/activities/names"
)

// CanaryType is pinned like the names of referrals' workflows.
const CanaryType = "Canary"

// CanaryID names the canary of one process, and the task queue that only this process listens to.
func CanaryID(process string) string { return "canary-" + process }

// canaryTimer is short, but a timer that Temporal keeps: a worker does not sleep by itself.
const canaryTimer = time.Second

// Canary goes the way that every referral goes, in seconds: Temporal takes it, wakes it by a timer, and has an activity
// run. It knows nothing of the record. No history of it outlives its process, so none has to be replayed by another
// version.
func Canary(ctx workflow.Context) error {
	if err := workflow.Sleep(ctx, canaryTimer); err != nil {
		return err
	}
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: 10 * time.Second,
		RetryPolicy: &temporal.RetryPolicy{MaximumAttempts: 2}})
	return workflow.ExecuteActivity(ctx, names.Chirp).Get(ctx, nil)
}

// RegisterCanary gives the canary its pinned name.
func RegisterCanary(w worker.WorkflowRegistry) {
	w.RegisterWorkflowWithOptions(Canary, workflow.RegisterOptions{Name: CanaryType})
}
