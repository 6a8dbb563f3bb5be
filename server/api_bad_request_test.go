package server

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"throughline/casework"
	"throughline/internal/clock"
	"throughline/internal/seal/sealtest"
	"throughline/referral"
)

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

func TestEveryWrongFieldOfABodyIsNamed(t *testing.T) {
	t.Parallel()
	h := newHelpline(t, Config{})
	got := h.ask("POST", "/referrals", h.navigator, h.referBody(map[string]any{"need": "magic", "urgency": "now",
		"case": map[string]any{"phone": "12", "postal_code": "90210"}})).is(422, "invalid", "/case/phone")
	var fields []string
	for _, e := range got.Body["errors"].([]any) {
		fields = append(fields, e.(map[string]any)["field"].(string))
	}
	if want := []string{"/case/phone", "/case/postal_code", "/need", "/urgency"}; !slices.Equal(fields, want) {
		t.Errorf("the answer names %v, want %v", fields, want)
	}
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
	_, err := h.desk.AddAccount(t.Context(), h.account.OrganisationID, "heir@kawartha.example", "Camille", referral.Coordinator, "fr", password)
	h.must(err)
	h.must(h.desk.CloseAccount(t.Context(), h.account.Email))
	h.ask("GET", "/queue", h.navigator, "").is(401, "unauthenticated")
}

func TestWhenTheDatabaseIsAway(t *testing.T) {
	t.Parallel()
	away, err := sqlx.Open("postgres", "postgres://nobody@127.0.0.1:1/nothing?sslmode=disable")
	if err != nil {
		t.Fatal(err)
	}
	defer away.Close()
	h := &helpline{t: t}
	h.server, err = New(Deps{Desk: casework.New(away, clock.System{}, sealtest.Keyring(), nil), DB: away, Clock: clock.System{},
		Log: slog.New(slog.DiscardHandler), Config: Config{BaseURL: "http://127.0.0.1"}})
	h.must(err)
	for _, got := range []apiReply{h.ask("GET", "/queue", "key", ""), h.ask("POST", "/cases", "key", `{}`)} {
		if got.is(503, "unavailable").Header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
	}
	h.ask("GET", "/openapi.json", "", "").is(200)
}
