package watchdog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"throughline/casework"
)

// followUps bounds how many steps of one referral are carried out in one go: each may make the next one due.
const followUps = 20

// HoldMail keeps back, in a record that was restored and before anything starts, every letter that may have gone out since
// the backup was made: those that wait, and those of steps that fell due until the lost system stopped. What can't be
// held is in the error, by the referral's id; the rest is held all the same. Run again, it goes on where it was cut off.
func HoldMail(ctx context.Context, d *casework.Desk, until time.Time) ([]casework.Held, error) {
	held := []casework.Held{}
	waiting, err := d.WaitingLetters(ctx)
	if err != nil {
		return held, err
	}
	var failed []error
	keep := func(id uuid.UUID, more []casework.Held, err error) bool {
		held = append(held, more...)
		if err != nil {
			failed = append(failed, fmt.Errorf("referral %s: %w", id, err))
		}
		return err == nil
	}
	seen := map[uuid.UUID]bool{}
	for _, w := range waiting {
		if !seen[w.Referral] {
			seen[w.Referral] = true
			more, err := d.HoldLetters(ctx, w.Referral)
			keep(w.Referral, more, err)
		}
	}
	due, err := d.DueBy(ctx, until)
	if err != nil {
		return held, errors.Join(append(failed, err)...)
	}
	for _, l := range due {
		by := until
		for range followUps {
			did, more, err := d.HoldStep(ctx, l.ID, by)
			if !keep(l.ID, more, err) || did == "" {
				break
			}
			// What follows from a step that fell due followed in the lost system too.
			by = d.Clock.Now()
		}
	}
	return held, errors.Join(failed...)
}
