// Package mailtest stands in for SendGrid: an HTTP server on this machine with the shape of v3 mail/send, which checks
// each request, remembers what it took, and fails in each way SendGrid and the network can. For tests and benchmarks.
package mailtest

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Received is an email that the stand-in took.
type Received struct {
	MID           string // custom_args.mid
	ProviderID    string // the stand-in's name for it, another one each time
	At            time.Time
	From, To      string
	Subject, Text string
	HTML          string
}

// StandIn is a running server.
type StandIn struct {
	URL string // http://127.0.0.1:port, for SendGridConfig.BaseURL

	server *http.Server
	schema *requestSchema // nil when the OpenAPI file is not at hand
	closed chan struct{}

	mu       sync.Mutex
	changed  chan struct{} // closed and replaced at each request
	taken    []Received
	problems []string
	requests int
	heard    []string
	faults   []Fault // for the next requests, in order
	rate     faultRate
	reporter *reporter // nil: it tells nothing of what becomes of emails
}

// TB is the part of testing.TB that New needs; the package itself stays out of programs' imports.
type TB interface {
	Helper()
	Cleanup(func())
	Logf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// New starts a stand-in for one test and stops it at the test's end. With a nil t it panics when it cannot start, and the
// caller closes it.
func New(t TB) *StandIn {
	s, err := Start()
	if t == nil {
		if err != nil {
			panic(err)
		}
		return s
	}
	t.Helper()
	if err != nil {
		t.Fatalf("%v", err)
	}
	t.Cleanup(s.Close)
	if s.schema == nil {
		t.Logf("%s", noSchema)
	}
	return s
}

// Start starts a stand-in on a free port; Close stops it.
func Start() (*StandIn, error) {
	schema, err := loadSchema()
	if err != nil {
		return nil, fmt.Errorf("mail stand-in: %w", err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("mail stand-in: %w", err)
	}
	s := &StandIn{
		URL: "http://" + listener.Addr().String(), schema: schema,
		closed: make(chan struct{}), changed: make(chan struct{}),
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v3/mail/send", s.send)
	s.server = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = s.server.Serve(listener) }() // ends with ErrServerClosed at Close
	return s, nil
}

// Close stops the server and lets go of held connections.
func (s *StandIn) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.closed:
	default:
		close(s.closed)
		_ = s.server.Close()
	}
}

// ChecksSchema reports whether requests are held against SendGrid's OpenAPI file; false when it is not at hand.
func (s *StandIn) ChecksSchema() bool { return s.schema != nil }

// Messages are the emails taken so far, in order.
func (s *StandIn) Messages() []Received {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.taken)
}

// Heard are all that it was ever sent, headers and bodies, refused or not.
func (s *StandIn) Heard() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.heard)
}

// Since gives the emails taken after the first n, in order: for who follows along.
func (s *StandIn) Since(n int) []Received {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.taken[min(n, len(s.taken)):])
}

// Duplicates counts the emails of each message that was taken more than once; empty when all is well.
func (s *StandIn) Duplicates() map[string]int {
	count := map[string]int{}
	for _, m := range s.Messages() {
		count[m.MID]++
	}
	for mid, n := range count {
		if n == 1 {
			delete(count, mid)
		}
	}
	return count
}

// Problems are the requests that broke SendGrid's contract or ours, in words; each was answered 400.
func (s *StandIn) Problems() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.problems)
}

// Requests counts all requests, those that failed included.
func (s *StandIn) Requests() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests
}

// WaitFor returns nil as soon as cond holds for the emails taken so far, and the context's error when that ends first.
func (s *StandIn) WaitFor(ctx context.Context, cond func([]Received) bool) error {
	for {
		s.mu.Lock()
		taken, changed := slices.Clone(s.taken), s.changed
		s.mu.Unlock()
		if cond(taken) {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("wait for mail (%d so far): %w", len(taken), ctx.Err())
		}
	}
}
