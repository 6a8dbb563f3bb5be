package server

import (
	"slices"
	"strings"
	"testing"
	"time"

	"throughline/referral"
)

func TestAnAgencyAccepts(t *testing.T) {
	t.Parallel()
	h := newHelpline(t, Config{})
	made, token := h.offered()
	a := h.agencyOf(token)
	for _, name := range []string{"", "   ", "\u202e", "\u200b\u3164"} {
		page := a.look("POST", "/r", formOf(referral.Accept, []string{"name", name, "note", "typed before"})).is(422)
		if page.Find("#wrongs a[href='#accept-name']").Length() != 1 || page.Find("#accept-name[aria-invalid]").Length() != 1 ||
			page.Find("#accept-note").Text() != "typed before" {
			t.Errorf("the form that came back: %s", page.Find("main").Text())
		}
	}
	h.stands(made.ReferralID, referral.Sent)
	page := a.told(referral.Accept)
	page.says("Zoë Canary").says("(705) 555-0123").says("zoe@canary.example").says("A canary sings of bread").says("Do not leave a message").
		says("Thank you. You have accepted").says("Sam Pantry")
	if got := page.commands(); !slices.Equal(got, []string{"contact", "schedule", "start_service", "report_outcome", "waitlist", "fail"}) {
		t.Errorf("the page offers %v", got)
	}
	before := h.record()
	a.told(referral.Accept)
	if after := h.record(); after != before {
		t.Errorf("accepting twice changed the record: %s, then %s", before, after)
	}
	late := a.look("POST", "/r", formOf(referral.Decline, []string{"reason", "full"})).is(409)
	late.says("decided already").says("Accepted").says("Zoë Canary")
	h.stands(made.ReferralID, referral.Accepted)
}

func TestAnAgencyDeclines(t *testing.T) {
	t.Parallel()
	h := newHelpline(t, Config{})
	made, token := h.offered()
	a := h.agencyOf(token)
	for _, reason := range []string{"", "no_such_reason"} {
		if page := a.look("POST", "/r", formOf(referral.Decline, []string{"reason", reason})).is(422); page.Find("#wrongs a[href='#decline-reason']").Length() != 1 {
			t.Errorf("no word on the reason: %s", page.Find("#wrongs").Text())
		}
	}
	page := a.told(referral.Decline, "reason", "outside_area", "note", "Try Lindsay")
	page.says("outside the area served")
	if len(page.commands()) != 0 {
		t.Errorf("after declining the page offers %v", page.commands())
	}
	for _, p := range personal {
		if strings.Contains(page.raw, p) {
			t.Errorf("the page gives away %q", p)
		}
	}
	a.told(referral.Decline, "reason", "outside_area")
	a.look("POST", "/r", formOf(referral.Accept, nil)).is(409).says("Declined")
	h.stands(made.ReferralID, referral.Declined)
}

func TestAnAgencyCarriesItThrough(t *testing.T) {
	t.Parallel()
	h := newHelpline(t, Config{})
	made, token := h.offered()
	a := h.agencyOf(token)
	if page := a.look("POST", "/r", formOf(referral.Ask, []string{"note", " "})).is(422); page.Find("details[open] #ask-note[aria-invalid]").Length() != 1 {
		t.Error("the question's form does not stand open with its error")
	}
	a.told(referral.Ask, "note", "Is a stroller needed?").says("Is a stroller needed?")
	a.told(referral.Accept)
	a.told(referral.Contact).says("1 attempt")
	a.told(referral.Contact).says("2 attempts")
	a.look("GET", "/r", nil).is(200).says("Eastern Time")
	a.told(referral.Schedule, "date", "2026-12-01", "time", "14:30").says("December 1, 2:30\u00a0p.m. EST")
	a.told(referral.StartService)
	a.told(referral.Continue)
	a.told(referral.Waitlist)
	a.told(referral.Accept)
	for outcome, field := range map[string]string{"": "outcome", "magic": "outcome", "unmet": "unmet_reason"} {
		page := a.look("POST", "/r", formOf(referral.ReportOutcome, []string{"outcome", outcome})).is(422)
		if page.Find("#wrongs a[href='#report_outcome-"+field+"']").Length() != 1 {
			t.Errorf("%q: no word on %s: %s", outcome, field, page.Find("#wrongs").Text())
		}
	}
	page := a.told(referral.ReportOutcome, "outcome", "received_in_part", "unmet_reason", "cost")
	if page.Find("#h-client").Length() != 0 || len(page.commands()) != 0 || strings.Contains(page.raw, "stroller") {
		t.Error("the client's details or the agency's question are still shown after the outcome")
	}
	h.stands(made.ReferralID, referral.OutcomeReported)
}

func TestAPageThatIsOutOfDateCountsOnce(t *testing.T) {
	t.Parallel()
	h := newHelpline(t, Config{})
	_, token := h.offered()
	a := h.agencyOf(token)
	version := a.told(referral.Accept).Find(`input[name="version"]`).AttrOr("value", "")
	a.told(referral.Contact, "version", version)
	a.told(referral.Contact, "version", version).says("1 attempt")
	a.told(referral.Fail, "reason", "no_show").says("did not come")
}

func TestACommandThatIsNotTheAgencys(t *testing.T) {
	t.Parallel()
	h := newHelpline(t, Config{})
	made, token := h.offered()
	a := h.agencyOf(token)
	for _, do := range []referral.Name{"", "close", "withdraw", "lapse", "confirm", "no_such"} {
		if w := a.tells(do, "reason", "other", "outcome", "unmet"); w.Code < 400 {
			t.Errorf("%q: got %d", do, w.Code)
		}
	}
	if w := a.tells(referral.Contact); w.Code != 409 {
		t.Errorf("contact before accepting: %d", w.Code)
	}
	h.stands(made.ReferralID, referral.Sent)
}

func TestAnAppointmentWhenTheClocksChange(t *testing.T) {
	t.Parallel()
	h := newHelpline(t, Config{})
	made, token := h.offered()
	a := h.agencyOf(token)
	a.told(referral.Accept)
	for _, c := range []struct{ date, clock, field string }{
		{"", "10:00", "date"}, {"2026-13-01", "10:00", "date"}, {"2026-12-01", "", "time"}, {"2026-12-01", "25:00", "time"},
		{"2027-03-14", "02:30", "gap"}, {"2027-11-07", "01:30", "offset"}, {"2020-01-01", "10:00", "at"}, {"2099-01-01", "10:00", "at"},
	} {
		page := a.look("POST", "/r", formOf(referral.Schedule, []string{"date", c.date, "time", c.clock})).is(422)
		if page.Find("#wrongs a[href='#schedule-"+c.field+"']").Length() != 1 {
			t.Errorf("%s %s: no word on %s: %s", c.date, c.clock, c.field, page.Find("#wrongs").Text())
		}
		if c.field == "offset" && page.Find(`input[name="offset"]`).Length() != 2 {
			t.Error("the page does not ask which of the two")
		}
	}
	h.stands(made.ReferralID, referral.Accepted)
	a.told(referral.Schedule, "date", "2027-11-07", "time", "01:30", "offset", "-05:00").says("EST")
	var at time.Time
	h.must(h.db.Get(&at, `SELECT visit_at FROM offers WHERE referral_id = $1`, made.ReferralID))
	if want := time.Date(2027, 11, 7, 6, 30, 0, 0, time.UTC); !at.Equal(want) {
		t.Errorf("kept %s, want %s", at.UTC(), want)
	}
}
