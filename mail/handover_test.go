package mail

import (
	"errors"
	"net/http/httptrace"
	"testing"
)

// Which of these a request meets depends on the timing of a dying connection, so the events are played here one by one.
func TestARequestMayHaveArrivedUnlessEachWriteFailed(t *testing.T) {
	t.Parallel()
	connected := func(c *httptrace.ClientTrace) { c.GotConn(httptrace.GotConnInfo{}) }
	written := func(c *httptrace.ClientTrace) { c.WroteRequest(httptrace.WroteRequestInfo{}) }
	cutShort := func(c *httptrace.ClientTrace) {
		c.WroteRequest(httptrace.WroteRequestInfo{Err: errors.New("broken pipe")})
	}
	for name, c := range map[string]struct {
		events []func(*httptrace.ClientTrace)
		want   bool
	}{
		"never connected":                   {nil, false},
		"connected, nothing known":          {[]func(*httptrace.ClientTrace){connected}, true},
		"written":                           {[]func(*httptrace.ClientTrace){connected, written}, true},
		"cut short":                         {[]func(*httptrace.ClientTrace){connected, cutShort}, false},
		"cut short, then written elsewhere": {[]func(*httptrace.ClientTrace){connected, cutShort, connected, written}, true},
		"the news of the first comes late":  {[]func(*httptrace.ClientTrace){connected, connected, written, cutShort}, true},
		"cut short twice":                   {[]func(*httptrace.ClientTrace){connected, cutShort, connected, cutShort}, false},
		"second connection, nothing known":  {[]func(*httptrace.ClientTrace){connected, cutShort, connected}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var h handover
			trace := httptrace.ContextClientTrace(h.watch(t.Context()))
			for _, happens := range c.events {
				happens(trace)
			}
			if got := h.mayHaveArrived(); got != c.want {
				t.Errorf("mayHaveArrived = %v, want %v", got, c.want)
			}
		})
	}
}
