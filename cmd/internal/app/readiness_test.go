//go:build unix

package app

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A part that heeds no deadline is waited for no longer than the others.
func TestReadinessWaitsTwoSecondsForAnyPart(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	never := make(chan struct{})
	t.Cleanup(func() { close(never) })
	h.AlsoAsk(Check{"watchdog", func(context.Context) string { <-never; return "" }},
		Check{"leader", func(context.Context) string { return "" }}, Check{"slow", func(ctx context.Context) string { <-ctx.Done(); return "gave up" }})
	h.serve()
	began := time.Now()
	a := h.get(h.base + "/readyz")
	assert.Less(t, time.Since(began), 5*time.Second)
	assert.Equal(t, http.StatusOK, a.status)
	for _, part := range []string{`"status":"degraded"`, `{"name":"database","ok":true}`, `{"name":"temporal","ok":true}`, `{"name":"outbox","ok":true}`,
		`{"name":"watchdog","ok":false,"detail":"no answer"}`, `{"name":"leader","ok":true}`, `{"name":"slow","ok":false,"detail":"gave up"}`} {
		assert.Contains(t, a.body, part)
	}
	assert.Equal(t, a.body, h.get(h.probes+"/readyz").body, "the probes say the same")
	assert.Equal(t, http.StatusOK, h.get(h.probes+"/livez").status)
}

// Nobody empties the outbox: readiness says which kind waits, and for how long; metrics say it in numbers.
func TestReadinessSeesPromisesThatAreNotKept(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	_, err := h.office.Refer(t.Context(), 1)
	require.NoError(t, err)
	_, err = h.office.Record.Exec(`UPDATE outbox SET created_at = created_at - interval '3 minutes'`)
	require.NoError(t, err)
	h.serve()
	a := h.get(h.probes + "/readyz")
	assert.Equal(t, http.StatusOK, a.status)
	assert.Contains(t, a.body, `{"name":"outbox","ok":false,"detail":"start: the oldest of 1 waits for 3m0`)
	metrics := h.get(h.probes + "/metrics").body
	assert.Contains(t, metrics, `throughline_outbox_rows{kind="start"} 1`)
	assert.Contains(t, metrics, `throughline_up{part="outbox"} 0`)
	assert.Contains(t, metrics, `throughline_referrals_open{offer_state="none"} 1`)
}

// With the database away the metrics still answer, in time, and say so.
func TestMetricsWithoutTheDatabase(t *testing.T) {
	t.Parallel()
	var way *wire
	h := open(t, func(o *Options) {
		u, err := url.Parse(o.DatabaseURL)
		require.NoError(t, err)
		way = newWire(t, u.Host)
		u.Host = way.address
		o.DatabaseURL = u.String()
	})
	h.serve()
	metrics := h.get(h.probes + "/metrics").body
	assert.Contains(t, metrics, `throughline_up{part="database"} 1`)
	assert.Contains(t, metrics, "throughline_outbox_rows")
	way.sever()
	until(t, "metrics see that the database is away", func() bool {
		began := time.Now()
		metrics = h.get(h.probes + "/metrics").body
		assert.Less(t, time.Since(began), 8*time.Second)
		// The numbers of the record are shown for as long as they are fresh, and not a moment longer.
		return strings.Contains(metrics, `throughline_up{part="database"} 0`) && !strings.Contains(metrics, "throughline_outbox_rows")
	})
	assert.Contains(t, metrics, `throughline_up{part="temporal"} 1`)
	assert.Equal(t, http.StatusServiceUnavailable, h.get(h.probes+"/readyz").status)
	assert.Equal(t, http.StatusOK, h.get(h.probes+"/livez").status)
	way.mend()
	until(t, "they are back", func() bool { return strings.Contains(h.get(h.probes+"/metrics").body, "throughline_outbox_rows") })
}

// In development a program on this machine reads the metrics where the pages are. Nobody else does, and behind a proxy,
// where every request comes from a neighbour, not even a neighbour.
func TestMetricsAreForNeighbours(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	h.serve()
	status := func(change func(*http.Request)) int {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, h.base+"/metrics", nil)
		require.NoError(t, err)
		change(r)
		a, err := send(r)
		require.NoError(t, err)
		return a.status
	}
	assert.Equal(t, 200, status(func(*http.Request) {}))
	for _, header := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip", "Via"} {
		assert.Equal(t, 404, status(func(r *http.Request) { r.Header.Set(header, "x") }), header)
	}
	assert.Equal(t, 404, status(func(r *http.Request) { r.Host = "evil.example" }))
	assert.Equal(t, 404, status(func(r *http.Request) { r.Method = http.MethodPost }))
	assert.Equal(t, 404, status(func(r *http.Request) { r.URL.Path = "/metrics/" }))

	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://127.0.0.1/metrics", nil)
	require.NoError(t, err)
	for from, want := range map[string]bool{"127.0.0.1:5000": true, "[::1]:5000": true, "192.0.2.7:5000": false, "10.0.0.1:5000": false, "": false, "@": false} {
		r.RemoteAddr = from
		assert.Equal(t, want, direct(r), from)
	}
	r.RemoteAddr = "127.0.0.1:5000"
	for base, want := range map[string]int{"http://127.0.0.1:8211": 200, "http://localhost:8211": 200, "https://referrals.example.org": 404} {
		w := httptest.NewRecorder()
		h.withMetrics(http.NotFoundHandler(), base).ServeHTTP(w, r)
		assert.Equal(t, want, w.Code, base)
	}
}
