package server

import (
	"net/url"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
)

func TestAnUnknownPlaceIsSaidToBeUnknown(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	v.signInAs("nav@kawartha.example")
	for lang, sentence := range map[string]string{"en": "We do not know this place, so distance is not counted.",
		"fr": "Nous ne connaissons pas cet endroit; la distance n’est donc pas prise en compte."} {
		v.get("/services?lang=" + lang)
		page := v.post("/services", url.Values{"need": {"food"}, "near": {"Ottawa, ON"}}).is(200)
		if got := page.says("#near-hint"); got != sentence {
			t.Errorf("%s: the page says %q", lang, got)
		}
		if main := page.says("main"); strings.Contains(main, " km") || page.Find(".tl-note--outside_area").Length() > 0 {
			t.Errorf("%s: distance counts all the same: %s", lang, main)
		}
		form := v.typed()
		form.Set("postal_code", "X0X 1A0")
		form.Set("municipality", "Ottawa")
		if got := v.press(form, "search").is(200).says("#found #place-unknown"); got != sentence {
			t.Errorf("%s: a call says %q", lang, got)
		}
		form.Set("municipality", "City of Peterborough")
		page = v.press(form, "search").is(200)
		if page.Find("#place-unknown").Length() > 0 || !strings.Contains(page.says("#found"), " km") {
			t.Errorf("%s: the municipality is not gone by: %s", lang, page.says("#found"))
		}
	}
}

// What is typed to find services may be where a client lives: it is in no address that the page makes, takes or leads to.
func TestWhatIsTypedToFindServicesIsInNoAddress(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	v.signInAs("nav@kawartha.example")
	page := v.get("/services").is(200)
	if method := page.Find("#services-form").AttrOr("method", "get"); method != "post" {
		t.Fatalf("the form is sent by %s", method)
	}
	page = v.post("/services", url.Values{"q": {"food"}, "need": {"food"}, "near": {"K9H 1A1"}}).is(200)
	if page.Path != "/services" || page.form("#services-form").Get("near") != "K9H 1A1" || !strings.Contains(page.says("main"), " km") {
		t.Errorf("led to %s: %s", page.Path, page.says("main"))
	}
	page.Find("a, form").Each(func(_ int, link *goquery.Selection) {
		if to := link.AttrOr("href", "") + link.AttrOr("action", ""); strings.Contains(to, "K9H") || strings.Contains(to, "q=") {
			t.Errorf("the page leads to %s", to)
		}
	})
	// A kind of help is nobody's, and can be passed on; an address that holds more finds by no more.
	if page = v.post("/services", url.Values{"q": {" "}, "need": {"food"}, "near": {""}}).is(200); page.Path != "/services?need=food" || page.Find(".tl-card").Length() == 0 {
		t.Errorf("led to %s: %s", page.Path, page.says("main"))
	}
	if page = v.get("/services?q=food&near=K9H+1A1").is(200); page.Find(".tl-card").Length() != 0 || page.form("#services-form").Get("q") != "" {
		t.Errorf("an address finds: %s", page.says("main"))
	}
	// The other language keeps what was typed.
	if page = v.post("/services", url.Values{"q": {"food"}, "near": {"K9H 1A1"}, "do": {"language:fr"}}).is(200); page.form("#services-form").Get("near") != "K9H 1A1" ||
		page.Find("html").AttrOr("lang", "") != "fr" {
		t.Errorf("in French: %s", page.says("main"))
	}
}

func TestTheAPITakesNoPostalCodeInAnAddress(t *testing.T) {
	t.Parallel()
	h := newHelpline(t, Config{})
	for near, status := range map[string]int{"Peterborough": 200, "K9H": 200, "k9h": 200, "K9H 1A1": 422, "k9h1a1": 422, " K9H-1A1": 422} {
		got := h.ask("GET", "/services?need=food&near="+url.QueryEscape(near), h.navigator, "")
		if got.is(status); status == 422 && got.field() != "near" {
			t.Errorf("%s: %s", near, got.Raw)
		}
	}
}
