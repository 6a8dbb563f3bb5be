package server

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/google/uuid"
	"github.com/pquerna/otp/totp"

	"throughline/casework"
	"throughline/internal/token"
	"throughline/locale"
	"throughline/referral"
)

// code is what an app shows now.
func (v *visitor) code(secret string) string {
	v.t.Helper()
	code, err := totp.GenerateCode(secret, v.clock.Now())
	v.must(err)
	return code
}

// enrol sets up a second factor on the page, and gives its secret and the recovery codes.
func (v *visitor) enrol() (secret string, codes []string) {
	v.t.Helper()
	page := v.post("/account", url.Values{"do": {"propose"}}).is(200)
	secret = strings.ReplaceAll(page.says("#second-factor code"), " ", "")
	if len(secret) != 32 || page.Find("svg.tl-qr path").Length() != 1 || page.Find("img, iframe, object").Length() != 0 {
		v.t.Fatalf("the secret is %d characters: %s", len(secret), page.says("#second-factor"))
	}
	shown := v.post("/account", url.Values{"do": {"confirm"}, "new_code": {v.code(secret)}}).is(200)
	shown.Find(".tl-codes code").Each(func(_ int, c *goquery.Selection) { codes = append(codes, c.Text()) })
	if len(codes) != casework.RecoveryCodes {
		v.t.Fatalf("%d recovery codes: %s", len(codes), shown.says("main"))
	}
	return secret, codes
}

func TestSigningInWithACode(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	v.signInAs("nav@kawartha.example")
	site, err := url.Parse(v.site.URL)
	v.must(err)
	before := cookieOf(v.client.Jar.Cookies(site), sessionCookie)
	secret, codes := v.enrol()
	if cookieOf(v.client.Jar.Cookies(site), sessionCookie) == before {
		t.Error("a second factor keeps the session's token of before")
	}
	if page := v.get("/account").is(200); strings.Contains(page.Text(), codes[0]) || strings.Contains(strings.ReplaceAll(page.Text(), " ", ""), secret) {
		t.Error("what is shown once is shown again")
	}
	v.forget()
	v.clock.Advance(time.Minute)
	page := v.post("/sign-in", url.Values{"email": {"nav@kawartha.example"}, "password": {password}, "next": {"/tasks"}}).is(200)
	if page.Path != "/sign-in/code?next=%2Ftasks" {
		t.Fatalf("a password alone leads to %s", page.Path)
	}
	if at := v.get("/work"); !strings.HasPrefix(at.Path, "/sign-in") {
		t.Fatalf("a password alone opens %s", at.Path)
	}
	half := cookieOf(v.client.Jar.Cookies(site), sessionCookie)
	v.post("/sign-in/code", url.Values{"code": {"000000"}}).is(http.StatusUnauthorized)
	code := v.code(secret)
	if at := v.post("/sign-in/code", url.Values{"code": {code}, "next": {"/tasks"}}).is(200); at.Path != "/tasks" {
		t.Errorf("the code leads to %s", at.Path)
	}
	if cookieOf(v.client.Jar.Cookies(site), sessionCookie) == half {
		t.Error("the code keeps the session's token of before")
	}
	v.forget()
	v.signInAs("nav@kawartha.example")
	v.post("/sign-in/code", url.Values{"code": {code}}).is(http.StatusUnauthorized)
	v.post("/sign-in/code", url.Values{"code": {strings.ToLower(codes[0])}}).is(200)
	v.get("/work").is(200)
	v.forget()
	v.signInAs("nav@kawartha.example")
	v.post("/sign-in/code", url.Values{"code": {codes[0]}}).is(http.StatusUnauthorized)
	v.clock.Advance(codeTime)
	if page := v.post("/sign-in/code", url.Values{"code": {codes[1]}}).is(http.StatusUnauthorized); page.Find("#password").Length() != 1 {
		t.Error("after a while the password is asked for again")
	}
	if strings.Contains(v.log.String(), secret) || strings.Contains(v.log.String(), codes[0]) {
		t.Error("the log holds a secret")
	}
}

func TestARoleThatNeedsASecondFactorDoesNothingWithout(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	v.desk.SecondFactorFor = []referral.Role{referral.Navigator}
	at := v.post("/sign-in", url.Values{"email": {"nav@kawartha.example"}, "password": {password}, "next": {"/queue"}}).is(200)
	if at.Path != "/account" || !strings.Contains(at.says("main"), "Your role needs a second factor") {
		t.Errorf("signing in leads to %s: %s", at.Path, at.says("main"))
	}
	if banner := at.says(".tl-dev"); strings.Contains(banner, "No role needs a second factor") {
		t.Errorf("the page says %q", banner)
	}
	if menu := at.says("nav"); menu != "Mailbox" { // of the development server
		t.Errorf("the menu says %q", menu)
	}
	for route, w := range walk {
		method, path, _ := strings.Cut(route, " ")
		if w.roles == nil || path == "/account" || strings.HasPrefix(path, "/api/") || strings.HasPrefix(path, codecPath) {
			continue // programs are told no, and led nowhere
		}
		path = strings.NewReplacer(":id", uuid.NewString(), ":reference", "C-0000-0000", ":command", "accept").Replace(path)
		if method == http.MethodGet {
			at = v.get(path)
		} else {
			at = v.post(path, url.Values{"do": {"save"}, "name": {"Zoë Canary"}})
		}
		if at.is(200); at.Path != "/account" {
			t.Errorf("%s leads to %s", route, at.Path)
		}
	}
	for _, do := range []string{"password", "codes", "end:" + uuid.NewString(), "everywhere", ""} {
		form := url.Values{"do": {do}, "present": {password}, "password": {"another horse battery"}, "again": {"another horse battery"}}
		if at := v.post("/account", form).is(200); at.Path != "/account" || at.Find("#wrongs").Length() != 0 {
			t.Errorf("%q leads to %s: %s", do, at.Path, at.says("main"))
		}
	}
	if n := v.count(`SELECT count(*) FROM audit WHERE action <> 'sign_in' AND actor_id = '` + v.account.ID.String() + `'`); n != 0 {
		t.Errorf("%d things were done or shown", n)
	}
	v.enrol()
	if at := v.get("/work").is(200); at.Path != "/work" || !strings.Contains(at.says("nav"), "My work") {
		t.Errorf("then /work leads to %s", at.Path)
	}
}

func TestOnesOwnAccount(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	v.signInAs("nav@kawartha.example")
	other := *v
	other.forget()
	other.signInAs("nav@kawartha.example")
	third := *v
	third.forget()
	third.signInAs("coord@kawartha.example")
	change := func(present, pass, again string) shown {
		return v.post("/account", url.Values{"do": {"password"}, "present": {present}, "password": {pass}, "again": {again}})
	}
	change("wrong", "another horse battery", "another horse battery").is(422)
	change(password, "another horse battery", "another horse").is(422)
	change(password, "kawartha kawartha", "kawartha kawartha").is(422)
	if page := change(password, "another horse battery", "another horse battery").is(200); !strings.Contains(page.says("[role=status]"), "your new password") {
		t.Errorf("the page says %s", page.says("[role=status]"))
	}
	if at := other.get("/work"); !strings.HasPrefix(at.Path, "/sign-in") {
		t.Errorf("a session of the former password still sees %s", at.Path)
	}
	v.clock.Advance(time.Minute) // the latest is listed first
	other.post("/sign-in", url.Values{"email": {"nav@kawartha.example"}, "password": {"another horse battery"}}).is(200)
	buttons := v.get("/account").is(200).Find(`button[value^="end:"]`)
	if buttons.Length() != 2 {
		t.Fatalf("%d sessions are listed, want 2", buttons.Length())
	}
	v.post("/account", url.Values{"do": {buttons.First().AttrOr("value", "")}}).is(200)
	if at := other.get("/work"); !strings.HasPrefix(at.Path, "/sign-in") {
		t.Errorf("a session that was ended still sees %s", at.Path)
	}
	theirs := third.get("/account").is(200).Find(`button[value^="end:"]`).AttrOr("value", "")
	v.post("/account", url.Values{"do": {theirs}}).is(404)
	third.get("/work").is(200)
	if at := v.post("/account", url.Values{"do": {"everywhere"}}).is(200); at.Path != "/sign-in" {
		t.Errorf("signing out everywhere leads to %s", at.Path)
	}
	if at := v.get("/work"); !strings.HasPrefix(at.Path, "/sign-in") {
		t.Errorf("this session still sees %s", at.Path)
	}
	v.post("/account", url.Values{"do": {"everywhere"}}).is(http.StatusUnauthorized)
}

// A form names what it may; anything else in it changes nothing.
func TestFormsCantChooseAHelplineOrARole(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	boss(v)
	stranger := v.stranger().String()
	extra := url.Values{"organisation_id": {stranger}, "organisation": {stranger}, "OrganisationID": {stranger}, "active": {"true"}, "id": {v.lead.ID.String()},
		"password_hash": {"x"}, "account_id": {v.lead.ID.String()}}
	form := url.Values{"name": {"Bea"}, "email": {"bea@kawartha.example"}, "role": {"navigator"}, "language": {"fr"}}
	for k, values := range extra {
		form[k] = values
	}
	v.post("/people", form).is(200)
	var made struct {
		Organisation string `db:"organisation_id"`
		Active       bool   `db:"active"`
		Hash         string `db:"password_hash"`
	}
	v.must(v.db.Get(&made, `SELECT organisation_id, active, password_hash FROM accounts WHERE email = 'bea@kawartha.example'`))
	if made.Organisation != v.account.OrganisationID.String() || made.Active || made.Hash != "" {
		t.Errorf("made %+v", made)
	}
	form.Set("email", "eve@kawartha.example")
	form.Set("role", "system")
	v.post("/people", form).is(422)
	v.post("/people", url.Values{"name": {"Zoë"}, "email": {"NAV@kawartha.example"}, "role": {"navigator"}}).is(422)
	// One's own account takes no role.
	v.forget()
	v.signInAs("nav@kawartha.example")
	v.post("/account", url.Values{"do": {"password"}, "role": {"admin"}, "present": {password}, "password": {"another horse battery"},
		"again": {"another horse battery"}}).is(200)
	if a, err := v.desk.Account(t.Context(), v.account.ID); err != nil || a.Role != referral.Navigator {
		t.Errorf("the role is %s", a.Role)
	}
	for _, path := range []string{"/people", "/keys", "/people/" + v.lead.ID.String()} {
		v.get(path).is(http.StatusForbidden)
	}
	for path, form := range map[string]url.Values{"/people": form, "/keys": {"do": {"make"}, "email": {"nav@kawartha.example"}, "days": {"1"}},
		"/people/" + v.account.ID.String(): {"do": {"role"}, "role": {"admin"}}} {
		form.Set("role", "admin")
		v.post(path, form).is(http.StatusForbidden)
	}
}

// boss signs in an administrator.
func boss(v *visitor) casework.Account {
	v.t.Helper()
	a, err := v.desk.AddAccount(v.t.Context(), v.account.OrganisationID, "boss@kawartha.example", "Ada", referral.Admin, "en", password)
	v.must(err)
	v.forget()
	v.signInAs("boss@kawartha.example")
	return a
}

func TestPeopleAreLookedAfter(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	nav := *v
	nav.forget()
	nav.signInAs("nav@kawartha.example")
	if at := v.get("/people"); !strings.HasPrefix(at.Path, "/sign-in") {
		t.Fatalf("a stranger sees %s", at.Path)
	}
	self := boss(v)
	if at := v.get("/"); at.Path != "/people" {
		t.Errorf("an administrator begins at %s", at.Path)
	}
	path := "/people/" + v.account.ID.String()
	if page := v.post(path, url.Values{"do": {"role"}, "role": {"coordinator"}}).is(200); !strings.Contains(page.says("[role=status]"), "the new role") {
		t.Errorf("the page says %s", page.says("[role=status]"))
	}
	if at := nav.get("/work"); !strings.HasPrefix(at.Path, "/sign-in") {
		t.Errorf("a session of the former role still sees %s", at.Path)
	}
	nav.signInAs("nav@kawartha.example")
	v.post(path, url.Values{"do": {"sign_out"}}).is(200)
	if at := nav.get("/work"); !strings.HasPrefix(at.Path, "/sign-in") {
		t.Errorf("who was signed out still sees %s", at.Path)
	}
	v.post(path, url.Values{"do": {"reset"}}).is(200)
	v.post(path, url.Values{"do": {"nothing"}}).is(422)
	v.post("/people/"+self.ID.String(), url.Values{"do": {"close"}}).is(409)
	v.post(path, url.Values{"do": {"close"}}).is(200)
	nav.post("/sign-in", url.Values{"email": {"nav@kawartha.example"}, "password": {password}}).is(http.StatusUnauthorized)
	var foreign string
	v.must(v.db.Get(&foreign, `SELECT id FROM accounts WHERE organisation_id = $1 LIMIT 1`, v.stranger()))
	v.get("/people/" + foreign).is(404)
	v.post("/people/"+foreign, url.Values{"do": {"close"}}).is(404)
}

func TestJoiningByLetter(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	boss(v)
	v.post("/people", url.Values{"name": {"Bea"}, "email": {"bea@kawartha.example"}, "role": {"navigator"}, "language": {"fr"}}).is(200)
	out, ok, err := v.desk.TakeInvitation(t.Context())
	v.must(err)
	if !ok {
		t.Fatal("no letter waits")
	}
	v.forget()
	page := v.get("/join/" + out.Token).is(200)
	if page.Path != "/join" || strings.Contains(page.Text(), out.Token) {
		t.Fatalf("the link leads to %s", page.Path)
	}
	for range 3 { // a scanner looks
		v.get("/join/" + out.Token).is(200)
	}
	v.post("/join", url.Values{"password": {"yet another horse battery"}, "again": {"another"}}).is(422)
	v.post("/join", url.Values{"password": {"short"}, "again": {"short"}}).is(422)
	done := v.post("/join", url.Values{"password": {"yet another horse battery"}, "again": {"yet another horse battery"}}).is(200)
	if !strings.Contains(done.says("[role=status]"), "password is set") {
		t.Errorf("led to %s", done.Path)
	}
	v.get("/join/" + out.Token).is(404)
	v.get("/join").is(404)
	v.post("/sign-in", url.Values{"email": {"bea@kawartha.example"}, "password": {"yet another horse battery"}}).is(200)
	if strings.Contains(v.log.String(), out.Token) {
		t.Error("the log holds the token")
	}

	v.forget()
	for _, email := range []string{"bea@kawartha.example", "nobody@kawartha.example"} {
		page := v.post("/forgot-password", url.Values{"email": {email}}).is(200)
		if !strings.Contains(page.says("[role=status]"), "If this address has an account") {
			t.Errorf("%s: %s", email, page.says("main"))
		}
	}
	reset, ok, err := v.desk.TakeInvitation(t.Context())
	v.must(err)
	if _, more, err := v.desk.TakeInvitation(t.Context()); err != nil || !ok || more || reset.Email != "bea@kawartha.example" {
		t.Errorf("letters: %v, and more %v", ok, more)
	}
}

// Every form of these pages is refused when another site sends it.
func TestFormsOfAccountsAreRefusedFromElsewhere(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	boss(v)
	tried := 0
	for _, route := range v.server.echo.Routes() {
		if route.Method != http.MethodPost || strings.HasPrefix(route.Path, "/api/") || strings.HasPrefix(route.Path, "/webhooks/") {
			continue
		}
		path := strings.NewReplacer(":id", v.account.ID.String(), ":command", "accept").Replace(route.Path)
		for header, value := range map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"} {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, v.site.URL+path, strings.NewReader("do=everywhere"))
			v.must(err)
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set(header, value)
			if got := v.send(r); got.Status != http.StatusForbidden || !strings.Contains(got.says("main"), "came from another site") {
				t.Errorf("%s with %s: %d", route.Path, header, got.Status)
			}
			tried++
		}
	}
	if tried < 30 {
		t.Errorf("%d forms were tried", tried)
	}
	v.get("/account").is(200)
}

// Without a proxy that we trust, nobody can say that they are somewhere else.
func TestForgedForwardedHeadersDoNotHelpAGuesser(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	slowed := 0
	for i := range 8 {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, v.site.URL+"/sign-in",
			strings.NewReader(url.Values{"email": {"nav@kawartha.example"}, "password": {"guess"}}.Encode()))
		v.must(err)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		address := "203.0.113." + string(rune('1'+i))
		for _, h := range []string{"X-Forwarded-For", "X-Real-Ip", "Forwarded", "True-Client-Ip", "Cf-Connecting-Ip"} {
			r.Header.Set(h, address)
		}
		r.AddCookie(&http.Cookie{Name: deviceCookie, Value: token.New()})
		if v.send(r).Status == http.StatusTooManyRequests {
			slowed++
		}
	}
	if slowed != 2 {
		t.Errorf("%d of 8 guesses were slowed down, want 2", slowed)
	}
}

func TestAccountPagesAreWholeInBothLanguages(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	boss(v)
	v.post("/people", url.Values{"name": {"Bea"}, "email": {"bea@kawartha.example"}, "role": {"auditor"}, "language": {"fr"}}).is(200)
	v.post("/account", url.Values{"do": {"propose"}}).is(200)
	v.post("/keys", url.Values{"do": {"make"}, "name": {"site"}, "email": {"nav@kawartha.example"}, "days": {"30"}}).is(200)
	v.clock.Advance(10 * time.Minute) // so that each form asks for the password too
	for _, lang := range locale.Languages {
		v.post("/language", url.Values{"lang": {lang}, "to": {"/account"}})
		for _, path := range []string{"/account", "/people", "/people/" + v.account.ID.String(), "/keys", "/forgot-password", "/join", "/sign-in", "/account?done=password"} {
			page := v.get(path)
			text := page.Text()
			for _, sign := range []string{"[", "%!", "<no value>", "0001"} {
				if at := strings.Index(text, sign); at >= 0 {
					t.Errorf("%s in %s: %q", path, lang, text[max(0, at-40):min(len(text), at+60)])
				}
			}
			if page.Find("html").AttrOr("lang", "") != lang || page.Find("h1").Length() != 1 || page.Find("[style], style, script:not([src]), [onclick]").Length() != 0 {
				t.Errorf("%s in %s: lang, heading, or something inline", path, lang)
			}
			page.Find("input:not([type=hidden]), select, textarea").Each(func(_ int, field *goquery.Selection) {
				if id := field.AttrOr("id", ""); page.Find(`label[for="`+id+`"]`).Length() != 1 {
					t.Errorf("%s: the field %q has no label of its own", path, id)
				}
			})
		}
	}
}
