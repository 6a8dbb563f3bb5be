// Package telemetry sets up what is told about a running process: metrics that Prometheus fetches, and traces that go
// out by OTLP when a place for them is named. Neither holds anything about a person: labels are codes, ids of ours and
// templates of routes, and each is looked at before it is passed on.
package telemetry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	client "github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/exemplar"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"throughline/internal/trace"
)

// Options say what is told, and where.
type Options struct {
	Process  string // serve, worker, dev
	Endpoint string // where traces go, by OTLP over HTTP: a URL to which /v1/traces is added; "" for none
	Log      *slog.Logger
}

// Telemetry counts what happens in a process, and shows it.
type Telemetry struct {
	// Tracer begins spans; it traces nothing without an endpoint.
	Tracer trace.Tracer

	counters
	meter    metric.Meter
	registry *client.Registry
	meters   *sdkmetric.MeterProvider
	traces   *sdktrace.TracerProvider // nil without an endpoint
}

const (
	scope = "throughline"
	// exportLimit is how long one batch of traces may take to go out.
	exportLimit = 10 * time.Second
	// scrapeLimit is how long a scrape may take; Prometheus gives up after ten seconds.
	scrapeLimit = 8 * time.Second
	// scrapes at once; more would only wait for the same numbers.
	scrapes = 4
)

// Start makes the parts; nothing is sent or asked yet. Close must be called.
func Start(ctx context.Context, o Options) (*Telemetry, error) {
	otel.SetErrorHandler(reporter{log: o.Log, last: new(atomic.Int64)})
	t := &Telemetry{registry: client.NewRegistry()}
	if err := errors.Join(t.registry.Register(collectors.NewGoCollector()),
		t.registry.Register(collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))); err != nil {
		return nil, fmt.Errorf("telemetry: %w", err)
	}
	reader, err := prometheus.New(prometheus.WithRegisterer(t.registry), prometheus.WithoutScopeInfo(), prometheus.WithoutTargetInfo())
	if err != nil {
		return nil, fmt.Errorf("telemetry: %w", err)
	}
	t.meters = sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader), sdkmetric.WithView(ofTemporal),
		sdkmetric.WithExemplarFilter(exemplar.AlwaysOffFilter))
	t.meter = t.meters.Meter(scope)
	if t.counters, err = newCounters(t.meter); err != nil {
		return nil, fmt.Errorf("telemetry: %w", err)
	}
	if o.Endpoint == "" {
		return t, nil
	}
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(strings.TrimSuffix(o.Endpoint, "/")+"/v1/traces"),
		otlptracehttp.WithTimeout(exportLimit))
	if err != nil {
		return nil, errors.New("telemetry: OTEL_EXPORTER_OTLP_ENDPOINT can't be used")
	}
	t.traces = sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter, sdktrace.WithExportTimeout(exportLimit)),
		sdktrace.WithResource(resource.NewSchemaless(attribute.String("service.name", "throughline"),
			attribute.String("throughline.process", o.Process), attribute.String("service.instance.id", uuid.NewString()))))
	t.Tracer = trace.New(t.traces)
	return t, nil
}

// Handler answers a scrape. What can't be read is left out; the rest is still shown.
func (t *Telemetry) Handler() http.Handler {
	return promhttp.HandlerFor(t.registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError, MaxRequestsInFlight: scrapes,
		Timeout: scrapeLimit})
}

// Close sends what is left of the traces, for as long as the context lasts. After it nothing is shown.
func (t *Telemetry) Close(ctx context.Context) error {
	var errs []error
	if t.traces != nil {
		// A collector that is away must not make the end of a process a failure.
		if err := t.traces.Shutdown(ctx); err != nil && ctx.Err() == nil {
			otel.Handle(err)
		}
	}
	return errors.Join(append(errs, t.meters.Shutdown(ctx))...)
}

// reporter logs what OpenTelemetry can't do, once a minute and without its text, which may hold addresses and keys.
type reporter struct {
	log  *slog.Logger
	last *atomic.Int64 // Unix seconds
}

func (r reporter) Handle(err error) {
	now := time.Now().Unix()
	if last := r.last.Load(); now-last < 60 || !r.last.CompareAndSwap(last, now) {
		return
	}
	class := "failed"
	if errors.Is(err, context.DeadlineExceeded) {
		class = "timeout"
	}
	r.log.Warn("metrics or traces could not be told", "class", class)
}
