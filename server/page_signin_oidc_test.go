package server

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"throughline/internal/signon"
	"throughline/internal/signon/signontest"
	"throughline/referral"
)

var zoe = signontest.Person{Subject: "u-1", Email: "nav@kawartha.example", Verified: true, Groups: []string{"everyone", "211-navigators"}}

// signedOn is a helpline whose people may come by a provider of single sign-on, and the provider.
func signedOn(t *testing.T) (*visitor, *signontest.Provider) {
	t.Helper()
	h := newHelpline(t, Config{Dev: true, Mailbox: &letterbox{}})
	v := staffedOf(h)
	p := signontest.Start(t, v.site.URL+SignOnPath)
	p.Is(zoe)
	s, err := New(Deps{Desk: h.desk, DB: h.db, Clock: h.clock, Log: h.server.log, Config: Config{BaseURL: v.site.URL, SignOn: signon.New(signon.Config{
		Issuer: p.Issuer, ClientID: signontest.ClientID, ClientSecret: signontest.ClientSecret, RedirectURL: v.site.URL + SignOnPath,
		GroupsClaim: "groups", Roles: []signon.RoleOfGroup{{Group: "211-leads", Role: "coordinator"}, {Group: "211-navigators", Role: "navigator"}}})}})
	v.must(err)
	t.Cleanup(s.Close)
	v.server = s
	v.site.Config.Handler = s
	return v, p
}

func TestSingleSignOn(t *testing.T) {
	t.Parallel()
	v, p := signedOn(t)
	page := v.get("/sign-in?next=%2Ftasks")
	to, ok := page.Find(`a[href^="/sign-in/oidc"]`).Attr("href")
	if !ok {
		t.Fatal("the page does not offer it")
	}
	if at := v.get(to).is(200); at.Path != "/tasks" {
		t.Fatalf("led to %s: %s", at.Path, at.says("main"))
	}
	if says := v.get("/account").is(200).says("main"); !strings.Contains(says, "your organisation’s account") {
		t.Errorf("the account does not say how: %s", says)
	}
	// The groups have changed, and so has the address: it is the same person.
	first := *v
	p.Is(signontest.Person{Subject: "u-1", Email: "changed@elsewhere.example", Verified: true, Groups: []string{"211-navigators", "211-leads"}})
	v.forget()
	if at := v.get("/sign-in/oidc").is(200); at.Path != "/queue" {
		t.Errorf("a coordinator was led to %s: %s", at.Path, at.says("main"))
	}
	if at := first.get("/work"); !strings.HasPrefix(at.Path, "/sign-in") {
		t.Errorf("a session of the former role still sees %s", at.Path)
	}
	if a, err := v.desk.Account(t.Context(), v.account.ID); err != nil || a.Role != referral.Coordinator {
		t.Errorf("the role is %s: %v", a.Role, err)
	}
}

func TestSingleSignOnRefusesInWords(t *testing.T) {
	t.Parallel()
	v, p := signedOn(t)
	for name, c := range map[string]struct {
		who    signontest.Person
		status int
		says   string
	}{
		"no group":           {signontest.Person{Subject: "u-1", Email: zoe.Email, Verified: true, Groups: []string{"everyone"}}, 403, "has not put you in a group"},
		"no groups at all":   {signontest.Person{Subject: "u-1", Email: zoe.Email, Verified: true}, 403, "has not put you in a group"},
		"unverified address": {signontest.Person{Subject: "u-1", Email: zoe.Email, Groups: zoe.Groups}, 403, "Nobody here has invited you"},
		"nobody we know":     {signontest.Person{Subject: "u-9", Email: "nobody@kawartha.example", Verified: true, Groups: zoe.Groups}, 403, "Nobody here has invited you"},
	} {
		v.forget()
		p.Is(c.who)
		page := v.get("/sign-in/oidc").is(c.status)
		if !strings.Contains(page.says("#wrongs"), c.says) {
			t.Errorf("%s: %q", name, page.says("#wrongs"))
		}
		if at := v.get("/work"); !strings.HasPrefix(at.Path, "/sign-in") {
			t.Errorf("%s: let in to %s", name, at.Path)
		}
	}
	v.forget()
	p.Is(zoe)
	back := v.comeBack(p)
	p.Stop()
	if page := v.get(back.RequestURI()).is(503); !strings.Contains(page.says("#wrongs"), "does not answer") {
		t.Errorf("the provider is away: %q", page.says("#wrongs"))
	}
}

func TestForgedTokensAreRefused(t *testing.T) {
	t.Parallel()
	v, p := signedOn(t)
	changed := func(name string, value any) func(map[string]any) string {
		return func(claims map[string]any) string { claims[name] = value; return p.Sign(claims) }
	}
	other := signontest.Start(t, v.site.URL+SignOnPath)
	for name, forge := range map[string]func(map[string]any) string{
		"another nonce":    changed("nonce", "another"),
		"no nonce":         changed("nonce", nil),
		"another audience": changed("aud", "someone-else"),
		"expired":          changed("exp", time.Now().Add(-time.Hour).Unix()),
		"another issuer":   changed("iss", "https://evil.example"),
		"alg none":         signontest.Unsigned,
		"another's key":    other.Sign,
		"changed after it was signed": func(claims map[string]any) string {
			parts := strings.Split(p.Sign(claims), ".")
			claims["email"] = "coord@kawartha.example"
			return parts[0] + "." + strings.Split(signontest.Unsigned(claims), ".")[1] + "." + parts[2]
		},
		"no token": func(map[string]any) string { return "" },
	} {
		v.forget()
		p.Forge(forge)
		page := v.get("/sign-in/oidc")
		if page.Status != http.StatusUnauthorized || !strings.Contains(page.says("#wrongs"), "did not work") {
			t.Errorf("%s: %d %q", name, page.Status, page.says("#wrongs"))
		}
		if at := v.get("/work"); !strings.HasPrefix(at.Path, "/sign-in") {
			t.Errorf("%s: let in to %s", name, at.Path)
		}
	}
	v.forget()
	p.Forge(p.Sign)
	v.get("/sign-in/oidc").is(200)
}

// comeBack goes to the provider as a browser does, and stops before it goes back: what it would be sent back to.
func (v *visitor) comeBack(p *signontest.Provider) *url.URL {
	v.t.Helper()
	stop := *v.client
	stop.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if r.URL.Path == SignOnPath {
			return http.ErrUseLastResponse
		}
		return nil
	}
	answer, err := stop.Get(v.site.URL + "/sign-in/oidc")
	v.must(err)
	answer.Body.Close()
	back, err := answer.Location()
	v.must(err)
	if back.Query().Get("code") == "" {
		v.t.Fatalf("the provider gives no code: %s", back.Path)
	}
	return back
}

func TestAnAnswerOfTheProviderIsGoodOnceAndForOneBrowser(t *testing.T) {
	t.Parallel()
	v, p := signedOn(t)
	back := v.comeBack(p)
	victim := *v
	// Another browser, with a sign-in of its own under way, is made to open the victim's address, whole or with its own state.
	v.forget()
	v.get(back.RequestURI()).is(http.StatusUnauthorized)
	own := v.comeBack(p)
	injected := own.Query()
	injected.Set("code", back.Query().Get("code"))
	v.get(SignOnPath + "?" + injected.Encode()).is(http.StatusUnauthorized)
	v.get(own.RequestURI()).is(http.StatusUnauthorized) // its state is used up
	// It lets in the browser that it was for, once; a wrong state uses up the right one.
	victim.get(back.RequestURI()).is(200)
	victim.get(back.RequestURI()).is(http.StatusUnauthorized)
	fresh := victim.comeBack(p)
	wrong := fresh.Query()
	wrong.Set("state", "another")
	victim.get(SignOnPath + "?" + wrong.Encode()).is(http.StatusUnauthorized)
	victim.get(fresh.RequestURI()).is(http.StatusUnauthorized)
	// Too late.
	late := victim.comeBack(p)
	victim.clock.Advance(awayTime + time.Second)
	victim.get(late.RequestURI()).is(http.StatusUnauthorized)
	if log := v.log.String(); strings.Contains(log, back.Query().Get("code")) || strings.Contains(log, back.Query().Get("state")) {
		t.Error("the log holds a code or a state")
	}
}

// A session that someone planted before must not be signed in.
func TestAPlantedSessionIsNotSignedIn(t *testing.T) {
	t.Parallel()
	v, p := signedOn(t)
	for name, in := range map[string]func(){
		"by password": func() { v.signInAs("nav@kawartha.example") },
		"by provider": func() { v.get("/sign-in/oidc").is(200) },
	} {
		v.forget()
		v.comeBack(p) // a session begins
		site, err := url.Parse(v.site.URL)
		v.must(err)
		before := cookieOf(v.client.Jar.Cookies(site), sessionCookie)
		in()
		after := cookieOf(v.client.Jar.Cookies(site), sessionCookie)
		if before == "" || after == before {
			t.Errorf("%s: the session's token %q stayed", name, before)
		}
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodGet, "/work", nil)
		r.AddCookie(&http.Cookie{Name: sessionCookie, Value: before})
		v.server.ServeHTTP(w, r)
		if w.Code != http.StatusSeeOther || !strings.HasPrefix(w.Header().Get("Location"), "/sign-in") {
			t.Errorf("%s: the token of before opens /work: %d", name, w.Code)
		}
	}
}

func cookieOf(cookies []*http.Cookie, name string) string {
	for _, c := range cookies {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}
