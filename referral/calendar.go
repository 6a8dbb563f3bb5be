package referral

import (
	"sort"
	"time"

	"github.com/rickar/cal/v2"
)

// ontarioHolidays are the nine public holidays of Ontario's Employment Standards Act, 2000, s. 1(1). When one falls on
// a weekend the next working day is taken instead (s. 29 and 30 substitute days; Christmas and Boxing Day push on).
var ontarioHolidays = []*cal.Holiday{
	{Name: "New Year's Day", Month: time.January, Day: 1, Func: cal.CalcDayOfMonth, Observed: monday},
	{Name: "Family Day", Month: time.February, Weekday: time.Monday, Offset: 3, Func: cal.CalcWeekdayOffset, StartYear: 2008},
	{Name: "Good Friday", Offset: -2, Func: cal.CalcEasterOffset},
	{Name: "Victoria Day", Month: time.May, Day: 24, Weekday: time.Monday, Offset: -1, Func: cal.CalcWeekdayFrom},
	{Name: "Canada Day", Month: time.July, Day: 1, Func: cal.CalcDayOfMonth, Observed: monday},
	{Name: "Labour Day", Month: time.September, Weekday: time.Monday, Offset: 1, Func: cal.CalcWeekdayOffset},
	{Name: "Thanksgiving Day", Month: time.October, Weekday: time.Monday, Offset: 2, Func: cal.CalcWeekdayOffset},
	{Name: "Christmas Day", Month: time.December, Day: 25, Func: cal.CalcDayOfMonth, Observed: monday},
	{Name: "Boxing Day", Month: time.December, Day: 26, Func: cal.CalcDayOfMonth, Observed: boxing},
}

var (
	monday = []cal.AltDay{{Day: time.Saturday, Offset: 2}, {Day: time.Sunday, Offset: 1}}
	// Christmas Day takes the first working day, so Boxing Day takes the one after it.
	boxing = []cal.AltDay{{Day: time.Saturday, Offset: 2}, {Day: time.Sunday, Offset: 2}, {Day: time.Monday, Offset: 1}}
)

// HolidayOn names the public holiday observed on a date in Ontario; "" when there is none.
func HolidayOn(year int, month time.Month, day int) string {
	date := time.Date(year, month, day, 12, 0, 0, 0, time.UTC)
	for _, h := range ontarioHolidays {
		actual, observed := h.Calc(year)
		for _, d := range []time.Time{actual, observed} {
			if sameDay(d, date) {
				return h.Name
			}
		}
	}
	return ""
}

func sameDay(a, b time.Time) bool { return a.Year() == b.Year() && a.YearDay() == b.YearDay() }

// Hours are one opening of one weekday, as minutes after local midnight; Closes is at most 24×60 and after Opens.
type Hours struct {
	Day           time.Weekday
	Opens, Closes int
}

// OfficeHours stand in for an agency whose hours the directory does not give: Monday to Friday, 9:00 to 17:00.
var OfficeHours = []Hours{
	{time.Monday, 9 * 60, 17 * 60}, {time.Tuesday, 9 * 60, 17 * 60}, {time.Wednesday, 9 * 60, 17 * 60},
	{time.Thursday, 9 * 60, 17 * 60}, {time.Friday, 9 * 60, 17 * 60},
}

// Calendar counts business time for one agency or one helpline. Business days are Monday to Friday without Ontario's
// public holidays. The hours say which part of such a day counts; on one for which there are none, office hours do: a
// food bank that opens one evening a week still reads its mail, and nobody waits four weeks for four of its days.
// The zero Calendar keeps office hours in Toronto.
type Calendar struct {
	Zone  *time.Location
	Hours []Hours
}

// span is one opening on one date, as instants.
type span struct{ opens, closes time.Time }

func (c Calendar) zone() *time.Location {
	if c.Zone == nil {
		return Toronto
	}
	return c.Zone
}

// atMinute is the instant so many minutes after midnight by the clock on the wall of the date's zone: nine o'clock is
// nine o'clock on both sides of a change to daylight saving. In the hour that a change skips it is as long after the
// change; time.Date may go back instead.
func atMinute(date time.Time, minute int) time.Time {
	y, m, d := date.Date()
	t := time.Date(y, m, d, 0, minute, 0, 0, date.Location())
	if wall := t.Hour()*60 + t.Minute(); wall < minute%(24*60) {
		t = t.Add(time.Duration(minute-wall) * time.Minute)
	}
	return t
}

// on lists the openings of a local date in order; none on a weekend or a holiday. OfficeHours cover every other day, so
// a search for an open day always ends.
func (c Calendar) on(year int, month time.Month, day int) []span {
	date := time.Date(year, month, day, 12, 0, 0, 0, c.zone())
	weekend := date.Weekday() == time.Saturday || date.Weekday() == time.Sunday
	if weekend || HolidayOn(date.Year(), date.Month(), date.Day()) != "" {
		return nil
	}
	spans := openings(c.Hours, date)
	if len(spans) == 0 {
		spans = openings(OfficeHours, date)
	}
	return spans
}

// openings are the hours that fall on a date, in order and without overlap.
func openings(hours []Hours, date time.Time) []span {
	var spans []span
	for _, h := range hours {
		if h.Day != date.Weekday() {
			continue
		}
		s := span{
			opens:  atMinute(date, h.Opens),
			closes: atMinute(date, h.Closes),
		}
		// The hour that a change to daylight saving skips can swallow a whole opening.
		if s.opens.Before(s.closes) {
			spans = append(spans, s)
		}
	}
	sort.Slice(spans, func(i, j int) bool { return spans[i].opens.Before(spans[j].opens) })
	return joined(spans)
}

// joined makes one opening of those that overlap: a directory lists a schedule per service and per site, and an hour
// counts once.
func joined(spans []span) []span {
	var whole []span
	for _, s := range spans {
		last := len(whole) - 1
		if last >= 0 && !s.opens.After(whole[last].closes) {
			whole[last].closes = later(whole[last].closes, s.closes)
			continue
		}
		whole = append(whole, s)
	}
	return whole
}

// NextOpen is t itself when open, else the next opening after it.
func (c Calendar) NextOpen(t time.Time) time.Time {
	local := t.In(c.zone())
	for i := 0; ; i++ {
		for _, s := range c.on(local.Year(), local.Month(), local.Day()+i) {
			if t.Before(s.opens) {
				return s.opens
			}
			if t.Before(s.closes) {
				return t
			}
		}
	}
}

// AddDays moves n business days on from t, keeping the time of day within that day's hours. Work that arrives outside
// hours counts from the next opening; n of 0 is NextOpen.
func (c Calendar) AddDays(t time.Time, n int) time.Time {
	start := c.NextOpen(t).In(c.zone())
	minute := start.Hour()*60 + start.Minute()
	for i := 1; n > 0; i++ {
		spans := c.on(start.Year(), start.Month(), start.Day()+i)
		if len(spans) == 0 {
			continue
		}
		if n--; n == 0 {
			at := atMinute(spans[0].opens, minute)
			return within(at.Add(start.Sub(start.Truncate(time.Minute))), spans)
		}
	}
	return start
}

// within moves an instant into the day's openings: to the next one of the day, or back to the last closing.
func within(at time.Time, spans []span) time.Time {
	for _, s := range spans {
		if at.Before(s.opens) {
			return s.opens
		}
		if !at.After(s.closes) {
			return at
		}
	}
	return spans[len(spans)-1].closes
}

// AddOpen moves d of open time on from t.
func (c Calendar) AddOpen(t time.Time, d time.Duration) time.Time {
	local := t.In(c.zone())
	for i := 0; ; i++ {
		for _, s := range c.on(local.Year(), local.Month(), local.Day()+i) {
			begin := later(s.opens, t)
			if !begin.Before(s.closes) {
				continue
			}
			if room := s.closes.Sub(begin); room < d {
				d -= room
				continue
			}
			return begin.Add(d)
		}
	}
}

// OpenBetween is the open time from a to b; 0 when b is not after a.
func (c Calendar) OpenBetween(a, b time.Time) time.Duration {
	var sum time.Duration
	local := a.In(c.zone())
	for i := 0; ; i++ {
		day := time.Date(local.Year(), local.Month(), local.Day()+i, 0, 0, 0, 0, c.zone())
		if !day.Before(b) {
			return sum
		}
		for _, s := range c.on(day.Year(), day.Month(), day.Day()) {
			begin, end := later(s.opens, a), s.closes
			if end.After(b) {
				end = b
			}
			if end.After(begin) {
				sum += end.Sub(begin)
			}
		}
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
