package locale

import (
	"strings"
	"testing"
	"time"
)

func TestDatesAsPeopleReadThem(t *testing.T) {
	toronto, err := time.LoadLocation("America/Toronto")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, time.November, 23, 10, 0, 0, 0, toronto)
	en, fr := For("en"), For("fr")
	for got, want := range map[string]string{
		en.Moment(now.Add(270*time.Minute), now):                    "November 23, 2:30 p.m.",
		fr.Moment(now.Add(270*time.Minute), now):                    "23 novembre, 14 h 30",
		en.Moment(time.Date(2026, 12, 1, 0, 5, 0, 0, toronto), now): "December 1, 12:05 a.m.",
		fr.Moment(time.Date(2026, 12, 1, 0, 5, 0, 0, toronto), now): "1er décembre, 0 h 05",
		en.Moment(time.Date(2027, 1, 4, 9, 0, 0, 0, toronto), now):  "January 4, 2027, 9:00 a.m.",
		fr.Moment(time.Date(2027, 1, 4, 9, 0, 0, 0, toronto), now):  "4 janvier 2027, 9 h",
		en.When(now): "Monday, November 23, 2026, 10:00 a.m. EST",
		fr.When(time.Date(2026, 7, 1, 12, 0, 0, 0, toronto)):                      "le mercredi 1er juillet 2026 à 12 h HAE",
		en.When(time.Date(2026, 7, 1, 12, 0, 0, 0, time.FixedZone("HERE", 3600))): "Wednesday, July 1, 2026, 12:00 p.m. HERE",
	} {
		if got = strings.ReplaceAll(got, "\u00a0", " "); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
