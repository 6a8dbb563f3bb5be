package server

import (
	"net/url"
	"strings"
	"testing"
)

func TestAnUnknownPlaceIsSaidToBeUnknown(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	v.signInAs("nav@kawartha.example")
	for lang, sentence := range map[string]string{"en": "We do not know this place, so distance is not counted.",
		"fr": "Nous ne connaissons pas cet endroit; la distance n’est donc pas prise en compte."} {
		page := v.get("/services?need=food&lang=" + lang + "&near=" + url.QueryEscape("Ottawa, ON")).is(200)
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
