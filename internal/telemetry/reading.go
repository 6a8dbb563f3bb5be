package telemetry

import (
	"context"
	"errors"
	"sync"
	"time"
)

const (
	// patience is how long a scrape waits for one answer.
	patience = 2 * time.Second
	// fresh is how long numbers of the record are shown again before it is asked anew.
	fresh = 10 * time.Second
	// share bounds what asking costs: numbers that took long to count are shown again for twenty times as long.
	share = 20
	// again is how soon a record that did not answer is asked once more.
	again = time.Second
)

var errSilent = errors.New("telemetry: no answer in time")

// Reading shows numbers that cost something to count: however often and by however many it is asked, one asks at a time,
// and not before the last numbers have grown old. It gives up waiting for an answer in any case, even from a database
// that keeps its connection and says nothing.
type Reading[T any] struct {
	Ask func(ctx context.Context) (T, error)

	mu      sync.Mutex
	asking  chan struct{} // closed when the answer is there; nil while nobody asks
	until   time.Time
	value   T
	failure error
}

// Get gives the numbers, or the error of the last time they were asked for.
func (r *Reading[T]) Get() (T, error) {
	r.mu.Lock()
	if r.asking == nil && !time.Now().Before(r.until) {
		r.asking = make(chan struct{})
		go r.ask(r.asking)
	}
	asking := r.asking
	r.mu.Unlock()
	if asking != nil {
		late := time.NewTimer(patience)
		defer late.Stop()
		select {
		case <-asking:
		case <-late.C:
			var none T
			return none, errSilent
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.value, r.failure
}

func (r *Reading[T]) ask(done chan struct{}) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	began := time.Now()
	value, err := r.Ask(ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.value, r.failure = value, err
	r.until = time.Now().Add(max(fresh, share*time.Since(began)))
	if err != nil {
		r.until = time.Now().Add(again)
	}
	r.asking = nil
	close(done)
}
