package server

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"throughline/locale"
	"throughline/referral"
)

func TestDatesAsPeopleReadThem(t *testing.T) {
	t.Parallel()
	now := mondayTen
	for _, c := range []struct {
		lang, want string
		at         time.Time
	}{
		{"en", "November 23, 2:30 p.m.", now.Add(4*time.Hour + 30*time.Minute)},
		{"fr", "23 novembre, 14 h 30", now.Add(4*time.Hour + 30*time.Minute)},
		{"en", "December 1, 12:05 a.m.", time.Date(2026, 12, 1, 5, 5, 0, 0, time.UTC)},
		{"fr", "1er décembre, 0 h 05", time.Date(2026, 12, 1, 5, 5, 0, 0, time.UTC)},
		{"fr", "4 janvier 2027, 9 h", time.Date(2027, 1, 4, 14, 0, 0, 0, time.UTC)},
		{"en", "January 4, 2027, 9:00 a.m.", time.Date(2027, 1, 4, 14, 0, 0, 0, time.UTC)},
	} {
		got := string(timeElement(locale.For(c.lang), c.at, referral.Toronto, now))
		want := `<time datetime="` + c.at.Format(time.RFC3339) + `">` + c.want + `</time>`
		if strings.ReplaceAll(got, "\u00a0", " ") != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	if timeElement(locale.For("en"), time.Time{}, referral.Toronto, now) != "" {
		t.Error("no time is written as one")
	}
}

func TestHowFarOff(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{0: "now", time.Minute: "in 1 minute", 90 * time.Minute: "in 1 hour",
		47 * time.Hour: "in 47 hours", 48 * time.Hour: "in 2 days", -30 * time.Second: "due now", -2 * time.Hour: "2 hours overdue"} {
		if got := distance(locale.For("en"), d); got != want {
			t.Errorf("%s: %q, want %q", d, got, want)
		}
	}
}

// TestReasonsSpeakForNobody: the agency chooses a reason, and staff read it in the record.
func TestReasonsSpeakForNobody(t *testing.T) {
	t.Parallel()
	first := regexp.MustCompile(`(?i)\b(we|us|our|nous|notre|nos)\b`)
	for _, lang := range locale.Languages {
		for area, list := range map[string][]referral.Reason{"decline": referral.DeclineReasons, "fail": referral.FailReasons} {
			for _, r := range list {
				if words := locale.For(lang).T(area + "." + r.Code); first.MatchString(words) || strings.HasPrefix(words, "[") {
					t.Errorf("%s.%s in %s reads %q", area, r.Code, lang, words)
				}
			}
		}
	}
}

func TestPhoneNumbers(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string][2]string{"+17055550123": {"(705) 555-0123", "tel:+1-705-555-0123"},
		"+17055550123;ext=4": {"(705) 555-0123 ext. 4", "tel:+1-705-555-0123;ext=4"}, "ask at desk": {"ask at desk", ""}, "": {"", ""}} {
		if phone(raw) != want[0] || string(dial(raw)) != want[1] {
			t.Errorf("%q: %q, %q; want %q", raw, phone(raw), dial(raw), want)
		}
	}
}
