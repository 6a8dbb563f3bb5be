package workflows_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"throughline/activities/names"
	"throughline/referral"
	"throughline/workflows"
)

// duty plays one on Temporal's time-skipping environment; attend is what the record answers, by how often it was asked.
func duty(t *testing.T, verb string, attend func(asked int, in names.Duty) (names.Wait, error)) (env *testsuite.TestWorkflowEnvironment, id uuid.UUID, asked func() int) {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.NewTextHandler(io.Discard, nil))))
	env = suite.NewTestWorkflowEnvironment()
	env.SetStartTime(time.Date(2026, time.November, 23, 15, 0, 0, 0, time.UTC))
	env.SetTestTimeout(time.Minute)
	workflows.Register(env)
	n := 0
	env.RegisterActivityWithOptions(func(_ context.Context, in names.Duty) (names.Wait, error) {
		n++
		return attend(n, in)
	}, activity.RegisterOptions{Name: verb})
	return env, uuid.New(), func() int { return n }
}

// A duty sleeps until it is due, or until there is news, and ends when the record says so.
func TestADutySleepsUntilItIsTime(t *testing.T) {
	t.Parallel()
	var at []time.Time
	env, id, asked := duty(t, names.Erase, func(n int, in names.Duty) (names.Wait, error) {
		at = append(at, in.At)
		return names.Wait{Due: in.At.Add(7 * 24 * time.Hour), Ended: n == 3}, nil
	})
	env.RegisterDelayedCallback(func() { env.SignalWorkflow(workflows.SignalChanged, 0) }, 24*time.Hour)
	env.ExecuteWorkflow(workflows.ErasureType, workflows.DutyInput{ID: id})
	if err := env.GetWorkflowError(); err != nil || !env.IsWorkflowCompleted() {
		t.Fatalf("it did not come to its end: %v", err)
	}
	if asked() != 3 || at[1].Sub(at[0]).Round(time.Minute) != 24*time.Hour || at[2].Sub(at[1]).Round(time.Minute) != 7*24*time.Hour {
		t.Errorf("asked at %v: want at once, at the news, and a week later", at)
	}
}

// What the record does not know ends; what it can't do now is tried again, and never fails the workflow.
func TestADutyThatFails(t *testing.T) {
	t.Parallel()
	refused := func(code referral.Code) error {
		return temporal.NewNonRetryableApplicationError("the record refuses", string(code), nil)
	}
	env, id, asked := duty(t, names.CarryExport, func(n int, _ names.Duty) (names.Wait, error) {
		switch n {
		case 1:
			return names.Wait{}, errors.New("the database is away")
		case 2:
			return names.Wait{}, refused(referral.CodeForbidden)
		}
		return names.Wait{}, refused(referral.CodeNotFound)
	})
	env.ExecuteWorkflow(workflows.ExportType, workflows.DutyInput{ID: id})
	if err := env.GetWorkflowError(); err != nil || asked() != 3 {
		t.Errorf("asked %d times, then %v", asked(), err)
	}
}

// A schedule goes on for ever, in histories that stay short.
func TestAScheduleBeginsNewHistories(t *testing.T) {
	t.Parallel()
	env, id, asked := duty(t, names.Retain, func(_ int, in names.Duty) (names.Wait, error) {
		return names.Wait{Due: in.At.Add(24 * time.Hour)}, nil
	})
	env.SetCurrentHistoryLength(501)
	env.ExecuteWorkflow(workflows.RetentionType, workflows.DutyInput{ID: id})
	var again *workflow.ContinueAsNewError
	if !errors.As(env.GetWorkflowError(), &again) || asked() != 0 {
		t.Errorf("asked %d times, then %v", asked(), env.GetWorkflowError())
	}
}
