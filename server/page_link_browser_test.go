package server

import (
	"net/http/httptest"
	"testing"

	"github.com/chromedp/chromedp"

	"throughline/internal/browser"
	"throughline/referral"
)

// TestTheAgencysPageIsAccessible looks at the page in each state, in both languages: in French, the longer one, on a
// phone, and in English on a desk. Pictures are taken of all four.
func TestTheAgencysPageIsAccessible(t *testing.T) {
	t.Parallel()
	ctx := browser.New(t)
	h := newHelpline(t, Config{HelplineName: "Kawartha 211"})
	site := httptest.NewServer(h.server)
	t.Cleanup(site.Close)
	pictures := &visitor{helpline: h}
	widths := pageWidths()
	look := func(name, path string) {
		t.Helper()
		for _, lang := range []string{"en", "fr"} {
			for _, width := range widths[lang] {
				h.must(chromedp.Do(ctx, chromedp.EmulateViewport(width, 900), chromedp.Navigate(site.URL+path+"?lang="+lang)))
				browser.Accessible(t, ctx, lang+" "+name)
				pictures.picture(ctx, "link-"+name, lang, width)
			}
		}
	}
	look("dead", "/r")
	walk := func(name string, steps ...func(a *agency)) {
		t.Helper()
		_, token := h.offered()
		a := h.agencyOf(token)
		for _, step := range steps {
			step(a)
		}
		h.must(chromedp.Do(ctx, chromedp.Navigate(site.URL+"/r/"+token)))
		look(name, "/r")
	}
	tell := func(do referral.Name, fields ...string) func(a *agency) {
		return func(a *agency) { a.told(do, fields...) }
	}
	walk("sent")
	walk("asked", tell(referral.Ask, "note", "Is a stroller needed?"))
	walk("accepted", tell(referral.Accept))
	walk("contacting", tell(referral.Accept), tell(referral.Contact))
	walk("scheduled", tell(referral.Accept), tell(referral.Schedule, "date", "2026-12-01", "time", "14:30"))
	walk("in-service", tell(referral.Accept), tell(referral.StartService))
	walk("waitlisted", tell(referral.Waitlist))
	walk("declined", tell(referral.Decline, "reason", "full"))
	walk("failed", tell(referral.Accept), tell(referral.Fail, "reason", "no_show"))
	walk("outcome", tell(referral.Accept), tell(referral.ReportOutcome, "outcome", "received_in_full"))
}

// TestAnAgencyAnswersInABrowser accepts and sets an appointment as a person does, by clicking, with errors on the way.
func TestAnAgencyAnswersInABrowser(t *testing.T) {
	t.Parallel()
	ctx := browser.New(t)
	h := newHelpline(t, Config{HelplineName: "Kawartha 211"})
	site := httptest.NewServer(h.server)
	t.Cleanup(site.Close)
	made, token := h.offered()
	pictures := &visitor{helpline: h}
	shot := func(name string) {
		t.Helper()
		browser.Accessible(t, ctx, name)
		pictures.picture(ctx, "link-"+name, "en", 375)
	}
	h.must(chromedp.Do(ctx, chromedp.EmulateViewport(375, 900), chromedp.Navigate(site.URL+"/r/"+token),
		chromedp.Click(`.tl-panel--accept button`), chromedp.WaitVisible(`#wrongs`)))
	shot("no-name")
	h.must(chromedp.Do(ctx, chromedp.SendKeys(`#accept-name`, "Sam"), chromedp.Click(`.tl-panel--accept button`),
		chromedp.WaitVisible(`#h-client`)))
	shot("done")
	h.must(chromedp.Do(ctx, chromedp.SetValue(`#schedule-date`, "2027-11-07"), chromedp.SetValue(`#schedule-time`, "01:30"),
		chromedp.SetValue(`#schedule-name`, "Sam"), chromedp.Submit(`#schedule-name`), chromedp.WaitVisible(`#schedule-offset`)))
	shot("repeated-hour")
	h.must(chromedp.Do(ctx, chromedp.Click(`#schedule-offset-1`), chromedp.Submit(`#schedule-name`),
		chromedp.WaitVisible(`.tl-alert--done`)))
	h.stands(made.ReferralID, referral.Scheduled)

	other, token := h.offered()
	late := h.agencyOf(token)
	h.must(chromedp.Do(ctx, chromedp.Navigate(site.URL+"/r/"+token), chromedp.WaitVisible(`.tl-panel--accept`)))
	late.told(referral.Decline, "reason", "full")
	h.must(chromedp.Do(ctx, chromedp.SendKeys(`#accept-name`, "Sam"), chromedp.Click(`.tl-panel--accept button`),
		chromedp.WaitVisible(`.tl-alert--wrong`)))
	shot("conflict")
	h.stands(other.ReferralID, referral.Declined)
}
