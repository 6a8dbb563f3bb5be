package trace

import (
	"context"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// Context hands the place in a trace from one process to another, as W3C Trace Context writes it, without what else may
// come along: baggage and trace state hold whatever their author likes.
type Context struct{ w3c propagation.TraceContext }

// Inject writes the span of the context into a carrier.
func (c Context) Inject(ctx context.Context, to propagation.TextMapCarrier) {
	c.w3c.Inject(trace.ContextWithSpanContext(ctx, plain(ctx)), to)
}

// Extract gives a context whose span is the one that a carrier names, if it names one.
func (c Context) Extract(ctx context.Context, from propagation.TextMapCarrier) context.Context {
	read := c.w3c.Extract(ctx, from)
	if s := plain(read); s.IsRemote() {
		return trace.ContextWithRemoteSpanContext(ctx, s)
	}
	return ctx
}

// Fields names what is written.
func (Context) Fields() []string { return []string{"traceparent"} }

func plain(ctx context.Context) trace.SpanContext {
	return trace.SpanContextFromContext(ctx).WithTraceState(trace.TraceState{})
}
