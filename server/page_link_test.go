package server

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/google/uuid"

	"throughline/referral"
)

// agency is a visitor of the agency's page with a browser's cookies.
type agency struct {
	*helpline
	cookies map[string]*http.Cookie
	headers map[string]string
}

func (h *helpline) visitor() *agency {
	return &agency{helpline: h, cookies: map[string]*http.Cookie{}, headers: map[string]string{}}
}

// agencyOf is a visitor who has opened the link of a token.
func (h *helpline) agencyOf(token string) *agency {
	h.t.Helper()
	a := h.visitor()
	if w := a.send("GET", "/r/"+token, nil); w.Code != 303 || w.Header().Get("Location") != "/r" {
		h.t.Fatalf("the link answers %d to %q", w.Code, w.Header().Get("Location"))
	}
	return a
}

func (a *agency) send(method, path string, form url.Values) *httptest.ResponseRecorder {
	a.t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(form.Encode()))
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for _, c := range a.cookies {
		r.AddCookie(c)
	}
	for k, v := range a.headers {
		r.Header.Set(k, v)
	}
	w := httptest.NewRecorder()
	a.server.ServeHTTP(w, r)
	for _, c := range w.Result().Cookies() {
		a.cookies[c.Name] = c
	}
	return w
}

type linkSeen struct {
	*goquery.Document
	t    *testing.T
	code int
	raw  string
}

func (a *agency) look(method, path string, form url.Values) linkSeen {
	a.t.Helper()
	w := a.send(method, path, form)
	doc, err := goquery.NewDocumentFromReader(strings.NewReader(w.Body.String()))
	a.must(err)
	return linkSeen{doc, a.t, w.Code, w.Body.String()}
}

func (s linkSeen) is(code int) linkSeen {
	s.t.Helper()
	if s.code != code {
		s.t.Fatalf("got %d, want %d: %s", s.code, code, s.Find("main").Text())
	}
	if n := s.Find("h1").Length(); n != 1 {
		s.t.Errorf("%d h1", n)
	}
	ids := map[string]bool{}
	s.Find("[id]").Each(func(_ int, e *goquery.Selection) {
		id, _ := e.Attr("id")
		if ids[id] {
			s.t.Errorf("the id %s stands twice", id)
		}
		ids[id] = true
	})
	s.Find(`a[href^="#"], label[for]`).Each(func(_ int, e *goquery.Selection) {
		to := strings.TrimPrefix(e.AttrOr("href", e.AttrOr("for", "")), "#")
		if !ids[to] {
			s.t.Errorf("nothing has the id %s", to)
		}
	})
	if strings.Contains(s.raw, "[agency.") || strings.Contains(s.raw, "ZgotmplZ") {
		s.t.Errorf("a text is missing: %s", s.Find("main").Text())
	}
	return s
}

// commands are the forms that the page shows.
func (s linkSeen) commands() []string {
	var all []string
	s.Find(`form[action^="/r#"] input[name="do"]`).Each(func(_ int, e *goquery.Selection) { all = append(all, e.AttrOr("value", "")) })
	return all
}

func (s linkSeen) says(part string) linkSeen {
	s.t.Helper()
	if !strings.Contains(s.Find("main").Text(), part) {
		s.t.Errorf("the page does not say %q: %s", part, s.Find("main").Text())
	}
	return s
}

// tells posts a form as the page would.
func (a *agency) tells(do referral.Name, fields ...string) *httptest.ResponseRecorder {
	a.t.Helper()
	return a.send("POST", "/r", formOf(do, fields))
}

func formOf(do referral.Name, fields []string) url.Values {
	form := url.Values{"do": {string(do)}, "name": {"Sam Pantry"}}
	for i := 0; i+1 < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	return form
}

// told posts a form that must be taken.
func (a *agency) told(do referral.Name, fields ...string) linkSeen {
	a.t.Helper()
	w := a.tells(do, fields...)
	if w.Code != 303 || w.Header().Get("Location") != "/r?done="+string(do) {
		a.t.Fatalf("%s: got %d to %q: %s", do, w.Code, w.Header().Get("Location"), w.Body)
	}
	return a.look("GET", w.Header().Get("Location"), nil).is(200)
}

func (h *helpline) stands(made uuid.UUID, want referral.OfferState) {
	h.t.Helper()
	var state referral.OfferState
	h.must(h.db.Get(&state, `SELECT state FROM offers WHERE referral_id = $1`, made))
	if state != want {
		h.t.Errorf("the offer is %s, want %s", state, want)
	}
}

// personal are the client's details, none of which may be seen before an agency says yes.
var personal = []string{"Zoë", "Canary", "canary", "0123", "K9H", "mornings", "1961", "bread"}

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

// record counts what a change would touch.
func (h *helpline) record() string {
	h.t.Helper()
	var counts string
	h.must(h.db.Get(&counts, `SELECT concat_ws(' ', (SELECT count(*) FROM timeline), (SELECT count(*) FROM messages),
		(SELECT count(*) FROM links), (SELECT count(*) FROM outbox), (SELECT sum(version) FROM referrals))`))
	return counts
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
	if n := page.Find(`input[name="reason"]`).Length(); n != len(referral.DeclineReasons) {
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

func TestAnAgencyAccepts(t *testing.T) {
	t.Parallel()
	h := newHelpline(t, Config{})
	made, token := h.offered()
	a := h.agencyOf(token)
	for _, name := range []string{"", "   ", "\u202e"} {
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
	page.says("outside our area")
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
	for range linkViews {
		a.look("GET", "/r", nil).is(200)
	}
	a.look("GET", "/r", nil).is(429)
	if w := a.tells(referral.Accept); w.Code != 303 {
		t.Errorf("a page that was opened too often can't answer any more: %d", w.Code)
	}
	h.clock.Advance(linkViewsIn)
	a.look("GET", "/r", nil).is(200)
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
