package e2e

import (
	"testing"

	"github.com/chromedp/chromedp"

	"throughline/internal/browser"
	"throughline/locale"
)

// atDesk opens a browser in front of the sign-in page, in a language.
func (d *dev) atDesk(t testing.TB, lang, album string) *visitor {
	t.Helper()
	v := &visitor{t: t, tab: browser.New(t), base: d.BaseURL, words: locale.For(lang), album: album}
	must(t, chromedp.Do(v.tab, chromedp.EmulateViewport(wide, 900)))
	v.open("/sign-in")
	if lang != "en" {
		v.follow(named("button", "Français"))
	}
	return v
}

func (d *dev) signIn(v *visitor, role string) {
	v.t.Helper()
	v.write("#email", d.Accounts[role].Email)
	v.write("#password", d.Accounts[role].Password)
	v.follow(named("button", v.say("signin.do")))
	v.sees("nav.tl-nav")
}

// call is what a navigator types during a telephone call.
type call struct {
	name, phone, municipality, need, details string
	urgent                                   bool
	services                                 []string // found by these words, in the client's order
}

// refer takes the call: a new case and its referral on one page.
func (v *visitor) refer(c call) {
	v.t.Helper()
	v.follow(named("nav//a", v.say("nav./cases/new")))
	v.picture("intake")
	v.write("#name", c.name)
	v.write("#phone", c.phone)
	v.click(`label[for="safe_to_call-yes"]`)
	v.write("#municipality", c.municipality)
	v.set("#need", c.need)
	v.write("#details", c.details)
	if c.urgent {
		v.click(`label[for="urgency-urgent"]`)
	}
	for _, name := range c.services {
		v.choose(name)
	}
	v.click(`label[for="consent-yes"]`)
	v.picture("intake-filled")
	v.follow(named("button", v.say("intake.save")))
	v.sees(".tl-alert--done")
	v.reads(v.say("done.refer"))
}

// choose searches for a service while the page stands, and puts it in the client's order.
func (v *visitor) choose(name string) {
	v.t.Helper()
	v.do("empty the search", chromedp.Clear("#q"))
	v.write("#q", name)
	v.click(`//section[@id="found"]//li[contains(., "` + name + `")]//button`)
	v.sees(`//*[@id="service_ids"]//li[contains(., "` + name + `")]`)
}

// openLetter waits for the email about a service, opens it and follows the link in its text.
func (v *visitor) openLetter(subject string) {
	v.t.Helper()
	v.findLetter(subject)
	v.follow(`//pre[@class="tl-letter"]//a`)
}

// openLetterInMail is openLetter for someone whose mail program shows HTML.
func (v *visitor) openLetterInMail(subject string) {
	v.t.Helper()
	v.findLetter(subject)
	v.follow(`//main//a[contains(@href, "/html")]`)
	v.picture("letter-in-mail")
	v.follow(`//a[contains(@href, "/r/")]`)
}

func (v *visitor) findLetter(subject string) {
	v.t.Helper()
	v.openUntil("/mailbox", named("table//a", subject))
	v.picture("mailbox")
	v.follow(named("table//a", subject))
	v.picture("letter")
}

// answers sends one of the forms of the agency's page, which is folded away unless it is the answer to the offer.
func (v *visitor) answers(do, name string, fill ...func()) {
	v.t.Helper()
	if do != "accept" && do != "decline" {
		v.click(`//details[.//input[@value="` + do + `"]]/summary`)
	}
	for _, f := range fill {
		f()
	}
	v.write("#"+do+"-name", name)
	v.follow(named(`form[.//input[@value="`+do+`"]]//button`, v.say("agency.button."+do)))
	v.reads(v.say("agency.done." + do))
	v.picture("agency-" + do)
}
