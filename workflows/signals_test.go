//go:build unix

package workflows_test

import (
	"testing"
	"time"

	"go.temporal.io/sdk/workflow"

	"throughline/referral"
	"throughline/workflows"
	"throughline/workflows/lifetest"
)

func TestNewsThatComesTogetherIsAskedAboutOnce(t *testing.T) {
	t.Parallel()
	s := setStage(t, referral.Standard(), []int{1})
	before := 0
	s.at(time.Hour, func() {
		before = s.asked
		for range 50 {
			s.env.SignalWorkflowSkippingWorkflowTask(workflows.SignalChanged, 2)
		}
		s.env.SignalWorkflow(workflows.SignalChanged, 2)
	})
	s.at(2*time.Hour, func() {
		if n := s.asked - before; n != 1 {
			t.Errorf("fifty-one signals led to %d questions, want 1", n)
		}
	})
	s.silence(lifetest.Monday.Add(3 * time.Hour))
}

func TestNewsDuringAStepIsAskedAboutOnceAfterIt(t *testing.T) {
	t.Parallel()
	s := setStage(t, referral.Standard(), []int{1})
	var heard []referral.Name
	s.heard = func(do referral.Name, _ time.Time) *referral.Step {
		heard = append(heard, do)
		if do == referral.Remind {
			for range 50 {
				s.env.SignalWorkflow(workflows.SignalChanged, 3)
			}
		}
		return nil
	}
	s.silence(lifetest.Monday.Add(day + 5*time.Minute))
	if n := len(heard); n < 2 || heard[n-2] != referral.Remind || heard[n-1] != "next" {
		t.Errorf("the record was asked %v, want the reminder and one question after it", heard)
	}
}

// News that comes just as a history has grown long is not left behind in it.
func TestANewHistoryBeginsOnlyWhenNoNewsWaits(t *testing.T) {
	t.Parallel()
	s := setStage(t, referral.Standard(), []int{1})
	var heard []referral.Name
	s.heard = func(do referral.Name, _ time.Time) *referral.Step {
		heard = append(heard, do)
		if do == referral.Remind {
			s.env.SignalWorkflow(workflows.SignalChanged, 3)
		}
		return nil
	}
	s.at(day-time.Minute, func() { s.env.SetCurrentHistoryLength(501) })
	if err := s.run(); !workflow.IsContinueAsNewError(err) {
		t.Fatalf("the workflow ended with %v", err)
	}
	if n := len(heard); n < 2 || heard[n-2] != referral.Remind || heard[n-1] != "next" {
		t.Errorf("the record was asked %v before the new history, want it asked about the news", heard)
	}
}
