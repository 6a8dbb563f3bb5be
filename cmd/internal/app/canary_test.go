//go:build unix

package app

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A canary comes through while all is well. When it does not, readiness is degraded, the metric grows and the log says
// so once; the process goes on, and so does the next canary.
func TestACanaryTellsWhenTemporalTakesNoWork(t *testing.T) {
	t.Parallel()
	var way *wire
	h := open(t, func(o *Options) {
		way = newWire(t, o.Temporal.Address)
		o.Temporal.Address = way.address
	})
	h.canaryPace = canaryPace{every: 100 * time.Millisecond, again: 100 * time.Millisecond, limit: 5 * time.Second, late: time.Minute}
	h.serve()
	require.NotContains(t, h.get(h.probes+"/readyz").body, "canary", "only a worker sends canaries")
	require.NoError(t, h.Work(t.Context()))
	came := func() bool {
		age, ok := h.canaryAge()
		return ok && age < time.Second && !h.canary.Load().fell()
	}
	until(t, "the first canary comes through", came)
	assert.Contains(t, h.get(h.probes+"/readyz").body, `{"name":"canary","ok":true}`)
	assert.Contains(t, h.get(h.probes+"/metrics").body, "throughline_canary_age_seconds ")

	way.sever()
	until(t, "a canary does not come through", h.canary.Load().fell)
	until(t, "readiness says so", func() bool {
		a := h.get(h.probes + "/readyz")
		return a.status == http.StatusOK && strings.Contains(a.body, `"degraded"`) && strings.Contains(a.body, `{"name":"canary","ok":false,"detail":"none has come through for`)
	})
	metrics := h.get(h.probes + "/metrics").body
	assert.Contains(t, metrics, `throughline_up{part="canary"} 0`)
	assert.Contains(t, metrics, `throughline_up{part="temporal"} 0`)
	assert.Contains(t, metrics, `throughline_up{part="database"} 1`)
	select {
	case err := <-h.Failed():
		t.Errorf("the process would end: %v", err)
	default:
	}
	way.mend()
	until(t, "a canary comes through again", came)
	until(t, "readiness says so", func() bool { return strings.Contains(h.get(h.probes+"/readyz").body, `"status":"ok"`) })
	said := h.log.String()
	assert.Equal(t, 1, strings.Count(said, "a canary did not come through"), "one line for one failure")
	assert.Equal(t, 1, strings.Count(said, "a canary came through again"))
}

// fell says how the last canary fared.
func (c *canary) fell() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.failing
}
