package server

import (
	"bytes"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"throughline/locale"
	"throughline/mail/mailtest"
	"throughline/referral"
)

// again is another process that serves the same helpline.
func (h *helpline) again() *helpline {
	h.t.Helper()
	other := *h
	var err error
	other.server, err = New(Deps{Desk: h.desk, DB: h.desk.DB, Clock: h.clock, Log: slog.New(slog.NewTextHandler(h.log, nil)), Config: h.server.cfg})
	h.must(err)
	return &other
}

// A link that was used up stays so in a process that starts afterwards and in those beside, until its window is over.
func TestALimitSurvivesARestartAndHoldsAcrossProcesses(t *testing.T) {
	t.Parallel()
	h := newHelpline(t, Config{})
	_, token := h.offered()
	_, second := h.offered()
	processes := []*helpline{h, h.again()}
	looked := 0
	for n := range 2 * linkViews {
		if processes[n%2].agencyOf(token).send("GET", "/r", nil).Code == http.StatusOK {
			looked++
		}
	}
	if looked != linkViews {
		t.Errorf("two processes showed the page %d times, want %d", looked, linkViews)
	}
	later := h.again()
	h.clock.Advance(linkUsesIn - 5*time.Minute)
	a := later.agencyOf(token)
	for _, lang := range locale.Languages {
		w := a.send("GET", "/r?lang="+lang, nil)
		page, err := goquery.NewDocumentFromReader(w.Body)
		h.must(err)
		if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") != "300" || page.Find("html").AttrOr("lang", "") != lang ||
			page.Find("h1").Text() != locale.For(lang).T("error.rate_limited.link.title") {
			t.Errorf("after a restart, in %s: %d, to be tried again after %q: %s", lang, w.Code, w.Header().Get("Retry-After"), page.Find("main").Text())
		}
	}
	later.agencyOf(second).look("GET", "/r", nil).is(200)
	h.clock.Advance(5 * time.Minute)
	later.agencyOf(token).look("GET", "/r", nil).is(200)
}

// Many at once, in two processes, get no more than the bound, and no fewer but what a process took and had no time to give out.
func TestUsesAtOnceAreCounted(t *testing.T) {
	t.Parallel()
	h := newHelpline(t, Config{})
	other := h.again()
	let := atomic.Int64{}
	var all sync.WaitGroup
	for n := range 3 * linkPosts {
		all.Go(func() {
			of := []*Server{h.server, other.server}[n%2]
			if of.limits.linkPosts.wait(t.Context(), "canary") == 0 {
				let.Add(1)
			}
		})
	}
	all.Wait()
	if let.Load() != linkPosts {
		t.Errorf("%d of %d were let through", let.Load(), linkPosts)
	}
}

// Processes that die and come back all the time use up nothing of what a program may ask.
func TestProcessesThatDieUseUpNothing(t *testing.T) {
	t.Parallel()
	h := newHelpline(t, Config{})
	for n := range 30 {
		if wait := h.again().server.limits.calls.wait(t.Context(), "canary"); wait > 0 {
			t.Fatalf("the %dth process refuses the key's %dth call for %s", n+1, n+1, wait)
		}
	}
}

// What is written down is digests of one size: no token, no key, no address.
func TestTheBookHoldsNoOne(t *testing.T) {
	t.Parallel()
	h := newHelpline(t, Config{})
	_, token := h.offered()
	h.agencyOf(token).look("GET", "/r", nil).is(200)
	h.agencyOf("made-up").look("GET", "/r", nil).is(404)
	h.ask("GET", "/queue", h.navigator, "").is(200)
	h.ask("GET", "/queue", "no key", "").is(401, "unauthenticated")
	var keys [][]byte
	h.must(h.db.Select(&keys, `SELECT key FROM uses`))
	if len(keys) != 5 {
		t.Errorf("%d keys, want a link's twice, a bad link's, an API key's and a bad one's", len(keys))
	}
	for _, key := range keys {
		if len(key) != 32 {
			t.Errorf("a key of %d bytes", len(key))
		}
		for _, secret := range []string{token, h.navigator, "made-up", "192.0.2.1"} {
			if bytes.Contains(key, []byte(secret)) {
				t.Errorf("a key holds %q", secret)
			}
		}
	}
}

// Without the database each process counts alone: nobody is refused for that, and the database is not asked each time.
func TestWithoutTheBookEachProcessCountsAlone(t *testing.T) {
	t.Parallel()
	h := newHelpline(t, Config{})
	th := h.server.limits.linkViews
	h.must(h.desk.DB.Close())
	for n := range linkViews {
		if wait := th.wait(t.Context(), "canary"); wait != 0 {
			t.Fatalf("use %d has to wait %s", n, wait)
		}
	}
	if wait := th.wait(t.Context(), "canary"); wait != linkUsesIn {
		t.Errorf("one more has to wait %s", wait)
	}
	if n := strings.Count(h.log.String(), "limits are counted by this process alone"); n != 1 {
		t.Errorf("the database was asked %d times", n)
	}
	h.clock.Advance(bookRest)
	th.wait(t.Context(), "another")
	if n := strings.Count(h.log.String(), "limits are counted by this process alone"); n != 2 {
		t.Errorf("after a while the database was asked %d times", n)
	}
}

// badLinksOf counts how many made-up links an agency can try before it has to wait, as headers say.
func (h *helpline) badLinksOf(headers func(n int) map[string]string) (tried int) {
	for n := range badLinks + 20 {
		a := h.visitor()
		a.headers = headers(n)
		a.cookies["tl_link"] = &http.Cookie{Name: h.server.cookieName(linkCookie), Value: fmt.Sprint("guess-", n)}
		if a.send("GET", "/r", nil).Code == http.StatusNotFound {
			tried++
		}
	}
	return tried
}

// Nobody gets away by saying that they are someone else, and nobody is held up for what another says.
func TestForgedForwardedHeadersNeitherHelpNorHarm(t *testing.T) {
	t.Parallel()
	_, loopback, err := net.ParseCIDR("192.0.2.0/24") // where httptest's requests come from
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		cfg     Config
		headers func(n int) map[string]string
		want    int
		victim  int // how many tries are left to whoever was named
	}{
		"no proxy is trusted": {Config{}, func(n int) map[string]string {
			address := fmt.Sprint("203.0.113.", n)
			return map[string]string{"X-Forwarded-For": address, "X-Real-Ip": address, "Forwarded": "for=" + address, "True-Client-Ip": address}
		}, badLinks, 0},
		"the trusted proxy adds the address after what was forged": {Config{TrustedProxies: []*net.IPNet{loopback}}, func(n int) map[string]string {
			return map[string]string{"X-Forwarded-For": fmt.Sprintf("198.51.100.%d, 203.0.113.7", n), "X-Real-Ip": fmt.Sprint("198.51.100.", n)}
		}, badLinks, badLinks},
		"the trusted proxy's word": {Config{TrustedProxies: []*net.IPNet{loopback}}, func(n int) map[string]string {
			return map[string]string{"X-Forwarded-For": fmt.Sprint("203.0.113.", n)}
		}, badLinks + 20, badLinks},
		"everyone has the address of a proxy that is not trusted": {Config{BaseURL: "https://throughline.example"}, func(n int) map[string]string {
			return map[string]string{"X-Forwarded-For": "203.0.113.7"}
		}, badLinks + 20, badLinks + 20},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHelpline(t, c.cfg)
			if got := h.badLinksOf(c.headers); got != c.want {
				t.Errorf("%d made-up links were tried, want %d", got, c.want)
			}
			victim := map[string]string{"X-Forwarded-For": "198.51.100.1"}
			if got := h.badLinksOf(func(int) map[string]string { return victim }); got != c.victim {
				t.Errorf("whoever was named has %d tries left, want %d", got, c.victim)
			}
		})
	}
}

// A stranger's bad links from an agency's own address do not keep it from a good one.
func TestNeighboursDoNotHoldEachOtherUp(t *testing.T) {
	t.Parallel()
	h := newHelpline(t, Config{})
	_, token := h.offered()
	h.badLinksOf(func(int) map[string]string { return nil })
	a := h.agencyOf(token)
	a.look("GET", "/r", nil).is(200)
	if w := a.tells(referral.Accept); w.Code != http.StatusSeeOther {
		t.Errorf("an answer is refused with %d", w.Code)
	}
	h.server.limits.badKeys.most = 1
	h.ask("GET", "/queue", "no key", "").is(401, "unauthenticated")
	h.ask("GET", "/queue", "another", "").is(429, "rate_limited")
	h.ask("GET", "/queue", "", "").is(429, "rate_limited")
	h.ask("GET", "/queue", h.navigator, "").is(200)
}

func TestCallsWithAKeyAreLimited(t *testing.T) {
	t.Parallel()
	h := newHelpline(t, Config{})
	h.server.limits.calls.most = 3
	for range 3 {
		h.ask("GET", "/queue", h.navigator, "").is(200)
	}
	for _, method := range []string{"GET", "POST"} {
		got := h.ask(method, map[string]string{"GET": "/queue", "POST": "/cases"}[method], h.navigator, map[string]string{"POST": "{}"}[method]).is(429, "rate_limited")
		if got.Header.Get("Retry-After") != "60" || got.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %v", method, got.Header)
		}
	}
	h.ask("GET", "/queue", h.stranger, "").is(200)
	h.clock.Advance(callsIn)
	h.ask("GET", "/queue", h.navigator, "").is(200)
}

func TestSearchesAreLimitedByAccount(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	v.server.limits.cases.most, v.server.limits.services.most = 2, 2
	v.signInAs("nav@kawartha.example")
	for range 2 {
		v.post("/cases", url.Values{"q": {"Zoe"}}).is(200)
		v.get("/services?q=food").is(200)
	}
	for _, page := range []shown{v.post("/cases", url.Values{"q": {"Zoe"}}), v.get("/services?q=food")} {
		if page.is(http.StatusTooManyRequests).says("h1") != "Too many searches" || page.Header.Get("Retry-After") != "600" {
			t.Errorf("%s: %s", page.Path, page.says("main"))
		}
	}
	v.ask("GET", "/services", v.navigator, "").is(429, "rate_limited")
	v.get("/cases").is(200)
	v.forget()
	v.signInAs("coord@kawartha.example")
	v.post("/cases", url.Values{"q": {"Zoe"}}).is(200)
	v.get("/services?q=food").is(200)
}

// What the provider reports is counted before it is looked at, and by address: a stranger can't shut the provider out.
func TestReportsAreLimitedByAddressBeforeTheyAreLookedAt(t *testing.T) {
	t.Parallel()
	l := listen(t)
	l.server.limits.batches.most = 2
	for range 2 {
		l.is(l.post([]byte("[]"), l.now(), "forged"), 403, "a forged batch")
	}
	l.is(l.post([]byte("[]"), l.now(), "forged"), 429, "one too many")
	l.is(l.say(l.event(nil)), 429, "a good one from the same address")
	body := batch(l.event(nil))
	r := httptest.NewRequest(http.MethodPost, sendGridPath, bytes.NewReader(body))
	r.RemoteAddr = "198.51.100.7:1234"
	r.Header.Set(sendGridTimestamp, l.now())
	r.Header.Set(sendGridSignature, mailtest.Sign(l.key, l.now(), body))
	w := httptest.NewRecorder()
	l.server.ServeHTTP(w, r)
	l.is(w.Code, 200, "the provider")
	if l.told["too_often"] != 2 || l.told["taken"] != 1 {
		t.Errorf("told %v", l.told)
	}
}
