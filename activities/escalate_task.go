package activities

import (
	"context"

	"throughline/activities/names"
	"throughline/referral"
)

// EscalateTask hands a task that nobody did in time to the coordinators.
func (a Activities) EscalateTask(ctx context.Context, in names.Input) (referral.Step, error) {
	return a.run(ctx, referral.EscalateTask, in)
}
