package server

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/PuerkitoBio/goquery"

	"throughline/referral"
)

// typed is the form of a new call with all that a navigator writes down.
func (v *visitor) typed() url.Values {
	v.t.Helper()
	form := v.get("/cases/new").is(200).form("#intake-form")
	for name, value := range map[string]string{"name": "Zoë O’Canary <zoe>", "phone": "705-555-0123", "safe_to_call": "yes", "municipality": "Peterborough",
		"language": "fr", "notes": "Calls back\r\nafter five", "need": "food", "details": "“Nothing” since Friday", "birth_year": "1961"} {
		form.Set(name, value)
	}
	return form
}

func (v *visitor) press(form url.Values, button string) shown {
	v.t.Helper()
	form.Set("do", button)
	return v.post("/cases/new", form)
}

func TestACallWithoutScripts(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	v.signInAs("nav@kawartha.example")
	form := v.typed()
	form.Set("q", "food")
	page := v.press(form, "search").is(200)
	first := page.Find(`#found button[value^="choose:"]`).Eq(0).AttrOr("value", "")
	second := page.Find(`#found button[value^="choose:"]`).Eq(1).AttrOr("value", "")
	page = v.press(page.form("#intake-form"), first).is(200)
	page = v.press(page.form("#intake-form"), second).is(200)
	page = v.press(page.form("#intake-form"), strings.Replace(second, "choose", "up", 1)).is(200)
	form = page.form("#intake-form")
	want := []string{strings.TrimPrefix(second, "choose:"), strings.TrimPrefix(first, "choose:")}
	if !slices.Equal(form["service_ids"], want) {
		t.Fatalf("the order is %v, want %v", form["service_ids"], want)
	}
	if form.Get("name") != "Zoë O’Canary <zoe>" || form.Get("details") != "“Nothing” since Friday" || form.Get("safe_to_call") != "yes" {
		t.Fatalf("typed text is lost: %v", form)
	}
	form.Set("consent", "yes")
	done := v.press(form, "save").is(200)
	if !strings.HasPrefix(done.Path, "/cases/") || done.says("[role=status]") != "Recorded: The referral was made." {
		t.Fatalf("%s: %s", done.Path, done.says("main"))
	}
	if got := done.says("h1"); !strings.HasPrefix(got, "Zoë O’Canary <zoe> C-") {
		t.Errorf("the folder is of %q", got)
	}
	for _, fact := range []string{"(705) 555-0123", "French", "Peterborough", "1961", "“Nothing” since Friday", "Food", "By word of mouth"} {
		if !strings.Contains(done.says("main"), fact) {
			t.Errorf("the folder does not say %q: %s", fact, done.says("main"))
		}
	}
}

func TestEveryMistakeIsNamedAtOnce(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	v.signInAs("nav@kawartha.example")
	for lang, want := range map[string][]string{
		"en": {"Choose the kind of help.", "Choose what the client said."},
		"fr": {"Choisissez le type d’aide.", "Indiquez ce que la personne a répondu."},
	} {
		v.get("/work?lang=" + lang)
		form := v.typed()
		form.Set("need", "")
		page := v.press(form, "save").is(http.StatusUnprocessableEntity)
		summary := page.Find("#wrongs[role=alert]")
		for _, text := range want {
			if !strings.Contains(summary.Text(), text) {
				t.Errorf("%s: the summary lacks %q: %s", lang, text, summary.Text())
			}
		}
		links := 0
		summary.Find("a").Each(func(_ int, a *goquery.Selection) {
			links++
			if id := a.AttrOr("href", ""); page.Find(id).Length() != 1 {
				t.Errorf("%s: %s leads to %d fields", lang, id, page.Find(id).Length())
			}
		})
		if links != 3 || page.form("#intake-form").Get("name") != "Zoë O’Canary <zoe>" {
			t.Errorf("%s: %d links, name %q", lang, links, page.form("#intake-form").Get("name"))
		}
	}
}

func TestAFieldOfTheCallerIsNamed(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	v.signInAs("nav@kawartha.example")
	for field, value := range map[string]string{"phone": "12", "email": "zoe", "postal_code": "90210", "birth_year": "84",
		"name": strings.Repeat("n", 300), "language": "not a language"} {
		form := v.typed()
		form.Set(field, value)
		form.Set("consent", "yes")
		form.Add("service_ids", v.services[0].String())
		page := v.press(form, "save").is(http.StatusUnprocessableEntity)
		if got := page.Find("#wrongs a").AttrOr("href", ""); got != "#"+field {
			t.Errorf("%s: the summary names %q", field, got)
		}
		if field != "language" && page.form("#intake-form").Get(field) != value {
			t.Errorf("%s: the page does not show what was typed", field)
		}
	}
	if n := v.count(`SELECT count(*) FROM cases`); n != 0 {
		t.Errorf("%d cases were kept", n)
	}
}

func TestEveryFieldIsNamedAtOnce(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	v.signInAs("nav@kawartha.example")
	bad := map[string]string{"phone": "12", "email": "zoe", "postal_code": "90210", "birth_year": "84x", "need": ""}
	for button, want := range map[string][]string{
		"save":   {"#phone", "#email", "#postal_code", "#birth_year", "#need", "#service_ids", "#consent"},
		"caller": {"#phone", "#email", "#postal_code", "#birth_year"},
	} {
		form := v.typed()
		for field, value := range bad {
			form.Set(field, value)
		}
		page := v.press(form, button).is(http.StatusUnprocessableEntity)
		links := page.Find("#wrongs a").Map(func(_ int, a *goquery.Selection) string { return a.AttrOr("href", "") })
		if !slices.Equal(links, want) {
			t.Errorf("%s: the summary leads to %v, want %v", button, links, want)
		}
		for _, id := range want {
			if page.Find(id+"-wrong").Length() != 1 {
				t.Errorf("%s: nothing stands beside %s", button, id)
			}
		}
	}
}

func TestAYearOfBirthToComeIsSaidToBeOne(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	v.signInAs("nav@kawartha.example")
	for lang, words := range map[string]string{"en": "from 1900 to this year", "fr": "de 1900 à cette année"} {
		v.get("/work?lang=" + lang)
		form := v.typed()
		form.Set("birth_year", "2031")
		if got := v.press(form, "caller").is(http.StatusUnprocessableEntity).says("#birth_year-wrong"); !strings.Contains(got, words) {
			t.Errorf("%s: %q", lang, got)
		}
	}
}

func (v *visitor) count(query string) (n int) {
	v.t.Helper()
	v.must(v.db.Get(&n, query))
	return n
}

func TestADoubleClickMakesOneReferral(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	v.signInAs("nav@kawartha.example")
	form := v.typed()
	form.Set("consent", "yes")
	form.Set("do", "save")
	form.Add("service_ids", v.services[0].String())
	var clicks sync.WaitGroup
	paths := make([]string, 8)
	for i := range paths {
		clicks.Go(func() { paths[i] = v.post("/cases/new", form).Path })
	}
	clicks.Wait()
	if n := v.count(`SELECT count(*) FROM referrals`); n != 1 {
		t.Errorf("%d referrals", n)
	}
	last := v.post("/cases/new", form).is(200)
	for _, path := range paths {
		if path != last.Path || !strings.HasPrefix(path, "/cases/") {
			t.Errorf("the same form leads to %s and to %s", path, last.Path)
		}
	}
}

// TestAFormThatWasSavedWithOtherContent: someone went back and changed what was saved. They are told once to look; whoever
// sends it all the same means something new.
func TestAFormThatWasSavedWithOtherContent(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	v.signInAs("nav@kawartha.example")
	form := v.typed()
	form.Set("consent", "yes")
	form.Add("service_ids", v.services[0].String())
	first := v.press(form, "save").is(200)
	form.Set("name", "Someone else")
	page := v.press(form, "save").is(http.StatusUnprocessableEntity)
	if !strings.Contains(page.says("#wrongs"), "saved already") || page.Find("#wrongs a").Length() != 0 {
		t.Errorf("another form under the same key: %s", page.says("#wrongs"))
	}
	again := page.form("#intake-form")
	second := v.press(again, "save").is(200)
	if second.Path == first.Path || !strings.Contains(second.says("h1"), "Someone else") {
		t.Errorf("sent again, it leads to %s: %s", second.Path, second.says("h1"))
	}
	if third := v.press(again, "save").is(200); third.Path != second.Path {
		t.Errorf("a double click of that leads to %s and to %s", second.Path, third.Path)
	}
	if n := v.count(`SELECT count(*) FROM cases`); n != 2 {
		t.Errorf("%d cases", n)
	}

	// The same on a command's page.
	r := v.sent()
	to := v.button(r, referral.Ask)
	asked := v.get(to).form("#command-form")
	asked.Set("do", "save")
	asked.Set("told_by", "Priya")
	for i, note := range []string{"Which floor?", "Is there a lift?"} {
		asked.Set("note", note)
		if page = v.post(to, asked); i == 0 {
			page.is(200)
		}
	}
	asked = page.is(http.StatusUnprocessableEntity).form("#command-form")
	asked.Set("do", "save")
	v.post(to, asked).is(200)
	if n := v.count(`SELECT count(*) FROM timeline WHERE what = 'ask'`); n != 2 {
		t.Errorf("%d questions were kept", n)
	}
}

func TestADraftWaitsForConsent(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	v.signInAs("nav@kawartha.example")
	form := v.typed()
	form.Set("consent", "draft")
	form.Add("service_ids", v.services[0].String())
	page := v.press(form, "save").is(200)
	if page.says(".tl-referral .tl-state--draft") != "Draft" || v.count(`SELECT count(*) FROM outbox`) != 0 {
		t.Fatalf("%s; something went out: %d", page.says("main"), v.count(`SELECT count(*) FROM outbox`))
	}
	open, _ := page.Find(`a[href$="/open"]`).Attr("href")
	form = v.get(open).is(200).form("#command-form")
	form.Set("do", "save")
	if got := v.post(open, form).is(http.StatusUnprocessableEntity).says("#wrongs a"); got != "Choose what the client said." {
		t.Errorf("without an answer: %q", got)
	}
	form.Set("consent", "yes")
	page = v.post(open, form).is(200)
	if page.says(".tl-referral .tl-state--open") != "Open" || v.count(`SELECT count(*) FROM outbox`) != 1 {
		t.Errorf("after consent: %s", page.says(".tl-referral"))
	}
}

func TestARefusalKeepsNothingElse(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	v.signInAs("nav@kawartha.example")
	form := v.typed()
	form.Set("consent", "no")
	form.Add("service_ids", v.services[0].String())
	page := v.press(form, "save").is(200)
	if page.says("h1") != "The client did not agree" || page.Find(`a[href^="tel:"]`).Length() != 1 {
		t.Errorf("the page says %s", page.says("main"))
	}
	if n := v.count(`SELECT (SELECT count(*) FROM cases) + (SELECT count(*) FROM referrals)`); n != 0 {
		t.Errorf("%d rows were kept", n)
	}
	if n := v.count(`SELECT count(*) FROM consents WHERE NOT given`); n != 1 {
		t.Errorf("%d refusals were kept", n)
	}
}

func TestTheLanguageSwitchKeepsTheCall(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	v.signInAs("nav@kawartha.example")
	page := v.press(v.typed(), "language:fr").is(200)
	if page.says("h1") != "Nouvel appel" || page.form("#intake-form").Get("details") != "“Nothing” since Friday" {
		t.Errorf("%s, details %q", page.says("h1"), page.form("#intake-form").Get("details"))
	}
}

func TestAFurtherNeedAndAnotherEpisode(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	scene(v)
	v.signInAs("nav@kawartha.example")
	ended, err := v.desk.Referral(t.Context(), v.account.Actor("page"), v.waiting[2])
	v.must(err)
	folder := "/cases/" + ended.CaseID.String()
	again, ok := v.get(folder).is(200).Find(`a[href*="?again="]`).Attr("href")
	if !ok {
		t.Fatal("a closed referral can't be taken up again")
	}
	form := v.get(again).is(200).form("#refer-form")
	if form.Get("need") != "food" || form.Get("episode_of") != ended.ID.String() {
		t.Fatalf("the form begins with %v", form)
	}
	form.Add("service_ids", v.services[1].String())
	form.Set("consent", "yes")
	form.Set("do", "save")
	page := v.post(folder+"/referrals/new", form).is(200)
	if page.Find(".tl-referral").Length() != 2 || page.Find(`a[href="#r-`+ended.ID.String()+`"]`).Length() != 1 {
		t.Errorf("the folder shows %s", page.says("main"))
	}
}

func TestACallerWithoutAReferral(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	v.signInAs("nav@kawartha.example")
	form := v.typed()
	form.Set("phone", "12")
	v.press(form, "caller").is(http.StatusUnprocessableEntity)
	form.Set("phone", "")
	page := v.press(form, "caller").is(200)
	if page.Find(".tl-referral").Length() != 0 || !strings.Contains(page.says("h1"), "Canary") {
		t.Errorf("the folder shows %s", page.says("main"))
	}
}
