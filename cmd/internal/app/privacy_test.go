//go:build unix

package app

import (
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	traces "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	find "throughline/internal/canary"
	"throughline/mail/mailtest"
)

// traceCollector takes traces by OTLP, as a collector does.
type traceCollector struct {
	*httptest.Server
	mu    sync.Mutex
	raw   []string // of each request, headers and all
	spans []*traces.Span
}

func collect(t *testing.T) *traceCollector {
	t.Helper()
	c := &traceCollector{}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := io.Reader(r.Body)
		if r.Header.Get("Content-Encoding") == "gzip" {
			body, _ = gzip.NewReader(r.Body)
		}
		raw, err := io.ReadAll(body)
		var batch collector.ExportTraceServiceRequest
		if err != nil || r.URL.Path != "/v1/traces" || proto.Unmarshal(raw, &batch) != nil {
			t.Errorf("%s: not traces: %v", r.URL.Path, err)
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		var headers strings.Builder
		_ = r.Header.Write(&headers)
		c.raw = append(c.raw, headers.String(), string(raw))
		for _, resource := range batch.ResourceSpans {
			for _, scope := range resource.ScopeSpans {
				c.spans = append(c.spans, scope.Spans...)
			}
		}
	}))
	t.Cleanup(c.Close)
	return c
}

// planted are pieces of what people wrote, in every field that takes any, and of secrets. None may be told about.
var planted = []string{"zyta", "canarova", "5550177", "555-0177", "okapi", "quetzal", "noor", "farah", "helpline.example", "pantry-intake",
	"provider-key", "K9H 1A1"}

// findIn fails the test for each planted text that is in what was told.
func findIn(t *testing.T, where, told string, secrets []string) {
	t.Helper()
	for _, found := range find.For(secrets...).InText(told) {
		t.Errorf("%s: %s", where, found)
	}
}

// ofClients are those of the planted texts that no agency may read in a letter.
var ofClients = []string{"zyta", "canarova", "5550177", "555-0177", "okapi", "K9H 1A1"}

// said is what spans may say, and nothing else.
var said = []string{"http.request.method", "http.route", "http.response.status_code", "throughline.organisation", "throughline.referral",
	"throughline.command", "throughline.kind", "throughline.provider", "throughline.outcome", "throughline.class", "temporalWorkflowID",
	"temporalRunID", "temporalActivityID"}

// A whole story with something personal in every field, and with all that goes wrong: nothing of it is in a trace, in
// the metrics or in the log.
func TestNothingThatPeopleWroteIsTold(t *testing.T) {
	t.Parallel()
	c := collect(t)
	h := open(t, func(o *Options) { o.TracesTo = c.URL })
	h.serve()
	require.NoError(t, h.Work(t.Context()))
	h.Dispatch()
	a := &story{house: h}
	tokens := a.fromCallToOutcome()
	a.thatGoesWrong()
	a.ofStrangers()
	until(t, "the canary has come through", func() bool { return h.canary.Load().ask(t.Context()) == "" })
	metrics := h.get(h.probes + "/metrics").body
	for _, at := range []string{h.probes, h.base} {
		w, err := http.Get(at + "/metrics")
		require.NoError(t, err)
		require.NoError(t, w.Body.Close())
		assert.Equal(t, []string{"200 OK", "nosniff", "no-store"}, []string{w.Status, w.Header.Get("X-Content-Type-Options"), w.Header.Get("Cache-Control")}, at)
	}
	require.NoError(t, h.stopAtOnce())

	secrets := append(slices.Clone(planted), h.key)
	secrets = append(secrets, tokens...)
	findIn(t, "the metrics", metrics, secrets)
	findIn(t, "the log", h.log.String(), secrets)
	letters := h.mail.Messages()
	assert.Greater(t, len(letters), 2)
	for _, m := range letters {
		findIn(t, "a letter", strings.Join([]string{m.Subject, m.Text, m.HTML, m.To, m.From, m.MID, m.ProviderID}, "\n"), ofClients)
		// The link stands in the letter's bodies, and nowhere that a provider keeps.
		findIn(t, "what the provider knows of a letter", strings.Join([]string{m.Subject, m.To, m.From, m.MID}, "\n"), tokens)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	findIn(t, "the traces", strings.Join(c.raw, "\n"), secrets)
	names := map[string]bool{}
	for _, s := range c.spans {
		names[s.Name] = true
		assert.Empty(t, s.TraceState, s.Name)
		assert.Empty(t, s.Events, s.Name)
		assert.Empty(t, s.Status.GetMessage(), s.Name)
		for _, about := range s.Attributes {
			assert.Contains(t, said, about.Key, s.Name)
		}
	}
	// All of that was traced, or nothing has been shown.
	for _, name := range []string{"POST /api/v1/referrals", "POST /r", "GET (none)", "casework.refer", "casework.transaction", "casework.accept",
		"casework.send", "casework.undelivered", "outbox.start", "outbox.changed", "outbox.deliver", "mail.send", "StartWorkflow:Referral",
		"RunWorkflow:Referral", "SignalWorkflow:changed", "RunActivity:SendOffer"} {
		assert.True(t, names[name], "there is no span %s", name)
	}
	for _, line := range []string{`throughline_letters_total{class="bad_request",outcome="rejected",provider="sendgrid"} 1`,
		`throughline_step_failures_total{activity="SendOffer",class=`, `route="/api/v1/referrals/:id/:command"`} {
		assert.Contains(t, metrics, line)
	}
}

// story is what the people of a house live through.
type story struct {
	*house
	instead *strings.Replacer // gives what they write other words; nil: they write what stands here
}

func (a *story) words(text string) string {
	if a.instead == nil {
		return text
	}
	return a.instead.Replace(text)
}

func (a *story) must(answer answer, err error) answer {
	a.t.Helper()
	require.NoError(a.t, err)
	require.Less(a.t, answer.status, 400, answer.body)
	return answer
}

// refer takes a call and refers the caller to an agency, by number.
func (a *story) refer(number int) (id string) {
	a.t.Helper()
	var services []uuid.UUID
	require.NoError(a.t, a.office.Record.Select(&services, `SELECT id FROM services ORDER BY name`))
	call, err := json.Marshal(map[string]any{
		"case": map[string]any{"name": "Zyta Canarova", "phone": "+1 705-555-0177", "email": "zyta@okapi.example", "contact_times": "okapi mornings",
			"safe_to_call": true, "municipality": "Okapi Lake", "postal_code": "K9H 1A1", "birth_year": 1961, "notes": "okapi notes"},
		"need": "food", "details": "okapi details", "service_ids": services[number-1 : number],
		"consent": map[string]any{"given": true, "how": "verbal"}})
	require.NoError(a.t, err)
	made := a.must(a.ask(http.MethodPost, "/api/v1/referrals", json.RawMessage(a.words(string(call)))))
	var out struct{ ID string }
	require.NoError(a.t, json.Unmarshal([]byte(made.body), &out))
	return out.ID
}

var linkIn = regexp.MustCompile(`/r/([A-Za-z0-9_-]+)`)

// mailed waits for a number of letters and gives the link's token of the last.
func (a *story) mailed(n int) (token string) {
	a.t.Helper()
	require.NoError(a.t, a.mail.WaitFor(a.t.Context(), func(all []mailtest.Received) bool {
		if len(all) < n {
			return false
		}
		if found := linkIn.FindStringSubmatch(all[n-1].Text); found != nil {
			token = found[1]
		}
		return true
	}))
	return token
}

// fromCallToOutcome is a referral that goes well: call, letter, question, answer, help, outcome.
func (a *story) fromCallToOutcome() (tokens []string) {
	a.t.Helper()
	id := a.refer(1)
	token := a.mailed(1)
	jar, err := cookiejar.New(nil)
	require.NoError(a.t, err)
	agency := &http.Client{Jar: jar}
	posts := func(do string, more url.Values) {
		a.t.Helper()
		form := url.Values{"do": {do}, "name": {"Quetzal at the front desk"}}
		for name, value := range more {
			form[name] = value
		}
		w, err := agency.PostForm(a.base+"/r", form)
		require.NoError(a.t, err)
		defer w.Body.Close()
		require.Equal(a.t, do, w.Request.URL.Query().Get("done"), "%s: %s", do, w.Status)
	}
	w, err := agency.Get(a.base + "/r/" + token)
	require.NoError(a.t, err)
	require.NoError(a.t, w.Body.Close())
	posts("ask", url.Values{"note": {"okapi: is there a dog?"}})
	a.must(a.ask(http.MethodPost, "/api/v1/referrals/"+id+"/answer", map[string]any{"note": "okapi: a small one"}))
	posts("accept", nil)
	posts("contact", url.Values{"note": {"okapi: nobody at 555-0177"}})
	posts("report_outcome", url.Values{"outcome": {"received_in_full"}, "note": {"okapi: she has it"}})
	a.must(a.ask(http.MethodPost, "/api/v1/referrals/"+id+"/confirm", map[string]any{"outcome": "received_in_full", "note": "okapi said yes"}))
	a.must(a.ask(http.MethodGet, "/api/v1/services?q=okapi+canarova", nil))
	return []string{token}
}

// thatGoesWrong has a letter refused, and then a step that fails with an error in which the database quotes what was to
// be written.
func (a *story) thatGoesWrong() {
	a.t.Helper()
	a.mail.FailNext(1, mailtest.Status(http.StatusBadRequest))
	id := a.refer(2)
	until(a.t, "the letter is refused", func() bool {
		return strings.Contains(a.must(a.ask(http.MethodGet, "/api/v1/referrals/"+id, nil)).body, `"call_agency"`)
	})
	_, err := a.office.Record.Exec(`ALTER TABLE messages ADD CONSTRAINT nobody_there CHECK (recipient NOT LIKE 'pantry-intake-3%') NOT VALID`)
	require.NoError(a.t, err)
	a.refer(3)
	until(a.t, "the step fails", func() bool {
		return strings.Contains(a.get(a.probes+"/metrics").body, `throughline_step_failures_total{activity="SendOffer"`)
	})
	_, err = a.office.Record.Exec(`ALTER TABLE messages DROP CONSTRAINT nobody_there`)
	require.NoError(a.t, err)
	_, err = a.office.Record.Exec(`ALTER TABLE cases ADD CONSTRAINT nobody_there CHECK (name = '') NOT VALID`)
	require.NoError(a.t, err)
	broken, err := a.ask(http.MethodPost, "/api/v1/cases", map[string]any{"name": a.words("Zyta Canarova"), "notes": a.words("okapi")})
	require.NoError(a.t, err)
	require.GreaterOrEqual(a.t, broken.status, 400)
	_, err = a.office.Record.Exec(`ALTER TABLE cases DROP CONSTRAINT nobody_there`)
	require.NoError(a.t, err)
}

// ofStrangers is what anyone may send.
func (a *story) ofStrangers() {
	a.t.Helper()
	for _, c := range []struct{ method, path, body string }{
		{"GET", "/zyta/canarova?phone=555-0177", ""},
		{"GET", "/r/okapi-okapi-okapi", ""},
		{"OKAPI", "/sign-in", ""},
		{"POST", "/sign-in", url.Values{"email": {"zyta@okapi.example"}, "password": {"okapi okapi"}, "next": {"/zyta"}}.Encode()},
		{"POST", "/r", url.Values{"do": {"okapi"}, "name": {"Quetzal"}}.Encode()},
		{"POST", "/api/v1/referrals/okapi/zyta", `{"okapi":"zyta"}`},
		{"GET", "/cases?q=okapi", ""},
	} {
		r, err := http.NewRequestWithContext(a.t.Context(), a.words(c.method), a.base+a.words(c.path), strings.NewReader(a.words(c.body)))
		require.NoError(a.t, err)
		if c.method == http.MethodPost {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		for _, header := range []string{"User-Agent", "Referer", "X-Forwarded-For", "Authorization", "X-Request-Id", "Accept-Language"} {
			r.Header.Set(header, a.words("okapi zyta"))
		}
		r.Header.Set("Traceparent", "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01")
		r.Header.Set("Tracestate", a.words("zyta=okapi"))
		r.Header.Set("Baggage", a.words("zyta=okapi"))
		_, err = send(r)
		require.NoError(a.t, err)
	}
}
