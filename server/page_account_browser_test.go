package server

import (
	"net/url"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"throughline/internal/browser"
	"throughline/referral"
)

func TestAccountPagesAreAccessible(t *testing.T) {
	t.Parallel()
	ctx := browser.New(t)
	v := staffed(t)
	self := boss(v)
	v.post("/account", url.Values{"do": {"propose"}}).is(200)
	v.post("/people", url.Values{"name": {"Bea"}, "email": {"bea@kawartha.example"}, "role": {"auditor"}, "language": {"fr"}}).is(200)
	v.post("/keys", url.Values{"do": {"make"}, "name": {"site"}, "email": {"nav@kawartha.example"}, "days": {"30"}}).is(200)
	v.post("/account", url.Values{"do": {"key"}, "name": {"phones"}, "scopes": {"read"}, "days": {"30"}}).is(200)
	v.must(chromedp.Do(ctx, chromedp.Navigate(v.site.URL+"/sign-in?lang=en"), chromedp.SendKeys("#email", self.Email),
		chromedp.SendKeys("#password", password+"\r"), chromedp.WaitVisible(`nav[aria-label]`)))
	v.clock.Advance(10 * time.Minute) // so that each form asks for the password too
	for lang, widths := range pageWidths() {
		for name, path := range map[string]string{"account": "/account", "people": "/people", "colleague": "/people/" + v.account.ID.String(), "keys": "/keys",
			"forgot": "/forgot-password", "join-dead": "/join"} {
			for _, width := range widths {
				v.must(chromedp.Do(ctx, chromedp.EmulateViewport(width, 900), chromedp.Navigate(v.site.URL+path+"?lang="+lang)))
				browser.Accessible(t, ctx, lang+" "+name)
				v.picture(ctx, name, lang, width)
			}
		}
	}
}

// Who must set up a second factor is led there, and sees what to do: the beginning, and the picture for the app.
func TestSettingUpASecondFactorIsAccessible(t *testing.T) {
	t.Parallel()
	ctx := browser.New(t)
	v := staffed(t)
	v.desk.SecondFactorFor = []referral.Role{referral.Navigator}
	v.must(chromedp.Do(ctx, chromedp.Navigate(v.site.URL+"/sign-in?lang=en"), chromedp.SendKeys("#email", "nav@kawartha.example"),
		chromedp.SendKeys("#password", password+"\r"), chromedp.WaitVisible(`button[value="propose"]`)))
	look := func(name string) {
		for lang, widths := range pageWidths() {
			for _, width := range widths {
				v.must(chromedp.Do(ctx, chromedp.EmulateViewport(width, 900), chromedp.Navigate(v.site.URL+"/work?lang="+lang),
					chromedp.WaitVisible("#second-factor")))
				browser.Accessible(t, ctx, lang+" "+name)
				v.picture(ctx, name, lang, width)
			}
		}
	}
	look("must-enrol")
	v.must(chromedp.Do(ctx, chromedp.Click(`button[value="propose"]`), chromedp.WaitVisible("svg.tl-qr")))
	look("must-enrol-picture")
}
