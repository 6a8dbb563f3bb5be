package e2e

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// The binary dies at any moment, as by a power cut, and the same command goes on: what was promised is kept, timers that
// were open run on, and nobody gets the same letter twice.
func TestKilledAtAnyMoment(t *testing.T) {
	t.Parallel()
	command := []string{"--policy", "demo", "--addr", freePort(t)}
	data := fresh(t)
	d := startDev(t, data, command...)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	moments := rand.New(rand.NewPCG(seed, 0))

	a := d.api("navigator")
	first, second := a.service("Emergency Shelter for Adults"), a.service("Street Outreach and Housing Help")
	var all []made
	for range 5 {
		for range 2 {
			all = append(all, a.refer("Killed Canary", "shelter", "urgent", first, second))
		}
		// Not a wait for anything: the moment itself is what is tried.
		timer := time.NewTimer(time.Duration(moments.Int64N(int64(4 * time.Second))))
		<-timer.C
		d.kill()
		d = startDev(t, data, command...)
		a = d.api("navigator")
	}
	// One more, whose agency answers: after all that, a whole story still works.
	answered := a.refer("Answered Canary", "shelter", "routine", first)
	until(t, "the last referral's letter does not arrive", 2*time.Minute, func() bool {
		return a.referral(answered.ID).Offers[0].Mail == "accepted"
	})
	a.command(answered.ID, "accept", map[string]any{"told_by": "Sam"})
	for _, m := range all {
		until(t, "the clock does not carry on referral "+m.ID, 3*time.Minute, func() bool {
			s := a.referral(m.ID)
			return s.hasTask("find_alternative") && s.Offers[0].State == "lapsed" && s.Offers[1].State == "lapsed"
		})
	}
	d.clean()
	for _, l := range a.letters() {
		if strings.Contains(l.ID, ".") {
			t.Errorf("mailed twice: %s to %s: %s", l.ID, l.To, l.Subject)
		}
	}
	if n := d.count(`SELECT count(*) FROM (SELECT FROM messages GROUP BY offer_id, letter, step_key HAVING count(*) > 1) AS twice`); n > 0 {
		t.Errorf("%d occasions have more than one letter", n)
	}
}
