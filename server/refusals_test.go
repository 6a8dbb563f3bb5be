package server

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"throughline/casework"
	"throughline/referral"
)

// Who asks for what is not theirs is answered as before, and the auditor sees that they asked.
func TestRefusalsAreKept(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	hidden, err := v.desk.OpenCase(t.Context(), v.account.Actor(casework.ViaPage), casework.CaseInput{Name: "Zoë Canary", Restricted: "violence"}, nil)
	v.must(err)
	v.signInAs("coord@kawartha.example")
	v.get("/cases/" + hidden.ID.String()).is(http.StatusNotFound)
	v.get("/cases/" + uuid.NewString()).is(http.StatusNotFound)
	v.get("/people").is(http.StatusForbidden)
	v.post("/sign-out", url.Values{}).is(200)
	v.post("/sign-in", url.Values{"email": {"coord@kawartha.example"}, "password": {"Canary battery staple"}}).is(http.StatusUnauthorized)
	v.oversees(referral.Auditor)
	person := v.get("/audit/people/" + v.lead.ID.String()).is(200).says("main")
	for _, want := range []string{"Refused Asked for a case that is out of reach " + hidden.Reference, "Refused Asked for what the role may not do permission: manage_people",
		"Signed out", "Refused Not let in to this account wrong password"} {
		if strings.Count(person, want) != 1 {
			t.Errorf("the auditor sees %d times %q: %s", strings.Count(person, want), want, person)
		}
	}
	if of := v.get("/audit/cases/" + hidden.ID.String()).is(200).says("main"); !strings.Contains(of, "Camille") {
		t.Errorf("of the case the auditor sees %s", of)
	}
	if log := v.log.String(); !strings.Contains(log, `msg="a sign-in was refused"`) || strings.Contains(log, "Canary") || strings.Contains(log, "coord@") {
		t.Error("the log does not say that a sign-in was refused, or says more")
	}
}

// A browser forgets what it kept of us at the end of a session; what else is under our domain is not ours to forget.
func TestSigningOutClearsTheBrowser(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	v.signInAs("nav@kawartha.example")
	v.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	answer := v.post("/sign-out", url.Values{}).is(http.StatusSeeOther)
	if got := answer.Header.Get("Clear-Site-Data"); got != `"cache", "storage"` {
		t.Errorf("Clear-Site-Data: %s", got)
	}
	gone := map[string]bool{}
	for _, c := range (&http.Response{Header: answer.Header}).Cookies() {
		gone[c.Name] = c.MaxAge < 0 || c.Value == ""
	}
	if !gone[sessionCookie] || !gone[languageCookie] || gone[deviceCookie] {
		t.Errorf("cookies: %v", gone)
	}
}

func TestAnOldSessionProvesAgain(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	v.signInAs("nav@kawartha.example")
	other := *v
	other.forget()
	v.clock.Advance(time.Second) // the latest is listed first
	other.signInAs("nav@kawartha.example")
	if page := v.get("/account").is(200); page.Find("#proof_factor, #proof_visits").Length() != 0 {
		t.Error("who has just signed in is asked again")
	}
	v.clock.Advance(11 * time.Minute)
	page := v.get("/account").is(200)
	if page.Find("#proof_factor, #proof_visits").Length() != 2 {
		t.Fatalf("an old session is not asked: %s", page.says("main"))
	}
	end := page.Find(`button[value^="end:"]`).First().AttrOr("value", "")
	for do, field := range map[string]string{"propose": "proof_factor", "everywhere": "proof_visits", end: "proof_visits"} {
		wrong := v.post("/account", url.Values{"do": {do}, field: {"wrong horse battery"}}).is(422)
		if wrong.Find(`#wrongs a[href="#`+field+`"]`).Length() != 1 {
			t.Errorf("%s: %s", do, wrong.says("main"))
		}
	}
	other.get("/work").is(200)
	v.post("/account", url.Values{"do": {"propose"}, "proof_factor": {password}}).is(200)
	if at := v.post("/account", url.Values{"do": {"everywhere"}, "proof_visits": {password}}).is(200); at.Path != "/sign-in" {
		t.Errorf("led to %s", at.Path)
	}
	if at := other.get("/work"); !strings.HasPrefix(at.Path, "/sign-in") {
		t.Errorf("the other session still sees %s", at.Path)
	}
}

// Who came by single sign-on has no password here: the provider asks them anew, and then they may.
func TestAnOldSessionOfSingleSignOnGoesBackToTheProvider(t *testing.T) {
	t.Parallel()
	v, _ := signedOn(t)
	v.byProvider("").is(200)
	v.clock.Advance(11 * time.Minute)
	page := v.post("/account", url.Values{"do": {"propose"}}).is(422)
	if page.Find(`#wrongs a[href="#sign_in_again"]`).Length() != 1 || page.Find("#proof_factor").Length() != 0 {
		t.Fatalf("it says %s", page.says("main"))
	}
	begun := v.post("/sign-in/oidc", page.form("#sign_in_again"))
	again := v.post("/sign-in/oidc", url.Values{"next": {"/account"}, "again": {"yes"}})
	to, err := url.Parse(again.Find("#elsewhere").AttrOr("href", ""))
	v.must(err)
	if to.Query().Get("prompt") != "login" || strings.Contains(begun.Find("#elsewhere").AttrOr("href", ""), "prompt=") {
		t.Errorf("the provider is asked %s", to.RawQuery)
	}
	if at := v.onward(again).is(200); at.Path != "/account" || at.Find("#sign_in_again").Length() != 0 {
		t.Errorf("led to %s: %s", at.Path, at.says("main"))
	}
	v.post("/account", url.Values{"do": {"propose"}}).is(200)
}

// Whoever finds a browser left open can begin a visit anew, for the provider remembers its owner, and can change what the
// browser asks it. That is no proof.
func TestAProviderThatRemembersProvesNothing(t *testing.T) {
	t.Parallel()
	v, p := signedOn(t)
	away := zoe
	away.Ago = casework.FreshFor + time.Minute
	p.Is(away)
	v.byProvider("").is(200)
	if page := v.get("/account").is(200); page.Find("#sign_in_again").Length() != 1 {
		t.Errorf("a visit that began just now is enough: %s", page.says("main"))
	}
	v.post("/account", url.Values{"do": {"propose"}}).is(422)
	again := url.Values{"next": {"/account"}, "again": {"yes"}}
	to, err := url.Parse(v.post("/sign-in/oidc", again).is(200).Find("#elsewhere").AttrOr("href", ""))
	v.must(err)
	asked := to.Query()
	asked.Del("prompt")
	asked.Del("max_age")
	to.RawQuery = asked.Encode()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, to.String(), nil)
	v.must(err)
	page := v.send(r).is(http.StatusForbidden)
	if !strings.Contains(page.says("#wrongs"), "did not say that it asked you anew") || page.form(`form[action="/sign-in/oidc"]`).Get("again") == "" {
		t.Errorf("it says %s, and asks for less then", page.says("#wrongs"))
	}
	v.post("/account", url.Values{"do": {"propose"}}).is(422)
	// A provider that does not say when.
	p.Forge(func(claims map[string]any) string { delete(claims, "auth_time"); return p.Sign(claims) })
	v.onward(v.post("/sign-in/oidc", again).is(200)).is(http.StatusForbidden)
	v.byProvider("").is(200)
	v.post("/account", url.Values{"do": {"propose"}}).is(422)
	p.Forge(nil)
	v.onward(v.post("/sign-in/oidc", again).is(200)).is(200)
	v.post("/account", url.Values{"do": {"propose"}}).is(200)
}
