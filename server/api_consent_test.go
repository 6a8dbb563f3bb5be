package server

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
)

// said is a consent of a request, with what a test wants to change.
func said(change map[string]any) map[string]any {
	body := map[string]any{"given": true, "how": "verbal"}
	for k, v := range change {
		body[k] = v
	}
	return map[string]any{"consent": body}
}

func TestBadConsent(t *testing.T) {
	t.Parallel()
	h := newHelpline(t, Config{})
	less := func(id any, groups ...string) map[string]any {
		return said(map[string]any{"services": []any{map[string]any{"service_id": id, "groups": groups}}})
	}
	for name, c := range map[string]struct {
		body  map[string]any
		field string
	}{
		"unknown group":        {said(map[string]any{"groups": []string{"need", "shoe_size"}}), "/consent/groups/1"},
		"without need":         {said(map[string]any{"groups": []string{"place"}}), "/consent/groups"},
		"no group":             {said(map[string]any{"groups": []string{}}), "/consent/groups"},
		"no list":              {said(map[string]any{"groups": "need"}), "/consent/groups"},
		"unknown, of one":      {less(h.services[1], "need", "NEED"), "/consent/services/0/groups/1"},
		"another service":      {less(uuid.New(), "need"), "/consent/services/0/service_id"},
		"run out":              {said(map[string]any{"expires_at": h.clock.Now().Format(time.RFC3339)}), "/consent/expires_at"},
		"too long":             {said(map[string]any{"expires_at": h.clock.Now().AddDate(3, 0, 0).Format(time.RFC3339)}), "/consent/expires_at"},
		"unknown capacity":     {said(map[string]any{"how": "substitute", "capacity": "neighbour"}), "/consent/capacity"},
		"capacity of the same": {said(map[string]any{"capacity": "parent"}), "/consent/capacity"},
		"nobody's substitute":  {said(map[string]any{"substitute": "Ana"}), "/consent/substitute"},
	} {
		t.Run(name, func(t *testing.T) {
			h.ask("POST", "/referrals", h.navigator, h.referBody(c.body)).is(422, "invalid", c.field)
		})
	}
	h.count(0, `SELECT count(*) FROM consents`)
	h.count(0, `SELECT count(*) FROM cases`)
}

func groupsOf(v any) (groups []string) {
	for _, g := range v.([]any) {
		groups = append(groups, g.(string))
	}
	return groups
}

func TestConsentByAPI(t *testing.T) {
	t.Parallel()
	h := newHelpline(t, Config{})
	usual := []string{"need", "language", "place", "identity", "contact", "details"}
	old := h.ask("POST", "/referrals", h.navigator, h.referBody(nil)).is(201)
	path := "/referrals/" + old.text("id")
	got := h.ask("GET", path, h.navigator, "").is(200)
	consent := got.Body["consent"].(map[string]any)
	if !slices.Equal(groupsOf(consent["groups"]), usual) || consent["expires_at"] != h.clock.Now().AddDate(0, 0, 365).UTC().Format(time.RFC3339) {
		t.Errorf("a body of before means %v", consent)
	}

	body := said(map[string]any{"how": "substitute", "substitute": "Ana Canary", "capacity": "parent", "groups": []string{"contact", "need", "age"},
		"services": []any{map[string]any{"service_id": h.services[1], "groups": []string{"need"}}}, "expires_at": h.clock.Now().AddDate(0, 1, 0).Format(time.RFC3339)})
	made := h.ask("POST", "/referrals", h.navigator, h.referBody(body)).is(201)
	path = "/referrals/" + made.text("id")
	got = h.ask("GET", path, h.navigator, "").is(200)
	consent = got.Body["consent"].(map[string]any)
	offers := got.Body["offers"].([]any)
	agreed := func(i int) []string { return groupsOf(offers[i].(map[string]any)["agreed"]) }
	if consent["capacity"] != "parent" || consent["substitute"] != "Ana Canary" || !slices.Equal(groupsOf(consent["groups"]), []string{"need"}) ||
		!slices.Equal(agreed(0), []string{"need", "age", "contact"}) || !slices.Equal(agreed(1), []string{"need"}) {
		t.Errorf("kept as %v; agreed %v and %v", consent, agreed(0), agreed(1))
	}

	first := offers[0].(map[string]any)["id"]
	h.ask("POST", path+"/withdraw_consent", h.navigator, fmt.Sprintf(`{"offer_id":%q,"groups":["shoe_size"]}`, first)).is(422, "invalid", "/groups/0")
	got = h.ask("POST", path+"/withdraw_consent", h.navigator, fmt.Sprintf(`{"offer_id":%q,"groups":["contact"]}`, first)).is(200)
	offers = got.Body["offers"].([]any)
	if !slices.Equal(agreed(0), []string{"need", "age"}) || len(got.Body["consents"].([]any)) != 2 {
		t.Errorf("taken back: %v; %v", agreed(0), got.Body["consents"])
	}
	h.ask("POST", path+"/agree", h.navigator, `{}`).is(422, "invalid", "/consent")
	h.ask("POST", path+"/agree", h.navigator, fmt.Sprintf(`{"service_ids":[%q],"consent":{"given":true,"how":"verbal"}}`, uuid.New())).is(422, "invalid", "/consent/services")
	got = h.ask("POST", path+"/agree", h.navigator, `{"consent":{"given":true,"how":"verbal"}}`).is(200)
	offers = got.Body["offers"].([]any)
	if !slices.Equal(agreed(0), usual) || !slices.Equal(agreed(1), usual) {
		t.Errorf("agreed anew: %v and %v", agreed(0), agreed(1))
	}
	h.ask("POST", path+"/agree", h.navigator, `{"consent":{"given":false}}`).is(422, "consent_required", "/consent/given")
	got = h.ask("POST", path+"/withdraw_consent", h.navigator, `{}`).is(200)
	if got.text("state") != "closed" || got.text("outcome") != "declined_by_client" {
		t.Errorf("all taken back: %s", got.Raw)
	}
}
