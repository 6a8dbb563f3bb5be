package server

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// logs is what the log says of what is done.
func (h *helpline) logs(do func()) string {
	before := len(h.log.String())
	do()
	return h.log.String()[before:]
}

// A line of the log says who asked, by the id of their account and of their visit, and no name.
func TestTheLogSaysWhoAsked(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	if log := v.logs(func() { v.get("/sign-in").is(200) }); strings.Contains(log, "account=") {
		t.Errorf("the log knows who a stranger is: %s", log)
	}
	v.signInAs("nav@kawartha.example")
	var visit string
	v.must(v.db.Get(&visit, `SELECT id FROM visits`))
	log := v.logs(func() { v.get("/work").is(200) })
	if !strings.Contains(log, "route=/work status=200") || !strings.Contains(log, "account="+v.account.ID.String()+" visit="+visit) {
		t.Errorf("the log says %s", log)
	}
	log = v.logs(func() { v.ask("GET", "/queue", v.navigator, "").is(200) })
	if !strings.Contains(log, "route=/api/v1/queue status=200") || !strings.Contains(log, "account="+v.account.ID.String()) {
		t.Errorf("of a call with a key the log says %s", log)
	}
	if strings.Contains(log, "visit=") || strings.Contains(log, v.navigator) {
		t.Errorf("a key has no visit: %s", log)
	}
}

// What none of our pages sends is warned of: tries too often, and what can't be read.
func TestTheLogWarnsOfWhatOurPagesDoNotSend(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	wrong := url.Values{"email": {"nav@kawartha.example"}, "password": {"wrong horse battery"}}
	for range 6 {
		v.post("/sign-in", wrong)
	}
	log := v.logs(func() { v.post("/sign-in", wrong).is(http.StatusTooManyRequests) })
	if want := "level=WARN msg=refused class=rate_limited route=/sign-in"; !strings.Contains(log, want) {
		t.Errorf("the log does not say %q: %s", want, log)
	}
	log = v.logs(func() { v.ask("POST", "/cases", v.navigator, `{"name":`).is(400, "malformed") })
	if want := "level=WARN msg=refused class=malformed route=/api/v1/cases account=" + v.account.ID.String(); !strings.Contains(log, want) {
		t.Errorf("the log does not say %q: %s", want, log)
	}
	v.forget()
	log = v.logs(func() {
		v.signInAs("coord@kawartha.example")
		v.get("/queue").is(200)
		v.get("/people").is(http.StatusForbidden)
	})
	if strings.Contains(log, "level=WARN") {
		t.Errorf("it warns of a day's work: %s", log)
	}
}
