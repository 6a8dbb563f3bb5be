package watchdog

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"throughline/db"
	"throughline/referral"
)

const (
	// startGrace is how long a referral may be open before it must have a workflow (I1).
	startGrace = time.Minute
	// walk is how many referrals a round looks at in turn, whatever else it finds: lists lag and can be wrong for ever.
	walk = 300
	// compareEvery is after how many rounds all workflows are listed, even when their number seems right.
	compareEvery = 10
	// mostMissing is how many missing workflows a round starts.
	mostMissing = 2000
)

// outlook brings the stored steps of the next referrals of the walk up to date with the rules: a calendar may have
// changed since they were written.
func (r *watch) outlook(ctx context.Context) error {
	ids, err := db.OpenAfter(ctx, r.Desk.DB, r.at, r.Desk.Clock.Now().Add(-startGrace), walk)
	if err != nil {
		return err
	}
	r.window, r.at = ids, uuid.Nil
	if len(ids) == walk {
		r.at = ids[walk-1]
	}
	return each(ctx, ids, func(ctx context.Context, id uuid.UUID) error {
		_, err := r.Desk.Next(ctx, id, time.Time{})
		if err == nil || referral.CodeOf(err) == referral.CodeUnavailable || ctx.Err() != nil {
			return err
		}
		r.Log.Error("a referral can't be read", "referral", id, "class", classOf(err))
		return nil
	})
}

// workflows compares the open referrals with their workflows. Lists only say where to look; each is asked for by its id
// before anything is done.
func (r *watch) workflows(ctx context.Context) error {
	look := r.window
	compare, err := r.mustCompare(ctx)
	if err != nil {
		return err
	}
	if compare {
		missing, err := r.compareAll(ctx)
		if err != nil {
			return err
		}
		for _, id := range missing {
			if !slices.Contains(look, id) {
				look = append(look, id)
			}
		}
	}
	return each(ctx, look, func(ctx context.Context, id uuid.UUID) error {
		_, err := r.tend(ctx, id)
		return err
	})
}

// mustCompare says whether to list all workflows: in the first round, every five minutes, and when there are fewer
// workflows than referrals. Counting is cheap; listing 100,000 takes seconds.
func (r *watch) mustCompare(ctx context.Context) (bool, error) {
	limited, cancel := context.WithTimeout(ctx, clockLimit)
	defer cancel()
	running, err := r.Clock.Running(limited)
	if err != nil {
		return false, errAway
	}
	if r.compare || r.rounds%compareEvery == 0 {
		return true, nil
	}
	open, err := db.CountOpen(ctx, r.Desk.DB, r.Desk.Clock.Now().Add(-startGrace))
	return running < open, err
}

// compareAll gives the open referrals that seem to have no workflow, and tells workflows whose referral is not open.
func (r *watch) compareAll(ctx context.Context) (missing []uuid.UUID, err error) {
	before := r.Desk.Clock.Now().Add(-startGrace)
	open, err := db.OpenReferrals(ctx, r.Desk.DB, before)
	if err != nil {
		return nil, err
	}
	listed, err := r.Clock.Open(ctx)
	if err != nil {
		return nil, errAway
	}
	left, err := db.NotOpen(ctx, r.Desk.DB, listed, before)
	if err != nil {
		return nil, err
	}
	for _, id := range left[:min(len(left), most)] {
		if err := r.release(ctx, id); err != nil {
			return nil, err
		}
	}
	has := make(map[uuid.UUID]bool, len(listed))
	for _, id := range listed {
		has[id] = true
	}
	for _, id := range open {
		if !has[id] {
			missing = append(missing, id)
		}
	}
	r.compare = len(missing) > mostMissing || len(left) > most
	r.more = r.more || r.compare
	return missing[:min(len(missing), mostMissing)], nil
}

func (r *watch) inspect(ctx context.Context, id uuid.UUID) (open, failing bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, clockLimit)
	defer cancel()
	if open, failing, err = r.Clock.Inspect(ctx, id); err != nil {
		return false, false, errAway
	}
	return open, failing, nil
}

// tend makes sure that an open referral has a workflow, and says whether that is failing. An error means that Temporal
// or the record is away.
func (r *watch) tend(ctx context.Context, id uuid.UUID) (failing bool, err error) {
	open, failing, err := r.inspect(ctx, id)
	if err != nil {
		return false, err
	}
	r.mu.Lock()
	known := r.failing[id]
	delete(r.failing, id)
	if failing {
		r.failing[id] = true
	}
	r.mu.Unlock()
	switch {
	case open && failing && !known:
		return true, r.note(ctx, id, referral.WorkflowFailing)
	case open:
		return failing, nil
	}
	// It may have ended as it should, since the referral has been closed meanwhile.
	if state, err := db.StateOf(ctx, r.Desk.DB, id); err != nil || state != referral.Open {
		return false, err
	}
	started, cancel := context.WithTimeout(ctx, clockLimit)
	defer cancel()
	if err := r.Clock.Start(started, id); err != nil {
		return false, errAway
	}
	return false, r.note(ctx, id, referral.WorkflowMissing)
}

func (r *watch) note(ctx context.Context, id uuid.UUID, what referral.Left) error {
	r.saw(string(what), "referral", id)
	if err := r.Desk.NoteMend(ctx, id, what); err != nil {
		return fmt.Errorf("note what was mended: %w", err)
	}
	return nil
}

// release tells a workflow that its referral is closed, or not there: it asks, and ends.
func (r *watch) release(ctx context.Context, id uuid.UUID) error {
	open, _, err := r.inspect(ctx, id)
	if err != nil || !open {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, clockLimit)
	defer cancel()
	if err := r.Clock.Changed(ctx, id, 0); err != nil {
		return errAway
	}
	r.saw(WorkflowLeft, "referral", id)
	return nil
}
