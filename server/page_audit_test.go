package server

import (
	"encoding/csv"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/google/uuid"

	"throughline/casework"
	"throughline/internal/browser"
	"throughline/referral"
)

// oversees gives the coordinator of the helpline another role.
func (v *visitor) oversees(role referral.Role) {
	v.t.Helper()
	_, err := v.db.ExecContext(v.t.Context(), `UPDATE accounts SET role = $1, locale = 'en' WHERE id = $2`, role, v.lead.ID)
	v.must(err)
	v.forget()
	v.post("/sign-in", url.Values{"email": {"coord@kawartha.example"}, "password": {password}}) // leads to the role's day, if it has one
}

// folderOf finds the case of a referral.
func (v *visitor) folderOf(id uuid.UUID) (caseID uuid.UUID, reference string) {
	v.t.Helper()
	r, err := v.desk.Referral(v.t.Context(), v.account.Actor(casework.ViaPage), id)
	v.must(err)
	return r.CaseID, r.Reference
}

func (v *visitor) table(path string) [][]string {
	v.t.Helper()
	r, err := http.NewRequestWithContext(v.t.Context(), http.MethodGet, v.site.URL+path, nil)
	v.must(err)
	answer, err := v.client.Do(r)
	v.must(err)
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK || !strings.HasPrefix(answer.Header.Get("Content-Type"), "text/csv") ||
		!strings.HasPrefix(answer.Header.Get("Content-Disposition"), "attachment") {
		v.t.Fatalf("%s: %d %s", path, answer.StatusCode, answer.Header.Get("Content-Type"))
	}
	raw, err := io.ReadAll(answer.Body)
	v.must(err)
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(string(raw), "\ufeff"))).ReadAll()
	v.must(err)
	return rows
}

func TestAnAuditorSeesWhoLookedAndNoCase(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	id := v.call("Zoë Canary", "food", referral.Routine, v.services[0])
	folder, reference := v.folderOf(id)
	v.oversees(referral.Auditor)
	if at := v.get("/"); at.Path != "/audit" || at.says("nav") != "Audit Unusual access Mailbox" {
		t.Errorf("an auditor begins at %s with the menu %q", at.Path, at.says("nav"))
	}
	for _, path := range []string{"/cases/" + folder.String(), "/queue", "/cases"} {
		if page := v.get(path).is(http.StatusForbidden); strings.Contains(page.Text(), "Canary") {
			t.Errorf("an auditor is shown %s", path)
		}
	}
	page := v.post("/audit", url.Values{"reference": {strings.ToLower(strings.ReplaceAll(reference, "-", " "))}}).is(200)
	if page.Path != "/audit/cases/"+folder.String() || page.says("h1") != "Who looked at case "+reference {
		t.Fatalf("%s: %s", page.Path, page.says("h1"))
	}
	for _, says := range []string{"Noor", "Navigator", "Looked at", "The referral was made"} {
		if !strings.Contains(page.says("tbody"), says) {
			t.Errorf("the entries do not say %q: %s", says, page.says("tbody"))
		}
	}
	if strings.Contains(page.Text(), "Canary") {
		t.Error("the client's name is on the auditor's page")
	}
	v.post("/audit", url.Values{"reference": {"C-0000-0000"}}).is(http.StatusUnprocessableEntity)
	v.get("/audit/cases/" + uuid.NewString()).is(404)

	person := v.post("/audit", url.Values{"person": {v.account.ID.String()}}).is(200)
	if person.says("h1") != "What Noor looked at and changed" || !strings.Contains(person.says("tbody"), reference) {
		t.Errorf("%s: %s", person.says("h1"), person.says("tbody"))
	}
	own := v.post("/audit", url.Values{"person": {v.lead.ID.String()}}).is(200)
	if !strings.Contains(own.says("tbody"), "The audit was read") {
		t.Errorf("reading the audit is not in it: %s", own.says("tbody"))
	}
	if n := v.count(`SELECT count(*) FROM audit WHERE action = 'read_audit' AND kind = 'view' AND whose = ARRAY['` + folder.String() + `'::uuid]`); n != 1 {
		t.Errorf("%d entries say that the case's entries were read", n)
	}
}

// throughGlass has the coordinator open a case that is restricted, without being named on it.
func (v *visitor) throughGlass(id uuid.UUID) (folder uuid.UUID) {
	v.t.Helper()
	ctx, nav, lead := v.t.Context(), v.account.Actor(casework.ViaPage), v.lead.Actor(casework.ViaPage)
	folder, reference := v.folderOf(id)
	v.must(v.desk.Restrict(ctx, nav, folder, "violence"))
	_, err := v.desk.BreakGlass(ctx, lead, reference, "he is on the line")
	v.must(err)
	_, _, err = v.desk.Case(ctx, lead, folder)
	v.must(err)
	return folder
}

// The auditor's page and its table say which looks were through broken glass, and through which.
func TestTheAuditSaysWhatWasSeenThroughBrokenGlass(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	folder := v.throughGlass(v.call("Zoë Canary", "food", referral.Routine, v.services[0]))
	var glass string
	v.must(v.db.GetContext(t.Context(), &glass, `SELECT id FROM glass`))
	v.oversees(referral.Auditor)
	at := "/audit/cases/" + folder.String()
	for _, page := range [][2]string{{"?lang=en", "Looked at The case through broken glass, entry " + glass},
		{"?lang=fr", "Consulté Le dossier par une ouverture d’urgence, entrée " + glass}} {
		if got := v.get(at + page[0]).is(200).says("tbody"); !strings.Contains(got, page[1]) {
			t.Errorf("%s: the page does not say %q: %s", page[0], page[1], got)
		}
	}
	found := false
	for _, row := range v.table(at + "/csv") {
		found = found || strings.Contains(row[7], glass) && strings.HasPrefix(row[7], "par une ouverture d’urgence")
	}
	if !found {
		t.Error("the table does not say it")
	}
}

func TestOnlyTheAuditorReadsTheAudit(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	id := v.call("Zoë Canary", "food", referral.Routine, v.services[0])
	folder, _ := v.folderOf(id)
	pages := []string{"/audit", "/audit/cases/" + folder.String(), "/audit/cases/" + folder.String() + "/csv", "/audit/people/" + v.account.ID.String(),
		"/audit/people/" + v.account.ID.String() + "/csv", "/audit/unusual", "/audit/unusual/csv"}
	v.signInAs("nav@kawartha.example")
	before := v.count(`SELECT count(*) FROM audit WHERE kind <> 'refused'`)
	for _, path := range append(pages, "/cases/"+folder.String()+"/access") {
		v.get(path).is(http.StatusForbidden)
	}
	v.post("/audit", url.Values{"reference": {"C-0000-0000"}}).is(http.StatusForbidden)
	if n := v.count(`SELECT count(*) FROM audit WHERE kind <> 'refused'`); n != before {
		t.Errorf("%d entries of what nobody saw", n-before)
	}
	if n := v.count(`SELECT count(*) FROM audit WHERE kind = 'refused'`); n != len(pages)+2 {
		t.Errorf("%d refusals are kept", n)
	}
	v.oversees(referral.Supervisor)
	for _, path := range pages {
		v.get(path).is(http.StatusForbidden)
	}
	v.get("/cases/" + folder.String() + "/access").is(200)
}

// An auditor reads who looked at a case, and prints that for a client, without being told who the client is.
func TestAnAuditorIsNotToldWhoseCaseItIs(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	folder, reference := v.folderOf(v.call("Zoë Canary", "food", referral.Routine, v.services[0]))
	v.signInAs("nav@kawartha.example")
	v.get("/cases/" + folder.String()).is(200)
	v.oversees(referral.Auditor)
	for _, path := range []string{"/cases/" + folder.String() + "/access", "/audit/cases/" + folder.String(), "/audit/people/" + v.account.ID.String()} {
		page := v.get(path).is(200)
		if text := page.Text(); !strings.Contains(text, reference) || strings.Contains(text, "Canary") {
			t.Errorf("%s: %s", path, page.says("main"))
		}
	}
}

func TestAnExportIsKeptAndHoldsNoFormula(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	id := v.call("Zoë Canary", "food", referral.Routine, v.services[0])
	folder, reference := v.folderOf(id)
	_, err := v.db.ExecContext(t.Context(), `UPDATE accounts SET name = '=HYPERLINK("http://evil")' WHERE id = $1`, v.account.ID)
	v.must(err)
	v.oversees(referral.Auditor)
	rows := v.table("/audit/cases/" + folder.String() + "/csv")
	if len(rows) < 3 || rows[0][0] != "When" || rows[1][1] != `'=HYPERLINK("http://evil")` || rows[1][6] != reference {
		t.Errorf("%q", rows)
	}
	if n := v.count(`SELECT count(*) FROM audit WHERE kind = 'export' AND subject = 'case' AND cardinality(whose) = 1`); n != 1 {
		t.Errorf("%d entries of the export", n)
	}
	v.table("/audit/people/" + v.account.ID.String() + "/csv")
	v.table("/audit/unusual/csv")
	if n := v.count(`SELECT count(*) FROM audit WHERE kind = 'export'`); n != 3 {
		t.Errorf("%d entries of three exports", n)
	}
	for text, want := range map[string]string{"=1": "'=1", "+1": "'+1", "-1": "'-1", "@x": "'@x", "\tx": "'\tx", "\rx": "'\rx", "x=1": "x=1", "": "", "é": "é",
		"Food; +1 705": "Food; +1 705", "Food;=1;-1": "Food;'=1;'-1", "a\n@x": "a\n'@x", `"=1`: `"'=1`, "a; b": "a; b"} {
		if got := cell(text); got != want {
			t.Errorf("%q becomes %q", text, got)
		}
	}
}

func TestUnusualAccessSaysWhy(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	id := v.call("Marie Nadeau", "food", referral.Routine, v.services[0])
	folder, reference := v.folderOf(id)
	_, err := v.db.ExecContext(t.Context(), `UPDATE accounts SET name = 'Nadia Nadeau' WHERE id = $1`, v.account.ID)
	v.must(err)
	local := v.clock.Now().In(referral.Toronto)
	v.clock.Set(time.Date(local.Year(), local.Month(), local.Day(), 22, 30, 0, 0, referral.Toronto))
	_, _, err = v.desk.Case(t.Context(), v.account.Actor(casework.ViaPage), folder)
	v.must(err)
	for range 8 {
		v.folderOf(v.call("Someone", "food", referral.Routine, v.services[0]))
	}
	for range 5 {
		v.must(v.desk.Refused(t.Context(), v.account.Actor(casework.ViaPage), casework.HoldCases))
	}
	v.clock.Advance(time.Hour)
	v.oversees(referral.Auditor)
	page := v.get("/audit/unusual").is(200)
	for _, says := range []string{"The case has the same family name as Nadia Nadeau.", reference,
		"Looked at, or tried to look at, 9 cases between 10:00 p.m. and 11:00 p.m., outside of 7:00 to 19:00 on working days. Nadia Nadeau does not usually work then.",
		"Looked at, or tried to look at, 9 cases between 10:00 p.m. and 11:00 p.m., where 1 in an hour is usual for Nadia Nadeau.",
		"5 tries by Nadia Nadeau, or by someone at their account, were refused on this day"} {
		if !strings.Contains(page.says("tbody"), strings.Join(strings.Fields(says), " ")) {
			t.Errorf("the page does not say %q: %s", says, page.says("tbody"))
		}
	}
	if strings.Contains(page.says("main"), "Marie") {
		t.Error("the page names a client")
	}
	if page := v.get("/audit/unusual?lang=fr").is(200); !strings.Contains(page.says("tbody"), "Le dossier porte le même nom de famille") {
		t.Errorf("in French: %s", page.says("tbody"))
	}
}

// A client is told of their own file and of nobody else's, in plain words, in both languages.
func TestAClientsAccessReport(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	mine, theirs := v.call("Zoë Canary", "food", referral.Routine, v.services[0]), v.call("Bao Other", "food", referral.Routine, v.services[0])
	v.tick(mine, 3)
	_, err := v.desk.OpenLink(t.Context(), v.letter(mine, referral.OfferLetter))
	v.must(err)
	folder, reference := v.folderOf(mine)
	_, other := v.folderOf(theirs)
	v.signInAs("nav@kawartha.example")
	v.get("/cases").is(200)
	v.get("/cases").is(200)
	v.oversees(referral.Supervisor)
	page := v.get("/cases/" + folder.String() + "/access").is(200)
	text := page.says("main")
	for _, says := range []string{"Who looked at your information", "Zoë Canary, file " + reference, "Your file was in a list on their screen.",
		"A navigator, who takes calls and finds services", "Wrote something down in your file.", "An email about your request went to ", "Opened your request by the link that the helpline sent, because ", "Information and Privacy Commissioner"} {
		if !strings.Contains(text, says) {
			t.Errorf("the report does not say %q: %s", says, text)
		}
	}
	for _, secret := range []string{"Bao", other, "Noor", "Camille"} {
		if strings.Contains(text, secret) {
			t.Errorf("the report says %q", secret)
		}
	}
	french := v.get("/cases/" + folder.String() + "/access?lang=fr").says("main")
	if !strings.Contains(french, "Votre dossier figurait dans une liste à l’écran.") || !strings.Contains(french, "A imprimé ce rapport") || strings.Contains(french, "[") {
		t.Errorf("in French: %s", french)
	}
	if n := v.count(`SELECT count(*) FROM audit WHERE kind = 'print' AND subject_id = '` + folder.String() + `'`); n != 2 {
		t.Errorf("%d entries of two reports", n)
	}
}

func TestTheAuditsPagesAreAccessible(t *testing.T) {
	t.Parallel()
	ctx := browser.New(t)
	v := staffed(t)
	scene(v)
	folder := v.throughGlass(v.waiting[0])
	v.clock.Advance(12 * time.Hour)
	_, _, err := v.desk.Case(t.Context(), v.account.Actor(casework.ViaPage), folder)
	v.must(err)
	v.oversees(referral.Auditor)
	v.must(chromedp.Do(ctx, chromedp.Navigate(v.site.URL+"/sign-in?lang=en"), chromedp.SendKeys("#email", "coord@kawartha.example"),
		chromedp.SendKeys("#password", password+"\r"), chromedp.WaitVisible(`nav[aria-label]`)))
	for lang, widths := range pageWidths() {
		for name, path := range map[string]string{"audit": "/audit", "audit-case": "/audit/cases/" + folder.String(),
			"audit-person": "/audit/people/" + v.account.ID.String(), "audit-unusual": "/audit/unusual", "access": "/cases/" + folder.String() + "/access"} {
			for _, width := range widths {
				v.must(chromedp.Do(ctx, chromedp.EmulateViewport(width, 900), chromedp.Navigate(v.site.URL+path+"?lang="+lang)))
				browser.Accessible(t, ctx, lang+" "+name)
				v.picture(ctx, name, lang, width)
			}
		}
	}
}
