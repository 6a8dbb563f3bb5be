package casework

import (
	"context"
	"fmt"
	"sync"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"throughline/db"
	"throughline/referral"
)

// Inspector looks at a referral's workflow by its id. open is false when there is none or it has ended; failing says
// that its last task failed and is tried again.
type Inspector interface {
	Inspect(ctx context.Context, id uuid.UUID) (open, failing bool, err error)
	// Open lists the referrals that seem to have an open workflow; it may lag by seconds.
	Open(ctx context.Context) ([]uuid.UUID, error)
}

// inspectAtOnce is how many workflows are asked about at once.
const inspectAtOnce = 64

// checkWorkflows asks about the workflow of each open referral by its id, and of each workflow whose referral is not open.
// What it finds is asked about once more before it is reported: the record went on while the others were asked about.
func (d *Desk) checkWorkflows(ctx context.Context, inspect Inspector, open []uuid.UUID, f *Finding) error {
	f.Looked = len(open)
	bad, err := inspectAll(ctx, inspect, open)
	if err != nil {
		return err
	}
	for _, id := range bad {
		if err := d.checkWorkflow(ctx, inspect, id, f); err != nil {
			return err
		}
	}
	return d.leftRunning(ctx, inspect, f)
}

// inspectAll gives the referrals without an open workflow that is well.
func inspectAll(ctx context.Context, inspect Inspector, ids []uuid.UUID) ([]uuid.UUID, error) {
	var mu sync.Mutex
	var bad []uuid.UUID
	all, ctx := errgroup.WithContext(ctx)
	all.SetLimit(inspectAtOnce)
	for _, id := range ids {
		if ctx.Err() != nil {
			break
		}
		all.Go(func() error {
			open, failing, err := inspect.Inspect(ctx, id)
			if err == nil && (!open || failing) {
				mu.Lock()
				defer mu.Unlock()
				bad = append(bad, id)
			}
			return err
		})
	}
	err := all.Wait()
	return bad, err
}

func (d *Desk) checkWorkflow(ctx context.Context, inspect Inspector, id uuid.UUID, f *Finding) error {
	state, err := db.StateOf(db.AsSystem(ctx), d.DB, id)
	if err != nil {
		return err
	}
	open, failing, err := inspect.Inspect(ctx, id)
	switch {
	case err != nil:
		return fmt.Errorf("inspect workflow: %w", err)
	case state != referral.Open:
	case !open:
		f.violated("referral", id, "open referral without an open workflow")
	case failing:
		f.violated("referral", id, "its workflow's last task is failing")
	}
	return nil
}

// leftRunning finds workflows that are open though their referral is not.
func (d *Desk) leftRunning(ctx context.Context, inspect Inspector, f *Finding) error {
	running, err := inspect.Open(ctx)
	if err != nil {
		return fmt.Errorf("list workflows: %w", err)
	}
	f.Looked = max(f.Looked, len(running))
	ended, err := db.NotOpen(db.AsSystem(ctx), d.DB, running, d.Clock.Now().Add(-startGrace))
	if err != nil {
		return err
	}
	for _, id := range ended {
		// The list lags; ask about this one before accusing it.
		open, _, err := inspect.Inspect(ctx, id)
		if err != nil {
			return fmt.Errorf("inspect workflow: %w", err)
		}
		if open {
			f.violated("referral", id, "open workflow without an open referral")
		}
	}
	return nil
}
