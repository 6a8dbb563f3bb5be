//go:build unix

package app

import (
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"throughline/db"
)

// order is that in which the parts stop.
var order = []string{"readiness", "http", "dispatcher", "worker", "temporal", "metrics", "database", "telemetry"}

// Asked to stop while a request, a letter and a step are under way, each part carries through what it has begun before
// the next is told to stop, and nothing is lost.
func TestThePartsStopOneAfterTheOther(t *testing.T) {
	t.Parallel()
	provider := newGate()
	h := open(t, func(o *Options) { o.Sender = provider })
	h.serve()
	require.NoError(t, h.Work(t.Context()))

	// A letter is with the provider, who keeps us waiting.
	h.Dispatch()
	mailed, err := h.office.Refer(t.Context(), 1)
	require.NoError(t, err)
	letter := <-provider.entered
	// A step is being carried out: the letter to the agency of another referral is written, which waits for a lock.
	letGoOfLetters := h.hold(`LOCK TABLE messages IN SHARE MODE`)
	stepped, err := h.office.Refer(t.Context(), 2)
	require.NoError(t, err)
	until(t, "the step waits for the lock", func() bool { return h.blocked() == 1 })
	// A call is being written down, and waits too.
	letGoOfCases := h.hold(`LOCK TABLE cases IN SHARE MODE`)
	answered := make(chan answer, 1)
	go func() {
		a, err := h.ask(http.MethodPost, "/api/v1/cases", map[string]any{"name": "Zyta Canarova"})
		assert.NoError(t, err)
		answered <- a
	}()
	until(t, "the request waits for the lock", func() bool { return h.blocked() == 2 })

	stopped := make(chan error, 1)
	go func() { stopped <- h.stopAtOnce() }()
	until(t, "readiness is off", func() bool {
		a := h.get(h.probes + "/readyz")
		return a.status == http.StatusServiceUnavailable && strings.Contains(a.body, "shutting down")
	})
	until(t, "no new requests are taken", func() bool {
		c, err := net.Dial("tcp", strings.TrimPrefix(h.base, "http://"))
		if err == nil {
			_ = c.Close()
		}
		return err != nil
	})
	assert.Equal(t, order[:1], h.log.stopped(), "while a request is under way")

	letGoOfCases()
	assert.Equal(t, http.StatusCreated, (<-answered).status)
	until(t, "HTTP has stopped", func() bool { return len(h.log.stopped()) >= 2 })
	assert.Equal(t, order[:2], h.log.stopped(), "while a letter is with the provider")

	// The letter can't be settled before its table is free, so the step goes on meanwhile: only the order of the ends is
	// what counts.
	close(provider.open)
	letGoOfLetters()
	require.NoError(t, <-stopped)
	assert.Equal(t, order, h.log.stopped())
	var state string
	require.NoError(t, h.office.Record.Get(&state, `SELECT state FROM messages WHERE id = $1`, letter))
	assert.Equal(t, db.MessageAccepted, state, "the letter that was with the provider")
	f, err := h.office.Facts(t.Context(), stepped)
	require.NoError(t, err)
	assert.EqualValues(t, "sent", f.Offers[0].State, "the step that was being carried out")
	f, err = h.office.Facts(t.Context(), mailed)
	require.NoError(t, err)
	assert.EqualValues(t, "sent", f.Offers[0].State)
	_, err = net.Dial("tcp", strings.TrimPrefix(h.probes, "http://"))
	assert.Error(t, err, "nothing answers any more")
}

// What does not come to its end does not keep the others from theirs.
func TestALetterThatNeverEndsHoldsUpNothing(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	h.Dispatch()
	endless := make(chan struct{})
	t.Cleanup(func() { close(endless) })
	h.running.Add(1)
	go func() { defer h.running.Done(); <-endless }()
	h.finishTime = 50 * time.Millisecond
	err := h.stopAtOnce()
	assert.ErrorContains(t, err, "taken up again")
	assert.Equal(t, []string{"readiness", "temporal", "database", "telemetry"}, h.log.stopped())
	assert.Error(t, h.DB.Ping(), "the record is closed")
}
