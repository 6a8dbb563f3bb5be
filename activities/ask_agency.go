package activities

import (
	"context"

	"throughline/activities/names"
	"throughline/referral"
)

// AskAgency asks an agency that has taken the referral how it goes.
func (a Activities) AskAgency(ctx context.Context, in names.Input) (referral.Step, error) {
	return a.run(ctx, referral.AskAgency, in)
}
