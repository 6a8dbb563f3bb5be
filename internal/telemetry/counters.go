package telemetry

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"throughline/internal/trace"
)

// counters count what happens in this process. Each has a method of its own, so that whoever calls it needs to know
// neither names nor labels, and no label can be anything but a code.
type counters struct {
	repairs, events, letters, steps, audit metric.Int64Counter
	requests                               metric.Float64Histogram
}

func newCounters(m metric.Meter) (c counters, err error) {
	var errs []error
	counter := func(name string) metric.Int64Counter {
		made, err := m.Int64Counter(name, metric.WithDescription(help(name)))
		errs = append(errs, err)
		return made
	}
	c.repairs, c.events, c.letters, c.steps = counter(Repairs), counter(WebhookEvents), counter(Letters), counter(StepFailures)
	c.audit = counter(AuditFailures)
	// Up to the deadline of a request.
	c.requests, err = m.Float64Histogram(RequestDuration, metric.WithDescription(help(RequestDuration)),
		metric.WithExplicitBucketBoundaries(.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 15))
	return c, errors.Join(append(errs, err)...)
}

// Repaired counts something that the watchdog found broken and repaired; kind is a code.
func (c counters) Repaired(kind string) { count(c.repairs, code("kind", kind)) }

// AuditFailed counts an attempt to link the audit, or to export its heads, that failed; kind is a code.
func (c counters) AuditFailed(kind string) { count(c.audit, code("kind", kind)) }

// WebhookEvent counts a batch of events from the mail provider by what became of it; answer is a code.
func (c counters) WebhookEvent(answer string) { count(c.events, code("answer", answer)) }

// Letter counts an attempt to hand a letter over. class says why it failed; "" when it did not.
func (c counters) Letter(provider, outcome, class string) {
	if class == "" {
		class = "none"
	}
	count(c.letters, code("provider", provider), code("outcome", outcome), code("class", class))
}

// pinned are the names of activities.
var pinned = regexp.MustCompile(`^[A-Z][A-Za-z]{0,39}$`)

// StepFailed counts an attempt at a step that failed.
func (c counters) StepFailed(activity, class string) {
	if !pinned.MatchString(activity) {
		activity = "other"
	}
	count(c.steps, attribute.String("activity", activity), code("class", class))
}

// Request counts a request that was answered.
func (c counters) Request(route, method string, status int, took time.Duration) {
	c.requests.Record(context.Background(), took.Seconds(), metric.WithAttributes(attribute.String("route", trace.Route(route)),
		attribute.String("method", trace.Method(method)), attribute.String("status", fmt.Sprintf("%dxx", status/100))))
}

func code(label, value string) attribute.KeyValue { return attribute.String(label, trace.Word(value)) }

func count(c metric.Int64Counter, labels ...attribute.KeyValue) {
	c.Add(context.Background(), 1, metric.WithAttributes(labels...))
}
