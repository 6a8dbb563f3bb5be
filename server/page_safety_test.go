package server

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/google/uuid"

	"throughline/locale"
	"throughline/referral"
)

func TestEveryPageIsWholeInBothLanguages(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	scene(v)
	v.server.cfg.Mailbox.(*letterbox).letters = []Letter{{ID: uuid.NewString(), At: v.clock.Now(), Subject: "Une demande",
		Locale: "fr", Text: "http://127.0.0.1/r/abc"}}
	v.signInAs("nav@kawartha.example")
	for _, lang := range locale.Languages {
		v.post("/language", url.Values{"lang": {lang}, "to": {"/work"}})
		for name, path := range pagesOf(v) {
			page := v.get(path)
			text := page.Text()
			for _, sign := range []string{"[", "%!", "<no value>", "0001"} {
				if at := strings.Index(text, sign); at >= 0 {
					t.Errorf("%s in %s: %q", name, lang, text[max(0, at-40):min(len(text), at+60)])
				}
			}
			if page.Find("html").AttrOr("lang", "") != lang || page.Find("h1").Length() != 1 || page.Find("main").Length() != 1 {
				t.Errorf("%s in %s: lang, heading or main is wrong", name, lang)
			}
			if n := page.Find("[style], style, script:not([src]), [onclick], [onsubmit]").Length(); n != 0 {
				t.Errorf("%s: %d inline styles or scripts", name, n)
			}
			page.Find("input:not([type=hidden]), select, textarea").Each(func(_ int, field *goquery.Selection) {
				if id := field.AttrOr("id", ""); page.Find(`label[for="`+id+`"]`).Length() != 1 {
					t.Errorf("%s: the field %q has no label of its own", name, id)
				}
			})
		}
	}
}

// wordKey finds the keys that a template names outright; those made of codes are met on the pages.
var wordKey = regexp.MustCompile(`\((?:t|n) "([^"]+)"|\{\{(?:t|n) "([^"]+)"`)

func TestTemplatesNameOnlyWordsThatExist(t *testing.T) {
	t.Parallel()
	files, err := templateFiles.ReadDir("templates")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		raw, err := templateFiles.ReadFile("templates/" + file.Name())
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range wordKey.FindAllStringSubmatch(string(raw), -1) {
			for _, lang := range locale.Languages {
				if key := found[1] + found[2]; !locale.For(lang).Has(key) {
					t.Errorf("%s: %s has no words in %s", file.Name(), key, lang)
				}
			}
		}
	}
}

func TestEveryCommandHasItsWords(t *testing.T) {
	t.Parallel()
	for do, form := range commandForms {
		for _, lang := range locale.Languages {
			l := locale.For(lang)
			keys := []string{"say." + string(do), "command." + string(do), "event." + string(do)}
			for _, r := range form.Reasons {
				keys = append(keys, form.Area+"."+r.Code)
			}
			if form.NoteMust {
				keys = append(keys, "note."+string(do))
			}
			for _, key := range keys {
				if !l.Has(key) {
					t.Errorf("%s has no words in %s", key, lang)
				}
			}
		}
	}
}

func TestHeadersAndCookies(t *testing.T) {
	t.Parallel()
	h := newHelpline(t, Config{BaseURL: "https://throughline.example"})
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodPost, "https://throughline.example/sign-in",
		strings.NewReader(url.Values{"email": {"nav@kawartha.example"}, "password": {password}}.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	h.server.ServeHTTP(w, r)
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/" {
		t.Fatalf("%d to %s", w.Code, w.Header().Get("Location"))
	}
	cookies := w.Result().Cookies()
	if len(cookies) != 2 {
		t.Fatalf("%d cookies", len(cookies))
	}
	for _, c := range cookies {
		if (c.Name != "__Host-tl_session" && c.Name != "__Host-tl_device") || !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" {
			t.Errorf("cookie %s", c)
		}
	}
	for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "Referrer-Policy": "same-origin",
		"Strict-Transport-Security": "max-age=31536000"} {
		if got := w.Header().Get(name); !strings.Contains(got, want) {
			t.Errorf("%s: %q", name, got)
		}
	}
	for _, rule := range []string{"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"} {
		if got := w.Header().Get("Content-Security-Policy"); !strings.Contains(got, rule) || strings.Contains(got, "unsafe") {
			t.Errorf("policy %q lacks %q", got, rule)
		}
	}
}

func TestFormsOfOtherSitesAreRefused(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	v.signInAs("nav@kawartha.example")
	for header, value := range map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, v.site.URL+"/sign-out", nil)
		v.must(err)
		r.Header.Set(header, value)
		v.send(r).is(http.StatusForbidden)
	}
	v.get("/work").is(200)
	// An old browser hides the origin of a form on the agency's page, whose cookie no other site can make it send.
	for path, refused := range map[string]bool{"/r/new-link": false, "/sign-out": true} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, v.site.URL+path, nil)
		v.must(err)
		r.Header.Set("Origin", "null")
		if got := v.send(r); (got.Status == http.StatusForbidden) != refused {
			t.Errorf("%s with a hidden origin: %d", path, got.Status)
		}
	}
}

func TestWhatCantBeStoredIsRefused(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	v.signInAs("nav@kawartha.example")
	v.post("/cases/new", url.Values{"name": {"Zo\x00e"}}).is(http.StatusUnprocessableEntity)
	v.post("/cases/new", url.Values{"na\x00me": {"Zoe"}}).is(http.StatusUnprocessableEntity)
	v.post("/cases/new", url.Values{"name": {"Zo\xff"}}).is(http.StatusUnprocessableEntity)
	v.post("/cases/new", url.Values{"notes": {strings.Repeat("n", maxBody)}}).is(http.StatusRequestEntityTooLarge)
	v.get("/services?q=%00").is(http.StatusBadRequest)
	v.get("/services?q=%FF").is(http.StatusBadRequest)
	v.get("/services/%00").is(http.StatusBadRequest)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, v.site.URL+"/cases/new", strings.NewReader(`{"name":"x"}`))
	v.must(err)
	r.Header.Set("Content-Type", "application/json")
	v.send(r).is(http.StatusUnsupportedMediaType)
	r, err = http.NewRequestWithContext(t.Context(), http.MethodPost, v.site.URL+"/cases/new", strings.NewReader("a=%zz"))
	v.must(err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	v.send(r).is(http.StatusBadRequest)
	r, err = http.NewRequestWithContext(t.Context(), http.MethodDelete, v.site.URL+"/cases/new", nil)
	v.must(err)
	v.send(r).is(http.StatusMethodNotAllowed)
}

func TestTheLogHoldsNoOne(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	v.signInAs("nav@kawartha.example")
	form := v.typed()
	form.Set("consent", "yes")
	form.Set("q", "Canary search")
	form.Add("service_ids", v.services[0].String())
	v.press(form, "search")
	done := v.press(form, "save").is(200)
	v.get("/services?q=Canary")
	v.get(done.Path)
	log := v.log.String()
	if !strings.Contains(log, "route=/cases/:id") {
		t.Fatalf("the log has no routes: %s", log)
	}
	for _, secret := range []string{"Canary", "705-555", "+1705", "K9H", password, "nav@", strings.TrimPrefix(done.Path, "/cases/")[:36]} {
		if strings.Contains(log, secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
}

func TestTheMailboxIsForDevelopmentOnly(t *testing.T) {
	t.Parallel()
	h := newHelpline(t, Config{})
	w := httptest.NewRecorder()
	h.server.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/mailbox", nil))
	if w.Code != http.StatusNotFound {
		t.Errorf("production answers %d", w.Code)
	}
	v := staffed(t)
	id := uuid.NewString()
	v.server.cfg.Mailbox.(*letterbox).letters = []Letter{{ID: id, Subject: "Hello", Text: "See http://127.0.0.1/r/abc now", HTML: "<p>Hi</p>"}}
	page := v.get("/mailbox/" + id).is(200)
	if got := page.Find(".tl-letter a").AttrOr("href", ""); got != "http://127.0.0.1/r/abc" {
		t.Errorf("the link leads to %q", got)
	}
	html := v.get("/mailbox/" + id + "/html").is(200)
	if policy := html.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "sandbox") || html.says("p") != "Hi" {
		t.Errorf("policy %q, page %q", policy, html.says("p"))
	}
	v.get("/mailbox/" + uuid.NewString()).is(http.StatusNotFound)
}

// TestNoRequestWaitsForEver holds the table that every page reads, as a migration gone wrong would.
func TestNoRequestWaitsForEver(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	made, token := v.offered()
	v.signInAs("nav@kawartha.example")
	v.server.deadline = 300 * time.Millisecond
	held, err := v.db.Beginx()
	v.must(err)
	defer held.Rollback() //nolint:errcheck // it ends with the database
	_, err = held.Exec(`LOCK TABLE referrals IN ACCESS EXCLUSIVE MODE`)
	v.must(err)
	for _, page := range []shown{v.get("/work"), v.get("/cases/" + made.CaseID.String()), v.get("/r/" + token),
		v.post("/cases/"+made.CaseID.String()+"/referrals/new", url.Values{"do": {"save"}})} {
		if page.is(http.StatusServiceUnavailable).says("h1") != "We cannot answer right now" || page.Header.Get("Retry-After") == "" {
			t.Errorf("%s: %s", page.Path, page.says("main"))
		}
	}
	v.ask("GET", "/queue", v.navigator, "").is(http.StatusServiceUnavailable, "unavailable")
	v.must(held.Rollback())
	v.server.deadline = requestDeadline
	v.get("/work").is(http.StatusOK)
}

func TestEveryErrorIsSaidInBothLanguages(t *testing.T) {
	t.Parallel()
	h := newHelpline(t, Config{})
	for code, status := range statuses {
		titles := map[string]bool{}
		for _, lang := range locale.Languages {
			r := httptest.NewRequest(http.MethodGet, "/work", nil)
			r.Header.Set("Accept-Language", lang)
			w := httptest.NewRecorder()
			h.must(h.server.fail(h.server.echo.NewContext(r, w), fmt.Errorf("do it: %w", &referral.Error{Code: code, Message: "Canary"})))
			page, err := goquery.NewDocumentFromReader(w.Body)
			h.must(err)
			text := page.Text()
			if w.Code != status || strings.Contains(text, "[") || strings.Contains(text, "Canary") {
				t.Errorf("%s in %s: %d: %s", code, lang, w.Code, text)
			}
			titles[page.Find("h1").Text()] = true
		}
		if len(titles) != len(locale.Languages) {
			t.Errorf("%s is titled %v", code, titles)
		}
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	v.get("/livez").is(200)
	v.get("/readyz").is(200)
	v.server.ready = func(context.Context) []Part {
		return []Part{{Name: "database", OK: true}, {Name: "temporal", Detail: "no answer"}}
	}
	if got := v.get("/readyz").is(200).Text(); !strings.Contains(got, `"degraded"`) {
		t.Errorf("without Temporal: %s", got)
	}
	v.server.ready = nil
	v.must(v.db.Close())
	v.get("/livez").is(200)
	v.get("/readyz").is(http.StatusServiceUnavailable)
	if got := v.get("/work"); got.Path != "/sign-in?next=%2Fwork" {
		t.Errorf("without a session and a database /work leads to %s", got.Path)
	}
	page := v.post("/sign-in", url.Values{"email": {"a@b.example"}, "password": {"x"}})
	if page.Status < 500 || page.Find("h1").Length() != 1 {
		t.Errorf("signing in without a database: %d %s", page.Status, page.says("main"))
	}
}

func TestStaticFiles(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	page := v.get("/sign-in").is(200)
	page.Find(`link[rel=stylesheet], link[rel=icon], script[src]`).Each(func(_ int, s *goquery.Selection) {
		path := s.AttrOr("href", s.AttrOr("src", ""))
		if got := v.get(path).is(200).Header; !strings.Contains(got.Get("Cache-Control"), "immutable") || strings.HasPrefix(got.Get("Content-Type"), "text/html") {
			t.Errorf("%s: %v", path, got)
		}
	})
	v.get("/static/ontario/dist/fonts/open-sans-400/open-sans-400.woff2").is(200)
	v.get("/static/../server.go").is(http.StatusNotFound)
}
