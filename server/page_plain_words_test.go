package server

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"throughline/casework"
	"throughline/db"
	"throughline/referral"
)

func TestANumberNobodyAskedAboutIsNotCalled(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	v.signInAs("nav@kawartha.example")
	form := v.get("/cases/new").is(http.StatusOK).form("#intake-form")
	if form.Has("safe_to_call") {
		t.Errorf("the question is answered from the start: %q", form.Get("safe_to_call"))
	}
	form.Set("phone", "705-555-0123")
	for answer, want := range map[string]string{"": "do not call", "no": "do not call", "yes": "safe to call"} {
		form.Set("key", "")
		form.Set("safe_to_call", answer)
		if got := v.press(form, "caller").is(http.StatusOK).says(".tl-person dl"); !strings.Contains(got, want) {
			t.Errorf("answered %q, the case says %s", answer, got)
		}
	}
}

func TestWhatWasNeverAskedIsNotTold(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	v.signInAs("nav@kawartha.example")
	id := v.call("Zoë Canary", "food", referral.Routine, v.services[0], v.services[1])
	r, err := v.desk.Referral(t.Context(), v.account.Actor(casework.ViaPage), id)
	v.must(err)
	page := v.get("/cases/" + r.CaseID.String())
	if got := page.says(".tl-referral > dl"); !strings.Contains(got, "being sent now") || page.Find(".tl-referral > dl .due--over").Length() != 0 {
		t.Errorf("right after the call the page says %s", got)
	}
	if got := page.says(".tl-offers"); strings.Count(got, "if the ones before it cannot help") != 1 || !strings.Contains(got, "is being asked now") {
		t.Errorf("right after the call the services say %s", got)
	}
	all := "/referrals/" + id.String() + "/withdraw"
	if got := v.get(all).says("main"); strings.Contains(got, "is told that it is no longer needed") {
		t.Errorf("with nobody asked the page says %s", got)
	}
	v.tick(id, 1)
	first, second := "?offer="+r.Offers[0].ID.String(), "?offer="+r.Offers[1].ID.String()
	if got := v.get(all + first).says("main"); !strings.Contains(got, "is told that it is no longer needed") {
		t.Errorf("of the service that was asked the page says %s", got)
	}
	if got := v.get(all + second).says("main"); !strings.Contains(got, "it is told nothing") {
		t.Errorf("of the service that waits the page says %s", got)
	}
	got := v.record(all, map[string]string{"reason": "met_elsewhere"}).is(http.StatusOK).says("#o-" + r.Offers[1].ID.String())
	if !strings.Contains(got, "Was never asked; no longer needed.") || strings.Contains(got, "Reason") {
		t.Errorf("at the end the second service says %s", got)
	}
}

func TestWhoeverAsksTheClientSeesHowToReachThem(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	v.signInAs("nav@kawartha.example")
	r := v.sent()
	v.do(r.ID, casework.CommandInput{Do: referral.Accept, ToldBy: "Priya"})
	v.do(r.ID, casework.CommandInput{Do: referral.ReportOutcome, Outcome: "received_in_full", ToldBy: "Priya"})
	for _, do := range []referral.Name{referral.Confirm, referral.Dispute, referral.Withdraw, referral.Close} {
		page := v.get("/referrals/" + r.ID.String() + "/" + string(do)).is(http.StatusOK)
		if got := page.says("main dl"); !strings.Contains(got, "Safe to contact?") || !strings.Contains(page.says("main"), "Zoë Canary") {
			t.Errorf("%s does not say how to reach the client: %s", do, got)
		}
		gone := page.Find(`input[name="outcome"][value="deceased"], input[name="outcome"][value="unreachable"]`).Length()
		if want := map[referral.Name]int{referral.Close: 2}[do]; gone != want {
			t.Errorf("%s offers %d outcomes that no client can tell", do, gone)
		}
	}
}

func TestAStepOfTheClockIsNotLateAtOnce(t *testing.T) {
	t.Parallel()
	due := time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		do   referral.Name
		late time.Duration
		want bool
	}{"just due": {referral.Send, 0, true}, "a while ago": {referral.Remind, 59 * time.Second, true},
		"too long ago": {referral.Send, time.Minute, false}, "not yet": {referral.Remind, -time.Second, false},
		"a person's": {referral.EscalateTask, 0, false}, "a draft": {referral.FinishDraft, 0, false}} {
		if got := underway(casework.Step{Do: c.do, Due: due}, due.Add(c.late)); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestTheSearchSaysWhatItLeavesOutAndWhatItNeeds(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	v.signInAs("nav@kawartha.example")
	form := v.get("/cases/new").form("#intake-form")
	form.Set("need", "food")
	page := v.press(form, "search").is(http.StatusOK)
	if shown := page.Find("#found li.tl-card").Length(); shown == pickerLimit != strings.Contains(page.says("#found"), "that fit best are shown") {
		t.Errorf("of %q %d are shown: %s", page.says("#found-title"), shown, page.says("#found"))
	}
	if got := v.get("/services").says("main"); strings.Contains(got, "Type a word") {
		t.Error("before anything was sent the page complains")
	}
	if got := v.post("/services", url.Values{"q": {""}, "need": {""}, "near": {"Peterborough"}}).says("[role=status]"); !strings.Contains(got, "Type a word or choose") {
		t.Errorf("with nothing filled in the page says %q", got)
	}
}

func TestTheDeadLinkNamesTheOnlyHelpline(t *testing.T) {
	t.Parallel()
	one, mute := db.Organisation{Name: "Kawartha 211", Phone: "+17055550100"}, db.Organisation{Name: "Second 211"}
	for name, c := range map[string]struct {
		all  []db.Organisation
		want bool
	}{"one": {[]db.Organisation{one}, true}, "two": {[]db.Organisation{one, mute}, false},
		"one without a number": {[]db.Organisation{mute}, false}, "none": {nil, false}} {
		if got := onlyOne(c.all); (got != nil) != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	v := staffed(t) // of two helplines
	set, err := v.server.pages.in("en", referral.Toronto)
	v.must(err)
	var page strings.Builder
	v.must(set.ExecuteTemplate(&page, "link_dead", view{Lang: "en", Agency: true, Body: &one}))
	if !strings.Contains(page.String(), `You can also call Kawartha 211 at <a href="tel:&#43;1-705-555-0100">(705) 555-0100</a>.`) {
		t.Errorf("with one helpline the page says %s", page.String())
	}
	if got := v.agencyOf("nonesuch").look("GET", "/r", nil).is(http.StatusNotFound).Find("main").Text(); strings.Contains(got, "You can also call") {
		t.Errorf("with two helplines the page says %s", got)
	}
}

func TestTheAgencysPageFitsWhatItKnows(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	v.signInAs("nav@kawartha.example")
	made, token := v.offered()
	agency := v.agencyOf(token)
	page := agency.look("GET", "/r", nil).is(http.StatusOK)
	if !strings.Contains(page.Find("main").Text(), referral.ShortName(made.ReferralID)) {
		t.Error("the page does not bear the reference of the letter")
	}
	const untried = `#link-decline input[value="could_not_reach_client"], #link-decline input[value="client_declined"]`
	if page.Find(untried).Length() != 0 || page.Find(`#link-decline input[value="full"]`).Length() != 1 {
		t.Error("a client whom the agency can't know yet is offered as a reason")
	}
	v.do(made.ReferralID, casework.CommandInput{Do: referral.Accept, ToldBy: "Priya"})
	page = agency.look("GET", "/r", nil).is(http.StatusOK)
	if page.Find(`#link-fail input[value="could_not_reach_client"]`).Length() != 1 {
		t.Error("who knows the client can't say that they were not reached")
	}
}

func TestAnAddressThatIsNoPageKeepsTheMenu(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	if n := v.get("/nope").is(http.StatusNotFound).Find("nav").Length(); n != 0 {
		t.Error("a stranger sees the menu")
	}
	v.signInAs("nav@kawartha.example")
	page := v.get("/nope").is(http.StatusNotFound)
	if page.Find(`nav a[href="/work"]`).Length() != 1 || page.Find(`main a`).Length() == 0 {
		t.Errorf("the page leads nowhere: %s", page.says("body"))
	}
	var names []string
	page = v.get("/cases/new").is(http.StatusOK)
	page.Find("#language option").Each(func(_ int, o *goquery.Selection) { names = append(names, o.Text()) })
	if !slices.IsSorted(names[2:]) || names[0] != "English" {
		t.Errorf("the languages are listed as %v", names)
	}
}
