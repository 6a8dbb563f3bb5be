package server

import (
	"net/http"

	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/google/uuid"

	"throughline/casework"
	"throughline/internal/browser"
	"throughline/referral"
)

// toCorrect is a case that is with an agency, and the page that sets it right.
func (v *visitor) toCorrect() (id uuid.UUID, at string) {
	v.t.Helper()
	r, err := v.desk.Referral(v.t.Context(), v.account.Actor(casework.ViaPage), v.call("Zoë Canary", "food", referral.Routine, v.services[0]))
	v.must(err)
	return r.CaseID, "/cases/" + r.CaseID.String() + "/correct"
}

// meanwhile has a colleague set a case right, on the version that it is at.
func (v *visitor) meanwhile(id uuid.UUID, in casework.CorrectionInput) {
	v.t.Helper()
	c, _, err := v.desk.Case(v.t.Context(), v.lead.Actor(casework.ViaPage), id)
	v.must(err)
	in.IfVersion, in.Reason = c.Version, "she called again"
	_, err = v.desk.Correct(v.t.Context(), v.lead.Actor(casework.ViaPage), id, in, nil)
	v.must(err)
}

func TestACaseIsCorrectedOnItsPage(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	v.signInAs("nav@kawartha.example")
	id, at := v.toCorrect()
	if href := v.get("/cases/" + id.String()).Find(`a[href="` + at + `"]`).Length(); href != 1 {
		t.Fatalf("the case leads to its correction %d times", href)
	}
	form := v.get(at).is(200).form("#correct-form")
	if form.Get("name") != "Zoë Canary" {
		t.Fatalf("the form holds %v", form)
	}
	form.Set("phone", "705 555 0199")
	form.Set("safe_to_call", "no")
	form.Set("reason", "her partner has the old one")
	form.Set("do", "save")
	page := v.post(at, form).is(200)
	if page.says("[role=status]") != "Recorded: The correction." || !strings.Contains(page.says(".tl-person"), "(705) 555-0199") ||
		!strings.Contains(page.says(".tl-person"), "do not call") {
		t.Fatalf("%s says %s", page.Path, page.says("main"))
	}
	// A double click is one correction, and shows what it did.
	if again := v.post(at, form).is(200); again.says("[role=status]") != "Recorded: The correction." {
		t.Errorf("the second click says %s", again.says("main"))
	}
	history := v.get(page.Find(`a[href$="/history"]`).AttrOr("href", "")).is(200).says("main")
	for _, want := range []string{"Noor", "her partner has the old one", "Phone", "(705) 555-0123 (705) 555-0199", "Safe to call yes no"} {
		if !strings.Contains(history, want) {
			t.Errorf("the history lacks %q: %s", want, history)
		}
	}
	if n := v.count(`SELECT count(*) FROM corrections`); n != 1 {
		t.Errorf("%d corrections were kept", n)
	}
}

func TestACorrectionIsCheckedLikeACall(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	v.signInAs("nav@kawartha.example")
	_, at := v.toCorrect()
	form := v.get(at).is(200).form("#correct-form")
	for field, value := range map[string]string{"phone": "12", "postal_code": "90210", "birth_year": "84", "reason": "", "do": "save"} {
		form.Set(field, value)
	}
	page := v.post(at, form).is(http.StatusUnprocessableEntity)
	for _, field := range []string{"phone", "postal_code", "birth_year", "reason"} {
		if page.Find(`#wrongs a[href="#`+field+`"]`).Length() != 1 {
			t.Errorf("%s is not named: %s", field, page.says("#wrongs"))
		}
	}
	if got := page.says("#wrongs"); !strings.Contains(got, "Write why, in up to 200 characters.") {
		t.Errorf("of the reason it says %s", got)
	}
	// A health number is asked about once, in the notes as in the reason.
	for _, field := range []string{"notes", "reason"} {
		form = v.get(at).is(200).form("#correct-form")
		form.Set("reason", "she said so")
		form.Set("do", "save")
		form.Set(field, "her card says 9876 543 217 AB")
		page = v.post(at, form).is(http.StatusUnprocessableEntity)
		if page.Find(`#wrongs a[href="#`+field+`"]`).Length() != 1 {
			t.Errorf("a health number in %s: %s", field, page.says("main"))
		}
		form = page.form("#correct-form")
		form.Set("do", "save")
		v.post(at, form).is(200)
	}
	// The other language loses nothing.
	form = v.get(at).is(200).form("#correct-form")
	form.Set("name", "Zoé")
	form.Set("do", "language:fr")
	if page = v.post(at, form).is(200); page.form("#correct-form").Get("name") != "Zoé" || page.says(".tl-actions .tl-button") != "Enregistrer la correction" {
		t.Errorf("in French: %s", page.says("main"))
	}
}

// Who is overtaken loses nothing, overwrites nothing without seeing it, and saves again.
func TestWhoIsOvertakenKeepsWhatTheyTyped(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	v.signInAs("nav@kawartha.example")
	id, at := v.toCorrect()
	v.meanwhile(id, casework.CorrectionInput{Notes: new("two\nlines")}) // as a program writes them
	form := v.get(at).is(200).form("#correct-form")
	v.meanwhile(id, casework.CorrectionInput{Phone: new("705 555 0111"), Email: new("zoe@canary.example"), Municipality: new("Ajax")})
	form.Set("phone", "705 555 0199")
	form.Set("name", "Zoé Canary")
	form.Set("reason", "spelled wrong")
	form.Set("do", "save")
	page := v.post(at, form).is(http.StatusPreconditionFailed)
	back := page.form("#correct-form")
	for field, want := range map[string]string{"phone": "705 555 0199", "name": "Zoé Canary", "email": "zoe@canary.example", "municipality": "Ajax",
		"reason": "spelled wrong", "version": "3"} {
		if back.Get(field) != want {
			t.Errorf("%s came back as %q, want %q", field, back.Get(field), want)
		}
	}
	said := page.says("#wrongs")
	if !strings.Contains(said, "Someone else corrected this case") || !strings.Contains(said, "Phone: the case now says (705) 555-0111.") {
		t.Errorf("it says %s", said)
	}
	for field, want := range map[string]int{"phone": 1, "email": 1, "municipality": 1, "name": 0, "notes": 0} {
		if n := page.Find(`#wrongs a[href="#` + field + `"]`).Length(); n != want {
			t.Errorf("%s is named %d times: %s", field, n, said)
		}
	}
	back.Set("do", "save")
	if got := v.post(at, back).is(200).says(".tl-person"); !strings.Contains(got, "(705) 555-0199") || !strings.Contains(got, "zoe@canary.example") {
		t.Errorf("at last the case says %s", got)
	}
	history := v.get("/cases/" + id.String() + "/history").is(200)
	if n := history.Find(".tl-referral").Length(); n != 3 || strings.Contains(history.Find(".tl-referral").First().Text(), "Notes") {
		t.Errorf("%d corrections: %s", n, history.says("main"))
	}
}

// What an agency is shown after a yes is what the case says now.
func TestAnAgencySeesTheCorrection(t *testing.T) {
	t.Parallel()
	h := newHelpline(t, Config{})
	made, token := h.offered()
	a := h.agencyOf(token)
	a.told(referral.Accept, "name", "Priya")
	_, err := h.desk.Correct(t.Context(), h.account.Actor(casework.ViaPage), made.CaseID, casework.CorrectionInput{Phone: new("705 555 0177"),
		SafeToCall: new(false), Reason: "not safe any more", IfVersion: 1}, nil)
	h.must(err)
	page := a.look("GET", "/r", nil).is(200)
	page.says("555-0177")
	if strings.Contains(page.Text(), "not safe any more") {
		t.Error("the agency is told why")
	}
}

func TestACaseIsCorrectedByTheAPI(t *testing.T) {
	t.Parallel()
	h := newHelpline(t, Config{})
	made := h.ask("POST", "/cases", h.navigator, `{"name":"Zoë Canary","notes":"calls at noon"}`).is(201)
	at := "/cases/" + made.text("id")
	if tag := h.ask("GET", at, h.navigator, "").is(200).Header.Get("ETag"); tag != `"1"` || made.Header.Get("ETag") != tag {
		t.Fatalf("the case has the ETag %q", tag)
	}
	body := `{"phone":"705 555 0199","reason":"a new number"}`
	h.ask("PATCH", at, h.navigator, body).is(400, "malformed", ifMatch)
	h.ask("PATCH", at, h.navigator, body, ifMatch, "*").is(400, "malformed", ifMatch)
	h.ask("PATCH", at, h.navigator, body, ifMatch, `W/"1"`).is(412, "stale", ifMatch)
	key := uuid.NewString()
	for range 2 {
		done := h.ask("PATCH", at, h.navigator, body, ifMatch, `"1"`, idempotencyKey, key).is(200)
		if done.Header.Get("ETag") != `"2"` || done.text("phone") != "+17055550199" || done.text("notes") != "calls at noon" {
			t.Errorf("answered %s: %s", done.Header.Get("ETag"), done.Raw)
		}
	}
	h.ask("PATCH", at, h.navigator, body, ifMatch, `"1"`).is(412, "stale", ifMatch)
	h.ask("PATCH", at, h.navigator, `{"phone":"12","reason":"so"}`, ifMatch, `"2"`).is(422, "invalid", "/phone")
	h.ask("PATCH", at, h.navigator, `{"phone":""}`, ifMatch, `"2"`).is(422, "invalid", "/reason")
	h.ask("PATCH", at, h.navigator, `{"reason":"so","restricted":"violence"}`, ifMatch, `"2"`).is(422, "invalid", "/restricted")
	h.ask("PATCH", at, h.stranger, body, ifMatch, `"2"`).is(404, "not_found")
	h.ask("PATCH", "/cases/1", h.navigator, body, ifMatch, `"2"`).is(404, "not_found")
}

func TestTheCorrectionPagesAreAccessible(t *testing.T) {
	t.Parallel()
	ctx := browser.New(t)
	v := staffed(t)
	id, at := v.toCorrect()
	v.must(chromedp.Do(ctx, chromedp.Navigate(v.site.URL+"/sign-in"), chromedp.SendKeys("#email", "nav@kawartha.example"),
		chromedp.SendKeys("#password", password+"\r"), chromedp.WaitVisible(`nav[aria-label]`)))
	for lang, widths := range pageWidths() {
		for _, width := range widths {
			look := func(name string) {
				browser.Accessible(t, ctx, lang+" "+name)
				v.picture(ctx, name, lang, width)
			}
			v.must(chromedp.Do(ctx, chromedp.EmulateViewport(width, 900), chromedp.Navigate(v.site.URL+at+"?lang="+lang)))
			look("correct")
			v.meanwhile(id, casework.CorrectionInput{Phone: new("705 555 0111"), SafeToCall: new(false), SafeToLeaveMessage: new(true), Name: new("Zoë Canary-Roy")})
			v.must(chromedp.Do(ctx, chromedp.SetValue("#phone", "705 555 0199"), chromedp.SendKeys("#reason", "a new number"), chromedp.Click(`button[value="save"]`),
				chromedp.WaitVisible("#wrongs")))
			look("correct-meanwhile")
			v.must(chromedp.Do(ctx, chromedp.Click(`button[value="save"]`), chromedp.WaitVisible(".tl-alert--done")))
			look("corrected")
			v.must(chromedp.Do(ctx, chromedp.Navigate(v.site.URL+"/cases/"+id.String()+"/history?lang="+lang)))
			look("history")
			v.meanwhile(id, casework.CorrectionInput{Phone: new(""), SafeToCall: new(true), SafeToLeaveMessage: new(false), Name: new("Zoë Canary")})
		}
	}
}

func TestTheAuditorSeesWhatWasCorrected(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	id, _ := v.toCorrect()
	v.meanwhile(id, casework.CorrectionInput{Phone: new("705 555 0111"), SafeToCall: new(false)})
	v.oversees(referral.Auditor)
	if got := v.get("/audit/cases/" + id.String()).is(200).says("main"); !strings.Contains(got, "corrected: Phone, Safe to call") || strings.Contains(got, "0111") {
		t.Errorf("the auditor sees %s", got)
	}
}
