//go:build linux

package faults

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
)

// thief stands before PostgreSQL and hands everything on, but steals. It steals replies: the server has committed, and the
// client sees its connection reset before it is told. And it steals requests: the server never hears of the COMMIT. The
// client can't tell one from the other.
type thief struct {
	listener net.Listener
	target   string
	replies  loot
	requests loot

	mu      sync.Mutex
	closed  bool
	current map[net.Conn]bool
}

// loot is what is to be stolen, and what has been.
type loot struct{ wanted, got atomic.Int32 }

// take claims one of those that are to go missing.
func (l *loot) take() bool {
	for {
		n := l.wanted.Load()
		if n <= 0 {
			return false
		}
		if l.wanted.CompareAndSwap(n, n-1) {
			l.got.Add(1)
			return true
		}
	}
}

func newThief(target string) (*thief, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	t := &thief{listener: l, target: target, current: map[net.Conn]bool{}}
	go t.accept()
	return t, nil
}

func (t *thief) address() string { return t.listener.Addr().String() }

// spare lets everything through from now on.
func (t *thief) spare() {
	t.replies.wanted.Store(0)
	t.requests.wanted.Store(0)
}

func (t *thief) close() error {
	err := t.listener.Close()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	for c := range t.current {
		err = errors.Join(err, c.Close())
	}
	return err
}

func (t *thief) accept() {
	for {
		client, err := t.listener.Accept()
		if err != nil {
			return // closed
		}
		go t.carry(client)
	}
}

// hold keeps a connection so that close can end it; false when the thief has closed.
func (t *thief) hold(c net.Conn) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.closed {
		t.current[c] = true
	}
	return !t.closed
}

func (t *thief) drop(c net.Conn) {
	t.mu.Lock()
	delete(t.current, c)
	t.mu.Unlock()
	_ = c.Close() // it may be closed already
}

func (t *thief) carry(client net.Conn) {
	defer t.drop(client)
	server, err := net.Dial("tcp", t.target)
	if err != nil {
		return
	}
	defer t.drop(server)
	if !t.hold(client) || !t.hold(server) {
		return
	}
	go func() {
		t.forth(client, server) // either end's going ends the other
		_ = server.(*net.TCPConn).CloseWrite()
	}()
	t.back(server, client)
}

// forth hands the client's messages on: a first one without a type, then each with one.
func (t *thief) forth(client, server net.Conn) {
	in := bufio.NewReaderSize(client, 64<<10)
	head := make([]byte, 4)
	if _, err := io.ReadFull(in, head); err != nil {
		return
	}
	first := make([]byte, max(int(binary.BigEndian.Uint32(head))-4, 0))
	if _, err := io.ReadFull(in, first); err != nil {
		return
	}
	if _, err := server.Write(append(head, first...)); err != nil {
		return
	}
	t.hand(in, client, server, 'Q', &t.requests)
}

// back hands the server's messages on.
func (t *thief) back(server, client net.Conn) {
	t.hand(bufio.NewReaderSize(server, 64<<10), client, client, 'C', &t.replies)
}

// hand hands messages on one by one: a type, a length that counts itself, and the rest. It ends with the connection, or
// with a COMMIT that is stolen; then the client's connection is reset.
func (t *thief) hand(in *bufio.Reader, client, to net.Conn, kind byte, stealing *loot) {
	out := bufio.NewWriterSize(to, 64<<10)
	head := make([]byte, 5)
	for {
		if _, err := io.ReadFull(in, head); err != nil {
			return
		}
		rest := make([]byte, max(int(binary.BigEndian.Uint32(head[1:]))-4, 0))
		if _, err := io.ReadFull(in, rest); err != nil {
			return
		}
		if head[0] == kind && strings.HasPrefix(string(rest), "COMMIT") && stealing.take() {
			if tcp, ok := client.(*net.TCPConn); ok {
				_ = tcp.SetLinger(0) // a reset, not an orderly end
			}
			_ = client.Close() // it is closed again when all is over
			return
		}
		// A failed write shows again at the flush.
		_, _ = out.Write(head)
		_, _ = out.Write(rest)
		if in.Buffered() > 0 {
			continue
		}
		if err := out.Flush(); err != nil {
			return
		}
	}
}
