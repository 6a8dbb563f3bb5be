package e2e

import (
	"bytes"
	"database/sql"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"throughline/locale"
)

func TestTheLink(t *testing.T) {
	t.Parallel()
	d := startDev(t, fresh(t), anyPort...)
	t.Run("is read by scanners and changes nothing", d.scanned)
	t.Run("opens nothing when it is wrong, and never says why", d.wrongLinks)
	t.Run("needs no script", d.withoutScript)
	t.Run("takes one decision", d.decidedOnce)
	t.Run("is not made without consent", d.refusedIntakes)
}

// offered makes a referral and gives its id and the token that was mailed.
func (d *dev) offered(client, service string) (id, token string) {
	d.t.Helper()
	a := d.api("navigator")
	seen := map[string]bool{}
	for _, l := range a.letters() {
		seen[l.ID] = true
	}
	m := a.refer(client, "food", "routine", a.service(service))
	token = a.token(service, seen)
	until(d.t, "the record does not come to rest", time.Minute, func() bool {
		return d.count(`SELECT count(*) FROM outbox WHERE done_at IS NULL`) == 0 &&
			d.count(`SELECT count(*) FROM messages WHERE state <> 'accepted' AND referral_id = $1`, m.ID) == 0
	})
	return m.ID, token
}

// scanned fetches as mail scanners do, with and without cookies, and stays on the page in a browser that runs scripts.
func (d *dev) scanned(t *testing.T) {
	id, token := d.offered("Scanned Canary", "Community Supper")
	before := d.footprint(t, id)
	jar, err := cookiejar.New(nil)
	must(t, err)
	scanner := &http.Client{Jar: jar, Timeout: 30 * time.Second}
	for _, method := range []string{"HEAD", "GET", "GET", "GET", "GET", "GET"} {
		status, page := fetch(t, scanner, method, d.BaseURL+"/r/"+token)
		if status != 200 || (method == "GET" && !bytes.Contains(page, []byte("Community Supper"))) {
			t.Errorf("%s: %d\n%s", method, status, page)
		}
	}
	v := d.atDesk(t, "en", "")
	v.open("/r/" + token)
	v.sees(".tl-panel--accept")
	// Scanners stay for a while, in case a script acts late: the time itself is what is tried here.
	must(t, chromedp.Do(v.tab, chromedp.Sleep(10*time.Second)))
	if after := d.footprint(t, id); after != before {
		t.Errorf("reading changed the record from\n%s\nto\n%s", before, after)
	}
}

// footprint is everything of a referral that a decision would change.
func (d *dev) footprint(t *testing.T, id string) string {
	t.Helper()
	db, err := sql.Open("postgres", d.OwnersURL)
	must(t, err)
	defer db.Close()
	var all string
	must(t, db.QueryRowContext(t.Context(), `SELECT concat_ws(E'\n',
		(SELECT r::text FROM referrals r WHERE id = $1),
		(SELECT string_agg(o::text, E'\n' ORDER BY o.id) FROM offers o WHERE referral_id = $1),
		(SELECT string_agg(k::text, E'\n' ORDER BY k.id) FROM tasks k WHERE referral_id = $1),
		(SELECT string_agg(l::text, E'\n' ORDER BY l.id) FROM links l JOIN offers o ON o.id = l.offer_id WHERE o.referral_id = $1),
		(SELECT string_agg(m::text, E'\n' ORDER BY m.id) FROM messages m WHERE referral_id = $1),
		'timeline ' || (SELECT count(*) FROM timeline WHERE referral_id = $1),
		'outbox ' || (SELECT count(*) FROM outbox WHERE referral_id = $1))`, id).Scan(&all))
	return all
}

func fetch(t *testing.T, client *http.Client, method, url string) (status int, page []byte) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	must(t, err)
	answer, err := client.Do(request)
	must(t, err)
	defer answer.Body.Close()
	page, err = io.ReadAll(answer.Body)
	must(t, err)
	return answer.StatusCode, page
}

func (d *dev) wrongLinks(t *testing.T) {
	_, token := d.offered("Wrong Canary", "Saturday Community Kitchen")
	var first []byte
	for name, wrong := range map[string]string{"unknown": strings.Repeat("A", len(token)), "cut short": token[:len(token)-1],
		"in other letters": swapCase(token), "with more": token + "A", "not a token": "%2e%2e%2f", "empty": ""} {
		jar, err := cookiejar.New(nil)
		must(t, err)
		status, page := fetch(t, &http.Client{Jar: jar, Timeout: 30 * time.Second}, "GET", d.BaseURL+"/r/"+wrong)
		if status != http.StatusNotFound {
			t.Errorf("%s: %d", name, status)
		}
		if first == nil {
			first = page
		}
		if !bytes.Equal(page, first) {
			t.Errorf("%s: another page than the others get:\n%s\n%s", name, page, first)
		}
	}
	if !bytes.Contains(first, []byte(`action="/r/new-link"`)) {
		t.Errorf("the page does not offer a new link:\n%s", first)
	}
}

func swapCase(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsUpper(r) {
			return unicode.ToLower(r)
		}
		return unicode.ToUpper(r)
	}, s)
}

func (d *dev) withoutScript(t *testing.T) {
	yes, open := d.offered("Scriptless Canary", "Little Lake Food Bank")
	v := d.atDesk(t, "en", "without-script")
	_, err := chromedp.Call(v.tab, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	must(t, err)
	v.open("/r/" + open)
	v.picture("asked")
	v.follow(".tl-panel--accept button")
	v.sees("#wrongs")
	v.picture("no-name")
	v.answers("accept", "Sam")
	v.reads("Scriptless Canary")
	if s := d.api("navigator").referral(yes); s.Offers[0].State != "accepted" {
		t.Errorf("after accepting: %s", s.Offers[0].State)
	}
	no, open := d.offered("Scriptless Canary", "Thursday and Sunday Lunch")
	v.open("/r/" + open)
	v.answers("decline", "Sam", func() { v.click(`label[for="decline-reason-outside_area"]`) })
	if s := d.api("navigator").referral(no); s.Offers[0].State != "declined" {
		t.Errorf("after declining: %s", s.Offers[0].State)
	}
}

func (d *dev) decidedOnce(t *testing.T) {
	id, token := d.offered("Twice Canary", "Food Box Delivery")
	jar, err := cookiejar.New(nil)
	must(t, err)
	client := &http.Client{Jar: jar, Timeout: 30 * time.Second}
	if status, _ := fetch(t, client, "GET", d.BaseURL+"/r/"+token); status != 200 {
		t.Fatalf("the link gives %d", status)
	}
	decide := func(do, reason string) (int, string) {
		t.Helper()
		answer, err := client.PostForm(d.BaseURL+"/r", url.Values{"do": {do}, "name": {"Sam"}, "reason": {reason}})
		must(t, err)
		defer answer.Body.Close()
		page, err := io.ReadAll(answer.Body)
		must(t, err)
		return answer.StatusCode, string(page)
	}
	status, first := decide("decline", "full")
	if again, page := decide("decline", "full"); status != 200 || again != 200 || page != first {
		t.Errorf("the same decision again: %d, then %d\n%s\n%s", status, again, first, page)
	}
	a := d.api("navigator")
	until(t, "the clock does not go on after the decision", time.Minute, func() bool { return a.referral(id).hasTask("find_alternative") })
	before := d.footprint(t, id)
	words := locale.For("en")
	status, page := decide("accept", "")
	if status != http.StatusConflict || !strings.Contains(page, words.T("agency.conflict.title")) || !strings.Contains(page, words.T("offer_state.declined")) {
		t.Errorf("another decision: %d\n%s", status, page)
	}
	if after := d.footprint(t, id); after != before {
		t.Errorf("a decision that came too late changed the record from\n%s\nto\n%s", before, after)
	}
}

func (d *dev) refusedIntakes(t *testing.T) {
	a := d.api("navigator")
	stored := func() int {
		return d.count(`SELECT (SELECT count(*) FROM cases) + (SELECT count(*) FROM referrals)`)
	}
	before, refusals := stored(), d.count(`SELECT count(*) FROM consents WHERE NOT given`)
	service := a.service("Food Box Delivery")
	for name, c := range map[string]struct {
		services []string
		consent  bool
		want     int
	}{
		"no consent":          {[]string{service}, false, http.StatusUnprocessableEntity},
		"no service":          {[]string{}, true, http.StatusUnprocessableEntity},
		"a service not there": {[]string{"4f0c2a86-54ce-4b05-8b9c-6c6f8f7d1f0e"}, true, http.StatusNotFound},
		"a closed service":    {[]string{a.service("Winter Warming Room")}, true, http.StatusUnprocessableEntity},
	} {
		status := a.ask(http.MethodPost, "/api/v1/referrals", map[string]any{"case": map[string]any{"name": "Refused Canary"}, "need": "food",
			"service_ids": c.services, "consent": map[string]any{"given": c.consent, "how": "verbal"}}, nil)
		if status != c.want {
			t.Errorf("%s: %d, want %d", name, status, c.want)
		}
	}
	if after := stored(); after != before {
		t.Errorf("%d cases and referrals were kept of what was refused", after-before)
	}
	if after := d.count(`SELECT count(*) FROM consents WHERE NOT given`); after != refusals+1 {
		t.Errorf("%d refusals were kept of one", after-refusals)
	}
}
