package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/lib/pq"

	"throughline/referral"
)

// Scope is who asks the database. Row-level security shows and takes only what is theirs: what it says is set with the
// beginning of each transaction, and the zero Scope sees no row of anyone (docs/adr/0011-scope.md).
type Scope struct {
	Organisation, Account uuid.UUID
	// Role is referral.System for what the house does for all: the clock, the dispatcher, the watchdog, the check, and the
	// look-ups that find out who asks.
	Role    referral.Role
	Region  uuid.UUID // nil UUID: the whole organisation
	Partner string    // the organisation that a partner refers for
	At      time.Time // by which broken glass is whole again; zero: the database's own clock
}

type scopeKey struct{}

// As has what is done with the context from here on be asked by someone.
func As(ctx context.Context, s Scope) context.Context {
	return context.WithValue(ctx, scopeKey{}, s)
}

// AsSystem has what is done with the context be asked by the house itself, for all organisations.
func AsSystem(ctx context.Context) context.Context {
	return As(ctx, Scope{Role: referral.System})
}

func scopeOf(ctx context.Context) Scope {
	s, _ := ctx.Value(scopeKey{}).(Scope)
	return s
}

// settings are what the policies read, by name.
func (s Scope) settings() [6][2]string {
	return [6][2]string{{"organisation", text(s.Organisation)}, {"account", text(s.Account)}, {"role", string(s.Role)},
		{"region", text(s.Region)}, {"partner", s.Partner}, {"at", instant(s.At)}}
}

// statement turns the scope that a connection has into this one, for the transaction only or until it is told otherwise;
// "" when they are the same.
func (s Scope) statement(has Scope, local bool) string {
	var b strings.Builder
	before := has.settings()
	for i, v := range s.settings() {
		if v == before[i] {
			continue
		}
		if b.Len() == 0 {
			b.WriteString("SELECT ")
		} else {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "set_config('throughline.%s', %s, %t)", v[0], pq.QuoteLiteral(v[1]), local)
	}
	return b.String()
}

func text(id uuid.UUID) string {
	if id == uuid.Nil {
		return ""
	}
	return id.String()
}

func instant(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format(time.RFC3339Nano)
}

// BeginTx tells the server in one message that a transaction begins and who asks in it, where that is someone else than
// the connection speaks for.
func (c *preparingConn) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	c.begin(ctx)
	mode, err := beginning(o)
	if err != nil {
		return nil, err
	}
	if set := scopeOf(ctx).statement(c.scope, true); set != "" {
		mode += "; " + set
	}
	if _, err := c.conn.ExecContext(ctx, mode, nil); err != nil {
		// Begun or not, nothing may be done over this connection any more.
		c.lost = true
		return nil, err
	}
	c.inTx = true
	return &scoped{Tx: c.conn, conn: c}, nil
}

func beginning(o driver.TxOptions) (string, error) {
	mode := "BEGIN"
	switch level := sql.IsolationLevel(o.Isolation); level {
	case sql.LevelDefault:
	case sql.LevelReadCommitted, sql.LevelRepeatableRead, sql.LevelSerializable:
		mode += " ISOLATION LEVEL " + strings.ToUpper(level.String())
	default:
		return "", fmt.Errorf("begin: isolation level %s is not there", level)
	}
	if o.ReadOnly {
		mode += " READ ONLY"
	}
	return mode, nil
}

// scoped is a transaction, at whose end the scope goes by itself.
type scoped struct {
	driver.Tx
	conn *preparingConn
}

func (t *scoped) Commit() error {
	t.conn.inTx = false
	return t.Tx.Commit()
}

func (t *scoped) Rollback() error {
	t.conn.inTx = false
	return t.Tx.Rollback()
}

// speakFor has a statement outside a transaction be asked by whom its context says. The connection keeps that for the
// next one, which says anew who asks: it costs nothing while that is the same, as it mostly is for the house itself.
func (c *preparingConn) speakFor(ctx context.Context) error {
	s := scopeOf(ctx)
	if c.inTx || s == c.scope {
		return nil
	}
	if _, err := c.conn.ExecContext(ctx, s.statement(c.scope, false), nil); err != nil {
		c.lost = true
		return err
	}
	c.scope = s
	return nil
}
