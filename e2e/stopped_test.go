package e2e

import (
	"database/sql"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// gate stands before the mail provider and lets nothing through until it is opened.
type gate struct {
	*httptest.Server
	entered chan struct{} // closed when a letter stands there
	open    func()
}

func newGate(t *testing.T, provider string) *gate {
	t.Helper()
	to, err := url.Parse(provider)
	must(t, err)
	opened, beyond := make(chan struct{}), httputil.NewSingleHostReverseProxy(to)
	g := &gate{entered: make(chan struct{}), open: sync.OnceFunc(func() { close(opened) })}
	enter := sync.OnceFunc(func() { close(g.entered) })
	g.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		enter()
		<-opened
		beyond.ServeHTTP(w, r)
	}))
	t.Cleanup(func() { g.open(); g.Close() })
	return g
}

// SIGTERM comes while a call is being written down and a letter is with the provider. Neither is lost, neither is done
// twice, and the parts of each process end one after the other.
func TestAskedToEndInTheMiddle(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	g := newGate(t, d.provider.URL)
	d.environment = append(d.environment, "SENDGRID_BASE_URL="+g.URL)
	a := d.settle()
	probes := d.hire()
	food := a.service("Little Lake Food Bank")
	mailed := a.refer("Mailed Canary", "food", "routine", food)
	select {
	case <-g.entered:
	case <-time.After(2 * time.Minute):
		t.Fatal("no letter reached the provider")
	}
	db, err := sql.Open("postgres", d.stack.DatabaseURL)
	must(t, err)
	defer db.Close()
	hold, err := db.Begin()
	must(t, err)
	_, err = hold.Exec(`LOCK TABLE cases IN SHARE MODE`)
	must(t, err)
	written := make(chan int, 1)
	go func() {
		written <- a.ask(http.MethodPost, "/api/v1/cases", map[string]any{"name": "Written Canary"}, nil)
	}()
	until(t, "the call is not being written down", time.Minute, func() bool {
		return count(t, d.stack.DatabaseURL, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`) == 1
	})

	until(t, "the worker's canary does not come through", time.Minute, func() bool {
		status, body := fetch(t, web, "GET", probes+"/readyz")
		return status == 200 && strings.Contains(string(body), `{"name":"canary","ok":true}`)
	})
	if status, body := fetch(t, web, "GET", probes+"/metrics"); status != 200 || !strings.Contains(string(body), "throughline_canary_age_seconds") ||
		!strings.Contains(string(body), `throughline_up{part="database"} 1`) || strings.Contains(string(body), "Canary ") {
		t.Errorf("the worker's metrics: %d\n%s", status, body)
	}
	if status, body := fetch(t, web, "GET", d.base+"/metrics"); status != 200 || !strings.Contains(string(body), `throughline_http_request_duration_seconds_count{method="POST",route="/api/v1/referrals",status="2xx"} 1`) {
		t.Errorf("the metrics of serve: %d\n%s", status, body)
	}

	for _, p := range d.processes {
		must(t, p.command.Process.Signal(syscall.SIGTERM))
	}
	until(t, "readiness is not off", time.Minute, func() bool {
		status, _ := d.readiness()
		return status == http.StatusServiceUnavailable
	})
	must(t, hold.Rollback())
	if status := <-written; status != http.StatusCreated {
		t.Errorf("the call that was being written down is answered %d", status)
	}
	until(t, "the processes do not stop as far as they can", time.Minute, func() bool {
		running := 0
		for _, p := range d.processes {
			if !p.hasEnded() {
				running++
			}
		}
		return running == 1
	})
	g.open()
	for _, p := range d.processes {
		p.end(syscall.SIGTERM, 35*time.Second)
		want := []string{"readiness", "dispatcher", "worker", "temporal", "database", "telemetry"}
		switch {
		case strings.HasSuffix(p.name, "serve"):
			want = []string{"readiness", "http", "watchdog", "dispatcher", "temporal", "database", "telemetry"}
		case p == d.processes[len(d.processes)-1]:
			want = []string{"readiness", "dispatcher", "worker", "temporal", "metrics", "database", "telemetry"}
		}
		if got := stopped(p); !slices.Equal(got, want) {
			t.Errorf("%s stopped %q, want %q", p.name, got, want)
		}
	}
	if n := count(t, d.stack.DatabaseURL, `SELECT count(*) FROM cases WHERE id <> (SELECT case_id FROM referrals WHERE id = $1)`, mailed.ID); n != 1 {
		t.Errorf("the call is there %d times", n)
	}
	if n := count(t, d.stack.DatabaseURL, `SELECT count(*) FROM messages WHERE referral_id = $1 AND state = 'accepted' AND attempts = 1`, mailed.ID); n != 1 {
		t.Errorf("%d letters were accepted at once, want 1", n)
	}
	if n := len(d.provider.Messages()); n != 1 {
		t.Errorf("%d emails went out", n)
	}
}

// hire starts a third worker, which answers about itself, and gives where.
func (d *deployment) hire() (probes string) {
	d.t.Helper()
	address := freePort(d.t)
	p := launch(d.t, append(slices.Clone(d.environment), "METRICS_ADDR="+address), "throughline", "worker")
	d.processes = append(d.processes, p)
	until(d.t, "the worker does not answer about itself", 2*time.Minute, func() bool {
		return !p.hasEnded() && strings.Contains(p.said.String(), `"msg":"ready"`)
	})
	return "http://" + address
}

// stopped are the parts that a process says have stopped, in order.
func stopped(p *process) (parts []string) {
	for line := range strings.Lines(p.said.String()) {
		var said struct{ Msg, Part string }
		if json.Unmarshal([]byte(line), &said) == nil && said.Msg == "stopped" {
			parts = append(parts, said.Part)
		}
	}
	return parts
}
