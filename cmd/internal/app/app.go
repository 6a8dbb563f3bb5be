// Package app puts the parts together, for both binaries: what is started in which order, and stopped in the other.
package app

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jmoiron/sqlx"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"

	"throughline/activities"
	"throughline/casework"
	"throughline/db"
	"throughline/internal/clock"
	"throughline/internal/config"
	"throughline/internal/dispatcher"
	"throughline/internal/notary"
	"throughline/internal/payloads"
	"throughline/internal/seal"
	"throughline/internal/telemetry"
	"throughline/internal/watchdog"
	"throughline/mail"
	"throughline/server"
	"throughline/workflows"
)

// Options are what an App is made of.
type Options struct {
	DatabaseURL    string
	MaxConnections int // 0: the pool's own default
	Temporal       config.Temporal
	Sender         mail.Sender
	From           mail.Address
	BaseURL        string
	Log            *slog.Logger
	Process        string // serve, worker or dev, as traces name it
	TracesTo       string // where traces go by OTLP over HTTP; "" for none
	// AuditTarget takes the heads of the audit, which AuditKey signs; nil: they are written down nowhere else.
	AuditTarget notary.Target
	AuditKey    ed25519.PrivateKey
	// Keys seal the record and what goes through Temporal.
	Keys *seal.Keyring
	// MailReports says that the mail provider tells us what becomes of letters, so that its silence means something.
	MailReports bool
	// Notice is how long readiness says no before connections are refused, so that a load balancer turns away first.
	Notice time.Duration
}

// App holds the parts that both serve and worker need: the record, the line to Temporal, and a dispatcher.
type App struct {
	DB         *sqlx.DB
	Desk       *casework.Desk
	Temporal   client.Client
	Dispatcher *dispatcher.Dispatcher
	Telemetry  *telemetry.Telemetry
	Watchdog   *watchdog.Watchdog
	Log        *slog.Logger

	options  Options
	stopping atomic.Bool
	cancel   context.CancelFunc
	running  sync.WaitGroup
	server   *http.Server
	worker   worker.Worker
	failed   chan error

	canary       atomic.Pointer[canary] // nil where none are sent
	stopCanaries func()
	canaryPace   canaryPace
	watching     *sqlx.DB // of the metrics
	standing     *telemetry.Reading[db.Standing]
	metrics      *http.Server // nil unless they have an address of their own
	shown        sync.WaitGroup
	finishTime   time.Duration
	checking     sync.Mutex // guards checks
	checks       []Check
	watch        watch // for what is forgotten
}

// Open connects to the record, which must be there and at this binary's schema, and prepares the line to Temporal,
// which may be away: then what is promised waits in the outbox.
func Open(ctx context.Context, o Options) (*App, error) {
	pool, err := db.Open(ctx, o.DatabaseURL, db.Options{MaxOpen: o.MaxConnections, StatementTimeout: statementTimeout})
	if err != nil {
		return nil, err
	}
	if err := Unfit(ctx, pool, o.Keys); err != nil {
		return nil, errors.Join(err, pool.Close())
	}
	if err := casework.New(pool, clock.System{}, o.Keys, nil).CheckKeys(ctx); err != nil {
		return nil, errors.Join(err, pool.Close())
	}
	outbox, err := db.Open(ctx, o.DatabaseURL, db.Options{MaxOpen: outboxConnections, StatementTimeout: statementTimeout, Relaxed: true,
		Application: "throughline dispatcher"})
	if err != nil {
		return nil, errors.Join(err, pool.Close())
	}
	a := &App{DB: pool, Log: o.Log, options: o, failed: make(chan error, 2), finishTime: finishTime, canaryPace: ordinaryPace}
	if err := a.connect(ctx, outbox); err != nil {
		return nil, errors.Join(err, pool.Close(), outbox.Close())
	}
	return a, nil
}

// Unfit says what stands against working on a record, all of it at once: its schema, the role that signs in, and the keys,
// unless there are none. It changes nothing, so that who is refused leaves nothing.
func Unfit(ctx context.Context, pool *sqlx.DB, keys *seal.Keyring) error {
	refused := errors.Join(db.CheckSchema(ctx, pool), db.CheckRole(ctx, pool))
	if keys == nil || errors.Is(refused, db.ErrSchema) {
		return refused // another schema need not have what keys are known by
	}
	return errors.Join(refused, casework.New(pool, clock.System{}, keys, nil).LookAtKeys(ctx))
}

// connect puts the parts together that work on the record.
func (a *App) connect(ctx context.Context, outbox *sqlx.DB) (err error) {
	o := a.options
	a.Telemetry, err = telemetry.Start(ctx, telemetry.Options{Process: o.Process, Endpoint: o.TracesTo, Log: o.Log})
	if err != nil {
		return err
	}
	tracing, err := a.Telemetry.Interceptors()
	if err != nil {
		return err
	}
	to, err := LineToTemporal(o.Temporal)
	if err != nil {
		return err
	}
	to.Logger, to.MetricsHandler, to.Interceptors = quiet(o.Log), a.Telemetry.Metrics(workflows.ReferralType), tracing
	payloads.Seal(&to, o.Keys)
	a.Temporal, err = client.NewLazyClient(to)
	if err != nil {
		return fmt.Errorf("temporal: %w", err)
	}
	a.Dispatcher = &dispatcher.Dispatcher{Conductor: workflows.Starter{Client: a.Temporal}, Sender: handedOver{o.Sender, a.Telemetry},
		From: o.From, BaseURL: o.BaseURL, Log: o.Log, Tracer: a.Telemetry.Tracer, Outbox: outbox, House: workflows.Starter{Client: a.Temporal}}
	a.Desk = casework.New(a.DB, clock.System{}, a.options.Keys, a.Dispatcher.Nudge)
	a.Desk.NudgeEvents = a.Dispatcher.NudgeEvents
	if o.MailReports {
		a.Desk.Reports = o.Sender.Name()
	}
	a.Dispatcher.Desk = a.Desk
	a.Watchdog = &watchdog.Watchdog{DatabaseURL: o.DatabaseURL, Log: o.Log, Count: a.Telemetry.Repaired,
		Clock: line{Starter: workflows.Starter{Client: a.Temporal}, Inspector: workflows.Inspector{Client: a.Temporal}}}
	return a.observe(ctx, outbox)
}

// quiet keeps the SDK's own log to warnings: its lines name workflow ids, never data.
func quiet(l *slog.Logger) log.Logger {
	return log.NewStructuredLogger(slog.New(levelHandler{l.Handler()}))
}

type levelHandler struct{ slog.Handler }

func (h levelHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && h.Handler.Enabled(ctx, level)
}

// Dispatch starts emptying the outbox.
func (a *App) Dispatch() {
	ctx, cancel := context.WithCancel(context.Background())
	a.cancel = cancel
	a.running.Add(1)
	go func() {
		defer a.running.Done()
		a.Dispatcher.Run(ctx)
	}()
}

// Work starts a worker. The error says when Temporal can't be reached.
func (a *App) Work(ctx context.Context) error {
	if err := a.ReachTemporal(ctx); err != nil {
		return err
	}
	a.worker = worker.New(a.Temporal, workflows.TaskQueue, a.WorkerOptions())
	workflows.Register(a.worker)
	activities.Activities{Desk: a.Desk}.Register(a.worker)
	activities.Duties{House: a.Desk, Log: a.Log}.Register(a.worker)
	if err := a.worker.Start(); err != nil {
		return fmt.Errorf("temporal: start worker: %w", err)
	}
	return a.sendCanaries()
}

// WorkerOptions are the settings of every worker.
func (a *App) WorkerOptions() worker.Options {
	return worker.Options{
		// A step under way is carried through before the process ends.
		WorkerStopTimeout: 30 * time.Second,
		// More steps at once than connections would only wait inside their time limit.
		MaxConcurrentLocalActivityExecutionSize: a.connections(),
		MaxConcurrentWorkflowTaskPollers:        10,
		// A worker that can't go on must not leave a process that only looks alive.
		OnFatalError: a.fail,
		Interceptors: []interceptor.WorkerInterceptor{a.Telemetry.Failures()},
	}
}

func (a *App) connections() int {
	if a.options.MaxConnections > 0 {
		return a.options.MaxConnections
	}
	return 20
}

// ReachTemporal asks Temporal whether it takes our work; the error says what is missing and what to do.
func (a *App) ReachTemporal(ctx context.Context) error {
	return ReachTemporal(ctx, a.Temporal, a.options.Temporal.Address, a.options.Temporal.Namespace)
}

// Serve answers HTTP on a listener until Stop. Temporal may be away: readiness then says degraded.
func (a *App) Serve(l net.Listener, cfg server.Config) error {
	handler, err := server.New(server.Deps{Desk: a.Desk, DB: a.DB, Clock: clock.System{}, Log: a.Log, Ready: a.Parts,
		Tracer: a.Telemetry.Tracer, Observe: a.Telemetry.Request, EventsTold: a.Telemetry.WebhookEvent, Codec: payloads.Handler(a.options.Keys), Config: cfg})
	if err != nil {
		return err
	}
	a.server = newServer(a.withMetrics(handler, cfg.BaseURL), a.Log)
	a.running.Add(1)
	go func() {
		defer a.running.Done()
		if err := a.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			a.fail(fmt.Errorf("http: %w", err))
		}
	}()
	return nil
}

func newServer(handler http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second,
		WriteTimeout: 60 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug)}
}

func (a *App) fail(err error) {
	select {
	case a.failed <- err:
	default: // one cause is enough to end the process
	}
}

// Failed tells when a part has died that should run.
func (a *App) Failed() <-chan error { return a.failed }

// ready says which parts take work. They are asked at once, so that one that is silent leaves the others their time.
func (a *App) ready(ctx context.Context) []server.Part {
	database, temporal := server.Part{Name: "database", OK: true}, server.Part{Name: "temporal", OK: true}
	var asking sync.WaitGroup
	asking.Go(func() {
		if a.stopping.Load() {
			database.OK, database.Detail = false, "shutting down"
		} else if err := a.DB.PingContext(ctx); err != nil {
			database.OK, database.Detail = false, "no answer"
		}
	})
	asking.Go(func() {
		temporal.Detail = temporalDetail(askNamespace(ctx, a.Temporal, a.options.Temporal.Namespace))
		temporal.OK = temporal.Detail == ""
	})
	asking.Wait()
	return []server.Part{database, temporal}
}

const (
	// statementTimeout keeps a stalled database from holding every connection for good.
	statementTimeout = 15 * time.Second
	// outboxConnections of the dispatcher, beside those of the record.
	outboxConnections = 4
)
