package trace

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// quiet is a span of a library's, kept to names and ids: the text of an error may quote what a person wrote.
type quiet struct{ trace.Span }

// Quiet begins spans for a library that makes its own, and keeps texts of errors out of them.
func Quiet(ctx context.Context, t trace.Tracer, name string, o ...trace.SpanStartOption) trace.Span {
	_, span := t.Start(ctx, name, o...)
	return quiet{span}
}

func (q quiet) RecordError(error, ...trace.EventOption) {}
func (q quiet) AddEvent(string, ...trace.EventOption)   {}
func (q quiet) SetStatus(code codes.Code, _ string)     { q.Span.SetStatus(code, "") }
func (q quiet) SetAttributes(all ...attribute.KeyValue) { q.Span.SetAttributes(ids(all)...) }

// ids keeps Temporal's own ids of a workflow, a run and an activity. Ours are made of UUIDs.
func ids(all []attribute.KeyValue) (kept []attribute.KeyValue) {
	for _, a := range all {
		switch a.Key {
		case "temporalWorkflowID", "temporalRunID", "temporalActivityID":
			kept = append(kept, a)
		}
	}
	return kept
}
