package db

import (
	"context"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/lib/pq"
	"github.com/stretchr/testify/require"

	"throughline/referral"
)

// waits requires that what is read over a wire is waited for, and comes.
func waits(t *testing.T, near, far net.Conn) {
	t.Helper()
	answered := make(chan error, 1)
	go func() {
		_, err := near.Read(make([]byte, 1))
		answered <- err
	}()
	select {
	case err := <-answered:
		t.Fatalf("cut: %v", err)
	case <-time.After(3 * lastWord):
	}
	_, err := far.Write([]byte{1})
	require.NoError(t, err)
	require.NoError(t, <-answered)
}

// The end of one context must not cut what is done next over the same connection, also when it is noticed late.
func TestAnEndedContextCutsNothingLater(t *testing.T) {
	t.Parallel()
	near, far := net.Pipe()
	t.Cleanup(func() { near.Close(); far.Close() })
	w := &wire{Conn: near}
	w.begin(t.Context())
	over := w.turn
	w.begin(t.Context())
	w.giveUp(over)
	waits(t, w, far)

	ctx, cancel := context.WithCancel(t.Context())
	w.begin(ctx)
	cancel()
	_, err := w.Read(make([]byte, 1))
	require.Error(t, err)
}

// A server may take its time over the greeting: what ends with the dialling is not the connection.
func TestDiallingIsNotConnecting(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	connect, giveUp := context.WithCancel(t.Context())
	making := &connecting{ctx: connect}
	dial, dialled := context.WithCancel(context.WithValue(connect, connectingKey{}, making))
	near, err := dialer{}.DialContext(dial, "tcp", l.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { near.Close() })
	dialled()
	far, err := l.Accept()
	require.NoError(t, err)
	t.Cleanup(func() { far.Close() })
	waits(t, near, far)

	giveUp()
	require.NoError(t, near.SetDeadline(time.Time{}), "lib/pq's own")
	_, err = near.Read(make([]byte, 1))
	require.Error(t, err)
}

// mute dials to a server that takes nothing.
type mute struct{}

func (mute) Dial(string, string) (net.Conn, error) {
	near, far := net.Pipe()
	return near, far.Close()
}

func (m mute) DialTimeout(network, address string, _ time.Duration) (net.Conn, error) {
	return m.Dial(network, address)
}

// A server that is too busy to greet is a server out of reach, not a fault of ours.
func TestAServerThatDoesNotGreetIsOutOfReach(t *testing.T) {
	t.Parallel()
	c, err := pq.NewConnector("postgres://app@127.0.0.1/x?sslmode=disable")
	require.NoError(t, err)
	c.Dialer(mute{})
	_, err = preparing{c}.Connect(t.Context())
	require.Equal(t, referral.CodeUnavailable, referral.CodeOf(Translate(fmt.Errorf("begin: %w", err))), "%T %v", err, err)
}
