package server

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/google/uuid"

	"throughline/casework"
	"throughline/internal/browser"
	"throughline/referral"
)

var screenshots = flag.String("screenshots", "", "folder to leave pictures of the pages in")

// scene makes a helpline with some of everything: a question, a decline, an open task, a draft and a closed referral.
func scene(v *visitor) {
	v.t.Helper()
	food := v.services
	asked := v.call("Zoë Canary", "food", referral.Urgent, food[0], food[1])
	v.tick(asked, 3)
	v.do(asked, casework.CommandInput{Do: referral.Ask, Note: "How many people are in the household?", ToldBy: "Priya at the desk"})
	v.tick(asked, 3)
	declined := v.call("Marie-Ève Tremblay", "food", referral.Routine, food[1])
	v.tick(declined, 3)
	v.do(declined, casework.CommandInput{Do: referral.Decline, Reason: "full", ToldBy: "Sam", Note: "Full until January."})
	v.tick(declined, 3)
	ended := v.call("Bao", "food", referral.Routine, food[0])
	v.tick(ended, 3)
	v.do(ended, casework.CommandInput{Do: referral.Accept, ToldBy: "Priya"})
	v.do(ended, casework.CommandInput{Do: referral.ReportOutcome, Outcome: "received_in_full", ToldBy: "Priya"})
	v.do(ended, casework.CommandInput{Do: referral.Confirm, Outcome: "received_in_full", Note: "Came home with two bags."})
	draft := v.draft(food[0])
	v.waiting = []uuid.UUID{asked, declined, ended, draft}
	v.clock.Advance(5 * time.Hour)
}

func (v *visitor) draft(service uuid.UUID) uuid.UUID {
	v.t.Helper()
	made, err := v.desk.Intake(v.t.Context(), v.account.Actor(casework.ViaPage), casework.IntakeInput{
		Case:     casework.CaseInput{SafeToCall: false, Language: "en"},
		Referral: casework.ReferralInput{Need: "housing", Urgency: referral.Routine, ServiceIDs: []uuid.UUID{service}, Draft: true},
	}, nil)
	v.must(err)
	return made.ReferralID
}

// pagesOf lists the addresses of every staff page of the scene.
func pagesOf(v *visitor) map[string]string {
	v.t.Helper()
	ctx, who := v.t.Context(), v.account.Actor(casework.ViaPage)
	asked, err := v.desk.Referral(ctx, who, v.waiting[0])
	v.must(err)
	ended, err := v.desk.Referral(ctx, who, v.waiting[2])
	v.must(err)
	declined, err := v.desk.Referral(ctx, who, v.waiting[1])
	v.must(err)
	pages := map[string]string{"work": "/work", "queue": "/queue", "closed": "/closed", "cases": "/cases", "intake": "/cases/new",
		"tasks": "/tasks?all=1", "services": "/services?need=food", "service": "/services/" + v.services[0].String(),
		"mailbox": "/mailbox", "letter": "/mailbox/" + v.server.cfg.Mailbox.(*letterbox).letters[0].ID,
		"case": "/cases/" + asked.CaseID.String(), "case-done": "/cases/" + asked.CaseID.String() + "?done=ask",
		"case-declined": "/cases/" + declined.CaseID.String(), "case-closed": "/cases/" + ended.CaseID.String(),
		"refer": "/cases/" + asked.CaseID.String() + "/referrals/new", "not-found": "/cases/" + uuid.NewString(),
		"again": "/cases/" + ended.CaseID.String() + "/referrals/new?again=" + ended.ID.String()}
	for _, r := range []casework.Referral{asked, declined} {
		for _, task := range r.Tasks {
			pages["task-"+string(task.Kind)] = "/tasks/" + task.ID.String()
		}
		for do, form := range commandForms {
			at := "/referrals/" + r.ID.String() + "/" + string(do)
			if !form.Whole {
				at += "?offer=" + r.Offers[0].ID.String()
			}
			pages["do-"+string(do)] = at
		}
	}
	return pages
}

// pageWidths are the windows that pages of a language are looked at in. French is the longer one, so it goes through the
// narrow window; pictures are taken of all four.
func pageWidths() map[string][]int64 {
	if *screenshots != "" {
		return map[string][]int64{"en": {1280, 375}, "fr": {1280, 375}}
	}
	return map[string][]int64{"en": {1280}, "fr": {375}}
}

func TestEveryPageIsAccessible(t *testing.T) {
	t.Parallel()
	ctx := browser.New(t)
	v := staffed(t)
	scene(v)
	box := v.server.cfg.Mailbox.(*letterbox)
	box.letters = []Letter{{ID: uuid.NewString(), At: v.clock.Now(), To: "intake@pantry.example", From: "Kawartha 211",
		Locale: "en", Subject: "A referral waits for your answer", Text: "Please answer:\n\nhttp://127.0.0.1/r/abc\n", HTML: "<p>Please answer</p>"}}
	pages := pagesOf(v)
	widths := pageWidths()
	look := func(lang, name, path string) {
		for _, width := range widths[lang] {
			err := chromedp.Do(ctx, chromedp.EmulateViewport(width, 900), chromedp.Navigate(v.site.URL+path))
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			browser.Accessible(t, ctx, lang+" "+name)
			v.picture(ctx, name, lang, width)
		}
	}
	look("en", "sign-in", "/sign-in?lang=en")
	look("fr", "sign-in", "/sign-in?lang=fr")
	v.must(chromedp.Do(ctx, chromedp.SendKeys("#email", "nav@kawartha.example"), chromedp.SendKeys("#password", password+"\r"),
		chromedp.WaitVisible(`nav[aria-label]`)))
	for _, lang := range []string{"en", "fr"} {
		for name, path := range pages {
			// The forms of commands are made of the same fields: once each will do.
			if lang == "en" && strings.HasPrefix(name, "do-") && *screenshots == "" {
				continue
			}
			sep := "?"
			if strings.Contains(path, "?") {
				sep = "&"
			}
			look(lang, name, path+sep+"lang="+lang)
		}
	}
}

// picture leaves a screenshot when the flag asks for them.
func (v *visitor) picture(ctx context.Context, name, lang string, width int64) {
	v.t.Helper()
	if *screenshots == "" {
		return
	}
	png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	v.must(err)
	size := "wide"
	if width < 500 {
		size = "narrow"
	}
	v.must(os.WriteFile(filepath.Join(*screenshots, name+"-"+lang+"-"+size+".png"), png, 0o644))
}

func TestTheCallInABrowser(t *testing.T) {
	t.Parallel()
	ctx := browser.New(t)
	v := staffed(t)
	do := func(steps ...chromedp.Action[chromedp.Void]) {
		t.Helper()
		v.must(chromedp.Do(ctx, steps...))
	}
	text := func(selector string) string {
		t.Helper()
		got, err := chromedp.Run(ctx, chromedp.TextContent(selector))
		v.must(err)
		return got
	}
	do(chromedp.Navigate(v.site.URL+"/cases/new"), chromedp.SendKeys("#email", "nav@kawartha.example"),
		chromedp.SendKeys("#password", password+"\r"), chromedp.WaitVisible("#intake-form"))
	// The first stop of the keyboard leads past the menu.
	do(chromedp.Navigate(v.site.URL+"/cases/new"), chromedp.KeyEvent("\t"))
	v.wait(ctx, `document.activeElement.matches(".tl-skip") && document.activeElement.getBoundingClientRect().left >= 0`)
	do(chromedp.KeyEvent("\r"))
	v.wait(ctx, `document.activeElement.id === "main"`)
	// Results come while one types; what was typed elsewhere stays.
	do(chromedp.SendKeys("#name", "Zoë Canary"), chromedp.SendKeys("#q", "food"), chromedp.WaitVisible(`#found button[value^="choose:"]`))
	for range 2 {
		do(chromedp.Click(`#found button[value^="choose:"]`))
		v.wait(ctx, `document.activeElement.id === "service_ids"`)
	}
	v.wait(ctx, `document.querySelectorAll('input[name="service_ids"]').length === 2`)
	second, err := chromedp.Run(ctx, chromedp.Evaluate[string](`document.querySelectorAll('input[name="service_ids"]')[1].value`))
	v.must(err)
	do(chromedp.Click(`.tl-order button[value="up:` + second + `"]`))
	v.wait(ctx, `document.querySelector('input[name="service_ids"]').value === "`+second+`"`)
	// What is missing is said first, with the focus on it.
	do(chromedp.Click(`button[value="save"]`), chromedp.WaitVisible("#wrongs"))
	v.wait(ctx, `document.activeElement.id === "wrongs"`)
	browser.Accessible(t, ctx, "a call with mistakes")
	v.picture(ctx, "intake-wrong", "en", 1280)
	do(chromedp.SetValue("#need", "food"), chromedp.Click("#consent-yes"), chromedp.Click(`button[value="save"]`),
		chromedp.WaitVisible(".tl-referral"))
	if got := text("h1"); !strings.Contains(got, "Zoë Canary") {
		t.Errorf("the folder is of %q", got)
	}
	// The session ends while one looks for services: the way leads through sign-in, and back with all that was typed.
	do(chromedp.Navigate(v.site.URL+"/cases/new"), chromedp.SendKeys("#name", "Bao"), chromedp.SendKeys("#q", "food"),
		chromedp.WaitVisible(`#found button[value^="choose:"]`))
	_, err = v.db.Exec(`DELETE FROM sessions`)
	v.must(err)
	do(chromedp.Click(`#found button[value^="choose:"]`), chromedp.WaitVisible("#password"),
		chromedp.SendKeys("#email", "nav@kawartha.example"), chromedp.SendKeys("#password", password+"\r"),
		chromedp.WaitVisible(`form[action="/cases/new"] .tl-button`), chromedp.Click(`form[action="/cases/new"] .tl-button`),
		chromedp.WaitVisible("#intake-form"))
	v.wait(ctx, `document.getElementById("name").value === "Bao" && document.querySelectorAll('input[name="service_ids"]').length === 1`)
}

// mistakes sends a form that lacks something, folded away or not, and waits for what is wrong with it.
func (v *visitor) mistakes(ctx context.Context, button string) {
	v.t.Helper()
	v.must(chromedp.Do(ctx, chromedp.Evaluate[chromedp.Void](`document.querySelector('`+button+`').click()`), chromedp.WaitVisible("#wrongs")))
}

// wait lets the page come to a condition.
func (v *visitor) wait(ctx context.Context, condition string) {
	v.t.Helper()
	if _, err := chromedp.Run(ctx, chromedp.Poll[chromedp.Void](condition, chromedp.WithPollingTimeout(15*time.Second))); err != nil {
		v.t.Fatalf("never came true: %s: %v", condition, err)
	}
}
