package db

import (
	"context"
	"net"
	"sync"
	"time"
)

// A server can be reachable and silent: it hangs, or a network between swallows what is sent. When a context ends lib/pq
// asks the server to stop, and then waits for its answer however long that takes. So each connection is a wire that is
// cut when the context of what is done over it has ended, and what was waiting comes back with an error.

const (
	// lastWord is for the answer of a server that lives and was asked to stop.
	lastWord = 100 * time.Millisecond
	// askToStop bounds that asking, which has a connection of its own and which a prepared statement waits for.
	askToStop = 300 * time.Millisecond
	// overdue is how much longer than its statement timeout a server may stay silent when the context sets no end.
	overdue = 5 * time.Second
	// farewell bounds the closing of a connection.
	farewell = time.Second
)

// wire is a network connection that obeys the context of what is done over it.
type wire struct {
	net.Conn
	silence time.Duration // the longest, whatever the context says; 0 sets no limit

	mu   sync.Mutex
	turn int // counts what is done, so that the end of a context cuts nothing that came after it
	stop func() bool
	cut  bool
}

// begin says what is done next, and for which context. One thing at a time is done over a wire.
func (w *wire) begin(ctx context.Context) {
	w.mu.Lock()
	defer w.mu.Unlock()
	turn := w.next(w.silence)
	w.stop = context.AfterFunc(ctx, func() { w.giveUp(turn) })
}

// next forgets what was done before. The caller holds the lock.
func (w *wire) next(silence time.Duration) (turn int) {
	if w.stop != nil {
		w.stop()
	}
	var until time.Time
	if silence > 0 {
		until = time.Now().Add(silence)
	}
	w.turn++
	w.cut = false
	_ = w.Conn.SetDeadline(until) // fails on a closed connection only, which its next use tells
	return w.turn
}

func (w *wire) giveUp(turn int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.turn == turn {
		w.cut = true
		_ = w.Conn.SetDeadline(time.Now().Add(lastWord))
	}
}

// SetDeadline is lib/pq's own, for the time of connecting; it does not lengthen what was cut.
func (w *wire) SetDeadline(t time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.cut {
		return nil
	}
	return w.Conn.SetDeadline(t)
}

// end lets the driver say goodbye.
func (w *wire) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.next(farewell)
}

// connecting is a connection being made. lib/pq dials with a context of its own, which ends once it has dialled; the wire
// obeys the one that the connection is made for.
type connecting struct {
	ctx  context.Context
	wire *wire
}

// connectingKey finds it in the context that lib/pq dials with.
type connectingKey struct{}

// dialer makes wires for lib/pq. What it dials without our asking is its request to cancel a statement.
type dialer struct{ silence time.Duration }

func (d dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	making, ours := ctx.Value(connectingKey{}).(*connecting)
	if !ours {
		stop, cancel := context.WithTimeout(ctx, askToStop)
		defer cancel()
		c, err := new(net.Dialer).DialContext(stop, network, address)
		if err != nil {
			return nil, err
		}
		until, _ := stop.Deadline()
		return &wire{Conn: c, cut: true}, c.SetDeadline(until)
	}
	c, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	making.wire = &wire{Conn: c, silence: d.silence}
	making.wire.begin(making.ctx)
	return making.wire, nil
}

// Dial and DialTimeout make a dialer lib/pq's; it prefers DialContext.
func (d dialer) Dial(network, address string) (net.Conn, error) {
	return d.DialContext(context.Background(), network, address)
}

func (d dialer) DialTimeout(network, address string, limit time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	return d.DialContext(ctx, network, address)
}
