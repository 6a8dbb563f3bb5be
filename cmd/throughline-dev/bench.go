package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"

	"throughline/cmd/internal/app"
	"throughline/db"
	"throughline/internal/config"
	"throughline/internal/devstack"
	"throughline/mail"
	"throughline/server"
)

// ground is one stack with one app on it, on which everything is measured.
type ground struct {
	out    io.Writer
	stack  *devstack.Stack
	app    *app.App
	record *sqlx.DB // the owner's, to look and to prepare
	base   string
	posts  *postOffice
	creds  credentials
}

// bench measures whole referrals against a bare workflow, and how fast a call is taken down, all in one run on one
// stack in a folder of its own, which it removes.
func bench(ctx context.Context, out io.Writer, args []string) (err error) {
	f := flag.NewFlagSet("throughline-dev bench", flag.ContinueOnError)
	lives := f.Int("lives", 600, "whole referrals in a batch, and bare workflows in a batch of the control")
	clients := f.Int("clients", 50, "people at work at once")
	rounds := f.Int("rounds", 3, "batches of each, one of ours and one of the control in turn")
	seconds := f.Int("seconds", 20, "how long to take calls, at 20 a second")
	dir := f.String("data", "", "folder of the stack; empty: a temporary one")
	profile := f.String("profile", "", "write a CPU profile of our batches to this file")
	if err := f.Parse(args); err != nil {
		return err
	}
	if *dir == "" {
		if *dir, err = os.MkdirTemp("", "throughline-bench-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(*dir)) }()
	}
	g, stop, err := prepareGround(ctx, out, *dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	fmt.Fprintf(out, "%s %s/%s, %d CPUs, %d clients\n", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), *clients)
	if err := g.compare(ctx, *lives, *clients, *rounds, *profile); err != nil {
		return err
	}
	return g.intake(ctx, time.Duration(*seconds)*time.Second)
}

// prepareGround starts the stack, the app, a worker and an HTTP server, as the development binary does, with a mail
// provider on loopback that takes every letter.
func prepareGround(ctx context.Context, out io.Writer, dir string) (g *ground, stop func() error, err error) {
	var stops []func() error
	stop = func() error {
		var errs []error
		for _, s := range slices.Backward(stops) {
			errs = append(errs, s())
		}
		return errors.Join(errs...)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, stop())
		}
	}()
	say := func(part, detail string) { fmt.Fprintf(out, "%-9s %s\n", part, detail) }
	stack, err := devstack.Start(ctx, devstack.Options{Dir: dir, Progress: say,
		PostgresSettings: map[string]string{"shared_preload_libraries": "pg_stat_statements"}})
	if err != nil {
		return nil, stop, err
	}
	stops = append(stops, stack.Stop)
	keys, err := keysOf(dir)
	if err != nil {
		return nil, stop, err
	}
	if err := migrate(ctx, dir, stack.DatabaseURL, keys); err != nil {
		return nil, stop, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, stop, err
	}
	provider, err := newProvider()
	if err != nil {
		return nil, stop, err
	}
	stops = append(stops, provider.Close)
	g = &ground{out: out, stack: stack, base: "http://" + l.Addr().String()}
	g.posts = newPostOffice(mail.NewSendGrid(mail.SendGridConfig{APIKey: "SG.a-key-for-the-benchmark", BaseURL: provider.url})) // #nosec G101 -- of a stand-in
	log := slog.New(slog.NewJSONHandler(io.Discard, nil))
	g.app, err = app.Open(ctx, app.Options{DatabaseURL: stack.AppURL, MaxConnections: maxConnections,
		Temporal: config.Temporal{Address: stack.TemporalAddress, Namespace: stack.Namespace}, Sender: g.posts, BaseURL: g.base, Log: log, Keys: keys,
		From: mail.Address{Name: helplineName, Email: "referrals@throughline.example"}})
	if err != nil {
		return nil, stop, err
	}
	stops = append(stops, g.app.Stop)
	if g.record, err = db.Open(ctx, stack.DatabaseURL, db.Options{MaxOpen: 2}); err != nil {
		return nil, stop, err
	}
	stops = append(stops, g.record.Close)
	s := settings{data: dir, seed: "demo", policy: "standard"}
	if g.creds, err = prepare(ctx, g.app.Desk, s, stack, g.base, say); err != nil {
		return nil, stop, err
	}
	if err := g.app.Work(ctx); err != nil {
		return nil, stop, err
	}
	g.app.Dispatch()
	return g, stop, g.app.Serve(l, server.Config{BaseURL: g.base})
}

// provider takes every letter at once, so that what is measured is ours.
type provider struct {
	*http.Server
	url string
}

func newProvider() (*provider, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &provider{url: "http://" + l.Addr().String(), Server: &http.Server{ReadHeaderTimeout: time.Minute,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if _, err := io.Copy(io.Discard, r.Body); err == nil {
				w.WriteHeader(http.StatusAccepted)
			}
		})}}
	go func() {
		// Close ends it; any other end shows as letters that are not taken.
		_ = p.Serve(l)
	}()
	return p, nil
}

// statements counts the SQL statements that the record's database has run since the last reset; ok is false where
// PostgreSQL can't count them.
func (g *ground) statements(ctx context.Context) (n int64, ok bool) {
	if _, err := g.record.ExecContext(ctx, `CREATE EXTENSION IF NOT EXISTS pg_stat_statements`); err != nil {
		return 0, false
	}
	err := g.record.GetContext(ctx, &n, `SELECT coalesce(sum(calls), 0) FROM pg_stat_statements
		WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())`)
	return n, err == nil
}

// reportStatements lists what is run most, so that the next saving is seen.
func (g *ground) reportStatements(ctx context.Context, lives int) error {
	var list []struct {
		Calls int64   `db:"calls"`
		MS    float64 `db:"ms"`
		Query string  `db:"query"`
	}
	err := g.record.SelectContext(ctx, &list, `SELECT calls, total_exec_time AS ms, left(regexp_replace(query, '\s+', ' ', 'g'), 90) AS query
		FROM pg_stat_statements WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
		ORDER BY total_exec_time DESC LIMIT 20`)
	for _, s := range list {
		fmt.Fprintf(g.out, "  %6.1f calls %7.2f ms each life  %s\n", float64(s.Calls)/float64(lives), s.MS/float64(lives), s.Query)
	}
	return db.Translate(err)
}

// settled waits until the outbox is empty.
func (g *ground) settled(ctx context.Context, limit time.Duration) (time.Duration, error) {
	begun := time.Now()
	for time.Since(begun) < limit {
		var left int
		if err := g.record.GetContext(ctx, &left, `SELECT count(*) FROM outbox WHERE done_at IS NULL`); err != nil {
			return 0, db.Translate(err)
		}
		if left == 0 {
			return time.Since(begun), nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	return 0, fmt.Errorf("the outbox is not empty after %s", limit)
}

func quantile(sorted []time.Duration, q float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(len(sorted)-1, int(float64(len(sorted))*q))].Round(100 * time.Microsecond)
}
