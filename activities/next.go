package activities

import (
	"context"

	"throughline/activities/names"
	"throughline/referral"
)

// Next says what must happen to a referral next, and when. Policy and calendars are read here and not in the workflow,
// so that changing them can't break a replay.
func (a Activities) Next(ctx context.Context, in names.Input) (referral.Step, error) {
	step, err := a.Desk.Next(ctx, in.Referral, in.At)
	return step, translate(err)
}
