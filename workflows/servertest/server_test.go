//go:build unix

// Package servertest proves the clock on a real Temporal server, which lives in the test's process. It is a package of
// its own so that the tests of package workflows need no server.
package servertest

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/server/common/dynamicconfig"
	"go.temporal.io/server/temporal"
	"go.temporal.io/server/temporaltest"

	"throughline/activities"
	"throughline/internal/clock"
	"throughline/internal/dispatcher"
	"throughline/mail"
	"throughline/referral"
	"throughline/workflows"
	"throughline/workflows/lifetest"
)

// soonLong is how many events make the server suggest a new history.
const soonLong = 100

// serve starts a server of the test's own, which skips the time of workflows that ask for it.
func serve(t *testing.T) (c client.Client, namespace string) {
	t.Helper()
	return serveTo(t, client.Options{Logger: lifetest.Silent, Identity: "servertest"})
}

// serveTo starts one for clients and workers of some kind.
func serveTo(t *testing.T, o client.Options) (c client.Client, namespace string) {
	t.Helper()
	s := temporaltest.NewServer(temporaltest.WithT(t),
		temporaltest.WithBaseClientOptions(o),
		temporaltest.WithBaseServerOptions(temporal.WithDynamicConfigClient(dynamicconfig.StaticClient{
			dynamicconfig.WorkflowTimeSkippingEnabled.Key():      true,
			dynamicconfig.HistoryCountSuggestContinueAsNew.Key(): soonLong,
			// Otherwise each skip waits a second for the timer queue to look again.
			dynamicconfig.TimerProcessorMaxTimeShift.Key(): 20 * time.Millisecond,
		})))
	return s.GetDefaultClient(), s.GetDefaultNamespace()
}

// open makes an office with the real dispatcher between its outbox and the server.
func open(t *testing.T, c client.Client, p referral.Policy) *lifetest.Office {
	t.Helper()
	o := lifetest.Open(t, clock.System{}, p)
	d := &dispatcher.Dispatcher{Desk: o.Desk, Conductor: workflows.Starter{Client: c}, Sender: o,
		From: mail.Address{Email: "no-reply@throughline.example"}, BaseURL: "http://127.0.0.1", Log: slog.New(slog.DiscardHandler)}
	o.Nudge = d.Nudge
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	var running sync.WaitGroup
	running.Go(func() { d.Run(ctx) })
	t.Cleanup(func() { stop(); running.Wait() })
	return o
}

// desk counts what a worker asks of the record.
type desk struct {
	activities.Desk
	asked atomic.Int64
}

func (d *desk) Next(ctx context.Context, id uuid.UUID, at time.Time) (referral.Step, error) {
	d.asked.Add(1)
	return d.Desk.Next(ctx, id, at)
}

func (d *desk) Run(ctx context.Context, id uuid.UUID, step referral.Step, at time.Time) (referral.Step, error) {
	d.asked.Add(1)
	return d.Desk.Run(ctx, id, step, at)
}

// hire starts a worker; the test's end stops it, unless the test does.
func hire(t *testing.T, c client.Client, d activities.Desk) (stop func()) {
	t.Helper()
	w := worker.New(c, workflows.TaskQueue, worker.Options{WorkflowPanicPolicy: worker.FailWorkflow})
	workflows.Register(w)
	activities.Activities{Desk: d}.Register(w)
	if err := w.Start(); err != nil {
		t.Fatal(err)
	}
	stop = sync.OnceFunc(w.Stop)
	t.Cleanup(stop)
	return stop
}

// atRest waits until the outbox of a referral is empty and its workflow sleeps, or has come to its end.
func atRest(t *testing.T, c client.Client, o *lifetest.Office, id uuid.UUID) (ended bool) {
	t.Helper()
	await(t, "the workflow to come to rest", func(ctx context.Context) (bool, error) {
		quiet, err := o.Quiet(ctx, id)
		if err != nil || !quiet {
			return false, err
		}
		d, err := c.DescribeWorkflowExecution(ctx, workflows.ReferralID(id), "")
		if _, missing := err.(*serviceerror.NotFound); missing {
			return false, nil
		}
		ended = d.GetWorkflowExecutionInfo().GetStatus() != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING
		return err == nil && d.PendingWorkflowTask == nil, err
	})
	return ended
}

// await asks again and again until it is so.
func await(t *testing.T, what string, so func(context.Context) (bool, error)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		done, err := so(ctx)
		if err != nil {
			t.Fatalf("while waiting for %s: %v", what, err)
		}
		if done {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// play leads a referral through its acts, until its workflow has ended when the acts end the referral.
func play(t *testing.T, c client.Client, o *lifetest.Office, id uuid.UUID, acts []lifetest.Act) {
	t.Helper()
	person := lifetest.Person{Office: o, Acts: acts}
	for len(person.Acts) > 0 {
		if atRest(t, c, o, id) {
			t.Fatalf("the workflow ended before anyone came to %s", person.Acts[0].What)
		}
		var f referral.Facts
		await(t, person.Acts[0].What, func(ctx context.Context) (ready bool, err error) {
			f, ready, err = person.Ready(ctx, id)
			return ready, err
		})
		what := person.Acts[0].What
		if err := person.Act(t.Context(), f); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
}

func refer(t *testing.T, o *lifetest.Office, asked ...int) uuid.UUID {
	t.Helper()
	id, err := o.Refer(t.Context(), asked...)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func history(t *testing.T, c client.Client, id uuid.UUID, run string) *historypb.History {
	t.Helper()
	h, err := lifetest.Events(c.GetWorkflowHistory(t.Context(), workflows.ReferralID(id), run, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT))
	if err != nil {
		t.Fatal(err)
	}
	return h
}
