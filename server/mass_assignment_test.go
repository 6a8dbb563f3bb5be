package server

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
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
		"/cases": {"name": "Zoe"},
		"/referrals": {"need": "food", "service_ids": h.services[:1], "consent": map[string]any{"given": true, "how": "verbal"},
			"case": map[string]any{"name": "Zoe"}},
		"/referrals/" + made.ReferralID.String() + "/withdraw": {"reason": "moved"},
		"/referrals/" + made.ReferralID.String() + "/accept":   {"told_by": "Sam"},
	}
	for path, body := range bodies {
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
				h.sends(path, string(raw), at+"/"+field)
			}
		}
	}
	if after := h.record(); after != before {
		t.Errorf("a refused body changed the record: %s, then %s", before, after)
	}
}

// sends wants a body refused for one field. The contract does not allow it, so it is not held to it.
func (h *helpline) sends(path, body, field string) {
	h.t.Helper()
	r, err := http.NewRequestWithContext(h.t.Context(), http.MethodPost, "/api/v1"+path, strings.NewReader(body))
	h.must(err)
	r.Header.Set("Authorization", "Bearer "+h.navigator)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set(idempotencyKey, uuid.NewString())
	status, raw := h.answers(r)
	var p problem
	if err := json.Unmarshal(raw, &p); err != nil || status != http.StatusUnprocessableEntity || len(p.Errors) != 1 || p.Errors[0].Field != field {
		h.t.Errorf("%s with %s: %d %s", path, field, status, raw)
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
