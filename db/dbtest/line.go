//go:build unix

package dbtest

import (
	"errors"
	"io"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
)

// Line carries connections to a database and can fall silent: connections stay open and new ones are taken, but nothing
// comes through, as when a server hangs or a network swallows what is sent.
type Line struct {
	URL      string // of the database through this line
	upstream string
	listener net.Listener
	silent   atomic.Bool

	mu     sync.Mutex
	closed bool
	ends   []net.Conn
}

// Through puts a line before a database until the test's end.
func Through(t testing.TB, databaseURL string) *Line {
	t.Helper()
	u, err := url.Parse(databaseURL)
	if err != nil {
		t.Fatalf("dbtest: %v", err)
	}
	l := &Line{upstream: u.Host}
	if l.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatalf("dbtest: %v", err)
	}
	u.Host = l.listener.Addr().String()
	l.URL = u.String()
	var carrying sync.WaitGroup
	carrying.Go(func() { l.carry(&carrying) })
	t.Cleanup(func() { l.close(); carrying.Wait() })
	return l
}

// Hush lets nothing through from now on.
func (l *Line) Hush() { l.silent.Store(true) }

// Speak lets new connections through again. What was swallowed stays so.
func (l *Line) Speak() { l.silent.Store(false) }

func (l *Line) carry(carrying *sync.WaitGroup) {
	for {
		near, err := l.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		far, err := net.Dial("tcp", l.upstream)
		if err != nil || !l.keep(near, far) {
			near.Close()
			continue
		}
		carrying.Go(func() { l.copy(far, near) })
		carrying.Go(func() { l.copy(near, far) })
	}
}

// copy carries one direction, and swallows the rest of it once the line has fallen silent.
func (l *Line) copy(to, from net.Conn) {
	defer to.Close()
	chunk := make([]byte, 32<<10)
	for {
		n, err := from.Read(chunk)
		if l.silent.Load() {
			_, _ = io.Copy(io.Discard, from)
			return
		}
		if n > 0 {
			if _, err := to.Write(chunk[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func (l *Line) keep(ends ...net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		for _, c := range ends {
			c.Close()
		}
		return false
	}
	l.ends = append(l.ends, ends...)
	return true
}

func (l *Line) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	l.listener.Close()
	for _, c := range l.ends {
		c.Close()
	}
}
