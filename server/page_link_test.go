package server

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"throughline/referral"
)

func TestOpeningALinkChangesNothing(t *testing.T) {
	t.Parallel()
	h := newHelpline(t, Config{})
	made, token := h.offered()
	before := h.record()
	for _, raw := range []string{token, "nonsense", token + ".", token[:20] + "%0D%0A" + token[20:], strings.Repeat("a", 500), "a/b", ""} {
		for _, method := range []string{"GET", "HEAD"} {
			a := h.visitor()
			w := a.send(method, "/r/"+raw, nil)
			if w.Code != 303 || w.Header().Get("Location") != "/r" || len(w.Result().Cookies()) != 1 {
				t.Errorf("%s: %d to %q", method, w.Code, w.Header().Get("Location"))
			}
			if w.Header().Get("Referrer-Policy") != "no-referrer" || w.Header().Get("Cache-Control") != "no-store" {
				t.Errorf("headers %v", w.Header())
			}
			a.send(method, "/r", nil)
			a.send(method, "/r?do=accept&name=Scanner", nil)
			a.send(method, "/r/new-link", nil)
		}
	}
	if after := h.record(); after != before {
		t.Errorf("opening changed the record: %s, then %s", before, after)
	}
	h.stands(made.ReferralID, referral.Sent)
}

func TestThePageBeforeAnAnswer(t *testing.T) {
	t.Parallel()
	h := newHelpline(t, Config{})
	_, token := h.offered()
	a := h.agencyOf(token)
	page := a.look("GET", "/r", nil).is(200)
	for _, p := range personal {
		if strings.Contains(page.raw, p) {
			t.Errorf("the page gives away %q", p)
		}
	}
	page.says("Peterborough").says("Food").says("Urgent").says("French").says("EST")
	if got := page.commands(); !slices.Equal(got, []string{"accept", "decline", "ask", "waitlist"}) {
		t.Errorf("the page offers %v", got)
	}
	if n := page.Find(`input[name="reason"]`).Length(); n != len(referral.DeclineReasons)-2 { // it has not heard of the client yet, so it can't have tried
		t.Errorf("%d reasons to decline", n)
	}
	w := a.send("GET", "/r", nil)
	for name, want := range map[string]string{"Cache-Control": "no-store", "X-Robots-Tag": "noindex, nofollow", "X-Content-Type-Options": "nosniff"} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
	if csp := w.Header().Get("Content-Security-Policy"); !strings.Contains(csp, "frame-ancestors 'none'") || strings.Contains(csp, "unsafe") {
		t.Errorf("Content-Security-Policy %q", csp)
	}
}

func TestEveryDeadLinkLooksTheSame(t *testing.T) {
	t.Parallel()
	h := newHelpline(t, Config{})
	made, good := h.offered()
	_, revoked := h.offered()
	_, err := h.db.Exec(`UPDATE links SET revoked_at = now() WHERE token_hash = (SELECT token_hash FROM links WHERE offer_id <> (SELECT id FROM offers WHERE referral_id = $1))`, made.ReferralID)
	h.must(err)
	_, expired := h.offered()
	_, err = h.db.Exec(`UPDATE links SET expires_at = created_at WHERE revoked_at IS NULL AND offer_id <> (SELECT id FROM offers WHERE referral_id = $1)`, made.ReferralID)
	h.must(err)
	want := h.visitor().look("GET", "/r", nil).is(404).raw
	for name, token := range map[string]string{"unknown": "nonsense", "revoked": revoked, "expired": expired, "punctuated": good + ".",
		"wrapped": good[:30] + "%20%0A" + good[30:], "cut": good[:42], "case": strings.ToUpper(good)} {
		a := h.agencyOf(token)
		if got := a.look("GET", "/r", nil).is(404).raw; got != want {
			t.Errorf("%s: the page differs", name)
		}
		if got := a.look("POST", "/r", formOf(referral.Accept, nil)).is(404).raw; got != want {
			t.Errorf("%s: the answer to a form differs", name)
		}
	}
	h.agencyOf(good).look("GET", "/r", nil).is(200)
}

func TestANewLinkIsMailedToTheAddressOnFile(t *testing.T) {
	t.Parallel()
	h := newHelpline(t, Config{})
	made, old := h.offered()
	_, err := h.db.Exec(`UPDATE links SET expires_at = created_at`)
	h.must(err)
	want := h.visitor().look("POST", "/r/new-link", nil).is(200).raw
	h.count(0, `SELECT count(*) FROM messages WHERE letter = 'link'`)
	for _, token := range []string{"nonsense", old, old} {
		if got := h.agencyOf(token).look("POST", "/r/new-link", nil).is(200).raw; got != want {
			t.Error("the answers differ")
		}
	}
	h.count(1, `SELECT count(*) FROM messages WHERE letter = 'link'`)
	fresh := h.letter(made.ReferralID, referral.NewLinkLetter)
	h.agencyOf(fresh).look("GET", "/r", nil).is(200)
}

func TestTheLanguageOfThePage(t *testing.T) {
	t.Parallel()
	h := newHelpline(t, Config{})
	_, token := h.offered()
	a := h.agencyOf(token)
	a.headers["Accept-Language"] = "fr-CA"
	lang := func(path string) string { return a.look("GET", path, nil).is(200).Find("html").AttrOr("lang", "") }
	if got := lang("/r"); got != "en" {
		t.Errorf("the agency gets its mail in English and its page in %s", got)
	}
	if got := lang("/r?lang=fr"); got != "fr" {
		t.Errorf("?lang=fr gives %s", got)
	}
	if got := lang("/r"); got != "fr" {
		t.Errorf("the choice is not kept: %s", got)
	}
	page := a.look("POST", "/r", formOf(referral.Accept, []string{"name", ""})).is(422)
	if got := page.Find("#wrongs a").Text(); got != "Tapez votre nom" {
		t.Errorf("the error reads %q", got)
	}
	a.told(referral.Accept).says("Coordonnées de la personne").says("Ne laissez pas de message")
	back := a.send("POST", "/language", url.Values{"lang": {"en"}, "to": {"/r"}})
	if back.Code != 303 || back.Header().Get("Location") != "/r" {
		t.Errorf("the switch answers %d to %q", back.Code, back.Header().Get("Location"))
	}
	if got := lang("/r"); got != "en" {
		t.Errorf("the switch gives %s", got)
	}
}

// TestTheSwitchKeepsWhatAnAgencyTyped: a form that came back with an error is read in the other language, still filled in.
func TestTheSwitchKeepsWhatAnAgencyTyped(t *testing.T) {
	t.Parallel()
	h := newHelpline(t, Config{})
	made, token := h.offered()
	a := h.agencyOf(token)
	typed := []string{"name", "", "reason", "full", "note", "Try Lindsay"}
	page := a.look("POST", "/r", formOf(referral.Decline, typed)).is(422)
	form := page.Find("#link-decline")
	button := page.Find(`header button[form="link-decline"][lang]`)
	if form.Length() != 1 || button.AttrOr("value", "") != "language:fr" {
		t.Fatalf("the switch is %s", page.Find("header").Text())
	}
	if first := page.Find(`button[form="link-decline"]`).First(); first.AttrOr("name", "") != "" {
		t.Error("Enter in a field of the form presses something else than its own button")
	}
	fields := formOf(referral.Decline, typed)
	fields["do"] = []string{button.AttrOr("value", ""), "decline"} // in the order of the page
	before := h.record()
	page = a.look("POST", "/r", fields).is(200)
	if page.Find("html").AttrOr("lang", "") != "fr" || page.Find("#decline-reason-full[checked]").Length() != 1 || page.Find("#decline-note").Text() != "Try Lindsay" {
		t.Errorf("after the switch: %s", page.Find("main").Text())
	}
	if after := h.record(); after != before {
		t.Errorf("the switch changed the record: %s, then %s", before, after)
	}
	h.stands(made.ReferralID, referral.Sent)
}

// TestNothingLeadsAnAgencyToTheStaffsPages looks at every kind of page that an agency can come to.
func TestNothingLeadsAnAgencyToTheStaffsPages(t *testing.T) {
	t.Parallel()
	h := newHelpline(t, Config{})
	_, token := h.offered()
	a := h.agencyOf(token)
	for name, page := range map[string]linkSeen{
		"offer": a.look("GET", "/r", nil).is(200), "wrong": a.look("POST", "/r", formOf(referral.Accept, []string{"name", ""})).is(422),
		"dead": h.visitor().look("GET", "/r", nil).is(404), "new link": a.look("POST", "/r/new-link", nil).is(200),
		"method": a.look("PUT", "/r", nil).is(405), "posted": h.visitor().look("POST", "/r/"+token, nil).is(405),
	} {
		if n := page.Find(`a[href="/"], a[href^="/sign-in"]`).Length(); n != 0 {
			t.Errorf("%s: %d links to the staff's pages", name, n)
		}
		if strings.Contains(page.raw, token) {
			t.Errorf("%s: the page holds the link's token", name)
		}
		if name == "method" && page.Find("h1").Text() != "This page cannot do that" {
			t.Errorf("%s: %s", name, page.Find("main").Text())
		}
	}
}

func TestAFrenchAgencysPageIsFrench(t *testing.T) {
	t.Parallel()
	h := newHelpline(t, Config{})
	_, err := h.db.Exec(`UPDATE agencies SET mail_language = 'fr'`)
	h.must(err)
	_, token := h.offered()
	a := h.agencyOf(token)
	if got := a.look("GET", "/r", nil).is(200).Find("html").AttrOr("lang", ""); got != "fr" {
		t.Errorf("the page is in %s", got)
	}
	if got := a.look("POST", "/r", formOf(referral.Accept, []string{"name", ""})).is(422).Find("#wrongs a").Text(); got != "Tapez votre nom" {
		t.Errorf("the error reads %q", got)
	}
}

func TestTooManyBadLinks(t *testing.T) {
	t.Parallel()
	h := newHelpline(t, Config{})
	_, token := h.offered()
	for i := range badLinks {
		h.agencyOf(fmt.Sprintf("guess-%d", i)).look("GET", "/r", nil).is(404)
	}
	h.agencyOf("one-more").look("GET", "/r", nil).is(429)
	h.agencyOf(token).look("GET", "/r", nil).is(200)
	h.clock.Advance(badLinksIn)
	h.agencyOf("much-later").look("GET", "/r", nil).is(404)
}

func TestTooManyViews(t *testing.T) {
	t.Parallel()
	h := newHelpline(t, Config{})
	_, token := h.offered()
	a := h.agencyOf(token)
	for n := range linkViews {
		if n%2 == 0 {
			a.look("GET", "/r", nil).is(200)
			continue
		}
		if w := a.send("POST", "/r", nil); w.Code != 303 || w.Header().Get("Location") != "/r" {
			t.Fatalf("an empty form shows something by itself: %d", w.Code)
		}
		a.look("GET", "/r", nil).is(200)
	}
	a.look("GET", "/r", nil).is(429)
	if w := a.tells(referral.Accept); w.Code != 303 {
		t.Errorf("a page that was opened too often can't answer any more: %d", w.Code)
	}
	h.clock.Advance(linkUsesIn)
	a.look("GET", "/r", nil).is(200)
}

// TestTooManyPosts: whatever comes of them, a link's forms are counted, for each may write to the record and to the agency.
func TestTooManyPosts(t *testing.T) {
	t.Parallel()
	h := newHelpline(t, Config{})
	_, err := h.db.Exec(`UPDATE agencies SET mail_language = 'fr'`)
	h.must(err)
	_, token := h.offered()
	a := h.agencyOf(token)
	forms := []url.Values{nil, {"do": {"language:en", "accept"}}, formOf(referral.Accept, []string{"name", ""}),
		formOf(referral.Ask, []string{"note", "Is there a lift?"}), formOf("no_such", nil)}
	for n := range linkPosts {
		if w := a.send("POST", "/r", forms[n%len(forms)]); w.Code == 429 {
			t.Fatalf("refused after %d", n)
		}
	}
	before := h.record()
	for _, form := range forms {
		page := a.look("POST", "/r", form).is(429)
		if page.Find("html").AttrOr("lang", "") != "en" || page.Find("h1").Text() != "This link was used very often" {
			t.Errorf("the language chosen: %s", page.Find("main").Text())
		}
	}
	delete(a.cookies, languageCookie)
	page := a.look("POST", "/r", forms[3]).is(429)
	if page.Find("html").AttrOr("lang", "") != "fr" || page.Find("h1").Text() != "Ce lien a été utilisé très souvent" {
		t.Errorf("the language of the agency's mail: %s", page.Find("main").Text())
	}
	if after := h.record(); after != before {
		t.Errorf("a refused form changed the record: %s, then %s", before, after)
	}
	h.agencyOf(token).look("GET", "/r", nil).is(200)
	h.clock.Advance(linkUsesIn)
	a.told(referral.Accept)
}

func TestAFormFromElsewhereIsRefused(t *testing.T) {
	t.Parallel()
	h := newHelpline(t, Config{})
	made, token := h.offered()
	a := h.agencyOf(token)
	a.headers["Sec-Fetch-Site"] = "cross-site"
	if w := a.tells(referral.Accept); w.Code != 403 {
		t.Errorf("got %d", w.Code)
	}
	h.stands(made.ReferralID, referral.Sent)
}

func TestOverHTTPSTheCookieIsBoundToTheHost(t *testing.T) {
	t.Parallel()
	h := newHelpline(t, Config{BaseURL: "https://throughline.example"})
	_, token := h.offered()
	a := h.agencyOf(token)
	c := a.cookies["__Host-tl_link"]
	if c == nil || !c.Secure || !c.HttpOnly || c.Path != "/" || c.SameSite != http.SameSiteLaxMode {
		t.Fatalf("cookie %+v", c)
	}
	if got := a.send("GET", "/r", nil).Header().Get("Referrer-Policy"); got != "no-referrer" {
		t.Errorf("Referrer-Policy %q", got)
	}
	a.look("GET", "/r", nil).is(200)
}

func TestNothingPersonalIsLogged(t *testing.T) {
	t.Parallel()
	h := newHelpline(t, Config{})
	made, token := h.offered()
	a := h.agencyOf(token)
	a.look("GET", "/r", nil).is(200)
	a.told(referral.Accept, "note", "Canary said")
	a.look("POST", "/r", formOf(referral.Decline, []string{"reason", "full"})).is(409)
	h.agencyOf(token+".").look("GET", "/r", nil).is(404)
	h.ask("GET", "/referrals/"+made.ReferralID.String(), h.navigator, "").is(200)
	h.ask("POST", "/cases", h.navigator, `{"name":"Canary","phone":"x"}`).is(422)
	log := h.log.String()
	if !strings.Contains(log, "route=/r") {
		t.Fatalf("the log holds no requests: %s", log)
	}
	for _, secret := range append([]string{token, token[:20], h.navigator, "Sam Pantry", made.ReferralID.String()}, personal...) {
		if strings.Contains(log, secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
}
