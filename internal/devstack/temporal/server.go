// Package temporal runs a Temporal server inside this process, its stores in the PostgreSQL it is given. It is the only
// package that links go.temporal.io/server (180 MB of binary): keep it out of cmd/throughline.
package temporal

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"go.temporal.io/server/common/authorization"
	"go.temporal.io/server/common/dynamicconfig"
	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/membership/static"
	"go.temporal.io/server/common/primitives"
	"go.temporal.io/server/temporal"

	"throughline/internal/devstack/logfile"
)

// DefaultNamespace is where our workflows live.
const DefaultNamespace = "throughline"

// The two databases of the server. They must exist.
const (
	Database           = "temporal"
	VisibilityDatabase = "temporal_visibility"
)

// Options say where the server keeps its things. Dir and PostgresURL are required.
type Options struct {
	// Dir is created when missing. It holds the port and the log.
	Dir string
	// PostgresURL names any database of the PostgreSQL server that has Database and VisibilityDatabase.
	PostgresURL string
	// Port 0 means the port of the last start when it is free, else any free one.
	Port int
	// Namespace is made at first start; empty means DefaultNamespace.
	Namespace string
	// TimeSkipping lets a workflow that asks for it pass its timers at once. For tests and demonstrations.
	TimeSkipping bool
	// Dynamic is Temporal's dynamic configuration by key; it wins over ours.
	Dynamic map[string]any
	// LogLevel is error, warn, info or debug; empty means warn. The log goes to Dir/temporal.log.
	LogLevel string
}

// Server is a running Temporal server. Workers must stop before it does.
type Server struct {
	HostPort  string
	Namespace string

	server  temporal.Server
	stop    sync.Once
	stopped error
}

// Start sets up or upgrades the schemas and the namespace, and returns when workflows can be started.
func Start(ctx context.Context, o Options) (*Server, error) {
	s, err := start(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("temporal: %w", err)
	}
	return s, nil
}

func start(ctx context.Context, o Options) (*Server, error) {
	if o.Namespace == "" {
		o.Namespace = DefaultNamespace
	}
	if o.LogLevel == "" {
		o.LogLevel = "warn"
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, err
	}
	logPath := filepath.Join(o.Dir, "temporal.log")
	if err := logfile.Turn(logPath); err != nil {
		return nil, err
	}
	logger := log.NewZapLogger(log.BuildZapLogger(log.Config{Level: o.LogLevel, OutputFile: logPath}))
	stores, err := storesAt(o.PostgresURL)
	if err != nil {
		return nil, err
	}
	if err := stores.prepare(o.Namespace, logger); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	ports, err := choosePorts(o.Dir, o.Port)
	if err != nil {
		return nil, err
	}
	server, err := launch(o, stores, ports, logger)
	if err != nil {
		return nil, err
	}
	s := &Server{HostPort: local(ports.frontend), Namespace: o.Namespace, server: server}
	if err := s.awaitReady(ctx); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, ports.keep(o.Dir)
}

// Stop ends the server; what it keeps is in PostgreSQL. Calling it again is fine.
func (s *Server) Stop() error {
	s.stop.Do(func() {
		if err := s.server.Stop(); err != nil {
			s.stopped = fmt.Errorf("temporal: stop: %w", err)
		}
	})
	return s.stopped
}

func launch(o Options, stores stores, ports ports, logger log.Logger) (temporal.Server, error) {
	c := serverConfig(stores, ports)
	authorizer, err := authorization.GetAuthorizerFromConfig(&c.Global.Authorization)
	if err != nil {
		return nil, err
	}
	hosts := map[primitives.ServiceName]static.Hosts{}
	for service, port := range ports.all() {
		hosts[service] = static.SingleLocalHost(local(port))
	}
	server, err := temporal.NewServer(
		temporal.WithConfig(c),
		temporal.ForServices(temporal.DefaultServices),
		temporal.WithStaticHosts(hosts),
		temporal.WithLogger(logger),
		temporal.WithAuthorizer(authorizer),
		temporal.WithDynamicConfigClient(dynamic(o)),
	)
	if err != nil {
		return nil, err
	}
	if err := server.Start(); err != nil {
		return nil, errors.Join(err, server.Stop())
	}
	return server, nil
}

func dynamic(o Options) dynamicconfig.StaticClient {
	values := dynamicconfig.StaticClient{
		// One process needs no spreading, and a single partition tames the tail: p99 halves at 50 clients.
		dynamicconfig.MatchingNumTaskqueueReadPartitions.Key():  1,
		dynamicconfig.MatchingNumTaskqueueWritePartitions.Key(): 1,
		dynamicconfig.WorkflowTimeSkippingEnabled.Key():         o.TimeSkipping,
	}
	for key, value := range o.Dynamic {
		values[dynamicconfig.MakeKey(key)] = value
	}
	return values
}
