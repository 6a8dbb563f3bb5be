package server

import (
	"net/http"
	"net/url"
	"sync"
	"testing"
	"time"

	"throughline/db"
	"throughline/db/dbtest"
)

// TestASilentDatabase: the database is reachable and answers nothing, over connections that are open already and over new
// ones. Every request is answered by its deadline, those that wait for a connection too.
func TestASilentDatabase(t *testing.T) {
	t.Parallel()
	record := demo.URL(t)
	line := dbtest.Through(t, dbtest.AppURL(t, record))
	pool, err := db.Open(t.Context(), line.URL, db.Options{MaxOpen: 3})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pool.Close() })
	v := staffedOf(helplineFor(t, dbtest.Open(t, record), pool, Config{}))
	made, token := v.offered()
	v.signInAs("nav@kawartha.example")
	ways := map[string]func() int{
		"work":  func() int { return v.get("/work").Status },
		"case":  func() int { return v.get("/cases/" + made.CaseID.String()).Status },
		"link":  func() int { return v.get("/r/" + token).Status },
		"reply": func() int { return v.post("/r", url.Values{"do": {"accept"}, "name": {"Sam"}}).Status },
		"signin": func() int {
			return v.post("/sign-in", url.Values{"email": {"nav@kawartha.example"}, "password": {"x"}}).Status
		},
		"api": func() int { return v.ask("GET", "/queue", v.navigator, "").Status },
	}
	for name, way := range ways {
		if name == "reply" || name == "signin" {
			continue
		}
		for range 3 { // so that what they ask is prepared
			if got := way(); got != http.StatusOK {
				t.Fatalf("%s: %d", name, got)
			}
		}
	}
	v.server.deadline = 500 * time.Millisecond
	line.Hush()
	var asking sync.WaitGroup
	for name, way := range ways {
		asking.Go(func() {
			started := time.Now()
			if got := way(); got != http.StatusServiceUnavailable {
				t.Errorf("%s: answered %d", name, got)
			}
			if took := time.Since(started); took > v.server.deadline+time.Second {
				t.Errorf("%s: answered after %s", name, took)
			}
		})
	}
	asking.Wait()
	v.server.deadline = requestDeadline
	started := time.Now()
	v.get("/readyz").is(http.StatusServiceUnavailable)
	if took := time.Since(started); took > 2*time.Second {
		t.Errorf("readiness answered after %s", took)
	}
	v.get("/livez").is(http.StatusOK)

	line.Speak()
	for name, way := range ways {
		if got := way(); name != "signin" && got != http.StatusOK {
			t.Errorf("%s: the database speaks again, and gets %d", name, got)
		}
	}
}
