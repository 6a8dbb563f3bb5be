package watchdog

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"throughline/casework"
	"throughline/referral"
)

const (
	// atOnce is how many steps of one referral are carried out in one go: after a long silence one leads to the next.
	atOnce = 10
	// leaveAlone is how long a referral whose step can't be carried out is left to the coordinator who was told.
	leaveAlone = 5 * time.Minute
	// flood is how many late steps at once mean that the clock is behind with them all, as after an outage: telling it of each
	// would only add to what it has to do.
	flood = 100
	// leastPatience is half of the shortest grace that a pace can have.
	leastPatience = time.Minute
)

// steps sees to what is overdue. First the clock is told; what it still has not done by the next round, or can't do because
// Temporal is away or it is behind with too much, is done in its place.
func (r *watch) steps(ctx context.Context) error {
	now := r.Desk.Clock.Now()
	late, err := r.Desk.LateReferrals(ctx, r.patience(2*leastPatience), r.leftAlone(now), most)
	if err != nil {
		return err
	}
	r.forget(late)
	full, before := len(late) == most, r.seen
	defer func() { r.more = r.more || (full && r.seen > before) }()
	late = slices.DeleteFunc(late, func(l casework.Late) bool { return now.Sub(l.Due) < r.patience(l.Grace) })
	away := len(late) >= flood || r.clockAway(ctx, late)
	return each(ctx, late, func(ctx context.Context, l casework.Late) error {
		if !away && r.tell(ctx, l) {
			return nil
		}
		return r.stepIn(ctx, l.ID, now)
	})
}

// patience is how long a step may be overdue before the clock is told of it.
func (r *watch) patience(grace time.Duration) time.Duration {
	if r.Patience > 0 {
		return r.Patience
	}
	return grace / 2
}

// clockAway asks Temporal once for all: each question costs seconds when it does not answer.
func (r *watch) clockAway(ctx context.Context, late []casework.Late) bool {
	if len(late) == 0 {
		return false
	}
	_, _, err := r.inspect(ctx, late[0].ID)
	return err != nil
}

// tell reminds the clock of an overdue step; false when it has been told before, or can't be.
func (r *watch) tell(ctx context.Context, l casework.Late) bool {
	r.mu.Lock()
	told := r.told[l.ID].Equal(l.Due)
	r.mu.Unlock()
	if told {
		return false
	}
	failing, err := r.tend(ctx, l.ID)
	if err != nil || failing {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, clockLimit)
	defer cancel()
	if err := r.Clock.Changed(ctx, l.ID, l.Version); err != nil {
		return false
	}
	r.mu.Lock()
	r.told[l.ID] = l.Due
	r.mu.Unlock()
	return true
}

// stepIn carries out what is due of a referral, one step after the other. What can't be carried out twice in a row
// becomes a coordinator's.
func (r *watch) stepIn(ctx context.Context, id uuid.UUID, now time.Time) error {
	before := now.Add(-r.patience(2 * leastPatience))
	for range atOnce {
		did, err := r.Desk.StepIn(ctx, id, before)
		if err != nil {
			return r.cannot(ctx, id, now, err)
		}
		if did == "" {
			break
		}
		r.saw(string(referral.StepOverdue), "referral", id, "step", did)
		before = r.Desk.Clock.Now()
	}
	r.mu.Lock()
	delete(r.stuck, id)
	r.mu.Unlock()
	return nil
}

// cannot notes that a step could not be carried out.
func (r *watch) cannot(ctx context.Context, id uuid.UUID, now time.Time, cause error) error {
	if ctx.Err() != nil || referral.CodeOf(cause) == referral.CodeUnavailable {
		return cause
	}
	r.mu.Lock()
	t := r.stuck[id]
	t.times++
	if t.times > 1 {
		t.until = now.Add(leaveAlone)
	}
	r.stuck[id] = t
	r.mu.Unlock()
	r.Log.Error("a step can't be carried out", "referral", id, "class", classOf(cause), "times", t.times)
	if t.times < 2 {
		return nil
	}
	r.count(string(referral.StepStuck))
	if _, err := r.Desk.TakeOver(ctx, id); err != nil {
		r.Log.Error("nor can a coordinator be told of it: look at this referral by hand", "referral", id, "class", classOf(err))
	}
	return nil
}

// leftAlone are the referrals that are not to be tried now.
func (r *watch) leftAlone(now time.Time) []uuid.UUID {
	var ids []uuid.UUID
	for id, t := range r.stuck {
		if now.Before(t.until) {
			ids = append(ids, id)
		}
	}
	return ids
}

// forget drops what is remembered of referrals that are not overdue any more.
func (r *watch) forget(late []casework.Late) {
	still := make(map[uuid.UUID]time.Time, len(late))
	for _, l := range late {
		if due, ok := r.told[l.ID]; ok {
			still[l.ID] = due
		}
	}
	r.told = still
}
