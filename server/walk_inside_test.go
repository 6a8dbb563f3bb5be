package server

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"throughline/referral"
)

// inside is a form, or a body of the API, that names a thing besides what its address does.
type inside struct {
	by     referral.Role
	path   string // with {case} and the like for what is at hand, which whoever sends it sees
	at     string // whose that is
	body   string // with the same, and %s for the thing
	kind   string // of the thing
	beyond []string
	status int
}

var (
	hidden = []string{"restricted", "foreign"}
	others = []string{"foreign"}
	theirs = []string{"own", "partner", "region", "restricted", "foreign"} // whoever walks has none of these
)

const refers = `"need":"food","urgency":"routine","service_ids":["{service}"],"consent":{"given":true,"how":"verbal"}`

var insides = []inside{
	{referral.Supervisor, "/cases/{case}/keeping", "own", "do=approve:%s", "erasure", hidden, http.StatusNotFound},
	{referral.Supervisor, "/cases/{case}/keeping", "own", "do=call_off:%s", "erasure", hidden, http.StatusNotFound},
	{referral.Partner, "/api/v1/referrals", "partner", `{"case_id":"%s",` + refers + `}`, "case", []string{"own", "other partner", "region", "restricted", "foreign"},
		http.StatusNotFound},
	{referral.Navigator, "/api/v1/referrals", "own", `{"case_id":"%s",` + refers + `}`, "case", hidden, http.StatusNotFound},
	{referral.Navigator, "/api/v1/referrals", "own", `{"case_id":"{case}","episode_of":"%s",` + refers + `}`, "referral", hidden, http.StatusNotFound},
	{referral.Navigator, "/api/v1/referrals/{referral}/answer", "own", `{"note":"two","offer_id":"%s"}`, "offer", append([]string{"region"}, hidden...),
		http.StatusNotFound},
	{referral.Navigator, "/api/v1/referrals/{referral}/finish_task", "own", `{"note":"two","task_id":"%s"}`, "task", append([]string{"region"}, hidden...),
		http.StatusNotFound},
	{referral.Navigator, "/api/v1/referrals/{referral}/reassign", "own", `{"person_id":"%s"}`, "account", others, http.StatusUnprocessableEntity},
	{referral.Navigator, "/referrals/{referral}/reassign", "own", "do=save&person_id=%s", "account", others, http.StatusUnprocessableEntity},
	{referral.Supervisor, "/cases/{case}/people", "restricted", "do=name&person_id=%s", "account", others, http.StatusUnprocessableEntity},
	{referral.Supervisor, "/cases/{case}/people", "restricted", "do=unname:%s", "account", others, http.StatusUnprocessableEntity},
	{referral.Navigator, "/account", "own", "do=end:%s", "visit", theirs, http.StatusNotFound},
	{referral.Navigator, "/account", "own", "do=revoke:%s", "key", theirs, http.StatusNotFound},
	{referral.Admin, "/keys", "own", "do=revoke:%s", "key", others, http.StatusNotFound},
}

// What a form names inside of it is held to the same as what an address names: what is out of reach is answered like what is
// not there, to the letter, and nothing is changed.
func TestTheWalkInside(t *testing.T) {
	t.Parallel()
	r := openWalk(t)
	changes := func() (n int) {
		r.must(r.db.Get(&n, `SELECT count(*) FROM audit WHERE kind = 'change'`))
		return n
	}
	for _, in := range insides {
		p, filled := r.someone(in.by), []string{"{service}", r.services[0].String()}
		for kind, id := range r.things[in.at] {
			filled = append(filled, "{"+kind+"}", id)
		}
		path, body := strings.NewReplacer(filled...).Replace(in.path), strings.NewReplacer(filled...).Replace(in.body)
		before := changes()
		status, nothing := r.sends(p, http.MethodPost, path, fmt.Sprintf(body, r.missing[in.kind]))
		if status != in.status {
			t.Errorf("%s %s: what is not there is answered %d, want %d: %s", in.path, in.body, status, in.status, nothing)
		}
		for _, thing := range in.beyond {
			id := r.things[thing][in.kind]
			if id == "" {
				t.Fatalf("there is no %s to walk with, %s", in.kind, thing)
			}
			if status, got := r.sends(p, http.MethodPost, path, fmt.Sprintf(body, id)); status != in.status || got != nothing {
				t.Errorf("%s %s, %s: %d, told apart from what is not there:\n%s\n%s", in.path, in.body, thing, status, got, nothing)
			}
		}
		if after := changes(); after != before {
			t.Errorf("%s %s changed something %d times", in.path, in.body, after-before)
		}
	}
}
