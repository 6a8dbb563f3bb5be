//go:build unix

package app

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/server/temporaltest"

	"throughline/internal/clock"
	"throughline/internal/config"
	"throughline/internal/seal/sealtest"
	"throughline/mail"
	"throughline/mail/mailtest"
	"throughline/referral"
	"throughline/server"
	"throughline/workflows/lifetest"
)

// transcript keeps what a process logs.
type transcript struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *transcript) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *transcript) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// stopped are the parts that the log says have stopped, in order.
func (s *transcript) stopped() (parts []string) {
	for line := range strings.Lines(s.String()) {
		var said struct{ Msg, Part string }
		if json.Unmarshal([]byte(line), &said) == nil && said.Msg == "stopped" {
			parts = append(parts, said.Part)
		}
	}
	return parts
}

// house is an app with all that it needs, and with people in its record.
type house struct {
	*App
	t          *testing.T
	office     *lifetest.Office
	mail       *mailtest.StandIn
	log        *transcript
	key        string // of the API
	base       string // of the pages, once they are served
	probes     string // where metrics and readiness are, once they are shown
	stopAtOnce func() error
}

// open puts an app together on a record of its own and a Temporal server of its own, with a stand-in for the mail
// provider. Nothing runs yet.
func open(t *testing.T, change func(*Options)) *house {
	t.Helper()
	h := &house{t: t, office: lifetest.Open(t, clock.System{}, referral.Standard()), mail: mailtest.New(t), log: &transcript{}}
	temporal := temporaltest.NewServer(temporaltest.WithT(t), temporaltest.WithBaseClientOptions(client.Options{Logger: lifetest.Silent}))
	sender, err := Sender(config.Mail{Provider: "sendgrid", SendGridKey: "SG.canary-of-a-provider-key", SendGridBaseURL: h.mail.URL})
	require.NoError(t, err)
	// A moment of notice only, since no load balancer has to be told.
	o := Options{DatabaseURL: h.office.URL, TemporalAddress: temporal.GetFrontendHostPort(), TemporalNamespace: temporal.GetDefaultNamespace(),
		Sender: sender, From: mail.Address{Email: "referrals@throughline.example"}, BaseURL: "http://127.0.0.1", Process: "dev", Keys: sealtest.Keyring(),
		Notice: 50 * time.Millisecond, Log: slog.New(slog.NewJSONHandler(h.log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	if change != nil {
		change(&o)
	}
	h.App, err = Open(t.Context(), o)
	require.NoError(t, err)
	h.stopAtOnce = sync.OnceValue(h.Stop)
	t.Cleanup(func() { _ = h.stopAtOnce() })
	_, h.key, err = h.office.AddKey(t.Context(), "Noor@helpline.example", "tests")
	require.NoError(t, err)
	return h
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	return l
}

// serve answers pages, API, metrics and readiness.
func (h *house) serve() {
	h.t.Helper()
	l, probes := listen(h.t), listen(h.t)
	h.base, h.probes = "http://"+l.Addr().String(), "http://"+probes.Addr().String()
	require.NoError(h.t, h.Serve(l, server.Config{BaseURL: h.base}))
	h.ShowMetrics(probes)
}

// answer is what came back from a request.
type answer struct {
	status int
	body   string
}

// ask sends a request of the helpline's own system.
func (h *house) ask(method, path string, body any) (answer, error) {
	raw, err := json.Marshal(body)
	if err != nil {
		return answer{}, err
	}
	r, err := http.NewRequest(method, h.base+path, bytes.NewReader(raw))
	if err != nil {
		return answer{}, err
	}
	r.Header.Set("Authorization", "Bearer "+h.key)
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Idempotency-Key", uuid.NewString())
	}
	return send(r)
}

var web = &http.Client{Timeout: time.Minute, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

func send(r *http.Request) (answer, error) {
	w, err := web.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer w.Body.Close()
	body, err := io.ReadAll(w.Body)
	return answer{w.StatusCode, string(body)}, err
}

func (h *house) get(url string) answer {
	h.t.Helper()
	r, err := http.NewRequestWithContext(h.t.Context(), http.MethodGet, url, nil)
	require.NoError(h.t, err)
	a, err := send(r)
	require.NoError(h.t, err)
	return a
}

// until polls a condition. The limit is for a machine that is busy with something else.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for late := time.After(time.Minute); !holds(); {
		select {
		case <-late:
			t.Fatalf("waited in vain until %s", what)
		case <-tick.C:
		}
	}
}

// blocked counts the statements that wait for a lock on the record.
func (h *house) blocked() (n int) {
	h.t.Helper()
	require.NoError(h.t, h.office.Record.Get(&n,
		`SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`))
	return n
}

// hold takes a lock on the record that the test lets go of.
func (h *house) hold(statement string, args ...any) (release func()) {
	h.t.Helper()
	tx, err := h.office.Record.Beginx()
	require.NoError(h.t, err)
	_, err = tx.Exec(statement, args...)
	require.NoError(h.t, err)
	release = sync.OnceFunc(func() { _ = tx.Rollback() })
	h.t.Cleanup(release)
	return release
}

// gate is a mail provider that takes nobody's letter until it is opened.
type gate struct {
	entered chan string // gets the letter's id
	open    chan struct{}
}

func newGate() *gate { return &gate{entered: make(chan string, 16), open: make(chan struct{})} }

func (g *gate) Name() string { return "gate" }

func (g *gate) Send(ctx context.Context, m mail.Message) (mail.Receipt, error) {
	g.entered <- m.ID.String()
	select {
	case <-g.open:
		return mail.Receipt{ProviderID: "gate"}, nil
	case <-ctx.Done():
		return mail.Receipt{}, &mail.Error{Outcome: mail.Ambiguous, Class: "timeout"}
	}
}
