package server

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"throughline/locale"
)

// referBody is a request that is in order, with what a test wants to change.
func (h *helpline) referBody(change map[string]any) string {
	body := map[string]any{"need": "food", "urgency": "urgent", "service_ids": h.services[:2],
		"consent": map[string]any{"given": true, "how": "verbal"},
		"case":    map[string]any{"name": "Zoë Canary", "phone": "705 555 0123", "safe_to_call": true, "language": "fr-CA"}}
	for k, v := range change {
		if v == nil {
			delete(body, k)
			continue
		}
		body[k] = v
	}
	raw, err := json.Marshal(body)
	h.must(err)
	return string(raw)
}

func TestAReferralByAPI(t *testing.T) {
	t.Parallel()
	h := newHelpline(t, Config{})
	made := h.ask("POST", "/referrals", h.navigator, h.referBody(nil)).is(201)
	id := made.text("id")
	if made.Header.Get("Location") != "/api/v1/referrals/"+id || made.Header.Get("ETag") != `"1"` {
		t.Errorf("headers %v", made.Header)
	}
	got := h.ask("GET", "/referrals/"+id, h.navigator, "").is(200)
	if got.Header.Get("ETag") != `"1"` || got.text("case_id") != made.text("case_id") || got.Body["step"] == nil {
		t.Errorf("read back %s", got.Raw)
	}
	folder := h.ask("GET", "/cases/"+made.text("case_id"), h.navigator, "").is(200)
	if name := folder.Body["case"].(map[string]any)["name"]; name != "Zoë Canary" {
		t.Errorf("the folder is of %v", name)
	}
	line := h.ask("GET", "/referrals/"+id+"/timeline", h.navigator, "").is(200)
	if len(line.Body["items"].([]any)) != 1 {
		t.Errorf("timeline %s", line.Raw)
	}
	further := h.ask("POST", "/referrals", h.navigator,
		h.referBody(map[string]any{"case": nil, "case_id": made.text("case_id"), "draft": true, "consent": nil})).is(201)
	if further.text("state") != "draft" || further.text("case_reference") != made.text("case_reference") {
		t.Errorf("the further need is %s", further.Raw)
	}
	queue := h.ask("GET", "/queue", h.navigator, "").is(200)
	if len(queue.Body["items"].([]any)) == 0 {
		t.Errorf("the queue is empty: %s", queue.Raw)
	}
	h.ask("GET", "/queue?closed=true&owner="+h.account.ID.String(), h.navigator, "").is(200)
	h.ask("GET", "/tasks?mine=true&limit=5", h.navigator, "").is(200)
	h.ask("GET", "/mailbox", h.navigator, "").is(404, "not_found")
}

func TestACaseByAPI(t *testing.T) {
	t.Parallel()
	h := newHelpline(t, Config{})
	made := h.ask("POST", "/cases", h.navigator, `{}`).is(201)
	if made.Body["anonymous"] != true || made.Header.Get("Location") != "/api/v1/cases/"+made.text("id") {
		t.Errorf("a caller without a name: %s", made.Raw)
	}
	folder := h.ask("GET", "/cases/"+made.text("id"), h.navigator, "").is(200)
	if list, ok := folder.Body["referrals"].([]any); !ok || len(list) != 0 {
		t.Errorf("referrals must be an empty list: %s", folder.Raw)
	}
}

func TestCommandsByAPI(t *testing.T) {
	t.Parallel()
	h := newHelpline(t, Config{})
	made, _ := h.offered()
	path := "/referrals/" + made.ReferralID.String()
	do := func(command, body string, headers ...string) apiReply {
		t.Helper()
		return h.ask("POST", path+"/"+command, h.navigator, body, headers...)
	}
	version := h.ask("GET", path, h.navigator, "").is(200).Header.Get("ETag")
	do("accept", `{}`).is(422, "invalid", "/told_by")
	do("accept", `{"told_by":"Sam"}`, ifMatch, `"1"`).is(412, "stale")
	do("accept", `{"told_by":"Sam"}`, ifMatch, `W/`+version).is(412, "stale")
	do("accept", `{"told_by":"Sam"}`, ifMatch, `nonsense`).is(412, "stale")
	after := do("accept", `{"told_by":"Sam"}`, ifMatch, version).is(200)
	if after.Header.Get("ETag") == version {
		t.Error("the ETag did not change")
	}
	again := do("accept", `{"told_by":"Sam"}`, ifMatch, "*").is(200)
	if again.Header.Get("ETag") != after.Header.Get("ETag") {
		t.Error("a repeated answer changed something")
	}
	late := do("decline", `{"told_by":"Sam","reason":"full"}`).is(409, "conflict")
	if late.text("outcome") != "accepted" {
		t.Errorf("the loser is told %q", late.text("outcome"))
	}
	do("fail", `{"told_by":"Sam","reason":"outcome_disputed"}`).is(422, "invalid", "/reason") // the client's word, not the agency's
	do("decline", `{"told_by":"Sam","outcome":"unmet"}`).is(422, "invalid", "/outcome")
	do("schedule", `{"told_by":"Sam","at":"2026-12-01T10:00:00-05:00"}`).is(200)
	do("schedule", `{"told_by":"Sam"}`).is(422, "invalid", "/at")
	do("report_outcome", `{"told_by":"Sam","outcome":"unmet"}`).is(422, "invalid", "/unmet_reason")
	do("report_outcome", `{"told_by":"Sam","outcome":"received_in_full"}`).is(200)
	closed := do("confirm", `{"outcome":"received_in_full"}`).is(200)
	if closed.text("state") != "closed" || closed.text("evidence") != "both" || closed.Body["step"] != nil {
		t.Errorf("closed as %s", closed.Raw)
	}
	do("reassign", `{"person_id":"`+h.account.ID.String()+`"}`).is(409, "conflict")
	lines := h.ask("GET", path+"/timeline", h.navigator, "").is(200).Body["items"].([]any)
	if accepted := lines[2].(map[string]any); accepted["what"] != "accept" || accepted["told_by"] != "Sam" || accepted["actor_name"] != h.account.Name {
		t.Errorf("the timeline says %v", accepted)
	}
	queue := h.ask("GET", "/queue?closed=true", h.navigator, "").is(200)
	if queue.Body["total"] != 1.0 {
		t.Errorf("closed referrals: %s", queue.Raw)
	}
	for _, clocks := range []string{"send", "lapse", "raise_task", "no_such", "Accept"} {
		do(clocks, `{}`).is(404, "not_found")
	}
}

func TestWithoutConsentNothingIsKept(t *testing.T) {
	t.Parallel()
	h := newHelpline(t, Config{})
	body, key := h.referBody(map[string]any{"consent": map[string]any{"given": false}}), uuid.NewString()
	for range 2 {
		h.ask("POST", "/referrals", h.navigator, body, idempotencyKey, key).is(422, "consent_required", "/consent/given")
	}
	h.count(0, `SELECT count(*) FROM cases`)
	h.count(0, `SELECT count(*) FROM referrals`)
	h.count(1, `SELECT count(*) FROM consents WHERE NOT given`)
}

func TestWithoutConsentADraftStaysOne(t *testing.T) {
	t.Parallel()
	h := newHelpline(t, Config{})
	made := h.ask("POST", "/referrals", h.navigator, h.referBody(map[string]any{"draft": true, "consent": nil})).is(201)
	path := "/referrals/" + made.text("id")
	h.ask("POST", path+"/open", h.navigator, `{}`).is(422, "invalid", "/consent")
	h.ask("POST", path+"/open", h.navigator, `{"consent":{"given":false}}`).is(422, "consent_required", "/consent/given")
	if now := h.ask("GET", path, h.navigator, "").is(200); now.text("state") != "draft" {
		t.Errorf("the draft is %s", now.text("state"))
	}
	h.ask("POST", path+"/open", h.navigator, `{"consent":{"given":true,"how":"written"}}`).is(200)
}

func (h *helpline) count(want int, query string, args ...any) {
	h.t.Helper()
	var n int
	h.must(h.db.Get(&n, query, args...))
	if n != want {
		h.t.Errorf("%s: %d, want %d", query, n, want)
	}
}

func TestPagesOfALongList(t *testing.T) {
	t.Parallel()
	h := newHelpline(t, Config{})
	first := h.ask("GET", "/services?limit=3", h.navigator, "").is(200)
	next := h.ask("GET", "/services?limit=3&offset=3", h.navigator, "").is(200)
	if len(first.Body["items"].([]any)) != 3 || fmt.Sprint(first.Body["items"]) == fmt.Sprint(next.Body["items"]) {
		t.Errorf("two pages of three: %s\n%s", first.Raw, next.Raw)
	}
	for _, much := range []string{"101", "5000", "2147483648"} {
		if got := h.ask("GET", "/services?limit="+much, h.navigator, "").is(200); got.Body["limit"] != 100.0 {
			t.Errorf("limit=%s gave %v", much, got.Body["limit"])
		}
	}
	past := h.ask("GET", "/services?offset=1000000", h.navigator, "").is(200)
	if list, ok := past.Body["items"].([]any); !ok || len(list) != 0 {
		t.Errorf("past the end: %s", past.Raw)
	}
	french := h.ask("GET", "/services?q=banque+alimentaire&lang=fr&need=food&near=Peterborough", h.navigator, "").is(200)
	if len(french.Body["items"].([]any)) == 0 {
		t.Errorf("nothing found: %s", french.Raw)
	}
}

type oneLetter struct{}

func (oneLetter) List(context.Context) ([]Letter, error) {
	return []Letter{{ID: "a", At: time.Unix(0, 0).UTC(), To: "pantry@example.org", From: "helpline@example.org", Locale: "fr", Subject: "Sujet",
		Text: "texte", HTML: "<p>texte</p>"}}, nil
}

func (oneLetter) Get(context.Context, string) (Letter, error) { return Letter{}, nil }

// The language of the pages is the reader's; a program says its own.
func TestTheLanguageOfServicesIsTheRequests(t *testing.T) {
	t.Parallel()
	h := newHelpline(t, Config{})
	for _, chosen := range locale.Languages {
		h.db.MustExec(`UPDATE accounts SET locale = $1`, chosen)
		for _, c := range []struct{ query, accept, name string }{
			{"", "", "Shelter for Women and Children"},
			{"", "fr-CA, en;q=0.5", "Hébergement pour femmes et enfants"},
			{"", "de", "Shelter for Women and Children"},
			{"&lang=en", "fr", "Shelter for Women and Children"},
			{"&lang=fr", "en", "Hébergement pour femmes et enfants"},
		} {
			got := h.ask("GET", "/services?q=shelter+women+children"+c.query, h.navigator, "", "Accept-Language", c.accept).is(200)
			if !strings.Contains(string(got.Raw), `"name":"`+c.name+`"`) {
				t.Errorf("pages in %s, %q asked in %q: no %s", chosen, c.query, c.accept, c.name)
			}
			if c.query == "" && !strings.Contains(strings.Join(got.Header.Values("Vary"), ","), "Accept-Language") {
				t.Errorf("the answer varies by %v", got.Header.Values("Vary"))
			}
		}
	}
}

func TestTheMailboxIsForDevelopment(t *testing.T) {
	t.Parallel()
	h := newHelpline(t, Config{Dev: true, Mailbox: oneLetter{}})
	if got := h.ask("GET", "/mailbox", h.navigator, "").is(200); got.Body["total"] != 1.0 {
		t.Errorf("got %s", got.Raw)
	}
	h.ask("GET", "/mailbox", "", "").is(401)
}
