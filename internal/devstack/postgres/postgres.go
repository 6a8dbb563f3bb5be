//go:build unix

// Package postgres runs a private PostgreSQL for development and tests: installed binaries when there are any, fetched
// ones otherwise, listening on 127.0.0.1 only, with a password of its own. Data that exists is never deleted.
package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"

	"throughline/internal/devstack/lockfile"
	"throughline/internal/devstack/logfile"
)

// Superuser is the one role of the private server.
const Superuser = "throughline"

// MaxConnections holds Temporal's pools (about 110), the app's and a load test's at once.
const MaxConnections = 200

// Options say where the server lives. Only Dir is required.
type Options struct {
	// Dir is created when missing. It holds data/, password, port, postgres.log and, when they had to be fetched, binaries/.
	Dir string
	// BinDir names the folder of initdb and postgres; empty means look in the usual places, then fetch.
	BinDir string
	// Port 0 means the port of the last start when it is free, else any free one.
	Port int
	// Password of Superuser at first start; empty means a random one. Kept in Dir/password, readable by its owner only.
	Password string
	// Extra settings, as in postgresql.conf; they win over ours.
	Extra map[string]string
	// Progress is told what takes long; nil is fine.
	Progress func(detail string)
}

// Server is a running PostgreSQL that stops with this process, kill -9 included on Linux.
type Server struct {
	Port    int
	Version string // "15.18"

	dir, password string
	process       *process
	lock          *lockfile.Lock
	stop          sync.Once
	stopped       error
}

// Start returns when the server answers queries. It refuses a folder that another process runs, and data made by
// another major version; neither is touched.
func Start(ctx context.Context, o Options) (*Server, error) {
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("postgres: %w", err)
	}
	o.Dir = dir
	if o.Progress == nil {
		o.Progress = func(string) {}
	}
	if err := os.MkdirAll(dir, folderMode()); err != nil {
		return nil, fmt.Errorf("postgres: make the data folder: %w", err)
	}
	lock, err := lockfile.Take(filepath.Join(dir, "lock"))
	if err != nil {
		return nil, fmt.Errorf("postgres: %s is in use: %w", dir, err)
	}
	s, err := start(ctx, o)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("postgres: %w", err), lock.Release())
	}
	s.lock = lock
	return s, nil
}

func start(ctx context.Context, o Options) (*Server, error) {
	c, err := openCluster(ctx, o)
	if err != nil {
		return nil, err
	}
	if err := c.settleLeftover(ctx); err != nil {
		return nil, err
	}
	if err := logfile.Turn(c.logPath()); err != nil {
		return nil, err
	}
	const attempts = 20
	for attempt := 1; ; attempt++ {
		port, err := c.choosePort(o.Port)
		if err != nil {
			return nil, err
		}
		process, err := c.launch(port, o.Extra)
		if err != nil {
			return nil, err
		}
		s := &Server{Port: port, Version: c.version, dir: c.dir, password: c.password, process: process}
		err = s.awaitReady(ctx)
		if err == nil {
			return s, c.keepPort(port)
		}
		// The two ways a start fails that time cures: backends of a killed server still hold its memory, and
		// someone took the port between our look and the bind.
		cure := c.reasonToRetry(port)
		if ctx.Err() != nil || cure == "" || attempt == attempts || (o.Port != 0 && cure == portTaken) {
			return nil, errors.Join(fmt.Errorf("%w; see %s", err, c.logPath()), s.process.stop())
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// URL names a database of this server, password included: not for a log.
func (s *Server) URL(database string) string {
	return s.URLAs(Superuser, database)
}

// Ensure creates the database when it does not exist.
func (s *Server) Ensure(ctx context.Context, database string) error {
	db, err := sql.Open("postgres", s.URL("postgres"))
	if err != nil {
		return fmt.Errorf("postgres: create database %s: %w", database, err)
	}
	defer db.Close()
	var exists bool
	err = db.QueryRowContext(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", database).Scan(&exists)
	if err == nil && !exists {
		_, err = db.ExecContext(ctx, "CREATE DATABASE "+pq.QuoteIdentifier(database))
	}
	const duplicateDatabase = "42P04" // another process was as quick
	if err != nil && pq.As(err, duplicateDatabase) == nil {
		return fmt.Errorf("postgres: create database %s: %w", database, err)
	}
	return nil
}

// URLAs names a database for a role that EnsureRole has made: not for a log.
func (s *Server) URLAs(role, database string) string {
	u := url.URL{Scheme: "postgres", User: url.UserPassword(role, s.password), Host: net.JoinHostPort("127.0.0.1", strconv.Itoa(s.Port)),
		Path: "/" + database, RawQuery: "sslmode=disable"}
	return u.String()
}

// EnsureRole has a plain role sign in with the password of Superuser.
func (s *Server) EnsureRole(ctx context.Context, role string) error {
	db, err := sql.Open("postgres", s.URL("postgres"))
	if err != nil {
		return fmt.Errorf("postgres: make role %s: %w", role, err)
	}
	defer db.Close()
	return EnsureRole(ctx, db, role, s.password)
}

// EnsureRole makes a plain role when it is missing, and gives it a password, on a server of one's own.
func EnsureRole(ctx context.Context, db *sql.DB, role, password string) error {
	_, err := db.ExecContext(ctx, "CREATE ROLE "+pq.QuoteIdentifier(role))
	if err != nil && pq.As(err, pqerror.DuplicateObject, pqerror.UniqueViolation) == nil {
		return fmt.Errorf("postgres: make role %s: %w", role, err)
	}
	if _, err := db.ExecContext(ctx, "ALTER ROLE "+pq.QuoteIdentifier(role)+" LOGIN PASSWORD "+pq.QuoteLiteral(password)); err != nil {
		return fmt.Errorf("postgres: make role %s: %w", role, err)
	}
	return nil
}

// PID is the postmaster's.
func (s *Server) PID() int { return s.process.pid }

// Exited is closed when the server ends, asked to or not.
func (s *Server) Exited() <-chan struct{} { return s.process.exited }

// Stop rolls back what is open, writes a checkpoint and returns when the server has ended. Calling it again is fine.
func (s *Server) Stop() error {
	s.stop.Do(func() {
		s.stopped = errors.Join(s.process.stop(), s.lock.Release())
	})
	return s.stopped
}

func (s *Server) awaitReady(ctx context.Context) error {
	db, err := sql.Open("postgres", s.URL("postgres"))
	if err != nil {
		return err
	}
	defer db.Close()
	for {
		err := db.PingContext(ctx)
		if err == nil {
			return nil
		}
		if refused := pq.As(err); refused != nil && refused.Code.Class() == pqerror.ClassInvalidAuthorizationSpecification {
			return fmt.Errorf("the server refuses the password in %s: it is not the one that this data was made with; put that back, "+
				"or name another data folder", filepath.Join(s.dir, "password"))
		}
		select {
		case <-s.process.exited:
			return fmt.Errorf("the server ended at start: %w", s.process.exitError())
		case <-ctx.Done():
			return fmt.Errorf("the server did not answer in time: %w", errors.Join(err, ctx.Err()))
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// process is a child watched from one locked thread: on Linux the death signal follows the thread that forked.
type process struct {
	pid    int
	exited chan struct{}
	err    error // set before exited is closed
}

func (p *process) exitError() error {
	if p.err == nil {
		return errors.New("exit status 0")
	}
	return p.err
}

// stop asks for a fast shutdown, and for an immediate one when that takes longer than 30 seconds.
func (p *process) stop() error {
	// A gone process is what we want: its state comes with exited.
	_ = syscall.Kill(p.pid, syscall.SIGINT)
	select {
	case <-p.exited:
	case <-time.After(30 * time.Second):
		_ = syscall.Kill(p.pid, syscall.SIGQUIT)
		<-p.exited
	}
	var status *exec.ExitError
	if p.err != nil && !errors.As(p.err, &status) {
		return p.err
	}
	return nil
}
