package server

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"throughline/casework"
	"throughline/internal/browser"
	"throughline/referral"
)

// A restricted case from the call to the review: the navigator closes it, a coordinator finds only that it is there, opens
// it for a reason, and a supervisor looks at that.
func TestARestrictedCaseByItsPages(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	_, err := v.desk.AddAccount(t.Context(), v.account.OrganisationID, "super@kawartha.example", "Sacha", referral.Supervisor, "en", password)
	v.must(err)
	v.signInAs("nav@kawartha.example")
	form := v.get("/cases/new").is(200).form("#intake-form")
	form.Set("name", "Zoë Canary")
	form.Set("restricted", "violence")
	form.Set("safe_to_call", "no")
	form.Set("do", "caller")
	page := v.post("/cases/new", form).is(200)
	if !strings.Contains(page.says("main"), "For named people only: Risk of violence") {
		t.Fatalf("the case says %q", page.says("main"))
	}
	at, reference := strings.TrimSuffix(page.Path, "?done=case"), page.says(".tl-reference")
	if people := v.get(at + "/people").is(200).says("main"); !strings.Contains(people, "Noor (Navigator)") || !strings.Contains(people, "Camille (Coordinator)") {
		t.Errorf("the list says %q", people)
	}

	v.forget()
	v.signInAs("coord@kawartha.example")
	v.get(at).is(404)
	if got := v.post("/cases", url.Values{"q": {"Canary"}, "do": {"search"}}).says("main"); strings.Contains(got, reference) {
		t.Errorf("the name leads to %q", got)
	}
	found := v.post("/cases", url.Values{"q": {strings.ToLower(reference)}, "do": {"search"}}).is(200)
	glass := found.Find(`main a[href^="/break-glass/"]`).AttrOr("href", "")
	if glass != "/break-glass/"+reference {
		t.Fatalf("the search leads to %q: %s", glass, found.says("main"))
	}
	v.get("/break-glass/" + reference[:8] + "0").is(404)
	v.post(glass, url.Values{"why": {" "}}).is(422)
	opened := v.post(glass, url.Values{"why": {"he is on the line"}}).is(200)
	if !strings.HasPrefix(opened.Path, at) || !strings.Contains(opened.says("h1"), "Zoë Canary") {
		t.Errorf("glass was broken and led to %s", opened.Path)
	}
	if got := v.get("/restricted").is(200).says("main"); strings.Contains(got, "on the line") || strings.Contains(got, reference) || strings.Contains(got, "Who may see which") {
		t.Errorf("a coordinator is shown what is a supervisor's to look at: %q", got)
	}
	if got := v.get("/queue").is(200); got.Find(`main a[href="/restricted"]`).Length() != 0 {
		t.Error("who opened it is asked to review it")
	}

	v.forget()
	v.signInAs("super@kawartha.example")
	v.get(at).is(404)
	for _, path := range []string{"/queue", "/tasks"} {
		if got := v.get(path).is(200).says(`main a[href="/restricted"]`); !strings.Contains(got, "please review") {
			t.Errorf("%s says %q of what waits", path, got)
		}
	}
	v.clock.Advance(73 * time.Hour)
	v.signInAs("super@kawartha.example")
	reviews := v.get("/restricted").is(200)
	if got := reviews.says(".due--over"); !strings.HasPrefix(got, "Should have been reviewed by") {
		t.Errorf("after three days it says %q", got)
	}
	if !strings.Contains(reviews.says("main"), "he is on the line") {
		t.Errorf("the reviews say %q", reviews.says("main"))
	}
	review := reviews.Find(`form[action^="/restricted/"]`).AttrOr("action", "")
	v.post(review, url.Values{"remark": {"I asked him"}, "decision": {"maybe"}}).is(422)
	wrong := v.post(review, url.Values{"remark": {"I asked him"}}).is(422)
	field := "decision-" + strings.TrimPrefix(review, "/restricted/")
	if wrong.Find(`#wrongs a[href="#`+field+`"]`).Length() != 1 || wrong.says("fieldset#"+field+" #"+field+"-wrong") == "" ||
		wrong.Find("fieldset#"+field).AttrOr("aria-describedby", "") != " "+field+"-wrong" {
		t.Errorf("a review without a decision is refused by %q", wrong.says("main"))
	}
	if got := wrong.Find(`textarea[name="remark"]`).Text(); got != "I asked him" {
		t.Errorf("of the remark %q is left", got)
	}
	long := v.post(review, url.Values{"decision": {"justified"}, "remark": {strings.Repeat("a", 10_001)}}).is(422)
	if long.Find(`#wrongs a[href^="#remark-"]`).Length() != 1 || long.Find(`input[value="justified"][checked]`).Length() != 1 {
		t.Errorf("a remark that is too long is refused by %q", long.says("main"))
	}
	if got := v.post(review, url.Values{"decision": {"justified"}}).is(200).says("main"); !strings.Contains(got, "Nothing waits for a review") {
		t.Errorf("after the review: %q", got)
	}
}

func TestTheRestrictedPagesAreAccessible(t *testing.T) {
	t.Parallel()
	ctx := browser.New(t)
	v := staffed(t)
	super, err := v.desk.AddAccount(t.Context(), v.account.OrganisationID, "super@kawartha.example", "Sacha", referral.Supervisor, "en", password)
	v.must(err)
	made := func(kind string) casework.Case {
		c, err := v.desk.OpenCase(t.Context(), v.account.Actor(casework.ViaPage), casework.CaseInput{Name: "Zoë Canary", Restricted: kind}, nil)
		v.must(err)
		return c
	}
	hidden, broken := made("violence"), made("staff")
	_, err = v.desk.BreakGlass(t.Context(), v.lead.Actor(casework.ViaPage), broken.Reference, "he is on the line")
	v.must(err)
	_, err = v.desk.BreakGlass(t.Context(), super.Actor(casework.ViaPage), broken.Reference, "so was he here")
	v.must(err)
	v.must(chromedp.Do(ctx, chromedp.Navigate(v.site.URL+"/sign-in"), chromedp.SendKeys("#email", "super@kawartha.example"),
		chromedp.SendKeys("#password", password+"\r"), chromedp.WaitVisible(`nav[aria-label]`)))
	for lang, widths := range pageWidths() {
		for name, path := range map[string]string{"restricted": "/restricted", "named": "/cases/" + hidden.ID.String() + "/people",
			"glass": "/break-glass/" + hidden.Reference, "restricted-case": "/cases/" + broken.ID.String()} {
			for _, width := range widths {
				v.must(chromedp.Do(ctx, chromedp.EmulateViewport(width, 900), chromedp.Navigate(v.site.URL+path+"?lang="+lang)))
				browser.Accessible(t, ctx, lang+" "+name)
				v.picture(ctx, name, lang, width)
			}
		}
		for _, width := range widths {
			v.must(chromedp.Do(ctx, chromedp.EmulateViewport(width, 900), chromedp.Navigate(v.site.URL+"/restricted?lang="+lang)))
			v.mistakes(ctx, `form[action^="/restricted/"] button`)
			browser.Accessible(t, ctx, lang+" a review without a decision")
			v.picture(ctx, "restricted-wrong", lang, width)
		}
	}
}
