//go:build unix

package servertest

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/google/uuid"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"throughline/casework"
	"throughline/referral"
	"throughline/workflows"
	"throughline/workflows/lifetest"
)

// workflowsFound gives what the check says of workflows.
func workflowsFound(t *testing.T, o *lifetest.Office, i casework.Inspector) casework.Finding {
	t.Helper()
	findings, err := o.Check(t.Context(), i)
	if err != nil {
		t.Fatal(err)
	}
	at := slices.IndexFunc(findings, func(f casework.Finding) bool { return f.Invariant == "I1" })
	return findings[at]
}

// Each way in which a workflow can be wrong is found, by its referral's id; and nothing else is.
func TestTheCheckFindsEveryWrongWorkflow(t *testing.T) {
	t.Parallel()
	c, _ := serve(t)
	o := open(t, c, referral.Standard())
	dismiss := hire(t, c, o)
	var ids []uuid.UUID
	for range 4 {
		ids = append(ids, refer(t, o, 1))
	}
	for _, id := range ids {
		atRest(t, c, o, id)
	}
	well, ended, failing, closed := ids[0], ids[1], ids[2], ids[3]
	if _, err := o.Record.Exec(`UPDATE referrals SET opened_at = opened_at - interval '2 minutes'`); err != nil {
		t.Fatal(err)
	}
	inspector := workflows.Inspector{Client: c}
	await(t, "all workflows to be listed", func(ctx context.Context) (bool, error) {
		n, err := inspector.Running(ctx)
		return n == len(ids), err
	})
	if f := workflowsFound(t, o, inspector); f.Looked != 4 || len(f.Violations) > 0 || f.NotChecked != "" {
		t.Fatalf("of four that are well it says %+v", f)
	}
	dismiss()

	if err := c.TerminateWorkflow(t.Context(), workflows.ReferralID(ended), "", "by hand"); err != nil {
		t.Fatal(err)
	}
	// Closed in the record alone, as when the clock's databases are older than the record.
	if _, err := o.Do(t.Context(), o.Navigator, closed, casework.CommandInput{Do: referral.Withdraw, Reason: "moved"}, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := o.Record.Exec(`UPDATE referrals SET closed_at = closed_at - interval '2 minutes' WHERE id = $1`, closed); err != nil {
		t.Fatal(err)
	}
	stranger := uuid.New()
	startUnknown(t, c, stranger)
	breakDown(t, c, failing)

	want := map[uuid.UUID]string{ended: "open referral without an open workflow", failing: "its workflow's last task is failing",
		closed: "open workflow without an open referral", stranger: "open workflow without an open referral"}
	var f casework.Finding
	await(t, "the check to find all four", func(context.Context) (bool, error) {
		f = workflowsFound(t, o, inspector)
		return len(f.Violations) == len(want), nil
	})
	for _, v := range f.Violations {
		if v.ID == well || want[v.ID] != v.What {
			t.Errorf("%s %s: %s", v.Of, v.ID, v.What)
		}
	}

	gone := workflowsFound(t, o, broken{inspector})
	if gone.NotChecked == "" || len(gone.Violations) > 0 {
		t.Errorf("with Temporal away it says %+v", gone)
	}
}

// startUnknown starts the workflow of a referral that the record does not know.
func startUnknown(t *testing.T, c client.Client, id uuid.UUID) {
	t.Helper()
	if err := (workflows.Starter{Client: c}).Start(t.Context(), id); err != nil {
		t.Fatal(err)
	}
}

// breakDown lets a worker whose code does not replay take a workflow up.
func breakDown(t *testing.T, c client.Client, id uuid.UUID) {
	t.Helper()
	w := worker.New(c, workflows.TaskQueue, worker.Options{})
	w.RegisterWorkflowWithOptions(func(ctx workflow.Context, in workflows.ReferralInput) error {
		if in.Referral != id {
			return workflow.Await(ctx, func() bool { return false })
		}
		panic("a bug")
	}, workflow.RegisterOptions{Name: workflows.ReferralType})
	if err := w.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Stop)
	if err := c.SignalWorkflow(t.Context(), workflows.ReferralID(id), "", workflows.SignalChanged, 9); err != nil {
		t.Fatal(err)
	}
}

// broken is a Temporal that answers no question about a single workflow.
type broken struct{ workflows.Inspector }

func (broken) Inspect(context.Context, uuid.UUID) (open, failing bool, err error) {
	return false, false, errors.New("gone")
}
