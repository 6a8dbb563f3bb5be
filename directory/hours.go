package directory

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/lib/pq"
)

var clockTime = regexp.MustCompile(`^(\d{1,2}?)(?::?(\d{2}))?(?::\d{2})?\s*(a|p|am|pm|a\.m\.|p\.m\.)?$`)

// parseClock reads 8:00am, 9 am, 830am, 17:30, 17:30:00 and 24:00 as minutes after midnight. What could be read in two
// ways, such as 9:0am or 8:00m, is not read at all.
func parseClock(s string) (minutes int, ok bool) {
	s = strings.ToLower(strings.TrimSpace(s))
	switch s {
	case "noon":
		return 12 * 60, true
	case "midnight":
		return 24 * 60, true
	}
	m := clockTime.FindStringSubmatch(s)
	if m == nil || m[2] == "" && m[3] == "" {
		return 0, false
	}
	hour, _ := strconv.Atoi(m[1])
	minute, _ := strconv.Atoi(m[2])
	switch {
	case m[3] != "" && (hour < 1 || hour > 12):
		return 0, false
	case strings.HasPrefix(m[3], "a"):
		hour %= 12
	case strings.HasPrefix(m[3], "p"):
		hour = hour%12 + 12
	}
	minutes = hour*60 + minute
	return minutes, minute < 60 && minutes <= 24*60
}

func clockText(minutes int) string { return fmt.Sprintf("%02d:%02d", minutes/60, minutes%60) }

// openHours turns the two cells into times, or says why they stay words only: no_hours, bad_time, open_equals_close,
// closes_before_opens. Closing at or before noon after opening from noon on is the next morning.
func openHours(opens, closes string) (from, to any, problem string) {
	if opens == "" && closes == "" {
		return nil, nil, "no_hours"
	}
	o, okOpens := parseClock(opens)
	c, okCloses := parseClock(closes)
	switch {
	case !okOpens || !okCloses || o == 24*60:
		return nil, nil, "bad_time"
	case o == 0 && c == 0:
		c = 24 * 60
	case o == c:
		return nil, nil, "open_equals_close"
	case c < o && (o < 12*60 || c > 12*60):
		return nil, nil, "closes_before_opens"
	}
	return clockText(o), clockText(c), ""
}

var weekdayNames = [7][]string{
	{"mo", "mon", "monday", "lun", "lundi"}, {"tu", "tue", "tues", "tuesday", "mar", "mardi"},
	{"we", "wed", "wednesday", "mer", "mercredi"}, {"th", "thu", "thur", "thurs", "thursday", "jeu", "jeudi"},
	{"fr", "fri", "friday", "ven", "vendredi"}, {"sa", "sat", "saturday", "sam", "samedi"},
	{"su", "sun", "sunday", "dim", "dimanche"},
}

var dayOfMonth = regexp.MustCompile(`^[+-]?\d[a-z]{2}$`)

// parseWeekdays reads HSDS 1.1 weekday and HSDS 3.0 byday as ISO numbers; false for a word that is no day. A day of the
// month (1MO is its first Monday) is no day of every week: it is left to byday.
func parseWeekdays(s string) (pq.Int64Array, bool) {
	days := pq.Int64Array{}
	for _, word := range strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return strings.ContainsRune(",; /", r) }) {
		day := slices.IndexFunc(weekdayNames[:], func(names []string) bool { return slices.Contains(names, word) }) + 1
		if day == 0 && dayOfMonth.MatchString(word) {
			continue
		}
		if day == 0 {
			return pq.Int64Array{}, false
		}
		if !slices.Contains(days, int64(day)) {
			days = append(days, int64(day))
		}
	}
	slices.Sort(days)
	return days, true
}
