package referral

import (
	"slices"
	"testing"
	"time"
)

// Each year's working days lost to the nine public holidays, worked out by hand from the Employment Standards Act,
// 2000, s. 1(1): Family Day is the third Monday of February, Victoria Day the Monday before May 25, Labour Day the
// first Monday of September, Thanksgiving the second of October. Easter Sunday: Mar 31 2024, Apr 20 2025, Apr 5 2026,
// Mar 28 2027, Apr 16 2028, Apr 1 2029, Apr 21 2030.
var daysOff = map[int][]string{
	2024: {"01-01 New Year's Day", "02-19 Family Day", "03-29 Good Friday", "05-20 Victoria Day", "07-01 Canada Day",
		"09-02 Labour Day", "10-14 Thanksgiving Day", "12-25 Christmas Day", "12-26 Boxing Day"},
	2025: {"01-01 New Year's Day", "02-17 Family Day", "04-18 Good Friday", "05-19 Victoria Day", "07-01 Canada Day",
		"09-01 Labour Day", "10-13 Thanksgiving Day", "12-25 Christmas Day", "12-26 Boxing Day"},
	// Boxing Day is a Saturday.
	2026: {"01-01 New Year's Day", "02-16 Family Day", "04-03 Good Friday", "05-18 Victoria Day", "07-01 Canada Day",
		"09-07 Labour Day", "10-12 Thanksgiving Day", "12-25 Christmas Day", "12-28 Boxing Day"},
	// Christmas Day is a Saturday and Boxing Day a Sunday.
	2027: {"01-01 New Year's Day", "02-15 Family Day", "03-26 Good Friday", "05-24 Victoria Day", "07-01 Canada Day",
		"09-06 Labour Day", "10-11 Thanksgiving Day", "12-27 Christmas Day", "12-28 Boxing Day"},
	// New Year's Day and Canada Day are Saturdays.
	2028: {"01-03 New Year's Day", "02-21 Family Day", "04-14 Good Friday", "05-22 Victoria Day", "07-03 Canada Day",
		"09-04 Labour Day", "10-09 Thanksgiving Day", "12-25 Christmas Day", "12-26 Boxing Day"},
	// Canada Day is a Sunday.
	2029: {"01-01 New Year's Day", "02-19 Family Day", "03-30 Good Friday", "05-21 Victoria Day", "07-02 Canada Day",
		"09-03 Labour Day", "10-08 Thanksgiving Day", "12-25 Christmas Day", "12-26 Boxing Day"},
	2030: {"01-01 New Year's Day", "02-18 Family Day", "04-19 Good Friday", "05-20 Victoria Day", "07-01 Canada Day",
		"09-02 Labour Day", "10-14 Thanksgiving Day", "12-25 Christmas Day", "12-26 Boxing Day"},
}

func TestOntarioHolidays(t *testing.T) {
	t.Parallel()
	for year, want := range daysOff {
		var got []string
		for d := time.Date(year, time.January, 1, 0, 0, 0, 0, time.UTC); d.Year() == year; d = d.AddDate(0, 0, 1) {
			if d.Weekday() == time.Saturday || d.Weekday() == time.Sunday {
				continue
			}
			if name := HolidayOn(d.Year(), d.Month(), d.Day()); name != "" {
				got = append(got, d.Format("01-02 ")+name)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%d:\n got %v\nwant %v", year, got, want)
		}
	}
}

// An agency that works weekends is closed on the holiday itself too.
func TestHolidaysOnWeekendsAreHolidays(t *testing.T) {
	t.Parallel()
	for _, d := range []struct {
		year  int
		month time.Month
		day   int
		name  string
	}{
		{2026, time.December, 26, "Boxing Day"}, {2027, time.December, 25, "Christmas Day"},
		{2027, time.December, 26, "Boxing Day"}, {2028, time.January, 1, "New Year's Day"},
		{2028, time.July, 1, "Canada Day"}, {2029, time.July, 1, "Canada Day"}, {2022, time.December, 27, "Boxing Day"},
	} {
		if got := HolidayOn(d.year, d.month, d.day); got != d.name {
			t.Errorf("%d-%d-%d is %q, want %q", d.year, d.month, d.day, got, d.name)
		}
	}
	// Easter Monday, Remembrance Day and the Civic Holiday are no public holidays in Ontario; nor is Truth and
	// Reconciliation Day.
	for _, d := range [][2]int{{4, 6}, {11, 11}, {8, 3}, {9, 30}} {
		if got := HolidayOn(2026, time.Month(d[0]), d[1]); got != "" {
			t.Errorf("2026-%d-%d is %q, want none", d[0], d[1], got)
		}
	}
}
