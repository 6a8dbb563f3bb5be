package activities

import (
	"context"

	"throughline/activities/names"
	"throughline/referral"
)

// Escalate gives a silent agency to a coordinator, who calls.
func (a Activities) Escalate(ctx context.Context, in names.Input) (referral.Step, error) {
	return a.run(ctx, referral.Escalate, in)
}
