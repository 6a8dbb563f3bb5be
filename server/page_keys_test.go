package server

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"throughline/casework"
	"throughline/referral"
)

func TestKeysAreForWhatTheyAreFor(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	v.forget()
	v.signInAs("nav@kawartha.example")
	made := func(scopes ...string) string {
		t.Helper()
		page := v.post("/account", url.Values{"do": {"key"}, "name": {"site"}, "scopes": scopes, "days": {"30"}}).is(200)
		key := page.says("main code")
		if !strings.HasPrefix(key, "tlk_") || strings.Contains(v.get("/account").Text(), key) {
			t.Fatalf("the page shows %q", key)
		}
		return key
	}
	for what, form := range map[string]url.Values{"scopes": {"days": {"30"}}, "days": {"scopes": {"read"}, "days": {"731"}}, "scope": {"scopes": {"admin"}, "days": {"30"}}} {
		form.Set("do", "key")
		if page := v.post("/account", form); page.Status != 422 {
			t.Errorf("%s: %d", what, page.Status)
		}
	}
	needs := map[string][]casework.Scope{}
	for _, r := range v.server.apiResources() {
		path := strings.NewReplacer(":id", v.account.ID.String(), ":command", "accept").Replace(r.path)
		for method, handles := range map[string]bool{"GET": r.get != nil, "POST": r.post != nil} {
			if handles && !r.open && (r.may == "" || casework.May(referral.Navigator, r.may)) {
				needs[method+" "+path] = []casework.Scope{r.needs(method)}
			}
		}
	}
	if !slices.Equal(needs["GET /services"], []casework.Scope{casework.ScopeDirectory}) || !slices.Equal(needs["POST /cases"], []casework.Scope{casework.ScopeWrite}) ||
		!slices.Equal(needs["GET /queue"], []casework.Scope{casework.ScopeRead}) {
		t.Fatalf("routes need %v", needs)
	}
	for _, scope := range casework.Scopes {
		key := made(string(scope))
		for route, wants := range needs {
			method, path, _ := strings.Cut(route, " ")
			got := v.ask(method, path, key, "{}")
			if (got.Status == http.StatusForbidden) == slices.Contains(wants, scope) {
				t.Errorf("%s with the scope %s: %d", route, scope, got.Status)
			}
		}
	}
	v.clock.Advance(time.Minute) // the newest is listed first
	key := made("read")
	v.ask("GET", "/queue", key, "").is(200)
	end := v.get("/account").is(200).Find(`button[value^="revoke:"]`)
	v.post("/account", url.Values{"do": {end.First().AttrOr("value", "")}}).is(200)
	v.ask("GET", "/queue", key, "").is(401)
	last := made("read")
	v.ask("GET", "/queue", last, "").is(200)
	v.clock.Advance(30 * 24 * time.Hour)
	v.ask("GET", "/queue", last, "").is(401)
}

// What an administrator makes on their page finds services, whatever the form says, and they end everyone's keys there.
func TestAnAdministratorsKeysFindServices(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	own, _, err := v.desk.AddKey(t.Context(), "nav@kawartha.example", "their own")
	v.must(err)
	boss(v)
	form := url.Values{"do": {"make"}, "name": {"site"}, "email": {"nav@kawartha.example"}, "scopes": {"read", "write"}, "days": {"30"}}
	key := v.post("/keys", form).is(200).says("main code")
	v.ask("GET", "/queue", key, "").is(403)
	v.ask("GET", "/services", key, "").is(200)
	form.Set("email", "nav@lakehead.example")
	v.post("/keys", form).is(422)
	v.post("/keys", url.Values{"do": {"revoke:" + own.String()}}).is(200)
	if got := v.get("/keys").is(200).says("tbody"); !strings.Contains(got, "The server’s command line") || !strings.Contains(got, "Ended") {
		t.Errorf("the page says %s", got)
	}
}

// Who lets people in, or lets them do more, shows again that it is they when they signed in a while ago. What shuts people
// out waits for nothing.
func TestWhoLetsPeopleInProvesAgain(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	self := boss(v)
	at := "/people/" + v.account.ID.String()
	bea := url.Values{"name": {"Bea"}, "email": {"bea@kawartha.example"}, "role": {"navigator"}, "language": {"fr"}}
	v.post("/people", bea).is(200)
	var invited string
	v.must(v.db.Get(&invited, `SELECT id FROM accounts WHERE email = 'bea@kawartha.example'`))
	bea.Set("email", "ben@kawartha.example")
	v.clock.Advance(10 * time.Minute)
	kept := func() (all string) {
		v.must(v.db.Get(&all, `SELECT concat((SELECT string_agg(a::text, '' ORDER BY id) FROM accounts a), (SELECT count(*) FROM api_keys),
			' ', (SELECT count(*) FROM invitations), ' ', (SELECT count(*) FROM audit WHERE kind = 'change'))`))
		return all
	}
	before := kept()
	forms := map[string]struct {
		path string
		form url.Values
	}{
		"proof":        {"/people", bea},
		"proof_role":   {at, url.Values{"do": {"role"}, "role": {"supervisor"}}},
		"proof_place":  {at, url.Values{"do": {"place"}, "region": {"North"}}},
		"proof_access": {"/people/" + invited, url.Values{"do": {"invite"}}},
		"proof_key":    {"/account", url.Values{"do": {"key"}, "scopes": {"read"}, "days": {"30"}}},
	}
	for field, f := range forms {
		for _, wrong := range []string{"", "wrong horse battery"} {
			f.form.Set(field, wrong)
			if page := v.post(f.path, f.form).is(422); !strings.Contains(page.says("#"+field+"-wrong"), "not your present password") {
				t.Errorf("%s: beside it stands %q", field, page.says("#"+field+"-wrong"))
			}
		}
	}
	v.post("/keys", url.Values{"do": {"make"}, "email": {"nav@kawartha.example"}, "days": {"30"}}).is(422)
	if kept() != before {
		t.Error("something was changed all the same")
	}
	v.post("/people/"+self.ID.String(), url.Values{"do": {"role"}, "role": {"supervisor"}, "proof_role": {password}}).is(403)
	if page := v.get("/people/" + self.ID.String()).is(200); page.Find("#role").Length() != 0 {
		t.Error("one's own role is offered")
	}
	v.post(at, url.Values{"do": {"sign_out"}}).is(200)
	for field, f := range forms {
		f.form.Set(field, password)
		v.post(f.path, f.form).is(200)
	}
	v.post(at, url.Values{"do": {"close"}}).is(200)
}
