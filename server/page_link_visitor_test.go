package server

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

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

// record counts what a change would touch.
func (h *helpline) record() string {
	h.t.Helper()
	var counts string
	h.must(h.db.Get(&counts, `SELECT concat_ws(' ', (SELECT count(*) FROM timeline), (SELECT count(*) FROM messages),
		(SELECT count(*) FROM links), (SELECT count(*) FROM outbox), (SELECT sum(version) FROM referrals))`))
	return counts
}
