//go:build unix

// Package devstack runs what Throughline needs around it, a PostgreSQL and a Temporal server, from one folder: for
// development, demonstrations and tests. Nothing of it is for production.
package devstack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"throughline/internal/devstack/lockfile"
	"throughline/internal/devstack/postgres"
	"throughline/internal/devstack/temporal"
)

// Database is the record's, and AppRole who works on it without owning it.
const (
	Database = "throughline"
	AppRole  = "throughline_app"
)

// Options say where the stack lives. Only Dir is required.
type Options struct {
	// Dir is created when missing. Removing it, once the stack has stopped, removes everything.
	Dir string
	// Progress is told what is being done, part by part ("postgres", "temporal"); nil is fine.
	Progress func(part, detail string)
	// PostgresBin names the folder of initdb and postgres; empty means look for one, else fetch it.
	PostgresBin string
	// PostgresSettings are as in postgresql.conf.
	PostgresSettings map[string]string
	// PostgresPort and TemporalPort 0 mean those of the last start when they are free, else any.
	PostgresPort, TemporalPort int
	// TimeSkipping lets a workflow that asks for it pass its timers at once.
	TimeSkipping bool
	// TemporalDynamic is Temporal's dynamic configuration by key.
	TemporalDynamic map[string]any
	// PostgresOnly leaves Temporal out until StartTemporal.
	PostgresOnly bool
}

// Stack is a running PostgreSQL and, unless it was stopped, a running Temporal server.
type Stack struct {
	// DatabaseURL is the owner's, who migrates, and AppURL the application's. They hold a password: not for a log.
	DatabaseURL, AppURL string
	// TemporalAddress stays the same when Temporal is stopped and started, unless another program took the port.
	TemporalAddress string
	Namespace       string

	options  Options
	lock     *lockfile.Lock
	postgres *postgres.Server
	stop     sync.Once
	stopped  error

	mu       sync.Mutex
	temporal *temporal.Server
}

// Start returns when both parts take work. It refuses a folder that another process runs, and names that process.
func Start(ctx context.Context, o Options) (*Stack, error) {
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, err
	}
	o.Dir = dir
	if o.Progress == nil {
		o.Progress = func(string, string) {}
	}
	// Not closed to others: as root, PostgreSQL runs under another account. What is secret below is closed.
	if err := os.MkdirAll(dir, 0o711); err != nil { // #nosec G301 -- see above
		return nil, fmt.Errorf("make the data folder: %w", err)
	}
	lock, err := lockfile.Take(filepath.Join(dir, "lock"))
	if held := new(lockfile.HeldError); errors.As(err, &held) {
		return nil, fmt.Errorf("another Throughline already runs on %s (process %d): stop it, or name another data folder: %w",
			dir, held.PID, err)
	}
	if err != nil {
		return nil, err
	}
	s := &Stack{options: o, lock: lock}
	if err := s.start(ctx); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}

func (s *Stack) start(ctx context.Context) error {
	o := s.options
	o.Progress("postgres", "starting")
	pg, err := postgres.Start(ctx, postgres.Options{
		Dir: filepath.Join(o.Dir, "postgres"), BinDir: o.PostgresBin, Port: o.PostgresPort, Extra: o.PostgresSettings,
		Progress: func(detail string) { o.Progress("postgres", detail) },
	})
	if err != nil {
		return err
	}
	s.postgres = pg
	for _, database := range []string{Database, temporal.Database, temporal.VisibilityDatabase} {
		if err := pg.Ensure(ctx, database); err != nil {
			return err
		}
	}
	if err := pg.EnsureRole(ctx, AppRole); err != nil {
		return err
	}
	s.DatabaseURL, s.AppURL = pg.URL(Database), pg.URLAs(AppRole, Database)
	o.Progress("postgres", fmt.Sprintf("%s ready on 127.0.0.1:%d", pg.Version, pg.Port))
	if o.PostgresOnly {
		return nil
	}
	return s.StartTemporal(ctx)
}

// StartTemporal starts Temporal again after StopTemporal, on the same address, with every workflow where it was. It
// does nothing when Temporal runs.
func (s *Stack) StartTemporal(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.temporal != nil {
		return nil
	}
	o := s.options
	o.Progress("temporal", "starting")
	server, err := temporal.Start(ctx, temporal.Options{
		Dir: filepath.Join(o.Dir, "temporal"), PostgresURL: s.DatabaseURL, Port: o.TemporalPort,
		TimeSkipping: o.TimeSkipping, Dynamic: o.TemporalDynamic,
	})
	if err != nil {
		return err
	}
	s.temporal = server
	if s.TemporalAddress != server.HostPort {
		s.TemporalAddress, s.Namespace = server.HostPort, server.Namespace
	}
	o.Progress("temporal", "ready on "+server.HostPort)
	return nil
}

// StopTemporal stops Temporal alone. It does nothing when Temporal does not run.
func (s *Stack) StopTemporal() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.temporal == nil {
		return nil
	}
	s.options.Progress("temporal", "stopping")
	err := s.temporal.Stop()
	s.temporal = nil
	return err
}

// PostgresExited is closed when PostgreSQL ends, asked to or not.
func (s *Stack) PostgresExited() <-chan struct{} { return s.postgres.Exited() }

// Stop stops Temporal, then PostgreSQL, then lets go of the folder. Workers must have stopped. Calling it again is fine.
func (s *Stack) Stop() error {
	s.stop.Do(func() {
		s.stopped = s.StopTemporal()
		if s.postgres != nil {
			s.options.Progress("postgres", "stopping")
			s.stopped = errors.Join(s.stopped, s.postgres.Stop())
		}
		s.stopped = errors.Join(s.stopped, s.lock.Release())
	})
	return s.stopped
}
