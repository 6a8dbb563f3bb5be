package server

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"throughline/locale"
	"throughline/referral"
)

func TestATimeElement(t *testing.T) {
	t.Parallel()
	got := string(timeElement(locale.For("en"), mondayTen, referral.Toronto, mondayTen))
	if want := `<time datetime="2026-11-23T15:00:00Z">November 23, 10:00 a.m.</time>`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if timeElement(locale.For("en"), time.Time{}, referral.Toronto, mondayTen) != "" {
		t.Error("no time is written as one")
	}
}

func TestHowFarOff(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{0: "due now", 59 * time.Second: "due now", time.Minute: "in 1 minute", 90 * time.Minute: "in 1 hour", 7*24*time.Hour - time.Second: "in 7 days",
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
		if locale.For("en").Phone(raw) != want[0] || string(dial(raw)) != want[1] {
			t.Errorf("%q: %q, %q; want %q", raw, locale.For("en").Phone(raw), dial(raw), want)
		}
	}
	if got := locale.For("fr").Phone("+17055550123;ext=4"); got != "(705) 555-0123, poste 4" {
		t.Errorf("in French %q", got)
	}
}
