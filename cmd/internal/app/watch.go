package app

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/jmoiron/sqlx"

	"throughline/db"
	"throughline/internal/telemetry"
	"throughline/server"
)

const (
	// watching is how many connections the metrics have to themselves: they are wanted most when all others are in use.
	watching = 1
	// countLimit ends a count of the record that would take too long.
	countLimit = 2 * time.Second
	// flushLimit is how long the last traces may take to go out.
	flushLimit = 5 * time.Second
)

// observe opens what metrics are read by, and begins to show them.
func (a *App) observe(ctx context.Context, outbox *sqlx.DB) (err error) {
	a.watching, err = db.Open(ctx, a.options.DatabaseURL, db.Options{MaxOpen: watching, StatementTimeout: countLimit,
		Application: "throughline metrics"})
	if err != nil {
		return err
	}
	a.standing = &telemetry.Reading[db.Standing]{Ask: func(ctx context.Context) (db.Standing, error) {
		return db.ReadStanding(db.AsSystem(ctx), a.watching, a.Desk.Clock.Now())
	}}
	a.AlsoAsk(Check{Name: "outbox", Ask: a.outbox})
	err = a.Telemetry.Watch(telemetry.Sources{Now: a.Desk.Clock.Now, Record: a.standing, Canary: a.canaryAge, Parts: a.upOrDown,
		Exports: a.options.AuditTarget != nil,
		Pools:   map[string]func() sql.DBStats{"record": a.DB.Stats, "outbox": outbox.Stats, "metrics": a.watching.Stats}})
	if err != nil {
		return errors.Join(err, a.watching.Close())
	}
	return nil
}

func (a *App) upOrDown(ctx context.Context) map[string]bool {
	up := map[string]bool{}
	for _, p := range a.Parts(ctx) {
		up[p.Name] = p.OK
	}
	return up
}

// ShowMetrics answers /metrics, /livez and /readyz on a listener of their own until Stop.
func (a *App) ShowMetrics(l net.Listener) {
	mux := http.NewServeMux()
	mux.Handle("/metrics", guarded(a.Telemetry.Handler()))
	mux.Handle("/", server.Health(a.Parts))
	a.metrics = newServer(mux, a.Log)
	a.shown.Go(func() {
		if err := a.metrics.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			a.fail(fmt.Errorf("metrics: %w", err))
		}
	})
}

// guarded answers as everything else does, as far as browsers are concerned.
func guarded(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		server.Guard(w.Header())
		h.ServeHTTP(w, r)
	})
}

// withMetrics answers /metrics beside everything else while the base URL is this machine's own, which is to say in
// development, and then only to a program on this machine that asks directly. Behind a proxy every request comes from a
// neighbour, and not every proxy says for whom it asks: there METRICS_ADDR is the way.
func (a *App) withMetrics(all http.Handler, baseURL string) http.Handler {
	base, err := url.Parse(baseURL)
	if err != nil || !loopback(base.Hostname()) {
		return all
	}
	metrics := guarded(a.Telemetry.Handler())
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/metrics" && r.Method == http.MethodGet && direct(r) {
			metrics.ServeHTTP(w, r)
			return
		}
		all.ServeHTTP(w, r)
	})
}

// direct reports a request that a program on this machine made to this machine: not for someone else, and not by a page
// of another site, whose name was made to lead here.
func direct(r *http.Request) bool {
	for _, passedOn := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip", "Via"} {
		if len(r.Header.Values(passedOn)) > 0 {
			return false
		}
	}
	host := r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	from, _, err := net.SplitHostPort(r.RemoteAddr)
	return err == nil && loopback(from) && loopback(host)
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}
