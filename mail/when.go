package mail

import (
	"fmt"
	"strconv"
	"time"

	"throughline/locale"
)

// when writes a moment as a person reads it, in the given zone (nil for the moment's own):
// "Tuesday, November 24, 2026, 10:00 a.m. EST", « le mardi 24 novembre 2026 à 10 h HNE ».
func when(l *locale.Localizer, t time.Time, zone *time.Location) string {
	if zone != nil {
		t = t.In(zone)
	}
	abbreviation, _ := t.Zone()
	if key := "mail.zone." + abbreviation; l.Has(key) {
		abbreviation = l.T(key)
	}
	day, clock := strconv.Itoa(t.Day()), clock12(t)
	if l.Lang == "fr" {
		clock = clock24(t)
		if t.Day() == 1 {
			day = "1er"
		}
	}
	return l.T("mail.when", map[string]any{
		"Weekday": l.T(fmt.Sprintf("mail.weekday.%d", t.Weekday())),
		"Month":   l.T(fmt.Sprintf("mail.month.%d", t.Month())),
		"Day":     day, "Year": t.Year(), "Clock": clock, "Zone": abbreviation,
	})
}

func clock12(t time.Time) string {
	half := "a.m."
	if t.Hour() >= 12 {
		half = "p.m."
	}
	return t.Format("3:04") + "\u00a0" + half
}

// clock24 writes « 10 h » and « 10 h 05 ».
func clock24(t time.Time) string {
	clock := fmt.Sprintf("%d\u00a0h", t.Hour())
	if t.Minute() != 0 {
		clock += fmt.Sprintf("\u00a0%02d", t.Minute())
	}
	return clock
}
