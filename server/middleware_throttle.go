package server

import (
	"sync"
	"time"

	"throughline/internal/clock"
)

// throttle counts events per key in a window, in this process. It bounds guessing; it is no record.
type throttle struct {
	clock  clock.Clock
	limit  int
	window time.Duration

	mu    sync.Mutex
	tries map[string]tries
}

type tries struct {
	count int
	until time.Time
}

// maxKeys bounds the memory that made-up keys can take.
const maxKeys = 50_000

func newThrottle(c clock.Clock, limit int, window time.Duration) *throttle {
	return &throttle{clock: c, limit: limit, window: window, tries: map[string]tries{}}
}

// allow counts an event and reports whether the key is still within its limit.
func (t *throttle) allow(key string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.clock.Now()
	if len(t.tries) >= maxKeys {
		t.sweep(now)
	}
	k := t.tries[key]
	if !now.Before(k.until) {
		k = tries{until: now.Add(t.window)}
	}
	k.count++
	t.tries[key] = k
	return k.count <= t.limit
}

// forget clears a key that has proved itself.
func (t *throttle) forget(key string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.tries, key)
}

// sweep drops the windows that have ended, and all of them when none has: a flood must not lock anyone out.
func (t *throttle) sweep(now time.Time) {
	for key, k := range t.tries {
		if !now.Before(k.until) {
			delete(t.tries, key)
		}
	}
	if len(t.tries) >= maxKeys {
		clear(t.tries)
	}
}
