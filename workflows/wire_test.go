//go:build unix

package workflows_test

import (
	"errors"
	"io"
	"net"
	"net/url"
	"sync"
	"testing"

	"throughline/casework"
	"throughline/db"
	"throughline/internal/seal/sealtest"
)

// wire carries connections to a database and can be cut.
type wire struct {
	t        *testing.T
	upstream string
	listener net.Listener

	mu   sync.Mutex
	cut  bool
	open []net.Conn
}

// overWire puts a wire between the workflow and the record.
func (s *stage) overWire() *wire {
	s.t.Helper()
	u, err := url.Parse(s.office.URL)
	if err != nil {
		s.t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.t.Fatal(err)
	}
	w := &wire{t: s.t, upstream: u.Host, listener: l}
	var carrying sync.WaitGroup
	carrying.Go(w.carry)
	s.t.Cleanup(func() { l.Close(); w.Cut(); carrying.Wait() })
	u.Host = l.Addr().String()
	pool, err := db.Open(s.t.Context(), u.String(), db.Options{Application: "test"})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { pool.Close() })
	s.record = casework.New(pool, s.clock, sealtest.Keyring(), nil)
	return w
}

func (w *wire) carry() {
	for {
		near, err := w.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		far, err := net.Dial("tcp", w.upstream)
		if err != nil || !w.keep(near, far) {
			near.Close()
			continue
		}
		go func() { _, _ = io.Copy(far, near); far.Close() }()
		go func() { _, _ = io.Copy(near, far); near.Close() }()
	}
}

func (w *wire) keep(ends ...net.Conn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.cut {
		w.open = append(w.open, ends...)
		return true
	}
	for _, c := range ends[1:] {
		c.Close()
	}
	return false
}

// Cut ends every connection and lets none through.
func (w *wire) Cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut = true
	for _, c := range w.open {
		c.Close()
	}
	w.open = nil
}

// Mend lets connections through again.
func (w *wire) Mend() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut = false
}
