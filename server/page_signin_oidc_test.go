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
	return signedOnBy(t, nil, nil)
}

// signedOnBy is signedOn where the provider must have let people in by one of some classes and methods.
func signedOnBy(t *testing.T, acr, amr []string) (*visitor, *signontest.Provider) {
	t.Helper()
	h := newHelpline(t, Config{Dev: true, Mailbox: &letterbox{}})
	v := staffedOf(h)
	p := signontest.Start(t, v.site.URL+SignOnPath)
	p.Is(zoe)
	s, err := New(Deps{Desk: h.desk, DB: h.db, Clock: h.clock, Log: h.server.log, Config: Config{BaseURL: v.site.URL, SignOn: signon.New(signon.Config{
		Issuer: p.Issuer, ClientID: signontest.ClientID, ClientSecret: signontest.ClientSecret, RedirectURL: v.site.URL + SignOnPath,
		GroupsClaim: "groups", ACR: acr, AMR: amr, Roles: []signon.RoleOfGroup{{Group: "211-leads", Role: "coordinator"}, {Group: "211-navigators", Role: "navigator"}}})}})
	v.must(err)
	v.server = s
	v.site.Config.Handler = s
	return v, p
}

// byProvider presses the button of the sign-in page, and follows where it leads.
func (v *visitor) byProvider(next string) shown {
	v.t.Helper()
	return v.onward(v.post("/sign-in/oidc", url.Values{"next": {next}}))
}

// onward follows the page that leads to the provider, as browsers do by themselves.
func (v *visitor) onward(page shown) shown {
	v.t.Helper()
	to := page.Find("#elsewhere").AttrOr("href", "")
	if refresh := page.Find(`meta[http-equiv="refresh"]`).AttrOr("content", ""); to == "" || refresh != "0;url="+to {
		v.t.Fatalf("the page leads to %q, its browser to %q", to, refresh)
	}
	r, err := http.NewRequestWithContext(v.t.Context(), http.MethodGet, to, nil)
	v.must(err)
	return v.send(r)
}

func TestSingleSignOn(t *testing.T) {
	t.Parallel()
	v, p := signedOn(t)
	page := v.get("/sign-in?next=%2Ftasks")
	if offered := page.form(`form[action="/sign-in/oidc"]`); offered.Get("next") != "/tasks" {
		t.Fatalf("the page offers %v", offered)
	}
	if at := v.byProvider("/tasks").is(200); at.Path != "/tasks" {
		t.Fatalf("led to %s: %s", at.Path, at.says("main"))
	}
	if says := v.get("/account").is(200).says("main"); !strings.Contains(says, "your organisation’s account") {
		t.Errorf("the account does not say how: %s", says)
	}
	// The groups have changed, and so has the address: it is the same person.
	first := *v
	p.Is(signontest.Person{Subject: "u-1", Email: "changed@elsewhere.example", Verified: true, Groups: []string{"211-navigators", "211-leads"}})
	v.forget()
	if at := v.byProvider("").is(200); at.Path != "/queue" {
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
		page := v.byProvider("").is(c.status)
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
		page := v.byProvider("")
		if page.Status != http.StatusUnauthorized || !strings.Contains(page.says("#wrongs"), "did not work") {
			t.Errorf("%s: %d %q", name, page.Status, page.says("#wrongs"))
		}
		if at := v.get("/work"); !strings.HasPrefix(at.Path, "/sign-in") {
			t.Errorf("%s: let in to %s", name, at.Path)
		}
	}
	v.forget()
	p.Forge(p.Sign)
	v.byProvider("").is(200)
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
	to := v.post("/sign-in/oidc", url.Values{}).is(200).Find("#elsewhere").AttrOr("href", "")
	answer, err := stop.Get(to)
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
		"by provider": func() { v.byProvider("").is(200) },
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

// A link of someone else's page must not sign anyone in whom the provider remembers, nor a form of it.
func TestSingleSignOnBeginsOnOurOwnPage(t *testing.T) {
	t.Parallel()
	v, _ := signedOn(t)
	if page := v.get("/sign-in/oidc?next=/tasks").is(200); page.Path != "/sign-in" || page.Find("#elsewhere").Length() != 0 {
		t.Errorf("a link leads to %s: %s", page.Path, page.says("main"))
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, v.site.URL+"/sign-in/oidc", strings.NewReader("next=/"))
	v.must(err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", "https://evil.example")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	v.send(r).is(http.StatusForbidden)
	if log := v.log.String(); !strings.Contains(log, "a form from elsewhere was refused") {
		t.Error("the log does not say so")
	}
}

// Where it is set how the provider must let people in, what it says of that is checked.
func TestTheProviderMustAskForEnough(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		acr, amr []string
		who      signontest.Person
		status   int
	}{
		"a second factor":           {nil, []string{"mfa", "hwk"}, signontest.Person{AMR: []string{"mfa"}}, 200},
		"a password only":           {nil, []string{"mfa", "hwk"}, signontest.Person{}, 403},
		"the class":                 {[]string{"high"}, nil, signontest.Person{ACR: "high"}, 200},
		"another class":             {[]string{"high"}, nil, signontest.Person{ACR: "low"}, 403},
		"no class":                  {[]string{"high"}, nil, signontest.Person{}, 403},
		"the class, not the method": {[]string{"high"}, []string{"mfa"}, signontest.Person{ACR: "high"}, 403},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v, p := signedOnBy(t, c.acr, c.amr)
			who := zoe
			who.ACR, who.AMR = c.who.ACR, c.who.AMR
			p.Is(who)
			begun := v.post("/sign-in/oidc", url.Values{}).is(200)
			to, err := url.Parse(begun.Find("#elsewhere").AttrOr("href", ""))
			v.must(err)
			if asked := to.Query().Get("acr_values"); asked != strings.Join(c.acr, " ") {
				t.Errorf("asked for %q", asked)
			}
			if page := v.onward(begun).is(c.status); c.status == 403 && !strings.Contains(page.says("#wrongs"), "such as a second factor") {
				t.Errorf("it says %s", page.says("#wrongs"))
			}
		})
	}
}

// Who came by single sign-on and signs out is led past the provider, so that the next person is not let in as them.
func TestSigningOutAtTheProvider(t *testing.T) {
	t.Parallel()
	v, p := signedOn(t)
	v.byProvider("").is(200)
	page := v.post("/sign-out", url.Values{}).is(200)
	if at := v.get("/work"); !strings.HasPrefix(at.Path, "/sign-in") {
		t.Errorf("still signed in: %s", at.Path)
	}
	if back := v.onward(page).is(200); back.Path != "/sign-in" || p.Ended() != 1 {
		t.Errorf("led to %s, and %d sessions ended there", back.Path, p.Ended())
	}
	// By password there is nothing to end elsewhere, and without the provider one is signed out all the same.
	v.signInAs("nav@kawartha.example")
	if page := v.post("/sign-out", url.Values{}).is(200); page.Path != "/sign-in" || p.Ended() != 1 {
		t.Errorf("led to %s, and %d sessions ended there", page.Path, p.Ended())
	}
}

// A provider that sends us elsewhere is not followed.
func TestNoRedirectOfTheProviderIsFollowed(t *testing.T) {
	t.Parallel()
	v, p := signedOn(t)
	p.Move()
	v.byProvider("").is(http.StatusUnauthorized)
	if at := v.get("/work"); !strings.HasPrefix(at.Path, "/sign-in") {
		t.Errorf("let in to %s", at.Path)
	}
}
