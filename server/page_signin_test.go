package server

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
)

func TestSignInLeadsEachRoleToItsDay(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	if at := v.get("/cases/new"); at.Path != "/sign-in?next=%2Fcases%2Fnew" {
		t.Errorf("a visitor was led to %s", at.Path)
	}
	if at := v.signInAs("nav@kawartha.example"); at.Path != "/work" || at.says("h1") != "My work" {
		t.Errorf("a navigator begins at %s", at.Path)
	}
	v.post("/sign-out", url.Values{}).is(200)
	if at := v.get("/work"); at.Path != "/sign-in?next=%2Fwork" {
		t.Errorf("after signing out /work leads to %s", at.Path)
	}
	if at := v.signInAs("COORD@kawartha.example"); at.Path != "/queue" || at.says("h1") != "File de suivi" {
		t.Errorf("a coordinator begins at %s: %s", at.Path, at.says("h1"))
	}
}

func TestSignInSaysNothingAboutAccounts(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	for _, form := range []url.Values{{"email": {"nav@kawartha.example"}, "password": {"wrong"}},
		{"email": {"nobody@kawartha.example"}, "password": {"wrong"}}, {}} {
		page := v.post("/sign-in", form).is(http.StatusUnauthorized)
		if got := page.says("#wrongs"); got != "The email address or the password is not right." {
			t.Errorf("%v: %q", form, got)
		}
	}
}

func TestSignInLeadsNowhereElse(t *testing.T) {
	t.Parallel()
	for next, want := range map[string]string{"/tasks?all=1": "/tasks?all=1", "https://evil.example/": "", "//evil.example": "",
		"/\\evil.example": "", "javascript:alert(1)": "", "tasks": "", "/\n/evil": "", "": ""} {
		if got := localPath(next); got != want {
			t.Errorf("localPath(%q) = %q, want %q", next, got, want)
		}
	}
}

func TestGuessingIsSlowedDownForTheGuesserOnly(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	guess := url.Values{"email": {"nav@kawartha.example"}, "password": {"guess"}}
	for range 6 {
		v.post("/sign-in", guess).is(http.StatusUnauthorized)
	}
	page := v.post("/sign-in", guess).is(http.StatusTooManyRequests)
	if page.Header.Get("Retry-After") != "1" || !strings.Contains(page.says("main"), "nothing is locked") {
		t.Errorf("to be tried again after %s: %q", page.Header.Get("Retry-After"), page.says("main"))
	}
	v.signInAs("coord@kawartha.example")
	v.forget()
	v.clock.Advance(time.Second)
	v.signInAs("nav@kawartha.example")
	for range 5 {
		v.post("/sign-in", guess).is(http.StatusUnauthorized)
	}
}

// Where everyone has the address of a proxy that is not trusted, one stranger's guesses must not make the others wait.
func TestGuessesBehindAProxyThatIsNotTrustedHoldNobodyUp(t *testing.T) {
	t.Parallel()
	for site, want := range map[string]int{"https://throughline.example": http.StatusSeeOther, "http://throughline.example": http.StatusTooManyRequests} {
		t.Run(site, func(t *testing.T) {
			t.Parallel()
			h := newHelpline(t, Config{BaseURL: site})
			stranger, owner := h.visitor(), h.visitor()
			for range 7 {
				stranger.send("POST", "/sign-in", url.Values{"email": {"nav@kawartha.example"}, "password": {"guess"}})
			}
			in := owner.send("POST", "/sign-in", url.Values{"email": {"nav@kawartha.example"}, "password": {password}})
			if in.Code != want {
				t.Errorf("the owner's new browser is answered %d, want %d", in.Code, want)
			}
		})
	}
}

func TestWhatNoAccountCanHaveIsRefusedUnread(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	for _, form := range []url.Values{{"email": {strings.Repeat("a", maxEmail) + "@x.example"}, "password": {password}},
		{"email": {"nav@kawartha.example"}, "password": {strings.Repeat("p", maxPassword+1)}}} {
		page := v.post("/sign-in", form).is(http.StatusUnauthorized)
		if got := page.says("#wrongs"); got != "The email address or the password is not right." || page.Find("#email").AttrOr("value", "") != "" {
			t.Errorf("%q, in the field %d characters", got, len(page.Find("#email").AttrOr("value", "")))
		}
	}
	var kept int
	v.must(v.db.Get(&kept, `SELECT count(*) FROM sign_in_tries`))
	if kept != 0 {
		t.Errorf("%d keys are kept of it", kept)
	}
}

func TestACrowdSigningInWaitsItsTurn(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	for range signInsAtOnce {
		v.server.signIns.room <- struct{}{}
	}
	form := url.Values{"email": {"nav@kawartha.example"}, "password": {password}}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/sign-in", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	v.server.ServeHTTP(w, r)
	if w.Code != http.StatusServiceUnavailable || len(w.Result().Cookies()) != 0 {
		t.Errorf("who can't wait is answered %d", w.Code)
	}
	<-v.server.signIns.room
	v.signInAs("nav@kawartha.example")
	if n := len(v.server.signIns.room); n != signInsAtOnce-1 {
		t.Errorf("%d places are taken afterwards, want %d", n, signInsAtOnce-1)
	}
}

func TestASessionOfAClosedAccountEnds(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	v.signInAs("nav@kawartha.example")
	v.must(v.desk.CloseAccount(t.Context(), "nav@kawartha.example"))
	if at := v.get("/work"); !strings.HasPrefix(at.Path, "/sign-in") {
		t.Errorf("a closed account still sees %s", at.Path)
	}
}

func TestASessionOfAFormerPasswordEnds(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	v.signInAs("nav@kawartha.example")
	v.get("/work").is(http.StatusOK)
	other := *v
	other.forget()
	other.signInAs("coord@kawartha.example")
	v.must(v.desk.SetPassword(t.Context(), "nav@kawartha.example", "another horse battery"))
	if at := v.get("/work"); !strings.HasPrefix(at.Path, "/sign-in") {
		t.Errorf("who signed in with the former password still sees %s", at.Path)
	}
	if at := other.get("/work"); at.Path != "/work" {
		t.Errorf("a colleague was led to %s", at.Path)
	}
	v.post("/sign-in", url.Values{"email": {"nav@kawartha.example"}, "password": {"another horse battery"}}).is(http.StatusOK)
	v.get("/work").is(http.StatusOK)
}

func TestSessionsAreKeptByDigestAndRenewed(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	v.signInAs("nav@kawartha.example")
	site, err := url.Parse(v.site.URL)
	v.must(err)
	var token string
	for _, c := range v.client.Jar.Cookies(site) {
		if c.Name == sessionCookie {
			token = c.Value
		}
	}
	var rows int
	v.must(v.db.Get(&rows, `SELECT count(*) FROM sessions WHERE token = $1`, token))
	if token == "" || rows != 0 {
		t.Errorf("the session's token %q is in the database as it is", token)
	}
	v.signInAs("nav@kawartha.example")
	for _, c := range v.client.Jar.Cookies(site) {
		if c.Name == sessionCookie && c.Value == token {
			t.Error("signing in keeps the token of before")
		}
	}
}

func TestACallOutlivesItsSession(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	v.signInAs("nav@kawartha.example")
	form := v.get("/cases/new").is(200).form("#intake-form")
	form.Set("name", "Zoë Canary")
	form.Set("details", "Two adults,\r\n<b>no</b> bread")
	form.Set("need", "food")
	form.Set("consent", "yes")
	form.Set("do", "save")
	form.Add("service_ids", v.services[1].String())
	form.Add("service_ids", v.services[0].String())
	_, err := v.db.Exec(`DELETE FROM sessions`)
	v.must(err)

	page := v.post("/cases/new", form).is(http.StatusUnauthorized)
	if strings.Contains(page.Path, "Canary") || page.says("[role=status]") == "" {
		t.Fatalf("at %s the page says %q", page.Path, page.says("main"))
	}
	again := page.form("main form")
	again.Set("email", "nav@kawartha.example")
	again.Set("password", "mistyped")
	again = v.post("/sign-in", again).is(http.StatusUnauthorized).form("main form")
	again.Set("password", password)
	resumed := v.post("/sign-in", again).is(200)
	if action := resumed.Find("main form").AttrOr("action", ""); action != "/cases/new" {
		t.Fatalf("the form goes on to %s", action)
	}
	done := v.post("/cases/new", resumed.form("main form")).is(200)
	if !strings.HasPrefix(done.Path, "/cases/") || !strings.Contains(done.says("main"), "<b>no</b> bread") {
		t.Errorf("at %s: %s", done.Path, done.says("main"))
	}
	var services []uuid.UUID
	v.must(v.db.Select(&services, `SELECT service_id FROM offers ORDER BY rank`))
	if len(services) != 2 || services[0] != v.services[1] {
		t.Errorf("the order of services is lost: %v", services)
	}
}

func TestLanguage(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, v.site.URL+"/sign-in", nil)
	v.must(err)
	r.Header.Set("Accept-Language", "fr-CA,fr;q=0.9")
	if page := v.send(r); page.Find("html").AttrOr("lang", "") != "fr" || page.says("h1") != "Ouvrir une session" {
		t.Errorf("a French browser sees %s", page.says("h1"))
	}
	v.signInAs("nav@kawartha.example")
	page := v.post("/language", url.Values{"lang": {"fr"}, "to": {"/tasks"}}).is(200)
	if page.Path != "/tasks" || page.says("h1") != "Tâches" {
		t.Errorf("the switch leads to %s: %s", page.Path, page.says("h1"))
	}
	v.forget()
	if page := v.signInAs("nav@kawartha.example"); page.says("h1") != "Mon travail" {
		t.Errorf("the account does not remember its language: %s", page.says("h1"))
	}
	if page := v.get("/queue?lang=en"); page.says("h1") != "Queue" {
		t.Errorf("?lang=en shows %s", page.says("h1"))
	}
	if page := v.get("/queue"); page.says("h1") != "Queue" {
		t.Errorf("the choice is forgotten: %s", page.says("h1"))
	}
	v.post("/language", url.Values{"lang": {"xx"}}).is(http.StatusUnprocessableEntity)
}

func TestRolesSeeTheirMenu(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	for _, email := range []string{"nav@kawartha.example", "coord@kawartha.example"} {
		v.forget()
		v.signInAs(email)
		for _, path := range []string{"/work", "/queue", "/closed", "/cases", "/tasks", "/services", "/cases/new"} {
			page := v.get(path).is(200)
			if page.Find("h1").Length() != 1 || page.Find(`nav a[aria-current]`).AttrOr("href", "") != path {
				t.Errorf("%s: %d headings, current %s", path, page.Find("h1").Length(), page.says("nav a[aria-current]"))
			}
		}
	}
}
