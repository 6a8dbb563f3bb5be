package server

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"throughline/casework"
	"throughline/internal/browser"
	"throughline/referral"
)

// An agency that opens an older letter is told that there is a newer one, in its language, and has another sent: no dead end.
func TestAnOlderLetterLeadsOn(t *testing.T) {
	t.Parallel()
	h := newHelpline(t, Config{})
	made, first := h.offered()
	h.clock.Advance(time.Hour)
	_, err := h.desk.Do(t.Context(), h.account.Actor(casework.ViaPage), made.ReferralID, casework.CommandInput{Do: referral.Resend, Reason: referral.WentAstray}, nil)
	h.must(err)
	a := h.agencyOf(first)
	page := a.look("GET", "/r", nil).is(http.StatusNotFound)
	page.says("There is a newer link").says("Look for the latest letter")
	if strings.Contains(page.Text(), "Canary") || len(page.commands()) != 0 {
		t.Errorf("the older link shows %s", page.Text())
	}
	answer := a.send("POST", "/r", formOf(referral.Accept, []string{"name", "Priya"}))
	if answer.Code != http.StatusNotFound || !strings.Contains(answer.Body.String(), "There is a newer link") {
		t.Errorf("a form of it is answered %d", answer.Code)
	}
	second := h.letter(made.ReferralID, referral.OfferLetter)
	h.agencyOf(second).look("GET", "/r", nil).is(http.StatusOK)
	h.clock.Advance(time.Hour)
	a.look("POST", "/r/new-link", url.Values{}).is(http.StatusOK)
	third := h.letter(made.ReferralID, referral.NewLinkLetter)
	h.agencyOf(third).look("GET", "/r", nil).is(http.StatusOK)
	h.agencyOf(second).look("GET", "/r", nil).is(http.StatusNotFound)
	for range badLinks + 1 { // who has an older link guesses at nothing
		a.look("GET", "/r", nil).is(http.StatusNotFound)
	}
}

func TestStaffEndALetterThatWentAstray(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	v.signInAs("nav@kawartha.example")
	made, _ := v.offered()
	r, err := v.desk.Referral(t.Context(), v.account.Actor(casework.ViaPage), made.ReferralID)
	v.must(err)
	at := "/referrals/" + r.ID.String() + "/resend?offer=" + r.Offers[0].ID.String()
	page := v.get(at).is(200)
	if got := page.says("main"); !strings.Contains(got, "It went astray: someone else has it, or may. Links sent before stop working now") {
		t.Fatalf("the page says %s", got)
	}
	v.record(at, map[string]string{"reason": "went_astray"}).is(200)
	if n := v.count(`SELECT count(*) FROM links WHERE ends_at IS NOT NULL`); n != 1 {
		t.Errorf("%d links were ended", n)
	}
}

func TestTheNewerLinkPageIsAccessible(t *testing.T) {
	t.Parallel()
	ctx := browser.New(t)
	v := staffed(t)
	made, first := v.offered()
	_, err := v.desk.Do(t.Context(), v.account.Actor(casework.ViaPage), made.ReferralID, casework.CommandInput{Do: referral.Resend, Reason: referral.WentAstray}, nil)
	v.must(err)
	for lang, widths := range pageWidths() {
		for _, width := range widths {
			v.must(chromedp.Do(ctx, chromedp.EmulateViewport(width, 900), chromedp.Navigate(v.site.URL+"/r/"+first), chromedp.Navigate(v.site.URL+"/r?lang="+lang)))
			browser.Accessible(t, ctx, lang+" newer link")
			v.picture(ctx, "newer-link", lang, width)
		}
	}
}
