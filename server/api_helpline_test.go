package server

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"throughline/casework"
	"throughline/db"
	"throughline/db/dbtest"
	"throughline/directory"
	"throughline/internal/clock"
	"throughline/internal/payloads"
	"throughline/internal/seal/sealtest"
	"throughline/referral"
)

// mondayTen is a Monday morning at ten in Toronto, far from a holiday.
var mondayTen = time.Date(2026, time.November, 23, 15, 0, 0, 0, time.UTC)

// helpline is the real server on a database of its own, with two organisations and the demonstration directory.
type helpline struct {
	t         *testing.T
	db        *sqlx.DB
	clock     *clock.Manual
	desk      *casework.Desk
	server    *Server
	log       *lockedBuffer
	navigator string // API keys
	stranger  string // of another organisation
	account   casework.Account
	services  []uuid.UUID // that can be emailed
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// demo is the content that every helpline begins with: making it takes a second, a copy a tenth of one.
var demo = dbtest.Fill(func(ctx context.Context, pool *sqlx.DB) error {
	desk := casework.New(pool, clock.NewManual(mondayTen), sealtest.Keyring(), nil)
	for _, p := range people {
		org, err := desk.AddOrganisation(ctx, p.organisation, "705-555-0100", "")
		if err != nil {
			return err
		}
		if p.account, err = desk.AddAccount(ctx, org, p.email, "Noor", p.role, "en", password); err != nil {
			return err
		}
		if _, p.key, err = desk.AddKey(ctx, p.email, "test"); err != nil {
			return err
		}
	}
	_, err := directory.ImportFS(ctx, pool, directory.DemoFS(), directory.ImportInput{Source: directory.DemoSource, Actor: "test"})
	return err
})

// people of the two organisations. account and key come with the first copy of demo.
var people = []*struct {
	organisation, email string
	role                referral.Role
	account             casework.Account
	key                 string
}{
	{organisation: "Kawartha 211", email: "nav@kawartha.example", role: referral.Navigator},
	{organisation: "Lakehead 211", email: "nav@lakehead.example", role: referral.Coordinator},
}

func TestMain(m *testing.M) {
	code := m.Run()
	if err := demo.Drop(); err != nil {
		fmt.Println(err)
		code = max(code, 1)
	}
	os.Exit(code)
}

func newHelpline(t *testing.T, c Config) *helpline {
	t.Helper()
	return helplineOn(t, demo.New(t), c)
}

// helplineOn opens the server, as the application, on a database that the owner looks at and prepares.
func helplineOn(t *testing.T, owner *sqlx.DB, c Config) *helpline {
	t.Helper()
	return helplineFor(t, owner, dbtest.App(t, owner), c)
}

func helplineFor(t *testing.T, owner, pool *sqlx.DB, c Config) *helpline {
	t.Helper()
	h := &helpline{t: t, db: owner, clock: clock.NewManual(mondayTen), log: &lockedBuffer{},
		navigator: people[0].key, account: people[0].account, stranger: people[1].key}
	h.desk = casework.New(pool, h.clock, sealtest.Keyring(), nil)
	h.desk.SecondFactorFor = nil // its own tests ask for it
	found, _, err := directory.Search(t.Context(), pool, directory.Query{Need: "food", Lang: "en", Limit: 50})
	h.must(err)
	for _, f := range found {
		if s := f.Service; s.Email != "" && s.Status == "active" && s.AcceptsReferrals && s.FullUntil == nil {
			h.services = append(h.services, s.ID)
		}
	}
	if len(h.services) < 2 {
		t.Fatalf("the demonstration directory has %d services for food that can be emailed, want 2", len(h.services))
	}
	if c.BaseURL == "" {
		c.BaseURL = "http://127.0.0.1"
	}
	h.server, err = New(Deps{Desk: h.desk, DB: pool, Clock: h.clock, Config: c, Codec: payloads.Handler(sealtest.Keyring()),
		Log: slog.New(slog.NewTextHandler(h.log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	h.must(err)
	return h
}

func (h *helpline) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

// offered makes a referral whose offer has gone out, and gives the token of its link.
func (h *helpline) offered() (casework.Intake, string) {
	h.t.Helper()
	ctx := h.t.Context()
	made, err := h.desk.Intake(ctx, h.account.Actor(casework.ViaPage), casework.IntakeInput{
		Case: casework.CaseInput{Name: "Zoë Canary", Phone: "705 555 0123", Email: "zoe@canary.example", SafeToCall: true,
			Municipality: "Peterborough", PostalCode: "K9H 1A1", ContactTimes: "mornings", Language: "fr", BirthYear: 1961},
		Referral: casework.ReferralInput{Need: "food", Details: "A canary sings of bread", Urgency: referral.Urgent,
			ServiceIDs: h.services[:1], Consent: casework.ConsentInput{Given: true, How: "verbal"}},
	}, nil)
	h.must(err)
	step, err := h.desk.Next(ctx, made.ReferralID, h.clock.Now())
	h.must(err)
	_, err = h.desk.Run(ctx, made.ReferralID, step, h.clock.Now())
	h.must(err)
	return made, h.letter(made.ReferralID, referral.OfferLetter)
}

// letter takes the newest letter of a referral as the dispatcher does, and gives the token of its link.
func (h *helpline) letter(id uuid.UUID, kind referral.Letter) string {
	h.t.Helper()
	var message uuid.UUID
	h.must(h.db.Get(&message, `SELECT id FROM messages WHERE referral_id = $1 AND letter = $2 AND state = 'pending'
		ORDER BY created_at DESC LIMIT 1`, id, kind))
	out, ok, err := h.desk.TakeLetter(h.t.Context(), message, "test")
	h.must(err)
	if !ok {
		h.t.Fatalf("letter %s could not be taken", kind)
	}
	h.must(h.desk.SettleLetter(h.t.Context(), message, casework.Settled{State: db.MessageAccepted}))
	return out.Token
}

// contractOf loads openapi.yaml as a client would.
var contractOf = sync.OnceValues(func() (*openapi3.T, error) {
	raw, err := contract()
	if err != nil {
		return nil, err
	}
	doc, err := openapi3.NewLoader().LoadFromData(raw)
	if err != nil {
		return nil, err
	}
	return doc, doc.Validate(context.Background())
})

var contractRouter = sync.OnceValues(func() (routers.Router, error) {
	doc, err := contractOf()
	if err != nil {
		return nil, err
	}
	return gorillamux.NewRouter(doc)
})

// reply is an answer of the API, held against the contract.
type apiReply struct {
	t      *testing.T
	Status int
	Header http.Header
	Raw    []byte
	Body   map[string]any
}

// ask sends a request. headers are name, value pairs; a POST or PATCH gets a key of its own unless one is among them.
func (h *helpline) ask(method, path, key, body string, headers ...string) apiReply {
	h.t.Helper()
	r := httptest.NewRequest(method, "/api/v1"+path, strings.NewReader(body))
	if key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	if method == http.MethodPost || method == http.MethodPatch {
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set(idempotencyKey, uuid.NewString())
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Del(headers[i])
		if headers[i+1] != "" {
			r.Header.Set(headers[i], headers[i+1])
		}
	}
	sent := r.Clone(r.Context())
	sent.Body = io.NopCloser(strings.NewReader(body))
	w := httptest.NewRecorder()
	h.server.ServeHTTP(w, r)
	got := apiReply{t: h.t, Status: w.Code, Header: w.Header(), Raw: w.Body.Bytes()}
	if err := json.Unmarshal(got.Raw, &got.Body); err != nil {
		h.t.Fatalf("%s %s: %d, not JSON: %v\n%s", method, path, w.Code, err, got.Raw)
	}
	got.hold(sent)
	return got
}

// hold checks the answer, and the request when it was taken, against the contract.
func (a apiReply) hold(r *http.Request) {
	a.t.Helper()
	router, err := contractRouter()
	if err != nil {
		a.t.Fatalf("openapi.yaml: %v", err)
	}
	route, params, err := router.FindRoute(r)
	if err != nil {
		a.holdProblem()
		return
	}
	in := &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Route: route, Options: &openapi3filter.Options{
		AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true}}
	if a.Status < 300 {
		if err := openapi3filter.ValidateRequest(r.Context(), in); err != nil {
			a.t.Errorf("%s %s was taken, but the contract refuses it: %v", r.Method, r.URL.Path, err)
		}
	}
	out := &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: a.Status, Header: a.Header, Options: in.Options}
	if err := openapi3filter.ValidateResponse(r.Context(), out.SetBodyBytes(a.Raw)); err != nil {
		a.t.Errorf("%s %s: the answer %d breaks the contract: %v\n%s", r.Method, r.URL.Path, a.Status, err, a.Raw)
	}
}

// holdProblem checks an error to a request that the contract does not know.
func (a apiReply) holdProblem() {
	a.t.Helper()
	doc, err := contractOf()
	if err != nil {
		a.t.Fatalf("openapi.yaml: %v", err)
	}
	if err := doc.Components.Schemas["Problem"].Value.VisitJSON(a.Body, openapi3.EnableJSONSchema2020()); err != nil {
		a.t.Errorf("%d is no problem of the contract: %v\n%s", a.Status, err, a.Raw)
	}
	if kind := a.Header.Get("Content-Type"); kind != "application/problem+json" {
		a.t.Errorf("the problem is sent as %q", kind)
	}
}

// is demands a status, and for a problem its code and the field of its first error, "" for none.
func (a apiReply) is(status int, want ...string) apiReply {
	a.t.Helper()
	if a.Status != status {
		a.t.Fatalf("got %d, want %d: %s", a.Status, status, a.Raw)
	}
	if len(want) > 0 && a.Body["code"] != want[0] {
		a.t.Errorf("got code %v, want %s: %s", a.Body["code"], want[0], a.Raw)
	}
	if len(want) > 1 && a.field() != want[1] {
		a.t.Errorf("got field %q, want %q: %s", a.field(), want[1], a.Raw)
	}
	return a
}

func (a apiReply) field() string {
	list, _ := a.Body["errors"].([]any)
	if len(list) == 0 {
		return ""
	}
	first, _ := list[0].(map[string]any)
	name, _ := first["field"].(string)
	return name
}

func (a apiReply) text(name string) string {
	s, _ := a.Body[name].(string)
	return s
}
