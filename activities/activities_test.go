//go:build unix

package activities_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"throughline/activities"
	"throughline/activities/names"
	"throughline/internal/clock"
	"throughline/referral"
	"throughline/workflows/lifetest"
)

// verbs are the steps that the clock carries out, with the activity that does each.
var verbs = map[referral.Name]string{
	referral.Send: names.SendOffer, referral.Remind: names.Remind, referral.Escalate: names.Escalate, referral.Lapse: names.Lapse,
	referral.AskAgency: names.AskAgency, referral.RaiseTask: names.RaiseTask, referral.EscalateTask: names.EscalateTask,
}

// call runs an activity by its pinned name, through Temporal's converters as a worker does.
func call(t *testing.T, d activities.Desk, name string, in names.Input) (referral.Step, error) {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	activities.Activities{Desk: d}.Register(env)
	var step referral.Step
	value, err := env.ExecuteActivity(name, in)
	if err == nil {
		err = value.Get(&step)
	}
	return step, err
}

// failing is a desk at which everything fails alike.
type failing struct{ err error }

func (f failing) Next(context.Context, uuid.UUID, time.Time) (referral.Step, error) {
	return referral.Step{}, f.err
}

func (f failing) Run(context.Context, uuid.UUID, referral.Step, time.Time) (referral.Step, error) {
	return referral.Step{}, f.err
}

func TestWhichErrorsAreTriedAgain(t *testing.T) {
	t.Parallel()
	const private = "Ana wrote this"
	for _, c := range []struct {
		err   error
		class string
		again bool
	}{
		{&referral.Error{Code: referral.CodeUnavailable, Message: private}, "unavailable", true},
		{&referral.Error{Code: referral.CodeInternal, Message: private}, "internal", true},
		{&referral.Error{Code: referral.CodeConflict, Message: private, Outcome: private}, "conflict", true},
		{errors.New(private), "internal", true},
		{context.DeadlineExceeded, "internal", true},
		{fmt.Errorf("%s: %w", private, referral.ErrUnavailable), "unavailable", true},
		{referral.NotFound(private), "not_found", false},
		{referral.Invalid(private, private), "invalid", false},
		{&referral.Error{Code: referral.CodeForbidden, Message: private}, "forbidden", false},
		{&referral.Error{Code: referral.CodeStale, Message: private}, "stale", false},
		{&referral.Error{Code: referral.CodeConsentRequired, Message: private}, "consent_required", false},
		{&referral.Error{Code: referral.CodeMalformed, Message: private}, "malformed", false},
		{&referral.Error{Code: referral.CodeUnauthenticated, Message: private}, "unauthenticated", false},
		{&referral.Error{Code: referral.CodeTooLarge, Message: private}, "too_large", false},
		{&referral.Error{Code: referral.CodeUnsupported, Message: private}, "unsupported_type", false},
		{&referral.Error{Code: referral.CodeRateLimited, Message: private}, "rate_limited", false},
	} {
		for name, in := range map[string]names.Input{names.Next: {}, names.Remind: {Step: referral.Step{Do: referral.Remind}}} {
			_, err := call(t, failing{c.err}, name, in)
			var got *temporal.ApplicationError
			if !errors.As(err, &got) || got.Type() != c.class || got.NonRetryable() == c.again {
				t.Errorf("%s on %v gave %v, want class %s, tried again: %t", name, c.err, err, c.class, c.again)
			}
			if err != nil && strings.Contains(err.Error(), private) {
				t.Errorf("%s carries the text of the error into the history: %v", name, err)
			}
		}
	}
}

func TestAnActivityRefusesTheStepOfAnother(t *testing.T) {
	t.Parallel()
	if len(verbs)+1 != len(names.Activities) {
		t.Fatalf("there are %d activities beside Next, and %d verbs in this test", len(names.Activities)-1, len(verbs))
	}
	for own, name := range verbs {
		for other := range verbs {
			_, err := call(t, failing{nil}, name, names.Input{Step: referral.Step{Do: other}})
			var got *temporal.ApplicationError
			switch {
			case own == other && err != nil:
				t.Errorf("%s refused its own step: %v", name, err)
			case own != other && (!errors.As(err, &got) || got.Type() != "wrong_verb" || !got.NonRetryable()):
				t.Errorf("%s asked to %s gave %v, want it refused for good", name, other, err)
			}
		}
	}
}

// An activity may run twice: its worker may die between the commit and the answer. The second time the record is left
// as it is, and the answer is what comes next now.
func TestAStepRunTwiceIsDoneOnce(t *testing.T) {
	t.Parallel()
	c := clock.NewManual(lifetest.Monday)
	o := lifetest.Open(t, c, referral.Standard())
	id, err := o.Refer(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	step, err := call(t, o, names.Next, names.Input{Referral: id, At: c.Now()})
	if err != nil {
		t.Fatal(err)
	}
	done := map[referral.Name]bool{}
	for range 12 {
		c.Set(step.Due)
		in := names.Input{Referral: id, Step: step, At: c.Now()}
		after, err := call(t, o, verbs[step.Do], in)
		if err != nil {
			t.Fatal(err)
		}
		before := story(t, o, id)
		again, err := call(t, o, verbs[step.Do], in)
		if err != nil {
			t.Fatal(err)
		}
		if now := story(t, o, id); len(now) != len(before) {
			t.Errorf("%s run twice told %v", step.Do, now[len(before):])
		}
		if !again.Same(after) || !again.Due.Equal(after.Due) {
			t.Errorf("%s run twice answered %+v and then %+v", step.Do, after, again)
		}
		done[step.Do] = true
		if err := o.EmptyOutbox(t.Context(), func(int) {}); err != nil {
			t.Fatal(err)
		}
		if step, err = call(t, o, names.Next, names.Input{Referral: id, At: c.Now()}); err != nil {
			t.Fatal(err)
		}
	}
	for _, do := range []referral.Name{referral.Send, referral.Remind, referral.Escalate, referral.Lapse, referral.RaiseTask, referral.EscalateTask} {
		if !done[do] {
			t.Errorf("%s was not tried", do)
		}
	}
}

func story(t *testing.T, o *lifetest.Office, id uuid.UUID) []referral.Name {
	t.Helper()
	told, err := o.Story(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return told
}

func TestAStepBeforeItsTimeIsNotDone(t *testing.T) {
	t.Parallel()
	c := clock.NewManual(lifetest.Monday)
	o := lifetest.Open(t, c, referral.Standard())
	id, err := o.Refer(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	step, err := call(t, o, names.Next, names.Input{Referral: id, At: c.Now()})
	if err != nil {
		t.Fatal(err)
	}
	if step, err = call(t, o, names.SendOffer, names.Input{Referral: id, Step: step, At: c.Now()}); err != nil || step.Do != referral.RaiseTask {
		t.Fatalf("after the offer was sent comes %+v, %v", step, err)
	}
	after, err := call(t, o, names.RaiseTask, names.Input{Referral: id, Step: step, At: step.Due.Add(-time.Second)})
	if err != nil || !after.Same(step) {
		t.Errorf("a second too early the answer is %+v, %v, want the same step still to come", after, err)
	}
	if f, err := o.Facts(t.Context(), id); err != nil || len(f.Tasks) != 0 {
		t.Errorf("a second too early there are %d tasks, %v", len(f.Tasks), err)
	}
}

func TestAReferralThatIsNotThereIsRefusedForGood(t *testing.T) {
	t.Parallel()
	o := lifetest.Open(t, clock.NewManual(lifetest.Monday), referral.Standard())
	for do, name := range verbs {
		_, err := call(t, o, name, names.Input{Referral: uuid.New(), Step: referral.Step{Do: do}, At: lifetest.Monday})
		var got *temporal.ApplicationError
		if !errors.As(err, &got) || got.Type() != "not_found" || !got.NonRetryable() {
			t.Errorf("%s gave %v", name, err)
		}
	}
}
