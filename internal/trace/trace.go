// Package trace tells in OpenTelemetry's spans what is being done. Spans and what they say are made here only, from a
// closed list of ids, codes and templates, so that no one can put into a trace what a person wrote or a token: there is
// no way to name an attribute, and a word that is no code is not passed on.
package trace

import (
	"context"
	"net/http"
	"regexp"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// scope is the name that our spans carry as their origin.
const scope = "throughline"

// Tracer begins spans that have no parent in this process. The zero value traces nothing.
type Tracer struct{ provider trace.TracerProvider }

// New makes a tracer. A nil provider traces nothing.
func New(p trace.TracerProvider) Tracer { return Tracer{provider: p} }

func (t Tracer) tracer() trace.Tracer {
	if t.provider == nil {
		return noop.NewTracerProvider().Tracer(scope)
	}
	return t.provider.Tracer(scope)
}

// Span is something that is being done.
type Span struct{ span trace.Span }

// Fact is one thing that a span says.
type Fact struct{ attribute attribute.KeyValue }

// Organisation says which helpline's referral it is.
func Organisation(id uuid.UUID) Fact { return ofID("throughline.organisation", id) }

// Referral says which.
func Referral(id uuid.UUID) Fact { return ofID("throughline.referral", id) }

// Command says which command of the rules is carried out.
func Command(name string) Fact { return ofWord("throughline.command", name) }

// Kind says which kind of promise is kept.
func Kind(kind string) Fact { return ofWord("throughline.kind", kind) }

// Provider says which mail provider a letter is handed to.
func Provider(name string) Fact { return ofWord("throughline.provider", name) }

// Outcome says in a code what came of it.
func Outcome(code string) Fact { return ofWord("throughline.outcome", code) }

// Class says in a code why it failed.
func Class(code string) Fact { return ofWord("throughline.class", code) }

// Status says what an HTTP request was answered with.
func Status(code int) Fact { return Fact{attribute.Int("http.response.status_code", code)} }

func ofID(name string, id uuid.UUID) Fact { return Fact{attribute.String(name, id.String())} }

func ofWord(name, word string) Fact { return Fact{attribute.String(name, Word(word))} }

var (
	word     = regexp.MustCompile(`^[a-z][a-z0-9_.]{0,59}$`)
	template = regexp.MustCompile(`^/(:?[a-z][a-z0-9_.-]*|\*|/)*$`)
	method   = regexp.MustCompile(`^(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|CONNECT|TRACE)$`)
)

// Word passes on a code as our own code writes them, and "other" for anything else: what is told about a request, a
// letter or a failure may have come from outside.
func Word(s string) string {
	if word.MatchString(s) {
		return s
	}
	return "other"
}

// Method passes on a method of HTTP; a caller may send any text as one.
func Method(s string) string {
	if method.MatchString(s) {
		return s
	}
	return "other"
}

// Route passes on a template such as /referrals/:id, and "(none)" when a request found none.
func Route(s string) string {
	if template.MatchString(s) {
		return s
	}
	return "(none)"
}

// Start begins a span of its own. The caller ends it.
func (t Tracer) Start(ctx context.Context, what string, facts ...Fact) (context.Context, Span) {
	return start(ctx, t.tracer(), trace.SpanKindInternal, Word(what), facts)
}

// Request begins the span of a request, below the caller's own span when the request names one (W3C Trace Context).
func (t Tracer) Request(ctx context.Context, from http.Header, how, route string) (context.Context, Span) {
	ctx = Context{}.Extract(ctx, propagation.HeaderCarrier(from))
	how, route = Method(how), Route(route)
	return start(ctx, t.tracer(), trace.SpanKindServer, how+" "+route, []Fact{{attribute.String("http.request.method", how)},
		{attribute.String("http.route", route)}})
}

// Start begins a span below the one of the context; without one there nothing is traced.
func Start(ctx context.Context, what string, facts ...Fact) (context.Context, Span) {
	t := trace.SpanFromContext(ctx).TracerProvider().Tracer(scope)
	return start(ctx, t, trace.SpanKindInternal, Word(what), facts)
}

func start(ctx context.Context, t trace.Tracer, kind trace.SpanKind, name string, facts []Fact) (context.Context, Span) {
	ctx, span := t.Start(ctx, name, trace.WithSpanKind(kind), trace.WithAttributes(attributes(facts)...))
	return ctx, Span{span}
}

// Say adds to what a span says.
func (s Span) Say(facts ...Fact) { s.span.SetAttributes(attributes(facts)...) }

// End ends a span; failed, when not "", is the code of what went wrong.
func (s Span) End(failed string) {
	if failed != "" {
		s.Say(Class(failed))
		s.span.SetStatus(codes.Error, "")
	}
	s.span.End()
}

func attributes(facts []Fact) []attribute.KeyValue {
	all := make([]attribute.KeyValue, len(facts))
	for i, f := range facts {
		all[i] = f.attribute
	}
	return all
}
