//go:build unix

package workflows_test

import (
	"testing"
	"time"

	"go.temporal.io/sdk/workflow"

	"throughline/referral"
	"throughline/workflows/lifetest"
)

// The reminder falls due while the database can't be reached. It goes out once the database is back, without help.
func TestTheClockOutlivesAnHourWithoutADatabase(t *testing.T) {
	t.Parallel()
	s := setStage(t, referral.Standard(), []int{1})
	w := s.overWire()
	left, back := day-10*time.Minute, day+50*time.Minute
	before := 0
	s.at(left, func() { w.Cut(); before = s.asked })
	s.at(back, func() {
		if tried := s.asked - before; tried < 100 || tried > 500 {
			t.Errorf("the database was tried %d times while it was away", tried)
		}
		if !s.facts().Offers[0].Reminded.IsZero() {
			t.Error("a reminder went out although the database was away")
		}
		w.Mend()
	})
	s.silence(lifetest.Monday.Add(back + 2*time.Minute))
	if at := s.facts().Offers[0].Reminded; at.Before(lifetest.Monday.Add(back)) {
		t.Errorf("the reminder went out at %s, want at most two minutes after %s", at, lifetest.Monday.Add(back))
	}
}

// However long the outage, the history stays within bounds: each pause is a moment at which a new one may begin.
func TestALongOutageBeginsNewHistories(t *testing.T) {
	t.Parallel()
	s := setStage(t, referral.Standard(), []int{1})
	s.overWire().Cut()
	s.at(time.Hour, func() { s.env.SetCurrentHistoryLength(501) })
	s.at(2*time.Hour, func() {
		t.Error("an hour after its history grew long it had not begun a new one")
		s.env.CancelWorkflow()
	})
	if err := s.run(); !workflow.IsContinueAsNewError(err) {
		t.Errorf("the workflow ended with %v", err)
	}
}

// A step that only a newer version knows is left to a worker of that version: this one asks again each minute.
func TestAStepOfANewerVersionIsLeftAlone(t *testing.T) {
	t.Parallel()
	s := setStage(t, referral.Standard(), []int{1})
	newer := true
	s.heard = func(_ referral.Name, at time.Time) *referral.Step {
		if newer {
			return &referral.Step{Do: "sing", Due: at}
		}
		return nil
	}
	s.at(time.Hour, func() {
		if s.asked < 50 || s.asked > 65 {
			t.Errorf("it asked %d times in an hour, want about once a minute", s.asked)
		}
		if n := len(s.story()); n != 1 {
			t.Errorf("the timeline has %d lines, want the referral alone", n)
		}
		newer = false
	})
	s.silence(lifetest.Monday.Add(62 * time.Minute))
	if got := s.facts().Offers[0].State; got != referral.Sent {
		t.Errorf("with a worker that knows the steps the offer is %s, want sent", got)
	}
}
