// Package clock gives the time, so that tests can hold it.
package clock

import (
	"sync"
	"time"
)

// Clock gives the present instant.
type Clock interface{ Now() time.Time }

// System is the machine's clock, to the microsecond that Postgres keeps.
type System struct{}

// Now is the present.
func (System) Now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// Func makes a clock of a function.
type Func func() time.Time

// Now calls f.
func (f Func) Now() time.Time { return f().UTC().Truncate(time.Microsecond) }

// Manual stands still until it is moved. It is safe for concurrent use.
type Manual struct {
	mu  sync.Mutex
	now time.Time
}

// NewManual starts a manual clock at t.
func NewManual(t time.Time) *Manual { return &Manual{now: t.UTC().Truncate(time.Microsecond)} }

// Now is the instant it was last moved to.
func (m *Manual) Now() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.now
}

// Set moves it to t, forwards only.
func (m *Manual) Set(t time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if t = t.UTC().Truncate(time.Microsecond); t.After(m.now) {
		m.now = t
	}
}

// Advance moves it on by d.
func (m *Manual) Advance(d time.Duration) { m.Set(m.Now().Add(d)) }
