package server

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/google/uuid"

	"throughline/casework"
	"throughline/internal/browser"
	"throughline/referral"
)

// keepers are two supervisors and an admin.
func (v *visitor) keepers() {
	v.t.Helper()
	for email, role := range map[string]referral.Role{"super@kawartha.example": referral.Supervisor, "second@kawartha.example": referral.Supervisor,
		"admin@kawartha.example": referral.Admin} {
		_, err := v.desk.AddAccount(v.t.Context(), v.account.OrganisationID, email, strings.Split(email, "@")[0], role, "en", password)
		v.must(err)
	}
}

func (v *visitor) as(email string) {
	v.t.Helper()
	v.forget()
	v.signInAs(email)
}

// Two forms of the page ask for a reason: what is wrong stands beside the one that was sent, with what was typed.
func TestWhatIsWrongOfAHoldIsSaidAtTheHold(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	v.keepers()
	made, err := v.desk.OpenCase(t.Context(), v.account.Actor(casework.ViaPage), casework.CaseInput{Name: "Zoë Canary"}, nil)
	v.must(err)
	at := "/cases/" + made.ID.String() + "/keeping"
	v.as("super@kawartha.example")
	for do, other := range map[string]string{"hold": "erase", "erase": "hold"} {
		for typed, said := range map[string]string{"": "", strings.Repeat("a", 10_001): strings.Repeat("a", 10_001)} {
			page := v.post(at, url.Values{"do": {do}, "why_" + do: {typed}}).is(http.StatusUnprocessableEntity)
			if page.Find(`#wrongs a[href="#why_`+do+`"]`).Length() != 1 || page.says("#why_"+do+"-wrong") == "" ||
				page.Find("#why_"+do).AttrOr("aria-invalid", "") != "true" || page.Find("#why_"+other+"-wrong").Length() != 0 {
				t.Errorf("%s is refused by %q", do, page.says("main"))
			}
			if got := page.Find("#why_" + do).Text(); got != said {
				t.Errorf("%s: of %d letters that were typed %d are there", do, len(said), len(got))
			}
			if page.Find("#why_hold").Closest("details[open]").Length() != map[string]int{"hold": 1, "erase": 0}[do] {
				t.Errorf("%s: the form for a hold is open, or is not", do)
			}
		}
	}
}

// A client's request from the call to the tombstone: what stands against it is said, a second person agrees, and afterwards
// every page that led to the case shows that it is erased, or nothing.
func TestACaseIsErasedByItsPages(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	v.keepers()
	v.as("nav@kawartha.example")
	sent := v.sent()
	caseID := sent.CaseID
	at := "/cases/" + caseID.String()
	if link := v.get(at).is(200).Find(`a[href="` + at + `/keeping"]`); link.Length() != 1 {
		t.Error("the case does not lead to how it is kept")
	}
	refused := v.post(at+"/keeping", url.Values{"do": {"erase"}, "why_erase": {"she asks"}}).is(409).says("main")
	if !strings.Contains(refused, sent.ShortName) || !strings.Contains(refused, "Close it first") {
		t.Errorf("while a referral is open the page says %q", refused)
	}
	_, err := v.desk.Do(t.Context(), v.account.Actor(casework.ViaPage), sent.ID, casework.CommandInput{Do: referral.Withdraw, Reason: "moved"}, nil)
	v.must(err)
	v.post(at+"/keeping", url.Values{"do": {"erase"}, "why_erase": {" "}}).is(422)
	v.post(at+"/keeping", url.Values{}).is(422)
	v.post(at+"/keeping", url.Values{"do": {"hold"}, "why_hold": {"a court"}}).is(403)
	page := v.post(at+"/keeping", url.Values{"do": {"erase"}, "why_erase": {"she asks"}}).is(200)
	if got := page.says("main"); !strings.Contains(got, "The request to erase") || !strings.Contains(got, "Waits for a supervisor’s agreement") {
		t.Errorf("the request is answered by %q", got)
	}

	v.as("super@kawartha.example")
	v.post(at+"/keeping", url.Values{"do": {"hold"}, "why_hold": {"a court asks"}}).is(200)
	if got := v.post(at+"/keeping", url.Values{"do": {"erase"}, "why_erase": {"she asks"}}).is(409).says("main"); !strings.Contains(got, "under legal hold") {
		t.Errorf("under hold the page says %q", got)
	}
	v.post(at+"/keeping", url.Values{"do": {"lift"}}).is(200)
	v.post(at+"/keeping", url.Values{"do": {"erase"}, "why_erase": {"she asks"}}).is(200)
	var id uuid.UUID
	v.must(v.db.Get(&id, `SELECT id FROM erasures WHERE case_id = $1 AND ended_at IS NULL`, caseID))
	if got := v.post(at+"/keeping", url.Values{"do": {"approve:" + id.String()}}).is(403).says("main"); !strings.Contains(got, "another supervisor must agree") {
		t.Errorf("who asked is told %q", got)
	}
	v.as("second@kawartha.example")
	if got := v.get("/erasures").is(200).says("main"); !strings.Contains(got, "she asks") {
		t.Errorf("the list says %q", got)
	}
	v.post(at+"/keeping", url.Values{"do": {"approve:" + id.String()}}).is(200)
	v.post(at+"/keeping", url.Values{"do": {"approve:" + uuid.NewString()}}).is(404)
	_, gone, err := v.desk.Erase(t.Context(), id, v.clock.Now().AddDate(0, 0, 8))
	v.must(err)
	if gone != caseID {
		t.Fatal("it was not erased")
	}
	v.isErased(at, sent)
}

func (v *visitor) isErased(at string, sent casework.Referral) {
	t := v.t
	t.Helper()
	for _, lang := range []string{"en", "fr"} {
		page := v.get(at + "?lang=" + lang).is(200)
		want := map[string]string{"en": "Erased case", "fr": "Dossier effacé"}[lang]
		if got := page.says("main"); !strings.Contains(got, want) || strings.Contains(got, "Canary") || page.Find("form[action*=restrict], a[href*=withdraw]").Length() > 0 {
			t.Errorf("the erased case shows %q", got)
		}
		for _, path := range []string{at + "/keeping", "/closed", "/cases", "/queue", "/tasks", "/restricted", "/erasures"} {
			if got := v.get(path + "?lang=" + lang).is(200).says("main"); strings.Contains(got, "Canary") {
				t.Errorf("%s shows %q", path, got)
			}
		}
	}
	v.get("/cases?lang=en").is(200)
	if got := v.post("/cases", url.Values{"q": {sent.Reference}, "do": {"search"}}).is(200).Find(`a[href="` + at + `"]`); got.Length() > 0 {
		t.Error("the search finds it")
	}
	v.get("/referrals/" + sent.ID.String()).is(200)
	if got := v.get("/referrals/" + sent.ID.String() + "/withdraw_consent").is(200); !strings.HasPrefix(got.Path, at) {
		t.Errorf("there is a form to do something about it: %s", got.Path)
	}
	v.post(at+"/keeping", url.Values{"do": {"erase"}, "why_erase": {"again"}}).is(409)
	v.post("/referrals/"+sent.ID.String()+"/withdraw_consent", url.Values{"do": {"save"}, "extent": {"all"}, "key": {uuid.NewString()}}).is(409)
}

// breaksGlass has a colleague open a case that is restricted for that while.
func (v *visitor) breaksGlass(id uuid.UUID, reference string) {
	v.t.Helper()
	v.must(v.desk.Restrict(v.t.Context(), v.account.Actor(casework.ViaPage), id, "vip"))
	other, err := v.desk.AddAccount(v.t.Context(), v.account.OrganisationID, "kim@kawartha.example", "Kim", referral.Navigator, "en", password)
	v.must(err)
	_, err = v.desk.BreakGlass(v.t.Context(), other.Actor(casework.ViaPage), reference, "she is on the line")
	v.must(err)
	v.must(v.desk.Restrict(v.t.Context(), v.account.Actor(casework.ViaPage), id, ""))
}

// What a client is given is prepared, shown once in their language and once as data, to who asked for it and nobody else.
func TestAClientIsGivenEverything(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	v.keepers()
	v.as("nav@kawartha.example")
	sent := v.sent()
	v.as("super@kawartha.example")
	at := "/cases/" + sent.CaseID.String() + "/keeping"
	v.breaksGlass(sent.CaseID, sent.Reference)
	v.post(at, url.Values{"do": {"hold"}, "why_hold": {"someone complains"}}).is(200)
	v.post(at, url.Values{"do": {"lift"}}).is(200)
	v.post(at, url.Values{"do": {"export"}, "language": {"de"}}).is(422)
	v.post(at, url.Values{"do": {"export"}, "language": {"fr"}}).is(200)
	var id uuid.UUID
	v.must(v.db.Get(&id, `SELECT id FROM case_exports WHERE case_id = $1`, sent.CaseID))
	path := "/exports/" + id.String()
	v.post(path, url.Values{"form": {"page"}}).is(409)
	_, err := v.desk.CarryExport(t.Context(), id, v.clock.Now())
	v.must(err)
	v.as("second@kawartha.example")
	v.post(path, url.Values{"form": {"page"}}).is(404)
	v.as("super@kawartha.example")
	v.post(path, url.Values{"form": {"pdf"}}).is(422)
	page := v.post(path, url.Values{"form": {"page"}}).is(200)
	for _, says := range []string{"Ce qui est conservé à votre sujet", "Zoë Canary", "N’y figurent ni les noms des membres de notre personnel", "she is on the line",
		"Une deuxième personne ne l’a pas encore examiné.", "Obligation légale de conservation, ", " · levée "} {
		if got := page.says("main"); !strings.Contains(got, says) {
			t.Errorf("the page does not say %q: %q", says, got)
		}
	}
	if got := page.says("main"); strings.Contains(got, "someone complains") || strings.Contains(got, "Noor") {
		t.Errorf("the page says more than it may: %q", got)
	}
	v.post(path, url.Values{"form": {"page"}}).is(409)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, v.site.URL+path, strings.NewReader(url.Values{"form": {"data"}}.Encode()))
	v.must(err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	got, err := v.client.Do(r)
	v.must(err)
	defer got.Body.Close()
	var all casework.Everything
	v.must(json.NewDecoder(got.Body).Decode(&all))
	if all.Schema != casework.ExportSchema || all.Case.Name != "Zoë Canary" || len(all.Referrals) != 1 || len(all.Referrals[0].Timeline) == 0 || len(all.Access) == 0 || len(all.Letters) == 0 {
		t.Errorf("the data are %+v", all)
	}
	if kind := got.Header.Get("Content-Type"); kind != "application/json" || got.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("the data come as %s, %s", kind, got.Header.Get("Cache-Control"))
	}
	v.post(path, url.Values{"form": {"data"}}).is(409)
	var left int
	v.must(v.db.Get(&left, `SELECT count(*) FROM case_exports WHERE body <> '' OR gone_at IS NULL`))
	if left > 0 {
		t.Error("what was fetched is still kept")
	}
}

// An administrator sets the schedule within its bounds, and sees what it would do.
func TestTheScheduleIsSetOnItsPage(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	v.keepers()
	v.as("admin@kawartha.example")
	page := v.get("/retention").is(200)
	if got := page.Find("#days_audit").AttrOr("value", ""); got != "3653" {
		t.Errorf("the audit is kept for %q days", got)
	}
	page = v.post("/retention", url.Values{"days_audit": {"100"}, "days_visits": {"soon"}, "days_answers": {"20"}}).is(422)
	if page.Find(".tl-field--wrong").Length() != 2 || page.Find("#days_visits").AttrOr("value", "") != "soon" {
		t.Errorf("out of bounds the page says %q", page.says("main"))
	}
	page = v.post("/retention", url.Values{"days_answers": {"20"}}).is(200)
	if got := page.Find("#days_answers").AttrOr("value", ""); got != "20" || !strings.Contains(page.says("main"), "The schedule is in force") {
		t.Errorf("answers are kept for %q days: %s", got, page.says("main"))
	}
}

func TestTheKeepingPagesAreAccessible(t *testing.T) {
	t.Parallel()
	ctx := browser.New(t)
	v := staffed(t)
	v.keepers()
	made, err := v.desk.OpenCase(t.Context(), v.account.Actor(casework.ViaPage), casework.CaseInput{Name: "Zoë Canary"}, nil)
	v.must(err)
	_, err = v.desk.AskErasure(t.Context(), v.account.Actor(casework.ViaPage), made.ID, "she asks")
	v.must(err)
	other, err := v.desk.OpenCase(t.Context(), v.account.Actor(casework.ViaPage), casework.CaseInput{Name: "Ana Canary"}, nil)
	v.must(err)
	for email, paths := range map[string][]string{"super@kawartha.example": {"/cases/" + made.ID.String() + "/keeping", "/erasures"}, "admin@kawartha.example": {"/retention"}} {
		v.must(chromedp.Do(ctx, chromedp.Navigate(v.site.URL+"/sign-in"), chromedp.SendKeys("#email", email),
			chromedp.SendKeys("#password", password+"\r"), chromedp.WaitVisible(`nav[aria-label]`)))
		for lang, widths := range pageWidths() {
			for _, path := range paths {
				for _, width := range widths {
					v.must(chromedp.Do(ctx, chromedp.EmulateViewport(width, 900), chromedp.Navigate(v.site.URL+path+"?lang="+lang)))
					browser.Accessible(t, ctx, lang+" "+path)
				}
			}
			for _, width := range widths {
				if email != "super@kawartha.example" {
					continue
				}
				for _, do := range []string{"hold", "erase"} {
					v.must(chromedp.Do(ctx, chromedp.EmulateViewport(width, 900), chromedp.Navigate(v.site.URL+"/cases/"+other.ID.String()+"/keeping?lang="+lang)))
					v.mistakes(ctx, `button[value="`+do+`"]`)
					browser.Accessible(t, ctx, lang+" "+do+" without a reason")
					v.picture(ctx, "keeping-"+do+"-wrong", lang, width)
				}
			}
		}
		v.must(chromedp.Do(ctx, chromedp.Click(`form[action="/sign-out"] button`), chromedp.WaitVisible(`#email`)))
	}
}
