package activities

import (
	"context"

	"throughline/activities/names"
	"throughline/referral"
)

// RaiseTask makes the task for a human that the step names.
func (a Activities) RaiseTask(ctx context.Context, in names.Input) (referral.Step, error) {
	return a.run(ctx, referral.RaiseTask, in)
}
