package workflows

import (
	"errors"
	"time"

	"github.com/google/uuid"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"throughline/activities/names"
	"throughline/referral"
)

// ReferralInput starts the workflow of a referral. It holds no personal data.
type ReferralInput struct {
	Referral uuid.UUID `json:"referral"`
}

// Referral carries one referral to its outcome. It asks what comes next, waits until that is due or the record has
// changed, has it done, and goes on until the referral is closed. It never fails: what can't be done now is tried again.
func Referral(ctx workflow.Context, in ReferralInput) error {
	s := story{id: in.Referral, changed: workflow.GetSignalChannel(ctx, SignalChanged)}
	step, err := s.next(ctx)
	for err == nil && !step.None() {
		if s.longEnough(ctx) {
			return workflow.NewContinueAsNewError(ctx, ReferralType, in)
		}
		var due bool
		switch due, err = s.wait(ctx, step.Due); {
		case err != nil:
		case due:
			step, err = s.carryOut(ctx, step)
		default:
			step, err = s.next(ctx)
		}
	}
	return err
}

// carryOut does what is due.
func (s story) carryOut(ctx workflow.Context, step referral.Step) (referral.Step, error) {
	switch step.Do {
	case referral.Send: // the offer goes out to the agency whose turn it is
		return s.do(ctx, names.SendOffer, step)
	case referral.Remind: // the agency has not answered
		return s.do(ctx, names.Remind, step)
	case referral.Escalate: // it still has not: a coordinator calls
		return s.do(ctx, names.Escalate, step)
	case referral.Lapse: // silence ends its turn, and the next agency's begins
		return s.do(ctx, names.Lapse, step)
	case referral.AskAgency: // it took the referral: was there contact, a visit, help, a place?
		return s.do(ctx, names.AskAgency, step)
	case referral.RaiseTask: // a person must call, answer, find another service, or ask the client whether help came
		return s.do(ctx, names.RaiseTask, step)
	case referral.EscalateTask: // nobody did it in time
		return s.do(ctx, names.EscalateTask, step)
	case askAgain:
		return s.next(ctx)
	}
	// A step that this version does not know belongs to a newer one; a worker of that version will carry it out.
	return later(ctx), nil
}

type story struct {
	id      uuid.UUID
	changed workflow.ReceiveChannel
}

// askAgain is a step of the story's own: nothing can be done now, so ask once more what comes next.
const askAgain referral.Name = "ask_again"

const (
	// pause is how long to wait before trying again what failed for good, until someone has mended it.
	pause = time.Minute
	// maxHistory is when a history is long enough to begin a new one: replay stays quick, and far from the limits.
	maxHistory = 500
)

// atOnce are the options for a step: short work on the database, kept inside the workflow task because round trips to
// the server are what a referral costs. A database that is away is tried for a while, then the story waits.
func atOnce(ctx workflow.Context) workflow.Context {
	return workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{
		StartToCloseTimeout: 10 * time.Second,
		RetryPolicy: &temporal.RetryPolicy{InitialInterval: 100 * time.Millisecond, BackoffCoefficient: 2,
			MaximumInterval: 2 * time.Second, MaximumAttempts: 5},
	})
}

// next asks what comes next.
func (s story) next(ctx workflow.Context) (referral.Step, error) {
	return s.do(ctx, names.Next, referral.Step{})
}

// do runs an activity and gives the step that comes after. When it fails for good that is a pause, and then the
// question what comes next.
func (s story) do(ctx workflow.Context, activity string, step referral.Step) (referral.Step, error) {
	in := names.Input{Referral: s.id, Step: step, At: workflow.Now(ctx)}
	var after referral.Step
	err := workflow.ExecuteLocalActivity(atOnce(ctx), activity, in).Get(ctx, &after)
	if err == nil || temporal.IsCanceledError(err) {
		return after, err
	}
	if unknown(err) && workflow.GetVersion(ctx, endsWhenUnknown, workflow.DefaultVersion, 1) == 1 {
		workflow.GetLogger(ctx).Warn("the record does not know this referral; its workflow ends", "referral", s.id.String())
		return referral.Step{}, nil
	}
	workflow.GetLogger(ctx).Warn("a step failed and will be tried again", "activity", activity, "referral", s.id.String())
	return later(ctx), nil
}

// endsWhenUnknown is the change by which a workflow ends when the record does not know its referral, as after a restore
// from a backup that is older than the referral; before, it asked again each minute for ever. Histories from before the
// change pause where they did. It may be deleted when none of them is open any more: each begins a new history after
// maxHistory events, and the longest wait is two years, so from January 2029 on.
const endsWhenUnknown = "ends-when-unknown"

// unknown reports an answer of the record that there is no such referral.
func unknown(err error) bool {
	var refused *temporal.ApplicationError
	return errors.As(err, &refused) && refused.Type() == string(referral.CodeNotFound)
}

// later is a pause, or until there is news, before the story asks anew.
func later(ctx workflow.Context) referral.Step {
	return referral.Step{Do: askAgain, Due: workflow.Now(ctx).Add(pause)}
}

// wait sleeps until due, or until the record changes; due is false then. Signals that came together count as one: the
// record says all.
func (s story) wait(ctx workflow.Context, due time.Time) (bool, error) {
	if s.drain() {
		return false, nil
	}
	left := due.Sub(workflow.Now(ctx))
	if left <= 0 {
		return true, nil
	}
	timerCtx, cancel := workflow.WithCancel(ctx)
	defer cancel()
	timer := workflow.NewTimer(timerCtx, left)
	fired := false
	var failed error
	selector := workflow.NewSelector(ctx)
	selector.AddFuture(timer, func(f workflow.Future) { failed = f.Get(ctx, nil); fired = true })
	selector.AddReceive(s.changed, func(c workflow.ReceiveChannel, _ bool) { c.Receive(ctx, nil) })
	selector.Select(ctx)
	news := s.drain()
	return fired && !news, failed
}

// drain takes the signals that have come and tells whether there were any.
func (s story) drain() (came bool) {
	for s.changed.ReceiveAsync(nil) {
		came = true
	}
	return came
}

// longEnough reports that a new history should begin, at a moment when nothing is under way.
func (s story) longEnough(ctx workflow.Context) bool {
	info := workflow.GetInfo(ctx)
	return s.changed.Len() == 0 && (info.GetCurrentHistoryLength() > maxHistory || info.GetContinueAsNewSuggested())
}
