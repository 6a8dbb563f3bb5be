package locale

import (
	"strconv"
	"time"
)

// Dates and times as people here write them. Each moment is told in the zone that it is in.

// When is a moment in full: "Tuesday, November 24, 2026, 10:00 a.m. EST", « le mardi 24 novembre 2026 à 10 h HNE ».
func (l *Localizer) When(t time.Time) string {
	return l.T("date.when", l.date(t), map[string]any{
		"Weekday": l.T("date.weekday." + strconv.Itoa(int(t.Weekday()))), "Zone": l.ZoneName(t)})
}

// Moment is a moment among others, "November 23, 2:30 p.m." and « 23 novembre, 14 h 30 »; the year is added when it is
// not that of now.
func (l *Localizer) Moment(t, now time.Time) string {
	key := "date.moment"
	if t.Year() != now.Year() {
		key = "date.moment_year"
	}
	return l.T(key, l.date(t))
}

func (l *Localizer) date(t time.Time) map[string]any {
	day := strconv.Itoa(t.Day())
	if l.Lang == "fr" && t.Day() == 1 {
		day = "1er"
	}
	return map[string]any{"Day": day, "Month": l.T("date.month." + strconv.Itoa(int(t.Month()))), "Year": t.Year(), "Clock": l.Clock(t)}
}

// Clock is a time of day, kept on one line: "2:30 p.m.", « 14 h 30 », « 14 h ».
func (l *Localizer) Clock(t time.Time) string {
	if l.Lang == "fr" {
		clock := strconv.Itoa(t.Hour()) + "\u00a0h"
		if t.Minute() != 0 {
			clock += t.Format("\u00a004")
		}
		return clock
	}
	half := "a.m."
	if t.Hour() >= 12 {
		half = "p.m."
	}
	return t.Format("3:04") + "\u00a0" + half
}

// ZoneName is the short name of the clock that a moment is told by, "EST" and « HNE »; Go's own where people have none.
func (l *Localizer) ZoneName(t time.Time) string {
	name, _ := t.Zone()
	if key := "date.zone." + name; l.Has(key) {
		return l.T(key)
	}
	return name
}
