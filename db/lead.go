package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

const (
	// silence is how long a leader may say nothing before PostgreSQL ends its session and with it its lead: a process that
	// was stopped, or a machine that went away without a word, leads no longer than that.
	silence = 5 * time.Second
	// answerLimit is how long to wait for each answer of the server; a line that went dead is noticed by then.
	answerLimit = 3 * time.Second
)

// Candidate stands for a lead: the one session that holds the lock leads, until the session ends, however it ends. It
// needs a line to PostgreSQL itself, or a pooler that keeps sessions apart.
type Candidate struct {
	db   *sql.DB
	conn *sql.Conn
}

// Stand opens a session of its own.
func Stand(ctx context.Context, databaseURL string) (*Candidate, error) {
	target, err := parseURL(databaseURL, Options{Application: "throughline watchdog"})
	if err != nil {
		return nil, err
	}
	query := target.Query()
	query.Set("idle_session_timeout", fmt.Sprint(silence.Milliseconds()))
	target.RawQuery = query.Encode()
	connector, err := pq.NewConnector(target.String())
	if err != nil {
		return nil, explain(target, err)
	}
	connector.Dialer(impatient{})
	c := &Candidate{db: sql.OpenDB(connector)}
	if c.conn, err = c.db.Conn(ctx); err != nil {
		return nil, errors.Join(explain(target, err), c.db.Close())
	}
	return c, nil
}

// Leads asks for the lead, or whether it is still held. It must be called more often than every five seconds. An error
// means that the session has ended and the lead with it.
func (c *Candidate) Leads(ctx context.Context) (bool, error) {
	var leads bool
	// Two numbers, of which idempotency keys use none. A session that has the lock gets it again.
	err := c.conn.QueryRowContext(ctx, `SELECT pg_try_advisory_lock(211, 1)`).Scan(&leads)
	if err != nil {
		return false, fmt.Errorf("ask for the lead: %w", Translate(err))
	}
	return leads, nil
}

// Led reports that some session has the lead.
func Led(ctx context.Context, q sqlx.QueryerContext) (bool, error) {
	var led bool
	err := sqlx.GetContext(ctx, q, &led, `SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND classid = 211 AND objid = 1
		AND granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))`)
	if err != nil {
		return false, fmt.Errorf("read the lead: %w", Translate(err))
	}
	return led, nil
}

// Close ends the session.
func (c *Candidate) Close() error { return errors.Join(c.conn.Close(), c.db.Close()) }

// impatient dials lines that give up on a server that does not answer.
type impatient struct{}

func (impatient) Dial(network, address string) (net.Conn, error) {
	return impatient{}.DialContext(context.Background(), network, address)
}

func (impatient) DialTimeout(network, address string, limit time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	return impatient{}.DialContext(ctx, network, address)
}

func (impatient) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	c, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return impatientConn{c}, nil
}

type impatientConn struct{ net.Conn }

func (c impatientConn) Read(b []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(answerLimit)); err != nil {
		return 0, err
	}
	return c.Conn.Read(b)
}

func (c impatientConn) Write(b []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(answerLimit)); err != nil {
		return 0, err
	}
	return c.Conn.Write(b)
}

// ExportLock is held by whoever exports the heads of the audit.
const ExportLock = 2

// Alone does something while no other session does, and nothing while another does.
func Alone(ctx context.Context, db *sqlx.DB, lock int, do func(ctx context.Context, conn *sqlx.Conn) error) (err error) {
	conn, err := db.Connx(ctx)
	if err != nil {
		return fmt.Errorf("connect: %w", Translate(err))
	}
	defer conn.Close()
	var ours bool
	if err := conn.GetContext(ctx, &ours, `SELECT pg_try_advisory_lock(211, $1)`, lock); err != nil || !ours {
		return Translate(err)
	}
	defer func() {
		// The context may have ended. A session that keeps the lock must not go back to the pool.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerLimit)
		defer cancel()
		if _, failed := conn.ExecContext(ctx, `SELECT pg_advisory_unlock(211, $1)`, lock); failed != nil {
			err = errors.Join(err, conn.Raw(func(any) error { return driver.ErrBadConn }))
		}
	}()
	return do(ctx, conn)
}
