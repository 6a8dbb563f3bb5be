package trace_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	otel "go.opentelemetry.io/otel/trace"

	"throughline/internal/trace"
)

func recorder() (trace.Tracer, *sdktrace.TracerProvider, *tracetest.SpanRecorder) {
	r := tracetest.NewSpanRecorder()
	p := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(r))
	return trace.New(p), p, r
}

// said is what a span says, as one text for each thing.
func said(s sdktrace.ReadOnlySpan) map[string]string {
	all := map[string]string{}
	for _, a := range s.Attributes() {
		all[string(a.Key)] = a.Value.String()
	}
	return all
}

func TestOnlyCodesPass(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]string{"accept": "accept", "casework.report_outcome": "casework.report_outcome", "bounced_5xx": "bounced_5xx",
		"": "other", "Zyta Canarova": "other", "zyta canarova": "other", "zyta@agency.example": "other", "555-0177": "other", "5550177": "other",
		"naïve": "other", "a\nb": "other", strings.Repeat("a", 61): "other"} {
		assert.Equal(t, want, trace.Word(word), word)
	}
	for method, want := range map[string]string{"GET": "GET", "TRACE": "TRACE", "get": "other", "ZYTA": "other", "": "other", "GETS": "other"} {
		assert.Equal(t, want, trace.Method(method), method)
	}
	for route, want := range map[string]string{"/": "/", "/referrals/:id/:command": "/referrals/:id/:command", "/static/*": "/static/*",
		"/api/v1/openapi.json": "/api/v1/openapi.json", "": "(none)", "/r/8Fh3_token": "(none)", "/cases/4f0c2a86-54ce-4b05-8b9c-6c6f8f7d1f0e": "(none)",
		"/services?q=x": "(none)", "/zyta canarova": "(none)"} {
		assert.Equal(t, want, trace.Route(route), route)
	}
}

func TestARequestSaysWhatItMay(t *testing.T) {
	t.Parallel()
	tracer, _, r := recorder()
	id := uuid.New()
	from := http.Header{}
	from.Set("traceparent", "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01")
	from.Set("tracestate", "canary=zyta")
	from.Set("baggage", "canary=zyta")
	ctx, request := tracer.Request(t.Context(), from, "POST", "/referrals/:id/:command")
	ctx, command := trace.Start(ctx, "casework.accept", trace.Command("accept"), trace.Organisation(id))
	_, broken := trace.Start(ctx, "zyta canarova", trace.Provider("zyta canarova"))
	broken.End("zyta canarova")
	command.End("")
	request.Say(trace.Status(503))
	request.End("server_error")

	spans := r.Ended()
	require.Len(t, spans, 3)
	assert.Equal(t, "other", spans[0].Name())
	assert.Equal(t, map[string]string{"throughline.provider": "other", "throughline.class": "other"}, said(spans[0]))
	assert.Equal(t, codes.Error, spans[0].Status().Code)
	assert.Empty(t, spans[0].Status().Description)
	assert.Equal(t, "casework.accept", spans[1].Name())
	assert.Equal(t, map[string]string{"throughline.command": "accept", "throughline.organisation": id.String()}, said(spans[1]))
	assert.Equal(t, codes.Unset, spans[1].Status().Code)
	assert.Equal(t, "POST /referrals/:id/:command", spans[2].Name())
	assert.Equal(t, map[string]string{"http.request.method": "POST", "http.route": "/referrals/:id/:command", "http.response.status_code": "503",
		"throughline.class": "server_error"}, said(spans[2]))
	assert.Equal(t, spans[2].SpanContext().SpanID(), spans[1].Parent().SpanID())
	for _, s := range spans {
		assert.Equal(t, "0123456789abcdef0123456789abcdef", s.SpanContext().TraceID().String(), "the caller's trace goes on")
		assert.Zero(t, s.SpanContext().TraceState().Len(), "but not what else the caller wrote")
		assert.Empty(t, s.Events())
	}
}

func TestWithoutATracerNothingIsTraced(t *testing.T) {
	t.Parallel()
	ctx, span := trace.Tracer{}.Request(t.Context(), http.Header{}, "GET", "/")
	_, below := trace.Start(ctx, "casework.accept", trace.Command("accept"))
	below.End("")
	span.End("failed")
	assert.False(t, otel.SpanContextFromContext(ctx).IsSampled())
}

// A library's own spans keep their ids and lose their texts.
func TestALibrarysSpansSayNoTexts(t *testing.T) {
	t.Parallel()
	_, p, r := recorder()
	span := trace.Quiet(t.Context(), p.Tracer("x"), "RunActivity:Remind")
	span.SetAttributes(attribute.String("temporalWorkflowID", "referral-1"), attribute.String("canary", "zyta"))
	span.RecordError(errors.New("zyta"))
	span.AddEvent("zyta", otel.WithAttributes(attribute.String("canary", "zyta")))
	span.SetStatus(codes.Error, "zyta")
	span.End()
	require.Len(t, r.Ended(), 1)
	ended := r.Ended()[0]
	assert.Equal(t, map[string]string{"temporalWorkflowID": "referral-1"}, said(ended))
	assert.Empty(t, ended.Events())
	assert.Equal(t, sdktrace.Status{Code: codes.Error}, ended.Status())
}

func TestAPlaceInATraceIsHandedOn(t *testing.T) {
	t.Parallel()
	tracer, _, _ := recorder()
	ctx, span := tracer.Start(t.Context(), "outbox.deliver")
	defer span.End("")
	carrier := propagation.MapCarrier{}
	trace.Context{}.Inject(ctx, carrier)
	require.Equal(t, trace.Context{}.Fields(), carrier.Keys())
	read := otel.SpanContextFromContext(trace.Context{}.Extract(context.Background(), carrier))
	assert.Equal(t, otel.SpanContextFromContext(ctx).SpanID(), read.SpanID())
	assert.True(t, read.IsRemote())
	for _, nothing := range []propagation.MapCarrier{{}, {"traceparent": "zyta"}} {
		assert.Equal(t, ctx, trace.Context{}.Extract(ctx, nothing))
	}
}
