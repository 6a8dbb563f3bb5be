package referral

import "time"

// Agencies that keep other hours than an office.
var (
	lunchBreak     = Calendar{Hours: weekly([]time.Weekday{1, 2, 3, 4, 5}, 8*60+30, 12*60, 13*60, 16*60+30)}
	closedMonday   = Calendar{Hours: weekly([]time.Weekday{2, 3, 4, 5, 6}, 10*60, 18*60)}
	aroundTheClock = Calendar{Hours: weekly([]time.Weekday{0, 1, 2, 3, 4, 5, 6}, 0, 24*60)}
)

// weekly repeats openings, given as pairs of minutes, on several days.
func weekly(days []time.Weekday, minutes ...int) []Hours {
	var all []Hours
	for _, d := range days {
		for i := 0; i+1 < len(minutes); i += 2 {
			all = append(all, Hours{d, minutes[i], minutes[i+1]})
		}
	}
	return all
}
