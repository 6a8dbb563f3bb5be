package activities

import (
	"context"

	"throughline/activities/names"
	"throughline/referral"
)

// Remind reminds an agency that has not answered.
func (a Activities) Remind(ctx context.Context, in names.Input) (referral.Step, error) {
	return a.run(ctx, referral.Remind, in)
}
