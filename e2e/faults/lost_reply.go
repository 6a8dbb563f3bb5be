//go:build linux

package faults

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
)

// replyThief stands before PostgreSQL and hands everything on, but steals replies: the server has committed, and the
// client sees its connection reset before it is told.
type replyThief struct {
	listener net.Listener
	target   string
	toSteal  atomic.Int32
	stolen   atomic.Int32

	mu      sync.Mutex
	closed  bool
	current map[net.Conn]bool
}

func newReplyThief(target string) (*replyThief, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	t := &replyThief{listener: l, target: target, current: map[net.Conn]bool{}}
	go t.accept()
	return t, nil
}

func (t *replyThief) address() string { return t.listener.Addr().String() }

// steal has the replies to the next n commits go missing.
func (t *replyThief) steal(n int) { t.toSteal.Add(int32(n)) }

// spare lets every further reply through.
func (t *replyThief) spare() { t.toSteal.Store(0) }

func (t *replyThief) close() error {
	err := t.listener.Close()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	for c := range t.current {
		err = errors.Join(err, c.Close())
	}
	return err
}

func (t *replyThief) accept() {
	for {
		client, err := t.listener.Accept()
		if err != nil {
			return // closed
		}
		go t.carry(client)
	}
}

// hold keeps a connection so that close can end it; false when the thief has closed.
func (t *replyThief) hold(c net.Conn) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.closed {
		t.current[c] = true
	}
	return !t.closed
}

func (t *replyThief) drop(c net.Conn) {
	t.mu.Lock()
	delete(t.current, c)
	t.mu.Unlock()
	_ = c.Close() // it may be closed already
}

func (t *replyThief) carry(client net.Conn) {
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
		_, _ = io.Copy(server, client) // either end's going ends the other
		_ = server.(*net.TCPConn).CloseWrite()
	}()
	t.replies(server, client)
}

// replies hands the server's messages on one by one: a type, a length that counts itself, and the rest. It ends with the
// connection, or with a reply to a COMMIT that is stolen.
func (t *replyThief) replies(server, client net.Conn) {
	in, out := bufio.NewReaderSize(server, 64<<10), bufio.NewWriterSize(client, 64<<10)
	head := make([]byte, 5)
	for {
		if _, err := io.ReadFull(in, head); err != nil {
			return
		}
		rest := make([]byte, max(int(binary.BigEndian.Uint32(head[1:]))-4, 0))
		if _, err := io.ReadFull(in, rest); err != nil {
			return
		}
		if head[0] == 'C' && string(rest) == "COMMIT\x00" && t.take() {
			if tcp, ok := client.(*net.TCPConn); ok {
				_ = tcp.SetLinger(0) // a reset, not an orderly end
			}
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

// take claims one of the replies that are to go missing.
func (t *replyThief) take() bool {
	for {
		n := t.toSteal.Load()
		if n <= 0 {
			return false
		}
		if t.toSteal.CompareAndSwap(n, n-1) {
			t.stolen.Add(1)
			return true
		}
	}
}
