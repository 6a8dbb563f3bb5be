package server

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"throughline/internal/trace"
)

// seen is what metrics were told of one answer.
type seen struct {
	route, method string
	status        int
}

// watched is a helpline whose traces and metrics are kept.
func watched(t *testing.T) (h *helpline, spans *tracetest.SpanRecorder, counted func() []seen) {
	t.Helper()
	h, spans = newHelpline(t, Config{}), tracetest.NewSpanRecorder()
	h.server.tracer = trace.New(sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans)))
	var mu sync.Mutex
	var all []seen
	h.server.observe = func(route, method string, status int, took time.Duration) {
		mu.Lock()
		defer mu.Unlock()
		if took < 0 || took > time.Minute {
			t.Errorf("%s took %s", route, took)
		}
		all = append(all, seen{route, method, status})
	}
	return h, spans, func() []seen {
		mu.Lock()
		defer mu.Unlock()
		return all
	}
}

// What traces and metrics know of a request is the template of its route, whatever stands in the address, and of one
// that found no route nothing at all.
func TestRequestsAreKnownByTheirRoute(t *testing.T) {
	t.Parallel()
	h, spans, counted := watched(t)
	_, token := h.offered()
	for _, c := range []struct {
		method, target string
		want           seen
		span           string
	}{
		{"GET", "/r/" + token, seen{"/r/*", "GET", 303}, "GET /r/*"},
		{"GET", "/services?q=zyta+canarova", seen{"/services", "GET", 303}, "GET /services"},
		{"GET", "/zyta-canarova", seen{"", "GET", 404}, "GET (none)"},
		{"GET", "/static/zyta-canarova.css", seen{"/static/*", "GET", 404}, "GET /static/*"},
		{"ZYTA", "/sign-in", seen{"/sign-in", "ZYTA", 405}, "other /sign-in"},
		{"GET", "/api/v1/referrals/4f0c2a86-54ce-4b05-8b9c-6c6f8f7d1f0e", seen{"/api/v1/referrals/:id", "GET", 401}, "GET /api/v1/referrals/:id"},
		{"GET", "/livez", seen{"/livez", "GET", 200}, "GET /livez"},
	} {
		before, told := len(spans.Ended()), len(counted())
		w := httptest.NewRecorder()
		r := httptest.NewRequest(c.method, c.target, nil)
		r.Header.Set("User-Agent", "zyta canarova")
		r.Header.Set("tracestate", "zyta=canarova")
		h.server.ServeHTTP(w, r)
		if got := counted()[told:]; len(got) != 1 || got[0] != c.want {
			t.Errorf("%s %s was counted as %v, want %v", c.method, c.target, got, c.want)
		}
		if got := spans.Ended()[before:]; len(got) != 1 || got[0].Name() != c.span {
			t.Errorf("%s %s was traced as %v, want %s", c.method, c.target, got, c.span)
		}
	}
	for _, s := range spans.Ended() {
		raw, err := json.Marshal(tracetest.SpanStubFromReadOnlySpan(s))
		h.must(err)
		for _, secret := range []string{"zyta", "canarova", token} {
			if strings.Contains(strings.ToLower(string(raw)), strings.ToLower(secret)) {
				t.Errorf("a span holds %q: %s", secret, raw)
			}
		}
	}
}

// A template that metrics do not know would hide its route behind "(none)".
func TestEveryRouteHasATemplateThatMayBeTold(t *testing.T) {
	t.Parallel()
	h := newHelpline(t, Config{})
	if len(h.server.echo.Routes()) < 30 {
		t.Fatalf("only %d routes", len(h.server.echo.Routes()))
	}
	for _, r := range h.server.echo.Routes() {
		if trace.Route(r.Path) != r.Path {
			t.Errorf("%s would be told as %s", r.Path, trace.Route(r.Path))
		}
	}
}

// A command's span lies below its request's, names the command and the helpline, and a failure on our side shows.
func TestACommandIsTracedBelowItsRequest(t *testing.T) {
	t.Parallel()
	h, spans, _ := watched(t)
	made, _ := h.offered()
	h.ask("POST", "/referrals/"+made.ReferralID.String()+"/accept", h.navigator, `{"told_by":"Sam Canary"}`).is(200)
	offer := h.ask("GET", "/referrals/"+made.ReferralID.String(), h.navigator, "").is(200).Body["offers"].([]any)[0].(map[string]any)["id"].(string)
	h.ask("POST", "/referrals/"+made.ReferralID.String()+"/decline", h.navigator, `{"told_by":"Sam","reason":"full","offer_id":"`+offer+`"}`).is(409)
	byName := map[string]sdktrace.ReadOnlySpan{}
	for _, s := range spans.Ended() {
		byName[s.Name()] = s
	}
	request, command, late := byName["POST /api/v1/referrals/:id/:command"], byName["casework.accept"], byName["casework.decline"]
	if request == nil || command == nil || late == nil {
		t.Fatalf("spans %v", byName)
	}
	said := tracetest.SpanStubFromReadOnlySpan(command)
	raw, err := json.Marshal(said.Attributes)
	h.must(err)
	if !strings.Contains(string(raw), h.account.OrganisationID.String()) || !strings.Contains(string(raw), `"accept"`) {
		t.Errorf("the command says %s", raw)
	}
	if command.SpanContext().TraceID() == (late.SpanContext().TraceID()) {
		t.Error("two requests are one trace")
	}
	raw, err = json.Marshal(tracetest.SpanStubFromReadOnlySpan(late).Attributes)
	h.must(err)
	if !strings.Contains(string(raw), `"conflict"`) {
		t.Errorf("the command that came too late says %s", raw)
	}
	h.must(h.desk.DB.Close())
	before := len(spans.Ended())
	h.ask("GET", "/queue", h.navigator, "")
	for _, s := range spans.Ended()[before:] {
		if s.Status().Code.String() != "Error" {
			t.Errorf("without a database %s is %v", s.Name(), s.Status())
		}
	}
}

// The probes of a process that serves nothing else answer as those of the whole server.
func TestProbesOfAProcessThatServesNothingElse(t *testing.T) {
	t.Parallel()
	all := func(parts ...Part) http.Handler { return Health(func(context.Context) []Part { return parts }) }
	for _, c := range []struct {
		of     http.Handler
		path   string
		status int
		says   string
	}{
		{all(), "/livez", 200, `"ok"`},
		{all(Part{Name: "database", OK: true}, Part{Name: "canary", OK: true}), "/readyz", 200, `{"status":"ok","parts":[{"name":"database","ok":true},{"name":"canary","ok":true}]}`},
		{all(Part{Name: "database", OK: true}, Part{Name: "canary", Detail: "none"}), "/readyz", 200, `"degraded"`},
		{all(Part{Name: "database"}, Part{Name: "canary", Detail: "none"}), "/readyz", 503, `"down"`},
		{all(), "/sign-in", 404, ""},
	} {
		w := httptest.NewRecorder()
		c.of.ServeHTTP(w, httptest.NewRequest("GET", c.path, nil))
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.says) {
			t.Errorf("%s: %d %s", c.path, w.Code, w.Body)
		}
	}
}
