package server

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"

	"throughline/referral"
)

// notTheirs are what a request may not say of what it makes or changes: whose it is, who asks, and what only the house decides.
var notTheirs = map[string]any{"organisation_id": people[1].account.OrganisationID.String(), "OrganisationID": uuid.NewString(), "account_id": uuid.NewString(),
	"role": "admin", "actor": map[string]any{"role": "admin"}, "region_id": uuid.NewString(), "partner": "everyone", "created_by": uuid.NewString(), "id": uuid.NewString(),
	"state": "closed", "version": 99, "via": "clock"}

// Each body of the API is refused, by the field's path, when it says more than it may, at its top and within.
func TestTheAPITakesNoFieldThatIsNotItsOwn(t *testing.T) {
	t.Parallel()
	h := newHelpline(t, Config{})
	made, _ := h.offered()
	before := h.record()
	bodies := map[string]map[string]any{
		"POST /cases": {"name": "Zoe"},
		"POST /referrals": {"need": "food", "service_ids": h.services[:1], "consent": map[string]any{"given": true, "how": "verbal"},
			"case": map[string]any{"name": "Zoe"}},
		"POST /referrals/" + made.ReferralID.String() + "/withdraw": {"reason": "moved"},
		"POST /referrals/" + made.ReferralID.String() + "/accept":   {"told_by": "Sam"},
		"POST /referrals/" + made.ReferralID.String() + "/agree":    {"consent": map[string]any{"given": true, "how": "verbal"}},
		"POST /cases/" + made.CaseID.String() + "/erasure":          {"why": "she asks"},
		"PATCH /cases/" + made.CaseID.String():                      {"name": "Zoe", "reason": "misheard"},
	}
	for route, body := range bodies {
		for field, value := range notTheirs {
			spots := map[string]map[string]any{"": body}
			for name, inner := range body {
				if object, ok := inner.(map[string]any); ok {
					spots["/"+name] = object
				}
			}
			for at, object := range spots {
				object[field] = value
				raw, err := json.Marshal(body)
				h.must(err)
				delete(object, field)
				h.sends(route, string(raw), at+"/"+field)
			}
		}
	}
	h.sends("PATCH /cases/"+made.CaseID.String(), `{"restricted":"","reason":"misheard"}`, "/restricted") // that has people of its own
	if after := h.record(); after != before {
		t.Errorf("a refused body changed the record: %s, then %s", before, after)
	}
}

// Of what commands can take, each takes its own: what belongs to another is refused by its path.
func TestACommandTakesItsOwnFieldsOnly(t *testing.T) {
	t.Parallel()
	h := newHelpline(t, Config{})
	made, _ := h.offered()
	before := h.record()
	id := uuid.NewString()
	all := map[string]any{"offer_id": id, "task_id": id, "reason": "moved", "outcome": "unmet", "unmet_reason": "cost", "at": "2026-12-01T10:00:00-05:00",
		"person_id": h.account.ID.String(), "service_ids": h.services[:1], "again": true, "note": "a note", "told_by": "Sam",
		"consent": map[string]any{"given": true, "how": "verbal"}, "groups": []string{"need"}, "for": "client"}
	for do, fields := range commandFields {
		for _, field := range fields {
			if all[field] == nil {
				t.Fatalf("%s takes %s, which this test does not know", do, field)
			}
		}
		for field, value := range all {
			if slices.Contains(fields, field) {
				continue
			}
			raw, err := json.Marshal(map[string]any{field: value})
			h.must(err)
			h.sends("POST /referrals/"+made.ReferralID.String()+"/"+string(do), string(raw), "/"+field)
		}
	}
	if after := h.record(); after != before {
		t.Errorf("a refused body changed the record: %s, then %s", before, after)
	}
}

// sends wants a body refused for one field. The contract does not allow it, so it is not held to it.
func (h *helpline) sends(route, body, field string) {
	h.t.Helper()
	method, path, _ := strings.Cut(route, " ")
	r, err := http.NewRequestWithContext(h.t.Context(), method, "/api/v1"+path, strings.NewReader(body))
	h.must(err)
	r.Header.Set("Authorization", "Bearer "+h.navigator)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set(idempotencyKey, uuid.NewString())
	r.Header.Set(ifMatch, "*")
	status, raw := h.answers(r)
	var p problem
	if err := json.Unmarshal(raw, &p); err != nil || status != http.StatusUnprocessableEntity || len(p.Errors) != 1 || p.Errors[0].Field != field {
		h.t.Errorf("%s with %s: %d %s", route, field, status, raw)
	}
}

// A form may say it: nobody reads it. What is made is the asker's own, and they stay who they are.
func TestFormsSetNothingThatIsNotTheirs(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	more := func(form url.Values) url.Values {
		for field, value := range notTheirs {
			if !form.Has(field) {
				form.Set(field, fmt.Sprint(value))
			}
		}
		return form
	}
	v.signInAs("nav@kawartha.example")
	form := v.typed()
	form.Set("consent", "yes")
	form.Add("service_ids", v.services[0].String())
	delete(form, "id")
	v.press(more(form), "save").is(200)
	v.post("/account", more(url.Values{"do": {"language"}, "language": {"fr"}}))
	stranger := people[1].account.OrganisationID
	for what, query := range map[string]string{
		"cases of another":     `SELECT count(*) FROM cases WHERE organisation_id = $1`,
		"referrals of another": `SELECT count(*) FROM referrals WHERE organisation_id = $1`,
		"partner's cases":      `SELECT count(*) FROM cases WHERE $1::uuid IS NOT NULL AND (partner <> '' OR region_id IS NOT NULL)`,
		"closed at once":       `SELECT count(*) FROM referrals WHERE $1::uuid IS NOT NULL AND state <> 'open'`,
	} {
		var n int
		v.must(v.db.Get(&n, query, stranger))
		if n != 0 {
			t.Errorf("%s: %d", what, n)
		}
	}
	var made int
	v.must(v.db.Get(&made, `SELECT count(*) FROM cases WHERE organisation_id = $1`, v.account.OrganisationID))
	if made != 1 {
		t.Errorf("%d cases were made", made)
	}
	if a, err := v.desk.Account(t.Context(), v.account.ID); err != nil || a.Role != referral.Navigator || a.OrganisationID != v.account.OrganisationID {
		t.Errorf("the account became %+v: %v", a, err)
	}
	boss(v)
	v.post("/people", url.Values{"name": {"Bea"}, "email": {"bea@kawartha.example"}, "role": {"navigator"}, "language": {"en"},
		"organisation_id": {stranger.String()}, "region_id": {stranger.String()}, "active": {"true"}, "password": {"mine"}}).is(200)
	var of uuid.UUID
	v.must(v.db.Get(&of, `SELECT organisation_id FROM accounts WHERE email = 'bea@kawartha.example'`))
	if of != v.account.OrganisationID {
		t.Error("someone was invited to another helpline")
	}
}

func (h *helpline) answers(r *http.Request) (int, []byte) {
	h.t.Helper()
	w := httptest.NewRecorder()
	h.server.ServeHTTP(w, r)
	return w.Code, w.Body.Bytes()
}
