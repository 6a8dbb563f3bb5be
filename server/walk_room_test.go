package server

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"throughline/casework"
	"throughline/internal/signon"
	"throughline/referral"
)

// walkRoom is a helpline with someone of each role, and one of each thing that an address can name: of its own, of a
// partner and of another one, of a region, restricted, and of another helpline.
type walkRoom struct {
	*visitor
	people  []walker
	things  map[string]map[string]string // by whose it is: the id of each kind of thing
	missing map[string]string
}

// walker is an account that is signed in and has a key.
type walker struct {
	role   referral.Role
	region bool
	actor  casework.Actor
	cookie *http.Cookie
	key    string
}

func openWalk(t *testing.T) *walkRoom {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	r := &walkRoom{visitor: staffedOf(newHelpline(t, Config{Mailbox: &letterbox{}, SendGridKeys: []*ecdsa.PublicKey{&key.PublicKey},
		TemporalUIOrigin: theUI, SignOn: signon.New(signon.Config{Issuer: "http://127.0.0.1:1", ClientID: "walk", RedirectURL: "http://127.0.0.1" + SignOnPath})})),
		things: map[string]map[string]string{}, missing: map[string]string{"": "", "reference": "C-0000-0000"}}
	for _, kind := range []string{"case", "referral", "offer", "task", "glass", "account", "export", "erasure", "visit", "key"} {
		r.missing[kind] = uuid.NewString()
	}
	partner := casework.Belongs{Partner: "Legal clinic"}
	for _, role := range everybody {
		in := casework.Belongs{}
		if role == referral.Partner {
			in = partner
		}
		r.people = append(r.people, r.walker(role, in))
	}
	r.people = append(r.people, r.walker(referral.Coordinator, casework.Belongs{Region: "North"}))
	navigator, keeper := r.account.Actor(casework.ViaPage), r.someone(referral.Supervisor).actor
	r.things["own"] = r.thing(navigator, keeper, "")
	r.things["partner"] = r.thing(r.walker(referral.Partner, partner).actor, keeper, "")
	r.things["other partner"] = r.thing(r.walker(referral.Partner, casework.Belongs{Partner: "Food bank"}).actor, keeper, "")
	r.things["region"] = r.thing(r.walker(referral.Navigator, casework.Belongs{Region: "North"}).actor, keeper, "")
	r.things["restricted"] = r.thing(navigator, r.walker(referral.Supervisor, casework.Belongs{}).actor, "violence")
	r.things["foreign"] = r.thing(people[1].account.Actor(casework.ViaPage),
		r.walkerOf(people[1].account.OrganisationID, referral.Supervisor, casework.Belongs{}).actor, "violence")
	for name, breaker := range map[string]casework.Actor{"restricted": r.walker(referral.Coordinator, casework.Belongs{}).actor,
		"foreign": r.walkerOf(people[1].account.OrganisationID, referral.Navigator, casework.Belongs{}).actor} {
		_, err := r.desk.BreakGlass(t.Context(), breaker, r.things[name]["reference"], "he is on the line")
		r.must(err)
		var id string
		r.must(r.db.Get(&id, `SELECT id FROM glass WHERE case_id = $1`, r.things[name]["case"]))
		r.things[name]["glass"] = id
	}
	return r
}

func (r *walkRoom) walker(role referral.Role, in casework.Belongs) walker {
	r.t.Helper()
	return r.walkerOf(r.account.OrganisationID, role, in)
}

func (r *walkRoom) walkerOf(organisation uuid.UUID, role referral.Role, in casework.Belongs) walker {
	r.t.Helper()
	email := uuid.NewString() + "@kawartha.example"
	a, err := r.desk.AddAccountIn(r.t.Context(), organisation, email, "Alex", role, "en", password, in)
	r.must(err)
	_, key, err := r.desk.AddKey(r.t.Context(), email, "walk")
	r.must(err)
	req := httptest.NewRequest(http.MethodPost, "/sign-in", strings.NewReader(url.Values{"email": {email}, "password": {password}}.Encode()))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.RemoteAddr = "127.0.0.1:1"
	w := httptest.NewRecorder()
	r.server.ServeHTTP(w, req)
	for _, c := range w.Result().Cookies() {
		if c.Name == r.server.sessions.Cookie.Name {
			return walker{role: role, region: in.Region != "", actor: a.Actor(casework.ViaPage), cookie: c, key: key}
		}
	}
	r.t.Fatalf("%s could not sign in: %d", role, w.Code)
	return walker{}
}

// someone is the first who walks of a role.
func (r *walkRoom) someone(role referral.Role) walker {
	return r.people[slices.IndexFunc(r.people, func(p walker) bool { return p.role == role })]
}

// thing makes one of each kind of thing, and gives their ids: a case with a referral that has an open task, and a case that
// is to be erased. keeper is the supervisor who looks after them.
func (r *walkRoom) thing(who, keeper casework.Actor, restricted string) map[string]string {
	r.t.Helper()
	ctx := r.t.Context()
	made, err := r.desk.Intake(ctx, who, casework.IntakeInput{
		Case: casework.CaseInput{Name: "Zoë Canary", Restricted: restricted},
		Referral: casework.ReferralInput{Need: "food", Urgency: referral.Routine, ServiceIDs: r.services[:2],
			Consent: casework.ConsentInput{Given: true, How: "verbal"}}}, nil)
	r.must(err)
	r.tick(made.ReferralID, 3)
	_, err = r.desk.Do(ctx, who, made.ReferralID, casework.CommandInput{Do: referral.Ask, Note: "How many?", ToldBy: "Sam"}, nil)
	r.must(err)
	r.tick(made.ReferralID, 3)
	over, err := r.desk.OpenCase(ctx, who, casework.CaseInput{Name: "Zoë Canary", Restricted: restricted}, nil)
	r.must(err)
	if restricted != "" {
		r.must(r.desk.NamePerson(ctx, who, made.CaseID, keeper.ID))
		r.must(r.desk.NamePerson(ctx, who, over.ID, keeper.ID))
	}
	erasure, err := r.desk.AskErasure(ctx, keeper, over.ID, "she asks")
	r.must(err)
	export, err := r.desk.AskExport(ctx, keeper, made.CaseID, "en")
	r.must(err)
	_, err = r.desk.CarryExport(ctx, export, r.clock.Now())
	r.must(err)
	account, err := r.desk.Account(ctx, who.ID)
	r.must(err)
	visit, err := r.desk.Enter(ctx, account, casework.ByPassword, casework.From{})
	r.must(err)
	key, _, err := r.desk.AddKey(ctx, account.Email, "walk")
	r.must(err)
	var offer, task string
	r.must(r.db.Get(&offer, `SELECT id FROM offers WHERE referral_id = $1 ORDER BY rank LIMIT 1`, made.ReferralID))
	r.must(r.db.Get(&task, `SELECT id FROM tasks WHERE referral_id = $1 AND state = 'open'`, made.ReferralID))
	return map[string]string{"case": made.CaseID.String(), "referral": made.ReferralID.String(), "offer": offer, "task": task,
		"reference": made.Reference, "account": who.ID.String(), "erasure": erasure.String(), "export": export.String(), "visit": visit.String(),
		"key": key.String()}
}
