package referral_test

import (
	"testing"
	"time"

	"throughline/referral"
)

func TestGraceFollowsThePace(t *testing.T) {
	t.Parallel()
	for wait, want := range map[string]time.Duration{"1bd": 5 * time.Minute, "1h": 5 * time.Minute, "3m": 3 * time.Minute,
		"2m": 2 * time.Minute, "10s": 2 * time.Minute} {
		var p referral.Pace
		var err error
		if p.Remind, err = referral.ParseWait(wait); err != nil {
			t.Fatal(err)
		}
		if got := p.Grace(); got != want {
			t.Errorf("reminded after %s: grace %s, want %s", wait, got, want)
		}
	}
}
