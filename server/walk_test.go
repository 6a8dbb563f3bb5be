package server

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"throughline/referral"
)

// walked is what the walk knows of a route: whose it is, and of what its address names one thing.
type walked struct {
	roles []referral.Role // nil: for no account in particular, and not walked
	of    string          // case, referral, task, reference, glass, account; "" names nothing
	// where says of which things the route is, when that is not whatever the asker sees.
	where []string
	// does are the forms of its buttons, each in the form that a handler lets past what it asks of forms. They are walked with
	// what is out of reach; what they do to what is not has tests of its own.
	does []string
}

var (
	carries   = []referral.Role{referral.Navigator, referral.Coordinator, referral.Supervisor, referral.Partner}
	helps     = []referral.Role{referral.Navigator, referral.Coordinator, referral.Supervisor}
	looksUp   = append(slices.Clone(carries), referral.DataEditor)
	reviews   = []referral.Role{referral.Coordinator, referral.Supervisor}
	oversees  = []referral.Role{referral.Supervisor}
	audits    = []referral.Role{referral.Auditor}
	manages   = []referral.Role{referral.Admin}
	opens     = []referral.Role{referral.Supervisor, referral.Admin}
	everybody = []referral.Role{referral.Navigator, referral.Coordinator, referral.Supervisor, referral.DataEditor, referral.Partner,
		referral.Auditor, referral.Admin}
)

// nobody is the id of nothing.
const nobody = "00000000-0000-0000-0000-000000000211"

// walk is every route there is. A new one must say here whose it is.
var walk = map[string]walked{
	"GET /": {roles: everybody}, "GET /work": {roles: carries}, "GET /queue": {roles: carries}, "GET /closed": {roles: carries},
	"GET /cases": {roles: carries}, "POST /cases": {roles: carries}, "GET /cases/new": {roles: carries}, "POST /cases/new": {roles: carries},
	"GET /cases/:id": {roles: carries, of: "case"}, "POST /cases/:id/restrict": {roles: carries, of: "case", does: []string{"restricted=vip", "restricted=violence"}},
	"GET /cases/:id/correct": {roles: carries, of: "case"}, "POST /cases/:id/correct": {roles: carries, of: "case"},
	"GET /cases/:id/history":       {roles: carries, of: "case"},
	"GET /cases/:id/people":        {roles: carries, of: "case", where: []string{"restricted"}},
	"POST /cases/:id/people":       {roles: carries, of: "case", where: []string{"restricted"}, does: []string{"do=name", "do=unname:" + nobody}},
	"GET /cases/:id/referrals/new": {roles: carries, of: "case"}, "POST /cases/:id/referrals/new": {roles: carries, of: "case"},
	"GET /referrals/:id": {roles: carries, of: "referral"}, "GET /referrals/:id/:command": {roles: carries, of: "referral"},
	"POST /referrals/:id/:command": {roles: carries, of: "referral"},
	"GET /tasks":                   {roles: carries}, "GET /tasks/:id": {roles: carries, of: "task"}, "POST /tasks/:id": {roles: carries, of: "task"},
	"GET /services": {roles: looksUp}, "POST /services": {roles: looksUp}, "GET /services/:id": {roles: looksUp},
	"GET /break-glass/:reference":  {roles: helps, of: "reference", where: []string{"restricted"}},
	"POST /break-glass/:reference": {roles: helps, of: "reference", where: []string{"restricted"}, does: []string{"why=so"}},
	"GET /restricted":              {roles: reviews}, "POST /restricted/:id": {roles: reviews, of: "glass", where: []string{"restricted"}, does: []string{"decision=justified"}},

	"GET /cases/:id/keeping": {roles: helps, of: "case"}, "POST /cases/:id/keeping": {roles: helps, of: "case", does: []string{"do=erase&why=so", "do=approve:" + nobody, "do=call_off:" + nobody,
		"do=hold&why=so", "do=lift", "do=export&language=en"}},
	"GET /erasures": {roles: oversees}, "POST /exports/:id": {roles: oversees, of: "export", does: []string{"form=page", "form=data"}},
	"GET /retention": {roles: manages}, "POST /retention": {roles: manages},
	"GET /api/v1/cases/:id/keeping": {roles: helps, of: "case"}, "POST /api/v1/cases/:id/erasure": {roles: helps, of: "case"},
	"GET /api/v1/retention": {roles: manages},

	"GET /cases/:id/access": {roles: []referral.Role{referral.Supervisor, referral.Auditor}, of: "case"},
	"GET /audit":            {roles: audits}, "POST /audit": {roles: audits},
	"GET /audit/unusual": {roles: audits}, "GET /audit/unusual/csv": {roles: audits},
	"GET /audit/cases/:id": {roles: audits, of: "case"}, "GET /audit/cases/:id/csv": {roles: audits, of: "case"},
	"GET /audit/people/:id": {roles: audits, of: "account"}, "GET /audit/people/:id/csv": {roles: audits, of: "account"},
	"GET /people": {roles: manages}, "POST /people": {roles: manages},
	"GET /people/:id": {roles: manages, of: "account"}, "POST /people/:id": {roles: manages, of: "account",
		does: []string{"do=role&role=auditor", "do=place&region=South", "do=invite", "do=sign_out", "do=reset", "do=close"}},
	"GET /keys": {roles: manages}, "POST /keys": {roles: manages},
	"GET /account": {roles: everybody}, "POST /account": {roles: everybody},

	"POST /api/v1/cases": {roles: carries}, "GET /api/v1/cases/:id": {roles: carries, of: "case"},
	"PATCH /api/v1/cases/:id": {roles: carries, of: "case"},
	"POST /api/v1/referrals":  {roles: carries}, "GET /api/v1/referrals/:id": {roles: carries, of: "referral"},
	"GET /api/v1/referrals/:id/timeline":  {roles: carries, of: "referral"},
	"POST /api/v1/referrals/:id/:command": {roles: carries, of: "referral"},
	"GET /api/v1/services":                {roles: looksUp}, "GET /api/v1/tasks": {roles: carries}, "GET /api/v1/queue": {roles: carries},
	"GET /api/v1/mailbox": {roles: carries},

	"POST /temporal/codec/encode": {roles: opens}, "POST /temporal/codec/decode": {roles: opens},

	// For visitors, agencies and programs without an account; each has tests of its own.
	"GET /livez": {}, "HEAD /livez": {}, "GET /readyz": {}, "HEAD /readyz": {}, "GET /static/*": {}, "HEAD /static/*": {},
	"GET /r": {}, "HEAD /r": {}, "GET /r/*": {}, "HEAD /r/*": {}, "GET /r/new-link": {}, "POST /r": {}, "POST /r/new-link": {},
	"POST /webhooks/sendgrid": {}, "POST /language": {}, "GET /sign-in": {}, "POST /sign-in": {}, "POST /sign-out": {},
	"GET /sign-in/code": {}, "POST /sign-in/code": {}, "GET /forgot-password": {}, "POST /forgot-password": {},
	"GET /sign-in/oidc": {}, "POST /sign-in/oidc": {}, "GET " + SignOnPath: {}, "OPTIONS /temporal/codec/encode": {}, "OPTIONS /temporal/codec/decode": {},
	"GET /join": {}, "GET /join/*": {}, "POST /join": {},
	"GET /mailbox": {}, "GET /mailbox/:id": {}, "GET /mailbox/:id/html": {}, "GET /api/v1/openapi.json": {}, "HEAD /api/v1/openapi.json": {},
}

// Each route, by each role, of each thing: what is out of reach is answered like what is not there, to the letter, and what
// a role can't do it can't do to anything, and is not shown the way to.
func TestTheWalk(t *testing.T) {
	t.Parallel()
	r := openWalk(t)
	seen := map[string]bool{}
	for _, route := range r.server.echo.Routes() {
		name := route.Method + " " + route.Path
		w, known := walk[name]
		seen[name] = true
		switch {
		case route.Method == echo.RouteNotFound:
		case strings.HasPrefix(route.Path, "/api/v1") && !known:
			r.elsewhere(t, route)
		case !known:
			t.Errorf("%s is a route that the walk does not know: say whose it is", name)
		case w.roles != nil:
			t.Run(name, func(t *testing.T) { r.along(t, route, w) })
		}
	}
	for name := range walk {
		if !seen[name] {
			t.Errorf("%s is no route any more", name)
		}
	}
}

// elsewhere is a method of the API that its path does not take, or HEAD, which is GET without a body.
func (r *walkRoom) elsewhere(t *testing.T, route *echo.Route) {
	get, known := walk["GET "+route.Path]
	for _, p := range r.people {
		status, _ := r.walks(p, route, "case", uuid.NewString(), "")
		allowed := slices.Contains(get.roles, p.role)
		if ok := status == http.StatusMethodNotAllowed || (route.Method == http.MethodHead && known && (status == http.StatusForbidden) != allowed); !ok {
			t.Errorf("%s %s by %s: %d", route.Method, route.Path, p, status)
		}
	}
}

// along walks one route by everyone, with each of its forms, of which somebody must be let as far as to what is not there.
func (r *walkRoom) along(t *testing.T, route *echo.Route, w walked) {
	for _, form := range append([]string{""}, w.does...) {
		found := 0
		for _, p := range r.people {
			missing, nothing := r.walks(p, route, w.of, r.missing[w.of], form)
			switch {
			case !slices.Contains(w.roles, p.role):
				r.refused(t, route, w, p, form, nothing)
			case w.of != "":
				r.among(t, route, w, p, form, missing, nothing)
			case missing == http.StatusForbidden || missing == http.StatusNotFound:
				t.Errorf("%s: %d, and it is theirs", p, missing)
			}
			if missing == http.StatusNotFound {
				found++
			}
		}
		if w.of != "" && found == 0 {
			t.Errorf("%q is for nobody, so nothing is shown by it", form)
		}
	}
}

// among walks a route with each thing, as somebody whose role it is for. A button may be for fewer roles than its page: then
// it is refused alike for everything.
func (r *walkRoom) among(t *testing.T, route *echo.Route, w walked, p walker, form string, missing int, nothing string) {
	want := http.StatusNotFound
	if form != "" && missing == http.StatusForbidden {
		want = missing
	}
	if missing != want {
		t.Errorf("%s, %q: what is not there is answered %d", p, form, missing)
	}
	for thing, ids := range r.things {
		switch reached := r.reaches(p, thing, w); {
		case ids[w.of] == "" && (w.where == nil || slices.Contains(w.where, thing) || thing == "foreign"):
			t.Errorf("there is no %s to walk with, %s", w.of, thing)
		case ids[w.of] == "", reached && form != "":
		case reached:
			if status, _ := r.walks(p, route, w.of, ids[w.of], form); status == http.StatusForbidden || status == http.StatusNotFound || status >= 500 {
				t.Errorf("%s, %s: %d, and it is theirs", p, thing, status)
			}
		default:
			if status, body := r.walks(p, route, w.of, ids[w.of], form); status != want || body != nothing {
				t.Errorf("%s, %s, %q: %d, told apart from what is not there:\n%s\n%s", p, thing, form, status, body, nothing)
			}
		}
	}
}

// refused wants a role that lacks the permission to be answered alike, whatever it asked for, and not shown the way.
func (r *walkRoom) refused(t *testing.T, route *echo.Route, w walked, p walker, form, nothing string) {
	ids := []string{r.missing[w.of]}
	for _, thing := range r.things {
		ids = append(ids, thing[w.of])
	}
	for _, id := range ids {
		if status, body := r.walks(p, route, w.of, id, form); status != http.StatusForbidden || body != nothing {
			t.Errorf("%s, %q: %d, want 403 alike for everything:\n%s\n%s", p, form, status, body, nothing)
		}
	}
	if route.Method == http.MethodGet && slices.Contains(menuOf(p.role), route.Path) {
		t.Errorf("%s is shown the way to it", p)
	}
}

// reaches says whether a thing is there for someone by a route.
func (r *walkRoom) reaches(p walker, thing string, w walked) bool {
	if p.role == referral.Auditor || p.role == referral.Admin {
		return thing != "foreign" // who looked, and the accounts, of the whole organisation
	}
	sees := map[string]bool{"own": p.role != referral.Partner && !p.region, "partner": p.role != referral.Partner && !p.region || p.role == referral.Partner,
		"other partner": p.role != referral.Partner && !p.region, "region": p.role != referral.Partner, "foreign": false, "restricted": false}
	if w.where == nil {
		return sees[thing]
	}
	if !slices.Contains(w.where, thing) || p.region {
		return false
	}
	// A list of people is the supervisor's to keep; glass is broken by who helps, and looked at by a supervisor, of whom there are
	// some here.
	return w.of == "reference" || p.role == referral.Supervisor
}

var ids = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|C-[0-9A-Z]{4}-[0-9A-Z]{4}`)

// walks sends a request as somebody, with a form or none, and gives the answer without the id that was asked for.
func (r *walkRoom) walks(p walker, route *echo.Route, of, id, form string) (int, string) {
	r.t.Helper()
	path := strings.NewReplacer(":id", or(id, r.services[0].String()), ":reference", id, ":command", "withdraw").Replace(route.Path)
	if form == "" && route.Method != http.MethodGet && (strings.HasPrefix(path, "/api/") || strings.HasPrefix(path, codecPath)) {
		form = "{}"
	}
	return r.sends(p, route.Method, path, form)
}

// sends sends a request as somebody, by their key or their session, as the path wants.
func (r *walkRoom) sends(p walker, method, path, body string) (int, string) {
	r.t.Helper()
	req := httptest.NewRequest(method, path, strings.NewReader(body))
	switch {
	case strings.HasPrefix(path, "/api/"):
		req.Header.Set("Authorization", "Bearer "+p.key)
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set(idempotencyKey, uuid.NewString())
		if method == http.MethodPatch {
			req.Header.Set(ifMatch, `"1"`)
		}
	case strings.HasPrefix(path, codecPath):
		req.AddCookie(p.cookie)
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Origin", theUI)
	default:
		req.AddCookie(p.cookie)
		if method == http.MethodPost {
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
	}
	w := httptest.NewRecorder()
	r.server.ServeHTTP(w, req)
	return w.Code, ids.ReplaceAllString(w.Body.String(), "ID")
}

func or(a, b string) string {
	if a == "" {
		return b
	}
	return a
}

// What the menu shows can be gone to, by each role, and a day begins somewhere.
func TestTheMenuLeadsWhereTheRoleMayGo(t *testing.T) {
	t.Parallel()
	r := openWalk(t)
	for _, p := range r.people {
		at := "/"
		w := r.visit(p, at)
		if w.Code == http.StatusSeeOther {
			at = w.Header().Get("Location")
			w = r.visit(p, at)
		}
		if w.Code != http.StatusOK {
			t.Errorf("%s begins at %s: %d", p, at, w.Code)
			continue
		}
		page, err := goquery.NewDocumentFromReader(w.Body)
		r.must(err)
		var shown []string
		page.Find("nav.tl-nav a").Each(func(_ int, a *goquery.Selection) { shown = append(shown, a.AttrOr("href", "")) })
		if want := append(menuOf(p.role), "/mailbox"); !slices.Equal(shown, want) {
			t.Errorf("%s is shown %v, want %v", p, shown, want)
		}
		for _, path := range shown {
			if w := r.visit(p, path); w.Code != http.StatusOK {
				t.Errorf("%s is led to %s: %d", p, path, w.Code)
			}
		}
	}
}

func (r *walkRoom) visit(p walker, path string) *httptest.ResponseRecorder {
	req := httptest.NewRequest(http.MethodGet, path, nil)
	req.AddCookie(p.cookie)
	w := httptest.NewRecorder()
	r.server.ServeHTTP(w, req)
	return w
}

func (p walker) String() string { return fmt.Sprintf("%s (region %t)", p.role, p.region) }
