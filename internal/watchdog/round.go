package watchdog

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"throughline/internal/seeded"
	"throughline/referral"
)

const (
	// most is how much of one kind a round sees to. When that was not all, the next round follows at once.
	most = 500
	// partLimit bounds each part of a round, so that one that is slow does not keep the others from their turn.
	partLimit = 10 * time.Second
	// hands are how many referrals are seen to at once: few, since people work on the same database.
	hands = 8
	// clockLimit bounds a question to Temporal. One that is not answered counts as Temporal being away.
	clockLimit = 3 * time.Second
)

// watch is what a leader remembers from one round to the next. A new leader knows nothing, and finds out by looking.
type watch struct {
	*Watchdog
	rounds  int
	compare bool                    // list all workflows in the next round
	at      uuid.UUID               // how far the walk along all open referrals has come
	window  []uuid.UUID             // those it looks at in this round
	more    bool                    // there is more to do than this round saw to
	seen    int                     // how much was seen to so far
	told    map[uuid.UUID]time.Time // due times of steps that the clock has been told of
	failing map[uuid.UUID]bool      // workflows that were reported as failing
	stuck   map[uuid.UUID]trouble   // referrals whose step could not be carried out
	mu      sync.Mutex              // guards the maps and seen while several hands are at work
}

// trouble is how often in a row a step could not be carried out, and until when it is left alone.
type trouble struct {
	times int
	until time.Time
}

func newWatch(w *Watchdog) *watch {
	return &watch{Watchdog: w, compare: true, told: map[uuid.UUID]time.Time{}, failing: map[uuid.UUID]bool{}, stuck: map[uuid.UUID]trouble{}}
}

// round looks at everything once, the record first: that needs no Temporal. more asks for the next round at once.
func (r *watch) round(ctx context.Context) (more bool) {
	if r.more = false; seeded.Is(seeded.WatchdogOff) {
		return false
	}
	for _, part := range []struct {
		name string
		do   func(context.Context) error
	}{{"letters", r.letters}, {"promises", r.promises}, {"steps", r.steps}, {"outlook", r.outlook}, {"workflows", r.workflows}} {
		before := r.seen
		limited, cancel := context.WithTimeout(ctx, partLimit)
		err := part.do(limited)
		cancel()
		switch {
		case ctx.Err() != nil:
			return false
		case errors.Is(err, context.DeadlineExceeded) && r.seen > before:
			r.more = true
		case err != nil:
			r.count(RoundFailed)
			r.Log.Warn("the watchdog could not see to everything", "part", part.name, "class", classOf(err))
		}
	}
	r.rounds++
	return r.more
}

// saw reports what was found and seen to.
func (r *watch) saw(kind, of string, id uuid.UUID, more ...any) {
	r.mu.Lock()
	r.seen++
	r.mu.Unlock()
	r.count(kind)
	r.Log.Warn("the watchdog saw to what was left undone", append([]any{"kind", kind, of, id}, more...)...)
}

// each sees to several at once, and stops at the first error.
func each[T any](ctx context.Context, list []T, see func(context.Context, T) error) error {
	all, unlessFailed := errgroup.WithContext(ctx)
	all.SetLimit(hands)
	for _, item := range list {
		if unlessFailed.Err() != nil {
			break
		}
		all.Go(func() error { return see(unlessFailed, item) })
	}
	if err := all.Wait(); err != nil {
		return err
	}
	return ctx.Err()
}

// errAway is a question that Temporal did not answer.
var errAway = errors.New("temporal does not answer")

// classOf names what went wrong without a word of its text.
func classOf(err error) string {
	var e *referral.Error
	switch {
	case errors.Is(err, errAway):
		return "temporal_unavailable"
	case errors.As(err, &e):
		return string(e.Code)
	case errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	}
	return "failed"
}
