package db

import (
	"context"
	"database/sql/driver"

	"github.com/lib/pq"
)

// PostgreSQL plans a statement with parameters each time it is sent, and for the few that every step of every referral
// runs the planning costs more than the work. So each connection keeps what it has run before as prepared statements.

const (
	mostPrepared = 200  // statements a connection keeps prepared
	mostSeen     = 1000 // statements it remembers having run once
)

// preparing is lib/pq's connector with connections that remember their statements.
type preparing struct{ *pq.Connector }

func (p preparing) Connect(ctx context.Context) (driver.Conn, error) {
	making := &connecting{ctx: ctx}
	c, err := p.Connector.Connect(context.WithValue(ctx, connectingKey{}, making))
	if err != nil {
		return nil, notConnected{err}
	}
	return &preparingConn{conn: c.(conn), wire: making.wire, seen: map[string]bool{}, prepared: map[string]statement{}}, nil
}

// conn is all that database/sql uses of lib/pq's connection.
type conn interface {
	driver.Conn
	driver.QueryerContext
	driver.ExecerContext
	driver.ConnPrepareContext
	driver.Tx // of a transaction that is open
	driver.Pinger
	driver.SessionResetter
	driver.Validator
	driver.NamedValueChecker
}

type statement interface {
	driver.Stmt
	driver.StmtQueryContext
	driver.StmtExecContext
}

type preparingConn struct {
	conn
	wire     *wire
	seen     map[string]bool
	prepared map[string]statement
	over     func() error // tells whether the context of what was done last has ended
	scope    Scope        // who asks outside a transaction
	inTx     bool
	lost     bool // nobody knows who asks
}

func (c *preparingConn) begin(ctx context.Context) {
	c.wire.begin(ctx)
	c.over = ctx.Err
}

// IsValid keeps a connection from whoever comes next when the context of who had it has ended. lib/pq may have asked the
// server to stop what a prepared statement was doing, does not wait for ever until that is heard, and keeps the connection:
// heard late, it would stop what someone else is doing.
func (c *preparingConn) IsValid() bool {
	return !c.lost && c.conn.IsValid() && (c.over == nil || c.over() == nil)
}

func (c *preparingConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	c.begin(ctx)
	if err := c.speakFor(ctx); err != nil {
		return nil, err
	}
	s, err := c.statement(ctx, query, args)
	if err != nil {
		return nil, err
	}
	if s == nil {
		return c.conn.QueryContext(ctx, query, args)
	}
	rows, err := s.QueryContext(ctx, args)
	c.forget(query, err)
	return rows, err
}

func (c *preparingConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	c.begin(ctx)
	if err := c.speakFor(ctx); err != nil {
		return nil, err
	}
	s, err := c.statement(ctx, query, args)
	if err != nil {
		return nil, err
	}
	if s == nil {
		return c.conn.ExecContext(ctx, query, args)
	}
	result, err := s.ExecContext(ctx, args)
	c.forget(query, err)
	return result, err
}

func (c *preparingConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	c.begin(ctx)
	if err := c.speakFor(ctx); err != nil {
		return nil, err
	}
	return c.conn.PrepareContext(ctx, query)
}

func (c *preparingConn) Ping(ctx context.Context) error {
	c.begin(ctx)
	return c.conn.Ping(ctx)
}

func (c *preparingConn) Close() error {
	c.wire.end()
	return c.conn.Close()
}

// statement gives the prepared form of a query that has been run before; nil for one that is new, has no parameters, or
// finds no room.
func (c *preparingConn) statement(ctx context.Context, query string, args []driver.NamedValue) (statement, error) {
	if len(args) == 0 {
		return nil, nil
	}
	if s, ok := c.prepared[query]; ok {
		return s, nil
	}
	if !c.seen[query] {
		if len(c.seen) == mostSeen {
			clear(c.seen)
		}
		c.seen[query] = true
		return nil, nil
	}
	if len(c.prepared) == mostPrepared {
		return nil, nil
	}
	s, err := c.conn.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	c.prepared[query] = s.(statement)
	return c.prepared[query], nil
}

// forget drops a statement whose plan no longer fits the tables, as after a migration under a running process.
func (c *preparingConn) forget(query string, err error) {
	if refused := pq.As(err); refused == nil || refused.Code != "0A000" {
		return
	}
	// The connection may be in a failed transaction, which refuses to close it too; it goes with the connection then.
	_ = c.prepared[query].Close()
	delete(c.prepared, query)
}
