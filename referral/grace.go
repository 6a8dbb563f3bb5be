package referral

import "time"

const (
	longestGrace = 5 * time.Minute
	// shortestGrace leaves the watchdog, which looks every half minute, time to remind the clock and to look again.
	shortestGrace = 2 * time.Minute
)

// Grace is how long a step may be overdue before it counts as forgotten (I2): five minutes, or as long as the agency has
// until it is reminded where that is shorter, but never under two minutes. Under a policy in seconds it is two minutes.
func (p Pace) Grace() time.Duration {
	return min(longestGrace, max(shortestGrace, p.Remind.clock()))
}
