package server

import (
	"slices"
	"time"

	"throughline/internal/seeded"
	"throughline/locale"
)

// wallClock gives the moments at which the clocks of a zone show a date and a time: one on most days, two in the hour
// that is repeated in autumn, earlier first. fault names what is wrong: "date", "time", or "gap" for the hour that is
// skipped in spring.
func wallClock(date, clock string, zone *time.Location) (moments []time.Time, fault string) {
	day, err := time.Parse(time.DateOnly, date)
	if err != nil {
		return nil, "date"
	}
	hour, err := time.Parse("15:04", clock)
	if err != nil {
		return nil, "time"
	}
	wanted := day.Add(time.Duration(hour.Hour())*time.Hour + time.Duration(hour.Minute())*time.Minute) // as if in UTC
	for _, near := range []time.Time{wanted.AddDate(0, 0, -1), wanted.AddDate(0, 0, 1)} {
		_, offset := near.In(zone).Zone()
		t := wanted.Add(-time.Duration(offset) * time.Second)
		if t.In(zone).Format(time.DateTime) == wanted.Format(time.DateTime) && !slices.ContainsFunc(moments, t.Equal) {
			moments = append(moments, t)
		}
	}
	if len(moments) == 0 {
		return nil, "gap"
	}
	slices.SortFunc(moments, time.Time.Compare)
	return moments, ""
}

// clockChoice is one of the two moments of a repeated hour.
type clockChoice struct {
	At     time.Time
	Offset string // "-04:00"
	Zone   string // "EDT", « HAE »
}

func choices(l *locale.Localizer, moments []time.Time, zone *time.Location) []clockChoice {
	choices := make([]clockChoice, len(moments))
	for i, t := range moments {
		choices[i] = clockChoice{At: t, Offset: t.In(zone).Format("-07:00"), Zone: l.ZoneName(t.In(zone))}
	}
	return choices
}

// appointment reads a date, a time of day and, in the hour that is repeated in autumn, which of the two is meant by its
// offset from UTC; repeated then gives both to choose from. fault names what is wrong: "date", "time", "gap" or "offset".
func appointment(l *locale.Localizer, date, clock, offset string, zone *time.Location) (at time.Time, repeated []clockChoice, fault string) {
	if seeded.Is(seeded.TimeZoneIgnored) {
		zone = time.UTC
	}
	moments, fault := wallClock(date, clock, zone)
	if fault != "" {
		return at, nil, fault
	}
	if len(moments) == 1 {
		return moments[0], nil, ""
	}
	repeated = choices(l, moments, zone)
	i := slices.IndexFunc(repeated, func(c clockChoice) bool { return c.Offset == offset })
	if i < 0 {
		return at, repeated, "offset"
	}
	return moments[i], repeated, ""
}
