package server

import (
	"context"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
	"github.com/google/uuid"
	"github.com/labstack/echo/v4"
)

// guarded is an answer on its way, with where it came from.
type guarded struct {
	from string
	*httptest.ResponseRecorder
}

var unsafe = regexp.MustCompile(`unsafe|https?:|\*|data:`)

// faults gives what is missing of what every answer says to browsers.
func (g guarded) faults(secure bool) (faults []string) {
	h := g.Header()
	is := func(name, want string) {
		if got := h.Get(name); got != want {
			faults = append(faults, name+": "+got)
		}
	}
	is("X-Content-Type-Options", "nosniff")
	is("Cross-Origin-Opener-Policy", "same-origin")
	is("Cross-Origin-Resource-Policy", "same-origin")
	if secure {
		is("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
	} else {
		is("Strict-Transport-Security", "")
	}
	if got := h.Get("Referrer-Policy"); got != "same-origin" && got != "no-referrer" {
		faults = append(faults, "Referrer-Policy: "+got)
	}
	csp := h.Get("Content-Security-Policy")
	for _, rule := range []string{"default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'", "form-action"} {
		// A letter is shown within the mailbox's page.
		if !strings.Contains(csp, rule) && !strings.Contains(csp, "sandbox") {
			faults = append(faults, "Content-Security-Policy lacks "+rule+": "+csp)
		}
	}
	if unsafe.MatchString(csp) && !strings.Contains(csp, "sandbox") {
		faults = append(faults, "Content-Security-Policy: "+csp)
	}
	for _, power := range []string{"camera=()", "geolocation=()", "microphone=()", "payment=()", "usb=()"} {
		if !strings.Contains(h.Get("Permissions-Policy"), power) {
			faults = append(faults, "Permissions-Policy lacks "+power)
		}
	}
	if file := strings.Contains(g.from, " /static/") && g.Code == http.StatusOK; !file {
		is("Cache-Control", "no-store")
	}
	return append(faults, g.inline()...)
}

// inline gives what a page holds that its policy forbids.
func (g guarded) inline() (faults []string) {
	if !strings.HasPrefix(g.Header().Get("Content-Type"), "text/html") || strings.Contains(g.from, "/mailbox/:id/html") {
		return nil
	}
	page, err := goquery.NewDocumentFromReader(strings.NewReader(g.Body.String()))
	if err != nil {
		return []string{err.Error()}
	}
	page.Find("*").Each(func(_ int, e *goquery.Selection) {
		name := goquery.NodeName(e)
		if _, sourced := e.Attr("src"); name == "style" || name == "script" && !sourced {
			faults = append(faults, "an inline "+name)
		}
		for _, a := range e.Nodes[0].Attr {
			if a.Key == "style" || strings.HasPrefix(a.Key, "on") || strings.HasPrefix(strings.ToLower(strings.TrimSpace(a.Val)), "javascript:") {
				faults = append(faults, "an inline "+a.Key+" on "+name)
			}
		}
	})
	return faults
}

// everywhere asks for each route, as who may and as a stranger, for what is there and what is not; and for what no route
// has, with each method, and with all that is refused before a route is found.
func (r *walkRoom) everywhere() (all []guarded) {
	ask := func(from string, req *http.Request) {
		w := httptest.NewRecorder()
		r.server.ServeHTTP(w, req)
		all = append(all, guarded{from, w})
	}
	for _, route := range r.server.echo.Routes() {
		name, of := route.Method+" "+route.Path, walk[route.Method+" "+route.Path].of
		for _, p := range append(slices.Clone(r.people), walker{}) {
			for _, id := range []string{r.things["own"][of], r.missing[of]} {
				path := strings.NewReplacer(":id", or(id, r.services[0].String()), ":reference", id, ":command", "withdraw", "*", "x").Replace(route.Path)
				req := httptest.NewRequest(route.Method, path, nil)
				req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				if p.cookie != nil {
					req.AddCookie(p.cookie)
					req.Header.Set("Authorization", "Bearer "+p.key)
					req.Header.Set(idempotencyKey, uuid.NewString())
				}
				ask(name, req)
			}
		}
	}
	for _, target := range []string{"/nothing", "/api/v1/nothing", "/api/nothing", "/r/x/y", "/static/none", "/webhooks/other", "/%00", "/services?q=%FF",
		assetURL("ontario/dist/styles/css/compiled/ontario-theme.min.css")} {
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "CANARY"} {
			ask(method+" "+target, httptest.NewRequest(method, target, nil))
		}
	}
	long := httptest.NewRequest("POST", "/sign-in", strings.NewReader(strings.Repeat("a", maxBody+1)))
	long.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	ask("POST /sign-in, too long", long)
	foreign := httptest.NewRequest("POST", "/sign-out", nil)
	foreign.Header.Set("Sec-Fetch-Site", "cross-site")
	ask("POST /sign-out, from elsewhere", foreign)
	for name := range assets {
		ask("GET /static/"+name, httptest.NewRequest("GET", assetURL(name), nil))
	}
	return all
}

// Every answer there is says to browsers what they may do with it: pages, errors, redirects, files, the API's and the
// webhook's answers, probes.
func TestEveryAnswerHasItsSecurityHeaders(t *testing.T) {
	t.Parallel()
	r := openWalk(t)
	r.server.echo.GET("/panics", func(c echo.Context) error { panic("canary") })
	for _, secure := range []bool{false, true} {
		r.server.secure = secure
		statuses, said := map[int]int{}, map[string]bool{}
		for _, g := range r.everywhere() {
			statuses[g.Code]++
			for _, f := range g.faults(secure) {
				if what := g.from + ": " + f; !said[what] {
					said[what] = true
					t.Errorf("https %t: %s (%d)", secure, what, g.Code)
				}
			}
		}
		// All kinds were met, or nothing has been shown.
		for _, status := range []int{200, 303, 400, 401, 403, 404, 405, 413, 415, 422, 500} {
			if statuses[status] == 0 && !secure {
				t.Errorf("no answer was %d: %v", status, statuses)
			}
		}
	}
}

// The probes and the metrics of a process that serves nothing else are no pages, and say so.
func TestTheProbesAloneHaveTheirHeadersToo(t *testing.T) {
	t.Parallel()
	all := Health(func(context.Context) []Part { return nil })
	for _, path := range []string{"/livez", "/readyz", "/nothing"} {
		w := httptest.NewRecorder()
		all.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		for _, f := range (guarded{"GET " + path, w}).faults(false) {
			t.Errorf("%s: %s", path, f)
		}
	}
}
