package activities

import (
	"context"

	"throughline/activities/names"
	"throughline/referral"
)

// SendOffer sends the offer whose turn it is to its agency and says what comes next.
func (a Activities) SendOffer(ctx context.Context, in names.Input) (referral.Step, error) {
	return a.run(ctx, referral.Send, in)
}
