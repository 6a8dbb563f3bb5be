//go:build unix

package workflows_test

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"

	"throughline/activities"
	"throughline/internal/clock"
	"throughline/referral"
	"throughline/workflows"
	"throughline/workflows/lifetest"
)

// stage plays one referral on Temporal's time-skipping environment, with the real activities on a real record. The
// office's clock follows the workflow's.
type stage struct {
	t      *testing.T
	env    *testsuite.TestWorkflowEnvironment
	office *lifetest.Office
	clock  *clock.Manual
	id     uuid.UUID
	person lifetest.Person
	pause  time.Duration // between the moment that an act's time has come and the act

	mu     sync.Mutex
	acting bool // an act waits in the environment's calendar
	// record is what the activities reach; the office's own desk unless a test puts something in between.
	record activities.Desk
	// asked counts the questions to the record, answered ones and others.
	asked int
	// heard, when set, is told of each question before it is put, and may change the answer's step.
	heard func(do referral.Name, at time.Time) (instead *referral.Step)
}

func setStage(t *testing.T, p referral.Policy, asked []int, acts ...lifetest.Act) *stage {
	t.Helper()
	s := &stage{t: t, clock: clock.NewManual(lifetest.Monday), pause: time.Minute}
	s.office = lifetest.Open(t, s.clock, p)
	s.person = lifetest.Person{Office: s.office, Acts: acts}
	id, err := s.office.Refer(t.Context(), asked...)
	if err != nil {
		t.Fatal(err)
	}
	s.id, s.record = id, s.office
	s.newEnvironment()
	return s
}

// newEnvironment begins a run; the workflow's time goes on where the office's clock stands.
func (s *stage) newEnvironment() {
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.NewTextHandler(io.Discard, nil))))
	s.env = suite.NewTestWorkflowEnvironment()
	s.env.SetStartTime(s.clock.Now())
	s.env.SetTestTimeout(time.Minute)
	s.acting = false
	workflows.Register(s.env)
	activities.Activities{Desk: s}.Register(s.env)
}

func (s *stage) run() error {
	s.env.ExecuteWorkflow(workflows.ReferralType, workflows.ReferralInput{Referral: s.id})
	if !s.env.IsWorkflowCompleted() {
		s.t.Fatal("the workflow did not come to an end")
	}
	return s.env.GetWorkflowError()
}

// Next is the record's, followed by what the rest of the world does about it.
func (s *stage) Next(ctx context.Context, id uuid.UUID, at time.Time) (referral.Step, error) {
	return s.ask(ctx, "next", at, func() (referral.Step, error) { return s.record.Next(ctx, id, at) })
}

// Run is the record's, followed by what the rest of the world does about it.
func (s *stage) Run(ctx context.Context, id uuid.UUID, step referral.Step, at time.Time) (referral.Step, error) {
	return s.ask(ctx, step.Do, at, func() (referral.Step, error) { return s.record.Run(ctx, id, step, at) })
}

func (s *stage) ask(ctx context.Context, what referral.Name, at time.Time, do func() (referral.Step, error)) (referral.Step, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	s.clock.Set(at)
	var instead *referral.Step
	if s.heard != nil {
		instead = s.heard(what, at)
	}
	step, err := do()
	if err != nil {
		return step, err
	}
	if instead != nil {
		step = *instead
	}
	return step, s.goOn(ctx)
}

// goOn lets letters and news arrive, and puts the next act into the calendar when its time has come.
func (s *stage) goOn(ctx context.Context) error {
	if err := s.office.EmptyOutbox(ctx, func(version int) { s.env.SignalWorkflow(workflows.SignalChanged, version) }); err != nil {
		return err
	}
	_, ready, err := s.person.Ready(ctx, s.id)
	if err == nil && ready && !s.acting {
		s.acting = true
		s.env.RegisterDelayedCallback(s.act, s.pause)
	}
	return err
}

func (s *stage) act() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.acting = false
	s.clock.Set(s.env.Now())
	ctx := s.t.Context()
	what := s.person.Acts[0].What
	f, ready, err := s.person.Ready(ctx, s.id)
	if err == nil && ready {
		err = s.person.Act(ctx, f)
	}
	if err == nil {
		err = s.goOn(ctx)
	}
	if err != nil {
		s.t.Errorf("%s: %v", what, err)
	}
}

func (s *stage) facts() referral.Facts {
	s.t.Helper()
	f, err := s.office.Facts(s.t.Context(), s.id)
	if err != nil {
		s.t.Fatal(err)
	}
	return f
}

func (s *stage) story() []referral.Name {
	s.t.Helper()
	story, err := s.office.Story(s.t.Context(), s.id)
	if err != nil {
		s.t.Fatal(err)
	}
	return story
}

// at runs something at a moment of the workflow's time.
func (s *stage) at(after time.Duration, do func()) { s.env.RegisterDelayedCallback(do, after) }

var _ activities.Desk = (*stage)(nil)
