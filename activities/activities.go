// Package activities is what workflows ask of the world. Each is one verb, done by the same commands as people give,
// and safe to run twice: a step that has been carried out is no longer next, and is left alone.
package activities

import (
	"context"
	"time"

	"github.com/google/uuid"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/worker"

	"throughline/activities/names"
	"throughline/referral"
)

// Desk is what the activities need of casework.
type Desk interface {
	Next(ctx context.Context, id uuid.UUID, at time.Time) (referral.Step, error)
	Run(ctx context.Context, id uuid.UUID, step referral.Step, at time.Time) (referral.Step, error)
}

// Activities carry out steps on a desk.
type Activities struct{ Desk Desk }

// Register gives each activity its pinned name.
func (a Activities) Register(w worker.ActivityRegistry) {
	for name, do := range map[string]func(context.Context, names.Input) (referral.Step, error){
		names.Next: a.Next, names.SendOffer: a.SendOffer, names.Remind: a.Remind, names.Escalate: a.Escalate,
		names.Lapse: a.Lapse, names.AskAgency: a.AskAgency, names.RaiseTask: a.RaiseTask, names.EscalateTask: a.EscalateTask,
	} {
		w.RegisterActivityWithOptions(do, activity.RegisterOptions{Name: name})
	}
}

// run carries out a step when it is this verb's.
func (a Activities) run(ctx context.Context, verb referral.Name, in names.Input) (referral.Step, error) {
	if in.Step.Do != verb {
		return referral.Step{}, wrongVerb(verb, in.Step.Do)
	}
	after, err := a.Desk.Run(ctx, in.Referral, in.Step, in.At)
	return after, translate(err)
}
