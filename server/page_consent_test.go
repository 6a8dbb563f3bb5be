package server

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"throughline/casework"
	"throughline/referral"
)

// chosen is a call with two services chosen, first choice first, as the page then is.
func (v *visitor) chosen() shown {
	v.t.Helper()
	form := v.typed()
	form.Set("q", "food")
	page := v.press(form, "search").is(200)
	page = v.press(page.form("#intake-form"), "choose:"+v.services[0].String()).is(200)
	return v.press(page.form("#intake-form"), "choose:"+v.services[1].String()).is(200)
}

func (v *visitor) referralOf(page shown) casework.Referral {
	v.t.Helper()
	id := uuid.MustParse(strings.TrimPrefix(page.Find(".tl-referral").First().AttrOr("id", ""), "r-"))
	r, err := v.desk.Referral(v.t.Context(), v.account.Actor(casework.ViaPage), id)
	v.must(err)
	return r
}

func TestOneClickIsTheUsualConsent(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	v.signInAs("nav@kawartha.example")
	page := v.chosen()
	if page.Find("details.tl-consent[open]").Length() != 0 {
		t.Error("what is usual stands open")
	}
	form := page.form("#intake-form")
	form.Set("consent", "yes")
	r := v.referralOf(v.press(form, "save").is(200))
	for _, o := range r.Offers {
		if !slices.Equal(o.Agreed, referral.UsualGroups) {
			t.Errorf("%s may know %v", o.Service, o.Agreed)
		}
	}
	if r.Consent.Script != casework.ConsentScript || !r.Consent.ExpiresAt.Equal(v.clock.Now().AddDate(0, 0, 365)) {
		t.Errorf("kept as %+v", r.Consent)
	}
}

// What the client leaves out is left out, and stays so while the navigator goes on with the form.
func TestAClientLeavesSomethingOut(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	v.signInAs("nav@kawartha.example")
	form := v.chosen().form("#intake-form")
	form["consent_groups"] = []string{"language", "identity", "contact", "age"}
	form["consent_without"] = []string{v.services[1].String() + ":contact", v.services[1].String() + ":age"}
	form.Set("consent_how", "substitute")
	form.Set("consent_script", "2026-11")
	page := v.press(form, "down:"+v.services[0].String()).is(200)
	if page.Find("details.tl-consent[open]").Length() != 1 || page.Find("details.tl-leave[open]").Length() != 1 {
		t.Error("what was chosen is folded away")
	}
	form = page.form("#intake-form")
	form.Set("consent", "yes")
	form.Set("consent_until", "2020-01-01")
	page = v.press(form, "save").is(422)
	for _, field := range []string{"#consent_until", "#consent_substitute", "#consent_capacity"} {
		if page.Find(`#wrongs a[href="`+field+`"]`).Length() != 1 {
			t.Errorf("no word on %s: %s", field, page.Find("#wrongs").Text())
		}
	}
	form = page.form("#intake-form")
	form.Set("consent_until", v.clock.Now().AddDate(0, 0, 365).Format(time.DateOnly))
	form.Set("consent_substitute", "Maria Canary")
	form.Set("consent_capacity", "attorney")
	page = v.press(form, "save").is(200)
	r := v.referralOf(page)
	less, all := r.Offers[0], r.Offers[1] // the second was moved up
	if !slices.Equal(less.Agreed, []referral.Group{"need", "language", "identity"}) || !slices.Equal(all.Agreed, []referral.Group{"need", "language", "identity", "age", "contact"}) {
		t.Errorf("they may know %v and %v", less.Agreed, all.Agreed)
	}
	if c := r.Consent; c.Script != "2026-11" || c.Substitute != "Maria Canary" || c.Capacity != "attorney" {
		t.Errorf("kept as %+v", c)
	}
	said := page.Find("details.tl-consents").Text()
	for _, want := range []string{"Maria Canary", "Attorney for personal care", "year of birth", "version 2026-11", "Only the one that accepts gets your name"} {
		if !strings.Contains(said, want) {
			t.Errorf("the folder does not say %q: %s", want, said)
		}
	}
	form = v.chosen().form("#intake-form")
	form["consent_groups"] = []string{"shoe_size"}
	form.Set("consent", "yes")
	if page = v.press(form, "save").is(422); page.Find(`#wrongs a[href="#consent_groups"]`).Length() != 1 {
		t.Errorf("no word on an unknown group: %s", page.Find("#wrongs").Text())
	}
}

func TestConsentIsTakenBackOnThePage(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	v.signInAs("nav@kawartha.example")
	r := v.sent()
	folder := v.get("/cases/" + r.CaseID.String()).is(http.StatusOK)
	to := folder.Find(`details.tl-consents a[href*="withdraw_consent?offer="]`).First().AttrOr("href", "")
	page := v.record(to, nil).is(http.StatusUnprocessableEntity)
	if page.Find(`#wrongs a[href="#extent"]`).Length() != 1 {
		t.Errorf("no word on what is taken back: %s", page.Find("#wrongs").Text())
	}
	page = v.record(to, map[string]string{"extent": "some"}).is(http.StatusUnprocessableEntity)
	if page.Find(`#wrongs a[href="#groups"]`).Length() != 1 {
		t.Errorf("no word on the groups: %s", page.Find("#wrongs").Text())
	}
	page = v.record(to, map[string]string{"extent": "some", "groups": "place"}).is(http.StatusOK)
	if got := page.says("[role=status]"); got != "Recorded: The client withdrew consent." {
		t.Errorf("the page says %q", got)
	}
	now := v.referralOf(page)
	if slices.Contains(now.Offers[0].Agreed, referral.PlaceGroup) || !slices.Contains(now.Offers[1].Agreed, referral.PlaceGroup) {
		t.Errorf("%v and %v", now.Offers[0].Agreed, now.Offers[1].Agreed)
	}
	if v.get(to).is(http.StatusOK).Find("#groups-place").Length() != 0 {
		t.Error("what was taken back can be taken back again")
	}
	page = v.record("/referrals/"+r.ID.String()+"/agree", map[string]string{"consent": "yes"}).is(http.StatusOK)
	if now = v.referralOf(page); !slices.Contains(now.Offers[0].Agreed, referral.PlaceGroup) {
		t.Errorf("agreed again, the agency may know %v", now.Offers[0].Agreed)
	}
	page = v.record(to, map[string]string{"extent": "all"}).is(http.StatusOK)
	if now = v.referralOf(page); now.Offers[0].State != referral.Withdrawn || now.State != referral.Open {
		t.Errorf("the offer is %s, the referral %s", now.Offers[0].State, now.State)
	}
	page = v.record("/referrals/"+r.ID.String()+"/withdraw_consent", map[string]string{"extent": "all"}).is(http.StatusOK)
	if now = v.referralOf(page); now.State != referral.Closed || now.Consent.WithdrawnAt == nil {
		t.Errorf("the referral is %s", now.State)
	}
	if n := page.Find(`a[href*="withdraw_consent"]`).Length(); n != 0 {
		t.Errorf("%d ways to take back what was taken back", n)
	}
}

func TestTheTaskToAskAgain(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	r := v.sent()
	v.do(r.ID, casework.CommandInput{Do: referral.Agree, Consent: &casework.ConsentInput{Given: true, How: "verbal", ExpiresAt: v.clock.Now().Add(time.Hour)}})
	v.clock.Advance(time.Hour)
	v.tick(r.ID, 1)
	v.signInAs("nav@kawartha.example")
	page := v.get(v.taskOf(r.ID, referral.AskConsent)).is(http.StatusOK)
	if page.Find(`a[href$="/agree"]`).Length() != 1 || page.Find("#task-form").Length() != 0 {
		t.Errorf("the task is done by %s", page.says("main"))
	}
	form := v.get("/referrals/" + r.ID.String() + "/agree").is(http.StatusOK).form("#command-form")
	form.Set("do", "language:fr")
	form.Set("consent", "yes")
	french := v.post("/referrals/"+r.ID.String()+"/agree", form).is(http.StatusOK)
	if !strings.Contains(french.says("blockquote"), "Cela vaut pour un an au plus") || french.Find("#consent-yes[checked]").Length() != 1 {
		t.Errorf("in French: %s", french.says("main"))
	}
	form = url.Values(french.form("#command-form"))
	form.Set("do", "save")
	v.post("/referrals/"+r.ID.String()+"/agree", form).is(http.StatusOK)
	if n := v.count(`SELECT count(*) FROM tasks WHERE kind = 'ask_consent' AND state = 'open'`); n != 0 {
		t.Errorf("%d tasks to ask are open", n)
	}
}
