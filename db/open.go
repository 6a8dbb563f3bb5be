// Package db is the record: PostgreSQL by sqlx and lib/pq, its embedded migrations, and one file per family of tables.
package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// Options size the pool. The zero value is right for one server process next to one worker.
type Options struct {
	// MaxOpen connections of this process; 0 means 20. PostgreSQL's own default allows 100 for everyone together.
	MaxOpen int
	// MaxIdle connections kept for the next burst; 0 means as many as MaxOpen: a new one costs a password exchange.
	MaxIdle int
	// StatementTimeout ends a statement that takes longer; 0 lets it take as long as it wants, as an import may.
	StatementTimeout time.Duration
	// Relaxed lets a commit return before it is on disk. Only for what may be done again after a crash of the server, such
	// as the dispatcher's leases; never for the record.
	Relaxed bool
	// Application is the name shown in pg_stat_activity; empty means "throughline".
	Application string
}

const (
	defaultMaxOpen = 20
	// maxLifetime lets a pool follow a failover or a changed password.
	maxLifetime = 30 * time.Minute
	maxIdleTime = 5 * time.Minute
	// dialTimeout is for one connection, in seconds as lib/pq takes it.
	dialTimeout = "5"
)

// Open connects and asks the server once. The error says which thing is missing, in words for who set DATABASE_URL; it
// never holds the password.
func Open(ctx context.Context, databaseURL string, o Options) (*sqlx.DB, error) {
	target, err := parseURL(databaseURL, o)
	if err != nil {
		return nil, err
	}
	connector, err := pq.NewConnector(target.String())
	if err != nil {
		return nil, explain(target, err)
	}
	connector.Dialer(dialer{silence: o.silence()})
	db := sqlx.NewDb(sql.OpenDB(preparing{connector}), "postgres")
	maxOpen, maxIdle := o.MaxOpen, o.MaxIdle
	if maxOpen == 0 {
		maxOpen = defaultMaxOpen
	}
	if maxIdle == 0 {
		maxIdle = maxOpen
	}
	db.SetMaxOpenConns(maxOpen)
	db.SetMaxIdleConns(maxIdle)
	db.SetConnMaxLifetime(maxLifetime)
	db.SetConnMaxIdleTime(maxIdleTime)
	if err := db.PingContext(ctx); err != nil {
		return nil, errors.Join(explain(target, err), db.Close())
	}
	return db, nil
}

// silence is how long a server may leave us without an answer when the context sets no end.
func (o Options) silence() time.Duration {
	if o.StatementTimeout == 0 {
		return 0
	}
	return o.StatementTimeout + overdue
}

// parseURL refuses what is not a URL without repeating it: a broken one may hold the password anywhere.
func parseURL(databaseURL string, o Options) (*url.URL, error) {
	const shape = "postgres://user:password@host:5432/throughline" // #nosec G101 -- an example
	if databaseURL == "" {
		return nil, errors.New("database: DATABASE_URL is not set; it looks like " + shape)
	}
	target, err := url.Parse(databaseURL)
	if err != nil || (target.Scheme != "postgres" && target.Scheme != "postgresql") {
		return nil, errors.New("database: DATABASE_URL is not a URL like " + shape)
	}
	query := target.Query()
	if !query.Has("connect_timeout") {
		query.Set("connect_timeout", dialTimeout)
	}
	if !query.Has("application_name") {
		query.Set("application_name", applicationName(o))
	}
	// One round trip for a statement with parameters instead of two. Bytes then go as bytes: JSON is passed as text.
	query.Set("binary_parameters", "yes")
	if o.Relaxed {
		query.Set("synchronous_commit", "off")
	}
	if o.StatementTimeout > 0 && !query.Has("statement_timeout") {
		query.Set("statement_timeout", strconv.FormatInt(o.StatementTimeout.Milliseconds(), 10))
	}
	// Times are compared with the clock of the program: both speak UTC.
	query.Set("timezone", "UTC")
	target.RawQuery = query.Encode()
	return target, nil
}

func applicationName(o Options) string {
	if o.Application == "" {
		return "throughline"
	}
	return o.Application
}

// explain names the cause for a person. The driver's text is repeated only where it can't hold what was sent.
func explain(target *url.URL, err error) error {
	host := target.Host
	if host == "" {
		host = "the local socket"
	} else if target.Port() == "" {
		host = net.JoinHostPort(target.Hostname(), "5432")
	}
	name := target.Path
	if len(name) > 1 {
		name = name[1:]
	}
	if refused := pq.As(err); refused != nil {
		switch refused.Code {
		case "28P01", "28000":
			return fmt.Errorf("database: %s refuses user %q: check the user and the password in DATABASE_URL (SQLSTATE %s)",
				host, target.User.Username(), refused.Code)
		case "3D000":
			return fmt.Errorf("database: %s has no database %q: create it, or check DATABASE_URL (SQLSTATE 3D000)", host, name)
		case "53300":
			return fmt.Errorf("database: %s has no connection left for us: raise max_connections or lower the pools (SQLSTATE 53300)", host)
		case "57P03":
			return fmt.Errorf("database: %s is starting or stopping: try again soon (SQLSTATE 57P03)", host)
		}
		return fmt.Errorf("database: %s refused the connection (SQLSTATE %s)", host, refused.Code)
	}
	if errors.Is(err, pq.ErrSSLNotSupported) {
		return fmt.Errorf("database: %s does not speak TLS: add ?sslmode=disable to DATABASE_URL if that network is private", host)
	}
	var dial *net.OpError
	if errors.As(err, &dial) {
		return fmt.Errorf("database: cannot reach %s: is it running? DATABASE_URL says where to look: %w", host, dial)
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return fmt.Errorf("database: no answer from %s: %w", host, err)
	}
	return fmt.Errorf("database: cannot use %s; check DATABASE_URL (%T)", host, err)
}
