//go:build unix

package lifetest

import (
	"context"
	"time"

	"github.com/google/uuid"

	"throughline/casework"
	"throughline/db"
)

// EmptyOutbox keeps every promise in the outbox at once, as the dispatcher does in its own time: letters arrive or
// bounce, news goes to tell. Starts are left to the caller.
func (o *Office) EmptyOutbox(ctx context.Context, tell func(version int)) error {
	for {
		rows, err := db.LeaseOutbox(ctx, o.Record, 64, time.Hour)
		if err != nil || len(rows) == 0 {
			return err
		}
		var done []int64
		for _, row := range rows {
			switch row.Kind {
			case db.OutboxChanged:
				tell(row.Version)
			case db.OutboxDeliver:
				if err := o.deliver(ctx, *row.Message); err != nil {
					return err
				}
			}
			done = append(done, row.ID)
		}
		if err := db.FinishOutbox(ctx, o.Record, done); err != nil {
			return err
		}
	}
}

func (o *Office) deliver(ctx context.Context, message uuid.UUID) error {
	out, ok, err := o.TakeLetter(ctx, message, o.Name())
	if err != nil || !ok {
		return err
	}
	if out.Recipient == bouncing {
		return o.SettleLetter(ctx, message, casework.Settled{State: db.MessageRejected, Class: "bounced_5xx"})
	}
	o.keep(message, out.Token)
	return o.SettleLetter(ctx, message, casework.Settled{State: db.MessageAccepted})
}

// Quiet reports that nothing about a referral waits in the outbox.
func (o *Office) Quiet(ctx context.Context, id uuid.UUID) (bool, error) {
	var waiting int
	err := o.Record.GetContext(ctx, &waiting, `SELECT count(*) FROM outbox WHERE referral_id = $1 AND done_at IS NULL`, id)
	return waiting == 0, err
}
