package server

import (
	"strconv"
	"testing"
	"time"

	"throughline/internal/clock"
)

func TestAFloodOfKeysForgetsTheOldestOnly(t *testing.T) {
	t.Parallel()
	now := clock.NewManual(mondayTen)
	th := newThrottle(now, nil, "canary", 2, time.Minute)
	counted := func(key string) bool { return th.wait(t.Context(), key) > 0 }
	for _, key := range []string{"oldest", "guesser"} {
		for range 2 {
			if counted(key) {
				t.Fatalf("%s is refused within its limit", key)
			}
		}
	}
	for i := range maxKeys - 1 {
		th.wait(t.Context(), strconv.Itoa(i))
	}
	if n := len(th.keys); n != maxKeys || th.order.Len() != n {
		t.Errorf("%d keys are kept in %d places, want %d", n, th.order.Len(), maxKeys)
	}
	if !counted("guesser") {
		t.Error("the flood set a guesser free who had been counted after the oldest")
	}
	if counted("oldest") {
		t.Error("the oldest is still counted, so there was no room for another")
	}
	now.Advance(time.Minute)
	if counted("guesser") || len(th.keys) != 1 {
		t.Errorf("after the window %d keys are kept", len(th.keys))
	}
}

func TestNeighbourhood(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{"203.0.113.7": "203.0.113.7", "::ffff:203.0.113.7": "::ffff:203.0.113.7",
		"2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64", "2001:db8:1:2::1": "2001:db8:1:2::/64", "fe80::1%eth0": "fe80::/64", "nonsense": "nonsense"} {
		if got := neighbourhood(address); got != want {
			t.Errorf("%s is counted as %s, want %s", address, got, want)
		}
	}
}
