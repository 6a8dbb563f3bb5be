//go:build unix

package servertest

import (
	"context"
	"testing"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/worker"

	"throughline/referral"
	"throughline/workflows"
	"throughline/workflows/lifetest"
)

// A worker takes over in the middle of a life, under another policy. It replays what was, and asks the record nothing
// that had been answered.
func TestAWorkerThatTakesOverAsksOnlyWhatIsNew(t *testing.T) {
	t.Parallel()
	c, _ := serve(t)
	o := open(t, c, referral.Standard())
	before, after := &desk{Desk: o}, &desk{Desk: o}
	leave := hire(t, c, before)
	life := lifetest.Lives()[0]
	id := refer(t, o, life.Agencies...)
	play(t, c, o, id, life.Acts[:1])
	if atRest(t, c, o, id) {
		t.Fatal("the workflow ended after the first act")
	}
	leave()
	// What the process still remembers would hide the replay.
	worker.PurgeStickyWorkflowCache()
	seen := before.asked.Load()

	hire(t, c, after)
	if err := o.SetPolicy(t.Context(), o.Coordinator, referral.Demo()); err != nil {
		t.Fatal(err)
	}
	play(t, c, o, id, life.Acts[1:])
	await(t, "the end of the workflow", endOf(c, id))

	if n := before.asked.Load(); n != seen {
		t.Errorf("the worker that had left asked %d times more", n-seen)
	}
	h := history(t, c, id, "")
	answers := int64(0)
	for _, e := range h.Events {
		if e.EventType == enumspb.EVENT_TYPE_MARKER_RECORDED {
			answers++
		}
	}
	if asked := seen + after.asked.Load(); asked != answers || after.asked.Load() == 0 {
		t.Errorf("the workers asked %d and %d times, the history holds %d answers", seen, after.asked.Load(), answers)
	}
	replay(t, h)
}

// A workflow that someone ended by hand leaves an open referral without a clock. The next news of it, or its start told
// again, gives it one; that of a referral which came to its end asks once, and ends again.
func TestAWorkflowEndedByHandBeginsAgain(t *testing.T) {
	t.Parallel()
	c, _ := serve(t)
	o := open(t, c, referral.Standard())
	hire(t, c, o)
	life := lifetest.Lives()[0]
	id := refer(t, o, life.Agencies...)
	play(t, c, o, id, life.Acts[:1])
	starter := workflows.Starter{Client: c}
	for what, again := range map[string]func(context.Context) error{
		"a start": func(ctx context.Context) error { return starter.Start(ctx, id) },
		"news":    func(ctx context.Context) error { return starter.Changed(ctx, id, 3) },
	} {
		atRest(t, c, o, id)
		if err := c.TerminateWorkflow(t.Context(), workflows.ReferralID(id), "", "by hand"); err != nil {
			t.Fatal(err)
		}
		if err := again(t.Context()); err != nil {
			t.Fatal(err)
		}
		if atRest(t, c, o, id) {
			t.Errorf("after %s the workflow does not run", what)
		}
	}
	play(t, c, o, id, life.Acts[1:])
	await(t, "the end of the workflow", endOf(c, id))
	if err := starter.Changed(t.Context(), id, 9); err != nil {
		t.Errorf("news after the end: %v", err)
	}
	if err := starter.Start(t.Context(), id); err != nil {
		t.Errorf("a start after the end: %v", err)
	}
	await(t, "the end of the second workflow", endOf(c, id))
}
