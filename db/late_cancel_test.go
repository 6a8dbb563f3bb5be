package db_test

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"throughline/db"
	"throughline/db/dbtest"
)

// cancelRequest is the code by which PostgreSQL knows a request to stop a statement.
const cancelRequest = 80877102

// postbag carries connections to a database at once, but a request to stop a statement only when it is told to.
type postbag struct {
	upstream                  string
	asked, deliver, delivered chan struct{}
}

// keepRequests puts a postbag before a database, and gives its address.
func keepRequests(t *testing.T, databaseURL string) (*postbag, string) {
	t.Helper()
	u, err := url.Parse(databaseURL)
	require.NoError(t, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	p := &postbag{upstream: u.Host, asked: make(chan struct{}), deliver: make(chan struct{}), delivered: make(chan struct{})}
	u.Host = l.Addr().String()
	go func() {
		for near, err := l.Accept(); err == nil; near, err = l.Accept() {
			go p.carry(near)
		}
	}()
	return p, u.String()
}

func (p *postbag) carry(near net.Conn) {
	defer near.Close()
	first := make([]byte, 8) // how long the first packet is, and of what kind
	if _, err := io.ReadFull(near, first); err != nil {
		return
	}
	if binary.BigEndian.Uint32(first[4:]) == cancelRequest {
		rest := make([]byte, 8)
		if _, err := io.ReadFull(near, rest); err != nil {
			return
		}
		first = append(first, rest...)
		p.asked <- struct{}{}
		<-p.deliver
		defer close(p.delivered)
	}
	far, err := net.Dial("tcp", p.upstream)
	if err != nil {
		return
	}
	defer far.Close()
	if _, err := far.Write(first); err != nil {
		return
	}
	go func() { _, _ = io.Copy(far, near) }()
	_, _ = io.Copy(near, far)
}

// A request to stop a statement can come when that statement has ended. It must not stop what someone else does next.
func TestALateCancelStopsNobodyElse(t *testing.T) {
	t.Parallel()
	direct := dbtest.Empty(t)
	bag, through := keepRequests(t, direct)
	watch := open(t, direct)
	d, err := db.Open(t.Context(), through, db.Options{MaxOpen: 1})
	require.NoError(t, err)
	defer d.Close()
	pause := func(ctx context.Context, seconds float64) error {
		_, err := d.ExecContext(ctx, "SELECT pg_sleep($1)", seconds)
		return err
	}
	for range 3 {
		require.NoError(t, pause(t.Context(), 0))
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- pause(ctx, 0.3) }()
	sleeping := func() bool {
		var n int
		err := watch.Get(&n, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'")
		return err == nil && n == 1
	}
	require.Eventually(t, sleeping, 10*time.Second, time.Millisecond)
	time.AfterFunc(250*time.Millisecond, cancel) // shortly before it would end, so that its end is still heard
	<-bag.asked
	<-ended

	go func() { ended <- pause(t.Context(), 1) }()
	require.Eventually(t, sleeping, 10*time.Second, time.Millisecond)
	close(bag.deliver)
	<-bag.delivered
	require.NoError(t, <-ended)
}
