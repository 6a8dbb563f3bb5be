package server

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/google/uuid"

	"throughline/casework"
	"throughline/referral"
)

// sent makes a referral whose first offer is out, and gives it as the folder's page shows it.
func (v *visitor) sent() casework.Referral {
	v.t.Helper()
	id := v.call("Zoë Canary", "food", referral.Routine, v.services[0], v.services[1])
	v.tick(id, 1)
	r, err := v.desk.Referral(v.t.Context(), v.account.Actor(casework.ViaPage), id)
	v.must(err)
	return r
}

// button finds a command of the folder's page.
func (v *visitor) button(r casework.Referral, do referral.Name) string {
	v.t.Helper()
	page := v.get("/cases/" + r.CaseID.String()).is(200)
	at := "/referrals/" + r.ID.String() + "/" + string(do)
	link := page.Find(`a[href="` + at + `"], a[href^="` + at + `?"]`).First()
	to, ok := link.Attr("href")
	if !ok {
		v.t.Fatalf("the folder has no button for %s", do)
	}
	return to
}

// record fills in the page of a command and sends it.
func (v *visitor) record(to string, fields map[string]string) shown {
	v.t.Helper()
	form := v.get(to).is(200).form("#command-form")
	form.Set("do", "save")
	for name, value := range fields {
		form.Set(name, value)
	}
	return v.post(to, form)
}

func TestAnAgencysAnswerByPhone(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	v.signInAs("nav@kawartha.example")
	r := v.sent()
	to := v.button(r, referral.Decline)
	page := v.record(to, map[string]string{"reason": "full", "note": "Call again in January"}).is(http.StatusUnprocessableEntity)
	if got := page.Find("#wrongs a").AttrOr("href", ""); got != "#told_by" {
		t.Errorf("without a name the summary leads to %q", got)
	}
	form := page.form("#command-form")
	if form.Get("reason") != "full" || form.Get("note") != "Call again in January" {
		t.Errorf("what was typed is lost: %v", form)
	}
	page = v.record(to, map[string]string{"reason": "full", "told_by": "Priya", "note": "Call again in January"}).is(200)
	text := page.says(".tl-referral")
	for _, want := range []string{"Declined", "Full, without a waitlist", "Call again in January", "on the agency’s word (Priya)"} {
		if !strings.Contains(text, want) {
			t.Errorf("the folder does not say %q: %s", want, text)
		}
	}
	// The same again changes nothing; another decision is told what was first.
	v.record(to, map[string]string{"reason": "full", "told_by": "Priya"}).is(200)
	lost := v.record("/referrals/"+r.ID.String()+"/accept?offer="+r.Offers[0].ID.String(),
		map[string]string{"told_by": "Priya"}).is(http.StatusConflict)
	back := "/cases/" + r.CaseID.String() + "#r-" + r.ID.String()
	if got := lost.says("main"); !strings.Contains(got, "Declined") || lost.Find(`a[href="`+back+`"]`).Length() != 1 {
		t.Errorf("the loser is told %s", got)
	}
}

func TestEveryCommandThatIsOfferedHasAPageAndWorks(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	v.signInAs("nav@kawartha.example")
	colleague, err := v.desk.AddAccount(t.Context(), v.account.OrganisationID, "second@kawartha.example", "Sami",
		referral.Navigator, "en", password)
	v.must(err)
	day := v.clock.Now().AddDate(0, 0, 3).Format("2006-01-02")
	steps := []struct {
		do     referral.Name
		fields map[string]string
		says   string
	}{
		{referral.Ask, map[string]string{"told_by": "Priya", "note": "How many are you?"}, "How many are you?"},
		{referral.Answer, map[string]string{"note": "Two adults"}, "Two adults"},
		{referral.Accept, map[string]string{"told_by": "Priya"}, "Accepted"},
		{referral.Contact, map[string]string{"told_by": "Priya"}, "Trying to reach the client"},
		{referral.Schedule, map[string]string{"told_by": "Priya", "date": day, "time": "14:30"}, "2:30 p.m."},
		{referral.StartService, map[string]string{"told_by": "Priya"}, "Receiving help"},
		{referral.Continue, map[string]string{"told_by": "Priya"}, "help continues"},
		{referral.Waitlist, map[string]string{"told_by": "Priya"}, "On the waitlist"},
		{referral.Accept, map[string]string{"told_by": "Priya"}, "Accepted"},
		{referral.Reassign, map[string]string{"person_id": colleague.ID.String()}, "Sami"},
		{referral.ReportOutcome, map[string]string{"told_by": "Priya", "outcome": "unmet", "unmet_reason": "transport"}, "The need was not met"},
		{referral.Dispute, map[string]string{"note": "Nobody came"}, "Nobody came"},
		{referral.MarkInError, map[string]string{"note": "Wrong agency"}, "Entered in error"},
		{referral.Close, map[string]string{"outcome": "unmet", "unmet_reason": "transport", "by_client": "yes"}, "Confirmed by the client"},
	}
	r := v.sent()
	for _, step := range steps {
		page := v.record(v.button(r, step.do), step.fields).is(200)
		if !strings.Contains(page.says("main"), step.says) {
			t.Fatalf("after %s the folder does not say %q: %s", step.do, step.says, page.says("main"))
		}
	}
	other := v.sent()
	for _, step := range []struct {
		do     referral.Name
		fields map[string]string
	}{{referral.Accept, map[string]string{"told_by": "Priya"}}, {referral.Fail, map[string]string{"told_by": "Priya", "reason": "no_show"}}} {
		if v.get(v.button(other, step.do)).Find(`input[value="outcome_disputed"]`).Length() != 0 {
			t.Error("the agency is offered the client’s word")
		}
		v.record(v.button(other, step.do), step.fields).is(200)
	}
	last := v.sent()
	v.record(v.button(last, referral.Withdraw), map[string]string{"reason": "moved"}).is(200)
	told := v.sent()
	v.record(v.button(told, referral.Accept), map[string]string{"told_by": "Priya"}).is(200)
	page := v.record(v.button(told, referral.Confirm), map[string]string{"outcome": "received_in_full"}).is(200)
	if !strings.Contains(page.says("main"), "Received all the help needed") {
		t.Errorf("after confirm: %s", page.says("main"))
	}
}

func TestAnotherServiceIsAsked(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	v.signInAs("nav@kawartha.example")
	r := v.sent()
	to := v.button(r, referral.AddOffer)
	page := v.get(to).is(200)
	choose := page.Find(`#found button[value^="choose:"]`).First().AttrOr("value", "")
	if strings.Contains(page.says("#found"), "Asked already") == false || choose == "" {
		t.Fatalf("the search shows %s", page.says("#found"))
	}
	form := page.form("#command-form")
	form.Set("do", choose)
	form = v.post(to, form).is(200).form("#command-form")
	form.Set("consent", "yes")
	form.Set("do", "save")
	page = v.post(to, form).is(200)
	if page.Find(".tl-offer").Length() != 3 {
		t.Errorf("the folder has %d offers", page.Find(".tl-offer").Length())
	}
}

func TestWhatIsSomeoneElsesIsNotThere(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	r := v.sent()
	_, err := v.desk.AddAccount(t.Context(), v.stranger(), "stranger@lakehead.example", "Robin", referral.Coordinator, "en", password)
	v.must(err)
	v.signInAs("stranger@lakehead.example")
	missing := v.get("/cases/" + uuid.NewString()).is(http.StatusNotFound).says("main")
	for _, path := range []string{"/cases/" + r.CaseID.String(), "/cases/" + r.CaseID.String() + "/referrals/new",
		"/referrals/" + r.ID.String(), "/referrals/" + r.ID.String() + "/close", "/cases/x", "/tasks/" + uuid.NewString(),
		"/referrals/" + r.ID.String() + "/send", "/services/" + uuid.NewString()} {
		if got := v.get(path).is(http.StatusNotFound).says("main"); got != missing {
			t.Errorf("%s: %q, want %q", path, got, missing)
		}
	}
	v.get("/nowhere").is(http.StatusNotFound)
	v.post("/referrals/"+r.ID.String()+"/close", url.Values{"do": {"save"}, "outcome": {"moved"}}).is(http.StatusNotFound)
}

// taskOf gives the open task of a kind.
func (v *visitor) taskOf(id uuid.UUID, kind referral.TaskKind) string {
	v.t.Helper()
	r, err := v.desk.Referral(v.t.Context(), v.account.Actor(casework.ViaPage), id)
	v.must(err)
	for _, task := range r.Tasks {
		if task.Kind == kind && task.State == referral.TaskOpen {
			return "/tasks/" + task.ID.String()
		}
	}
	v.t.Fatalf("there is no open task to %s: %+v", kind, r.Tasks)
	return ""
}

// TestASearchForAnotherServiceEndsWhenNoneIsNeeded finishes it where the rules do, and only there.
func TestASearchForAnotherServiceEndsWhenNoneIsNeeded(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	v.signInAs("nav@kawartha.example")
	said := func(do referral.Name) casework.CommandInput { return casework.CommandInput{Do: do, ToldBy: "Priya"} }
	failed, declined := said(referral.Fail), said(referral.Decline)
	failed.Reason, declined.Reason = "full", "full"
	for _, c := range []struct {
		services []uuid.UUID
		happened []casework.CommandInput
		button   string // "" when the search can't just be finished
	}{
		{v.services[:1], []casework.CommandInput{said(referral.Waitlist)}, "The person will wait"},
		{v.services[:2], []casework.CommandInput{said(referral.Accept), failed}, "Go on with the next service"},
		{v.services[:1], []casework.CommandInput{declined}, ""},
	} {
		id := v.call("Zoë Canary", "food", referral.Routine, c.services...)
		v.tick(id, 1)
		for _, in := range c.happened {
			v.do(id, in)
		}
		v.tick(id, 3)
		at := v.taskOf(id, referral.FindAlternative)
		page := v.get(at).is(200)
		if got := page.says("#task-form button"); got != c.button {
			t.Errorf("the page offers %q, want %q", got, c.button)
		}
		form := url.Values{"do": {"save"}, "note": {"We talked about it"}}
		if c.button == "" {
			v.post(at, form).is(http.StatusUnprocessableEntity)
			continue
		}
		v.post(at, form).is(200)
		if got := v.get(at).is(200).says("dl"); !strings.Contains(got, "We talked about it") {
			t.Errorf("%s: the task says %s", c.button, got)
		}
	}
}

// stranger is the other organisation of the scene.
func (v *visitor) stranger() (id uuid.UUID) {
	v.t.Helper()
	v.must(v.db.Get(&id, `SELECT id FROM organisations WHERE id <> $1`, v.account.OrganisationID))
	return id
}

func TestTasksAreDone(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	v.signInAs("nav@kawartha.example")
	scene(v)
	page := v.get("/tasks?all=1").is(200)
	page.Find(`tbody th a`).Each(func(_ int, a *goquery.Selection) {
		task := v.get(a.AttrOr("href", "")).is(200)
		if task.Find(`.tl-commands a`).Length() == 0 && task.Find("#task-form").Length() == 0 {
			t.Errorf("nothing can be done about %s", a.Text())
		}
	})
	call := v.sent()
	v.clock.Advance(72 * time.Hour)
	v.tick(call.ID, 10)
	v.signInAs("nav@kawartha.example")
	r, err := v.desk.Referral(t.Context(), v.account.Actor(casework.ViaPage), call.ID)
	v.must(err)
	for _, task := range r.Tasks {
		if task.Kind != referral.CallAgency || task.State != referral.TaskOpen {
			continue
		}
		page := v.get("/tasks/" + task.ID.String()).is(200)
		form := page.form("#task-form")
		form.Set("do", "save")
		form.Set("note", "They will look into it")
		done := v.post("/tasks/"+task.ID.String(), form).is(200)
		if done.Path != "/tasks?done=finish_task" || done.says("[role=status]") != "Recorded: A task was done." {
			t.Errorf("%s: %s", done.Path, done.says("main"))
		}
		if got := v.get("/tasks/" + task.ID.String()).is(200).says("dl"); !strings.Contains(got, "They will look into it") {
			t.Errorf("the task says %s", got)
		}
		return
	}
	t.Errorf("no call to the agency was asked for: %+v", r.Tasks)
}
