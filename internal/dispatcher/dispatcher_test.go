package dispatcher_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"

	"throughline/casework"
	"throughline/referral"
)

func TestWhatWasPromisedIsToldOnce(t *testing.T) {
	t.Parallel()
	o := open(t)
	o.run(o.Dispatcher)
	id := o.intake()
	start, changed := "start "+id.String(), "changed "+id.String()
	o.until("the workflow is started", func() bool { return len(o.conductor.heard()) == 1 })
	_, err := o.desk.Do(t.Context(), o.who, id, casework.CommandInput{Do: referral.Withdraw, Reason: "moved"}, nil)
	require.NoError(t, err)
	o.until("and told", func() bool { return len(o.conductor.heard()) == 2 && o.empty() })
	assert.Equal(t, []string{start, changed}, o.conductor.heard())
	o.Nudge()
	o.until("the rows keep when they were told", func() bool {
		return one[int](o, `SELECT count(*) FROM outbox WHERE done_at IS NOT NULL AND attempts = 1 AND last_error = ''`) == 2
	})
	assert.Empty(t, o.log.String(), "nothing to report")
}

// A process that commits and dies leaves rows that nobody was nudged for.
func TestRowsAreFoundWithoutANudge(t *testing.T) {
	t.Parallel()
	o := open(t)
	o.desk.Nudge = func() {}
	o.run(o.Dispatcher)
	o.intake()
	o.until("the row is found", func() bool { return len(o.conductor.heard()) == 1 })
}

// Temporal answers, but has no such namespace as we were told: what keeps the row back says so.
func TestANamespaceThatIsNotThere(t *testing.T) {
	t.Parallel()
	o := open(t)
	o.conductor.failWith(func(string) error {
		return fmt.Errorf("start workflow of referral: %w", serviceerror.NewNamespaceNotFound("elsewhere"))
	})
	o.run(o.Dispatcher)
	o.intake()
	o.until("the start is put back", func() bool {
		return one[int](o, `SELECT count(*) FROM outbox WHERE kind = 'start' AND last_error = 'temporal_namespace'`) == 1
	})
}

// With Temporal away nothing is lost, and a referral's news is told with its start, by one call.
func TestTemporalAway(t *testing.T) {
	t.Parallel()
	o := open(t)
	o.conductor.failWith(func(string) error { return serviceerror.NewUnavailable("temporal is away, says Ana Canary") })
	o.run(o.Dispatcher)
	id := o.intake()
	_, err := o.desk.Do(t.Context(), o.who, id, casework.CommandInput{Do: referral.Withdraw, Reason: "moved"}, nil)
	require.NoError(t, err)
	for range 3 {
		before := one[int](o, `SELECT attempts FROM outbox WHERE kind = 'start'`)
		o.hurry()
		o.until("both are put back", func() bool {
			return one[int](o, `SELECT count(*) FROM outbox WHERE kind IN ('start', 'changed') AND last_error = 'temporal_unavailable'
				AND available_at > now() AND (SELECT attempts FROM outbox WHERE kind = 'start') > $1`, before) == 2
		})
	}
	o.conductor.failWith(nil)
	o.hurry()
	o.until("all is told", o.empty)
	// The same thing may be told twice: a row is marked a moment after it was told.
	assert.Equal(t, []string{"changed " + id.String()}, slices.Compact(o.conductor.heard()), "which starts a workflow that is missing")
	o.silent()
}

// The pause doubles up to half a minute.
func TestThePauseGrows(t *testing.T) {
	t.Parallel()
	o := open(t)
	o.conductor.failWith(func(string) error { return fmt.Errorf("no") })
	o.run(o.Dispatcher)
	o.intake()
	failed := func() bool { return one[string](o, `SELECT last_error FROM outbox`) == "failed" }
	o.until("the first attempt is put back", failed)
	for attempts, want := range map[int]float64{3: 4, 4: 8, 6: 30, 60: 30} {
		o.exec(`UPDATE outbox SET attempts = $1, last_error = '', available_at = now()`, attempts-1)
		o.Nudge()
		o.until("it is put back", failed)
		pause := one[float64](o, `SELECT extract(epoch FROM available_at - now()) FROM outbox`)
		assert.LessOrEqual(t, pause, want)
		assert.Greater(t, pause, want/2, "attempt %d", attempts) // some of it may have passed
	}
}

// What used up all of its time is put back all the same.
func TestACallThatNeverEnds(t *testing.T) {
	t.Parallel()
	o := open(t)
	o.conductor.failWith(func(string) error { return context.DeadlineExceeded })
	o.run(o.Dispatcher)
	o.intake()
	o.until("it is put back", func() bool { return one[string](o, `SELECT last_error FROM outbox`) == "timeout" })
}

func TestTwoDispatchersTellNothingTwice(t *testing.T) {
	t.Parallel()
	o := open(t)
	const n = 60
	for range n {
		o.offered()
	}
	second := o.another()
	o.run(o.Dispatcher)
	o.run(second)
	o.until("everything is told", o.empty)
	assert.Len(t, o.sendgrid.Messages(), n)
	assert.Empty(t, o.sendgrid.Duplicates())
	assert.Empty(t, o.sendgrid.Problems())
	assert.Equal(t, n, one[int](o, `SELECT count(*) FROM messages WHERE state = 'accepted' AND attempts = 1`))
	seen := map[string]int{}
	for _, call := range o.conductor.heard() {
		seen[call]++
	}
	assert.Len(t, seen, n)
	for call, times := range seen {
		assert.Equal(t, 1, times, call)
	}
}

// A provider that is slow must not hold up the workflows.
func TestSlowMailHoldsNothingUp(t *testing.T) {
	t.Parallel()
	o := open(t)
	held := hold(o.Sender)
	o.Sender = held
	o.run(o.Dispatcher)
	t.Cleanup(held.letGo) // before the dispatcher is stopped
	o.offered()
	<-held.begun
	id := o.intake()
	o.until("the workflow is started meanwhile", func() bool {
		calls := o.conductor.heard()
		return len(calls) > 0 && calls[len(calls)-1] == "start "+id.String()
	})
	assert.Empty(t, o.sendgrid.Messages())
}

func TestStopFinishesWhatIsUnderWay(t *testing.T) {
	t.Parallel()
	o := open(t)
	held := hold(o.Sender)
	o.Sender = held
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { o.Run(ctx); close(ended) }()
	_, message := o.offered()
	<-held.begun
	cancel()
	select {
	case <-ended:
		t.Fatal("it left a letter in the middle")
	default:
	}
	held.letGo()
	<-ended
	assert.Equal(t, "accepted ", o.message(message))
	assert.Len(t, o.sendgrid.Messages(), 1)
	o.intake()
	assert.Equal(t, 1, one[int](o, `SELECT count(*) FROM outbox WHERE done_at IS NULL AND kind = 'start' AND attempts = 0`), "it begins nothing new")
}

// The database goes away and comes back: the dispatcher waits, and says no more than that.
func TestTheOutboxIsOutOfReach(t *testing.T) {
	t.Parallel()
	o := open(t)
	o.exec(`ALTER TABLE outbox RENAME TO elsewhere`)
	o.run(o.Dispatcher)
	o.until("it is reported", func() bool { return strings.Contains(o.log.String(), "outbox could not be read") })
	o.exec(`ALTER TABLE elsewhere RENAME TO outbox`)
	o.intake()
	o.until("it goes on", func() bool { return len(o.conductor.heard()) == 1 })
}

func TestOldRowsAreForgotten(t *testing.T) {
	t.Parallel()
	o := open(t)
	o.conductor.failWith(func(string) error { return fmt.Errorf("no") })
	var ids []uuid.UUID
	for range 3 {
		ids = append(ids, o.intake())
	}
	o.exec(`UPDATE outbox SET done_at = now() - interval '8 days' WHERE referral_id = $1`, ids[0])
	o.exec(`UPDATE outbox SET done_at = now() - interval '6 days' WHERE referral_id = $1`, ids[1])
	o.exec(`UPDATE outbox SET created_at = now() - interval '1 year' WHERE referral_id = $1`, ids[2])
	o.run(o.Dispatcher)
	o.until("what was told long ago is gone", func() bool { return one[int](o, `SELECT count(*) FROM outbox WHERE referral_id = $1`, ids[0]) == 0 })
	assert.Equal(t, 2, one[int](o, `SELECT count(*) FROM outbox`), "what was told lately stays, and what was never told stays for ever")
}

// A nudge never blocks, whether anyone listens or not, and may come from anywhere.
func TestNudgeNeverBlocks(t *testing.T) {
	t.Parallel()
	o := open(t)
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			for range 20 {
				o.Nudge()
			}
		})
	}
	all.Wait()
	stop := o.run(o.Dispatcher)
	begin := time.Now()
	stop()
	assert.Less(t, time.Since(begin), 10*time.Second, "stopping an idle dispatcher takes no time")
}

// The news of one referral that wait together are one signal, the latest, however many there are; those of another are
// another.
func TestNewsThatComeTogetherAreToldOnce(t *testing.T) {
	t.Parallel()
	o := open(t)
	stop := o.run(o.Dispatcher)
	ids := []uuid.UUID{o.intake(), o.intake()}
	o.until("both are started", o.empty)
	stop()
	for n := range 40 {
		version := 2 + n*7%40 // not in order
		for _, id := range ids {
			o.exec(`INSERT INTO outbox (organisation_id, kind, referral_id, version, created_at, available_at)
				VALUES ($1, 'changed', $2, $3, now(), now())`, o.who.Organisation, id, version)
		}
	}
	o.conductor.failWith(func(string) error { return serviceerror.NewUnavailable("away") })
	second := o.another()
	o.run(second)
	o.until("a signal that fails puts all of them back", func() bool {
		return one[int](o, `SELECT count(*) FROM outbox WHERE kind = 'changed' AND done_at IS NULL AND last_error = 'temporal_unavailable'`) == 80
	})
	o.conductor.failWith(nil)
	o.hurry()
	o.until("all are told", o.empty)
	assert.ElementsMatch(t, []string{"changed " + ids[0].String(), "changed " + ids[1].String()}, o.conductor.heard()[2:])
	assert.Equal(t, 41, o.conductor.latest)
}
