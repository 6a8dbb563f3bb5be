//go:build unix

package workflows_test

import (
	"testing"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"throughline/referral"
	"throughline/workflows/lifetest"
)

const (
	day  = 24 * time.Hour
	year = 365 * day
)

// silence plays until a moment of the office's clock, over as many histories as it takes, and gives their number.
// Every sixty days the history is said to have grown long.
func (s *stage) silence(until time.Time) (histories int) {
	s.t.Helper()
	for s.clock.Now().Before(until) {
		if histories++; histories > 20 {
			s.t.Fatal("new histories follow one another without end")
		}
		s.at(until.Sub(s.clock.Now()), s.env.CancelWorkflow)
		s.at(60*day, func() { s.env.SetCurrentHistoryLength(501) })
		err := s.run()
		if workflow.IsContinueAsNewError(err) {
			s.newEnvironment()
			continue
		}
		if !temporal.IsCanceledError(err) {
			s.t.Fatalf("the workflow ended with %v", err)
		}
		s.clock.Set(until)
	}
	return histories
}

func TestAYearOfSilenceKeepsAStepAndComesToRest(t *testing.T) {
	t.Parallel()
	taken := lifetest.Lives()[0].Acts[:1]
	for _, from := range []struct {
		name string
		acts []lifetest.Act
		last referral.OfferState
	}{{"nobody ever answers", nil, referral.Lapsed}, {"accepted, then silence", taken, referral.Accepted}} {
		t.Run(from.name, func(t *testing.T) {
			t.Parallel()
			s := setStage(t, referral.Standard(), []int{1, 2, 3}, from.acts...)
			end := lifetest.Monday.Add(year + time.Hour)
			if n := s.silence(end); n < 4 {
				t.Errorf("the year took %d histories, want 4 or more: a long history must give way to a new one", n)
			}
			f := s.facts()
			step := referral.Next(f, referral.Standard(), end)
			if f.State != referral.Open || !step.Due.After(end) || step.Role != referral.Coordinator {
				t.Errorf("after a year it is %s and the next step is %+v, want a coordinator's, still to come", f.State, step)
			}
			if f.Offers[0].State != from.last {
				t.Errorf("the first offer is %s, want %s", f.Offers[0].State, from.last)
			}
			if n := len(s.story()); n > 200 {
				t.Errorf("the timeline grew to %d lines", n)
			}
			if s.asked > 400 {
				t.Errorf("the workflow asked %d times in a year", s.asked)
			}
		})
	}
}
