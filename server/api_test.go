package server

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"throughline/casework"
	"throughline/internal/clock"
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

func TestSameKeySameAnswer(t *testing.T) {
	t.Parallel()
	h := newHelpline(t, Config{})
	key, body := uuid.NewString(), h.referBody(nil)
	first := h.ask("POST", "/referrals", h.navigator, body, idempotencyKey, key).is(201)
	again := h.ask("POST", "/referrals", h.navigator, body, idempotencyKey, key).is(201)
	if string(first.Raw) != string(again.Raw) || again.Header.Get("Location") != first.Header.Get("Location") {
		t.Errorf("two answers:\n%s\n%s", first.Raw, again.Raw)
	}
	h.ask("POST", "/referrals", h.navigator, h.referBody(map[string]any{"need": "housing"}), idempotencyKey, key).
		is(422, "invalid", idempotencyKey)
	h.ask("POST", "/cases", h.navigator, `{}`, idempotencyKey, key).is(422, "invalid", idempotencyKey)
	h.ask("POST", "/cases", h.stranger, `{}`, idempotencyKey, key).is(201)
	h.count(1, `SELECT count(*) FROM referrals`)

	key = uuid.NewString()
	opened := h.ask("POST", "/cases", h.navigator, `{"name":"Bo"}`, idempotencyKey, key).is(201)
	repeated := h.ask("POST", "/cases", h.navigator, `{"name":"Bo"}`, idempotencyKey, key).is(201)
	if string(opened.Raw) != string(repeated.Raw) {
		t.Errorf("two answers:\n%s\n%s", opened.Raw, repeated.Raw)
	}
}

func TestSameKeyOnACommand(t *testing.T) {
	t.Parallel()
	h := newHelpline(t, Config{})
	one, _ := h.offered()
	two, _ := h.offered()
	key := uuid.NewString()
	first := h.ask("POST", "/referrals/"+one.ReferralID.String()+"/accept", h.navigator, `{"told_by":"Sam"}`, idempotencyKey, key).is(200)
	h.ask("POST", "/referrals/"+one.ReferralID.String()+"/contact", h.navigator, `{"told_by":"Sam"}`).is(200)
	again := h.ask("POST", "/referrals/"+one.ReferralID.String()+"/accept", h.navigator, `{"told_by":"Sam"}`, idempotencyKey, key).is(200)
	if string(first.Raw) != string(again.Raw) {
		t.Errorf("two answers:\n%s\n%s", first.Raw, again.Raw)
	}
	h.ask("POST", "/referrals/"+two.ReferralID.String()+"/accept", h.navigator, `{"told_by":"Sam"}`, idempotencyKey, key).
		is(422, "invalid", idempotencyKey)
}

func TestSameKeyAtOnce(t *testing.T) {
	t.Parallel()
	h := newHelpline(t, Config{})
	key, body := uuid.NewString(), h.referBody(nil)
	var all sync.WaitGroup
	answers := make([]apiReply, 20)
	for i := range answers {
		all.Go(func() { answers[i] = h.ask("POST", "/referrals", h.navigator, body, idempotencyKey, key) })
	}
	all.Wait()
	ids := map[string]bool{}
	for _, a := range answers {
		switch a.Status {
		case 201:
			ids[a.text("id")] = true
		case 409:
			if a.Header.Get("Retry-After") == "" || a.field() != idempotencyKey {
				t.Errorf("in flight: %v %s", a.Header, a.Raw)
			}
		default:
			t.Errorf("got %d: %s", a.Status, a.Raw)
		}
	}
	if len(ids) != 1 {
		t.Errorf("%d referrals were answered", len(ids))
	}
	h.count(1, `SELECT count(*) FROM referrals`)
}

// TestSameKeyInFlight holds a key as a request at work does.
func TestSameKeyInFlight(t *testing.T) {
	t.Parallel()
	h := newHelpline(t, Config{})
	key := uuid.NewString()
	tx, err := h.db.BeginTxx(t.Context(), nil)
	h.must(err)
	defer tx.Rollback()
	_, err = tx.Exec(`SELECT pg_advisory_xact_lock(hashtextextended($1, 0))`, h.account.ID.String()+"/"+key)
	h.must(err)
	busy := h.ask("POST", "/cases", h.navigator, `{}`, idempotencyKey, key).is(409, "conflict", idempotencyKey)
	if busy.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	h.must(tx.Rollback())
	h.ask("POST", "/cases", h.navigator, `{}`, idempotencyKey, key).is(201)
}

func TestBadRequests(t *testing.T) {
	t.Parallel()
	h := newHelpline(t, Config{})
	known := h.ask("POST", "/cases", h.navigator, `{}`).is(201).text("id")
	long := `{"notes":"` + strings.Repeat("a", 260<<10) + `"}`
	for name, c := range map[string]struct {
		method, path, body string
		headers            []string
		status             int
		code, field        string
	}{
		"no key":                {"POST", "/cases", `{}`, []string{idempotencyKey, ""}, 400, "malformed", idempotencyKey},
		"short key":             {"POST", "/cases", `{}`, []string{idempotencyKey, "1234567"}, 400, "malformed", idempotencyKey},
		"long key":              {"POST", "/cases", `{}`, []string{idempotencyKey, strings.Repeat("k", 201)}, 400, "malformed", idempotencyKey},
		"key with a space":      {"POST", "/cases", `{}`, []string{idempotencyKey, "1234 5678"}, 400, "malformed", idempotencyKey},
		"key not ASCII":         {"POST", "/cases", `{}`, []string{idempotencyKey, "clé-clé-clé"}, 400, "malformed", idempotencyKey},
		"a form":                {"POST", "/cases", `name=a`, []string{"Content-Type", "application/x-www-form-urlencoded"}, 415, "unsupported_type", ""},
		"no type":               {"POST", "/cases", `{}`, []string{"Content-Type", ""}, 415, "unsupported_type", ""},
		"too large":             {"POST", "/cases", long, nil, 413, "too_large", ""},
		"truncated":             {"POST", "/cases", `{"name":`, nil, 400, "malformed", ""},
		"duplicate":             {"POST", "/cases", `{"name":"a","name":"b"}`, nil, 400, "malformed", ""},
		"unknown field":         {"POST", "/cases", `{"nmae":"a"}`, nil, 422, "invalid", "/nmae"},
		"unknown, deep":         {"POST", "/referrals", h.referBody(map[string]any{"consent": map[string]any{"givn": true}}), nil, 422, "invalid", "/consent/givn"},
		"NUL":                   {"POST", "/cases", `{"name":"a\u0000"}`, nil, 422, "invalid", "/name"},
		"lone surrogate":        {"POST", "/cases", `{"name":"\udfff"}`, nil, 400, "malformed", ""},
		"year too large":        {"POST", "/cases", `{"birth_year":1e999}`, nil, 400, "malformed", ""},
		"year over int32":       {"POST", "/cases", `{"birth_year":9007199254740991}`, nil, 422, "invalid", "/birth_year"},
		"bad phone":             {"POST", "/referrals", h.referBody(map[string]any{"case": map[string]any{"phone": "12"}}), nil, 422, "invalid", "/case/phone"},
		"long name":             {"POST", "/cases", `{"name":"` + strings.Repeat("é", 201) + `"}`, nil, 422, "invalid", "/name"},
		"unknown need":          {"POST", "/referrals", h.referBody(map[string]any{"need": "magic"}), nil, 422, "invalid", "/need"},
		"unknown urgency":       {"POST", "/referrals", h.referBody(map[string]any{"urgency": "now"}), nil, 422, "invalid", "/urgency"},
		"no services":           {"POST", "/referrals", h.referBody(map[string]any{"service_ids": []string{}}), nil, 422, "invalid", "/service_ids"},
		"a service twice":       {"POST", "/referrals", h.referBody(map[string]any{"service_ids": []uuid.UUID{h.services[0], h.services[0]}}), nil, 422, "invalid", "/service_ids"},
		"unknown service":       {"POST", "/referrals", h.referBody(map[string]any{"service_ids": []string{uuid.NewString()}}), nil, 404, "not_found", "/service_ids/0"},
		"eleven services":       {"POST", "/referrals", h.referBody(map[string]any{"service_ids": slices.Repeat(h.services[:1], 11)}), nil, 422, "invalid", "/service_ids"},
		"unknown way":           {"POST", "/referrals", h.referBody(map[string]any{"consent": map[string]any{"given": true, "how": "telepathy"}}), nil, 422, "invalid", "/consent/how"},
		"no case":               {"POST", "/referrals", h.referBody(map[string]any{"case": nil}), nil, 422, "invalid", "/case_id"},
		"two cases":             {"POST", "/referrals", h.referBody(map[string]any{"case_id": known}), nil, 422, "invalid", "/case"},
		"missing case":          {"POST", "/referrals", h.referBody(map[string]any{"case": nil, "case_id": uuid.NewString()}), nil, 404, "not_found", "/case_id"},
		"case id no UUID":       {"GET", "/cases/1", "", nil, 404, "not_found", ""},
		"referral id no UUID":   {"GET", "/referrals/'%20OR%201=1", "", nil, 404, "not_found", ""},
		"limit below":           {"GET", "/queue?limit=-1", "", nil, 400, "malformed", "limit"},
		"limit nothing":         {"GET", "/tasks?limit=0", "", nil, 400, "malformed", "limit"},
		"limit a word":          {"GET", "/services?limit=ten", "", nil, 400, "malformed", "limit"},
		"offset below":          {"GET", "/queue?offset=-1", "", nil, 400, "malformed", "offset"},
		"offset far":            {"GET", "/queue?offset=99999999999999999999", "", nil, 400, "malformed", "offset"},
		"owner no UUID":         {"GET", "/queue?owner=me", "", nil, 400, "malformed", "owner"},
		"closed neither":        {"GET", "/queue?closed=maybe", "", nil, 400, "malformed", "closed"},
		"language of neither":   {"GET", "/services?lang=de", "", nil, 400, "malformed", "lang"},
		"need of services":      {"GET", "/services?need=magic", "", nil, 422, "invalid", "need"},
		"broken query":          {"GET", "/services?q=%zz", "", nil, 400, "malformed", ""},
		"query with NUL":        {"GET", "/services?q=%00", "", nil, 400, "malformed", ""},
		"query not UTF-8":       {"GET", "/services?q=%ff", "", nil, 400, "malformed", ""},
		"unknown route":         {"GET", "/nothing", "", nil, 404, "not_found", ""},
		"unknown route, nested": {"POST", "/cases/" + known + "/nothing", `{}`, nil, 404, "not_found", ""},
		"unknown in the root":   {"GET", "", "", nil, 404, "not_found", ""},
		"timeline by POST":      {"POST", "/referrals/" + known + "/timeline", `{}`, nil, 405, "method_not_allowed", ""},
		"command by GET":        {"GET", "/referrals/" + known + "/accept", "", nil, 405, "method_not_allowed", ""},
		"method":                {"DELETE", "/cases/" + known, "", nil, 405, "method_not_allowed", ""},
		"method of a list":      {"GET", "/referrals", "", nil, 405, "method_not_allowed", ""},
	} {
		t.Run(name, func(t *testing.T) {
			h.ask(c.method, c.path, h.navigator, c.body, c.headers...).is(c.status, c.code, c.field)
		})
	}
	h.count(1, `SELECT count(*) FROM cases`)
	h.count(0, `SELECT count(*) FROM referrals`)
	h.count(0, `SELECT count(*) FROM consents`)
}

func TestWhoMayUseTheAPI(t *testing.T) {
	t.Parallel()
	h := newHelpline(t, Config{})
	made, _ := h.offered()
	for name, header := range map[string]string{"none": "", "wrong": "Bearer wrong", "other scheme": "Basic " + h.navigator,
		"no scheme": h.navigator, "empty": "Bearer "} {
		got := h.ask("GET", "/queue", "", "", "Authorization", header).is(401, "unauthenticated")
		if got.Header.Get("WWW-Authenticate") != "Bearer" {
			t.Errorf("%s: no WWW-Authenticate", name)
		}
	}
	h.ask("POST", "/cases", "", `not even JSON`).is(401, "unauthenticated")
	for _, what := range []string{"/cases/%s", "/referrals/%s", "/referrals/%s/timeline"} {
		id := made.ReferralID
		if strings.HasPrefix(what, "/cases") {
			id = made.CaseID
		}
		theirs := h.ask("GET", fmt.Sprintf(what, id), h.stranger, "").is(404, "not_found")
		missing := h.ask("GET", fmt.Sprintf(what, uuid.New()), h.stranger, "").is(404, "not_found")
		nonsense := h.ask("GET", fmt.Sprintf(what, "nonsense"), h.stranger, "").is(404, "not_found")
		if string(theirs.Raw) != string(missing.Raw) || string(theirs.Raw) != string(nonsense.Raw) {
			t.Errorf("another organisation's can be told from a missing one:\n%s\n%s\n%s", theirs.Raw, missing.Raw, nonsense.Raw)
		}
	}
	theirs := h.ask("POST", "/referrals/"+made.ReferralID.String()+"/accept", h.stranger, `{"told_by":"Sam"}`).is(404, "not_found")
	missing := h.ask("POST", "/referrals/"+uuid.NewString()+"/accept", h.stranger, `{"told_by":"Sam"}`).is(404, "not_found")
	if string(theirs.Raw) != string(missing.Raw) {
		t.Errorf("commands differ:\n%s\n%s", theirs.Raw, missing.Raw)
	}
	mine := h.ask("POST", "/referrals", h.stranger, h.referBody(map[string]any{"case": nil, "case_id": made.CaseID})).is(404, "not_found")
	if mine.field() != "/case_id" {
		t.Errorf("got %s", mine.Raw)
	}
	if queue := h.ask("GET", "/queue", h.stranger, "").is(200); queue.Body["total"] != 0.0 {
		t.Errorf("the stranger sees %s", queue.Raw)
	}
	h.must(h.desk.CloseAccount(t.Context(), h.account.Email))
	h.ask("GET", "/queue", h.navigator, "").is(401, "unauthenticated")
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

func TestTheMailboxIsForDevelopment(t *testing.T) {
	t.Parallel()
	h := newHelpline(t, Config{Dev: true, Mailbox: oneLetter{}})
	if got := h.ask("GET", "/mailbox", h.navigator, "").is(200); got.Body["total"] != 1.0 {
		t.Errorf("got %s", got.Raw)
	}
	h.ask("GET", "/mailbox", "", "").is(401)
}

func TestWhenTheDatabaseIsAway(t *testing.T) {
	t.Parallel()
	away, err := sqlx.Open("postgres", "postgres://nobody@127.0.0.1:1/nothing?sslmode=disable")
	if err != nil {
		t.Fatal(err)
	}
	defer away.Close()
	h := &helpline{t: t}
	h.server, err = New(Deps{Desk: casework.New(away, clock.System{}, nil), DB: away, Clock: clock.System{},
		Log: slog.New(slog.DiscardHandler), Config: Config{BaseURL: "http://127.0.0.1"}})
	h.must(err)
	t.Cleanup(h.server.Close)
	for _, got := range []apiReply{h.ask("GET", "/queue", "key", ""), h.ask("POST", "/cases", "key", `{}`)} {
		if got.is(503, "unavailable").Header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
	}
	h.ask("GET", "/openapi.json", "", "").is(200)
}
