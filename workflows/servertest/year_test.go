//go:build unix

package servertest

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	commonpb "go.temporal.io/api/common/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"throughline/internal/clock"
	"throughline/referral"
	"throughline/workflows"
	"throughline/workflows/lifetest"
)

// ahead is a record whose clock follows a workflow that runs ahead of ours, and whose letters arrive at once.
type ahead struct {
	*lifetest.Office
	clock *clock.Manual
	until time.Time
	over  chan struct{} // closed when the workflow has come to until
	once  sync.Once
	asked int // by one workflow, which does one thing at a time
}

func (a *ahead) Next(ctx context.Context, id uuid.UUID, at time.Time) (referral.Step, error) {
	a.goTo(at)
	step, err := a.Office.Next(ctx, id, at)
	return step, orElse(err, a.post(ctx))
}

func (a *ahead) Run(ctx context.Context, id uuid.UUID, step referral.Step, at time.Time) (referral.Step, error) {
	a.goTo(at)
	after, err := a.Office.Run(ctx, id, step, at)
	return after, orElse(err, a.post(ctx))
}

func (a *ahead) goTo(at time.Time) {
	a.asked++
	a.clock.Set(at)
	if !at.Before(a.until) {
		a.once.Do(func() { close(a.over) })
	}
}

func (a *ahead) post(ctx context.Context) error { return a.EmptyOutbox(ctx, func(int) {}) }

func orElse(err, other error) error {
	if err != nil {
		return err
	}
	return other
}

// startSkipping starts the workflow of a referral as one whose time passes at once while it sleeps; the SDK has no
// option for that.
func startSkipping(t *testing.T, c client.Client, namespace string, id uuid.UUID) {
	t.Helper()
	in, err := converter.GetDefaultDataConverter().ToPayloads(workflows.ReferralInput{Referral: id})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.WorkflowService().StartWorkflowExecution(t.Context(), &workflowservice.StartWorkflowExecutionRequest{
		Namespace: namespace, WorkflowId: workflows.ReferralID(id), RequestId: uuid.NewString(), Input: in,
		WorkflowType: &commonpb.WorkflowType{Name: workflows.ReferralType}, TaskQueue: &taskqueuepb.TaskQueue{Name: workflows.TaskQueue},
		TimeSkippingConfig: &commonpb.TimeSkippingConfig{Enabled: true, MaxSessionSkipCount: 10_000},
	}); err != nil {
		t.Fatal(err)
	}
}

// A year in which nobody does anything, lived by the real server in its own skipped time.
func TestAYearOfSilenceOnARealServer(t *testing.T) {
	t.Parallel()
	c, namespace := serve(t)
	begun := clock.System{}.Now()
	now := clock.NewManual(begun)
	a := &ahead{Office: lifetest.Open(t, now, referral.Standard()), clock: now, until: begun.AddDate(1, 0, 0), over: make(chan struct{})}
	hire(t, c, a)
	id := refer(t, a.Office, 1, 2, 3)
	startSkipping(t, c, namespace, id)
	select {
	case <-a.over:
	case <-time.After(3 * time.Minute):
		t.Fatalf("after three minutes the workflow had come no further than %s", now.Now())
	}
	if err := c.TerminateWorkflow(t.Context(), workflows.ReferralID(id), "", "the year is over"); err != nil {
		t.Fatal(err)
	}

	f, err := a.Facts(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if step := referral.Next(f, referral.Standard(), now.Now()); f.State != referral.Open || step.Role != referral.Coordinator {
		t.Errorf("after a year it is %s and the next step is %+v, want a coordinator's", f.State, step)
	}
	for _, o := range f.Offers {
		if o.State != referral.Lapsed {
			t.Errorf("an offer is %s after a year of silence", o.State)
		}
	}
	if told, err := a.Story(t.Context(), id); err != nil || len(told) > 200 {
		t.Errorf("the timeline grew to %d lines, %v", len(told), err)
	}
	events := 0
	run := ""
	for n := 1; ; n++ {
		h := history(t, c, id, run)
		events += len(h.Events)
		if len(h.Events) > soonLong+50 || n > 20 {
			t.Fatalf("history %d has %d events", n, len(h.Events))
		}
		if err := lifetest.Replay(h, nil); err != nil {
			t.Errorf("replay of history %d: %v", n, err)
		}
		if run = h.Events[0].GetWorkflowExecutionStartedEventAttributes().ContinuedExecutionRunId; run == "" {
			t.Logf("a year took %d events in %d histories and %d questions", events, n, a.asked)
			if events > 1000 || n < 3 {
				t.Errorf("a year took %d events in %d histories, want at most 1000 in 3 or more", events, n)
			}
			break
		}
	}
}
