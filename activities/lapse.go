package activities

import (
	"context"

	"throughline/activities/names"
	"throughline/referral"
)

// Lapse ends the turn of an agency that stayed silent; the next in rank comes after.
func (a Activities) Lapse(ctx context.Context, in names.Input) (referral.Step, error) {
	return a.run(ctx, referral.Lapse, in)
}
