package telemetry

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"

	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/opentelemetry"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"

	"throughline/internal/trace"
)

// kept are the metrics of Temporal's SDK that we export, by our names, with the labels that are kept. Each costs a
// series for each of its labels' values; the names of task queues, of which every canary has its own, are not kept.
var kept = map[string]struct {
	name   string
	labels []attribute.Key
}{
	"temporal_workflow_task_execution_failed":          {WorkflowTasks, []attribute.Key{"workflow_type", "failure_reason"}},
	"temporal_request_failure":                         {TemporalCalls, []attribute.Key{"operation", "status_code"}},
	"temporal_workflow_task_schedule_to_start_latency": {TaskLatency, []attribute.Key{"workflow_type"}},
}

// ofTemporal is the view of the SDK's metrics: those that are kept get our names, the others are dropped.
func ofTemporal(i sdkmetric.Instrument) (sdkmetric.Stream, bool) {
	if i.Scope.Name != sdkScope {
		return sdkmetric.Stream{}, false
	}
	k, ok := kept[i.Name]
	if !ok {
		return sdkmetric.Stream{Aggregation: sdkmetric.AggregationDrop{}}, true
	}
	s := sdkmetric.Stream{Name: k.name, Description: help(k.name), Unit: i.Unit,
		AttributeFilter: func(a attribute.KeyValue) bool { return slices.Contains(k.labels, a.Key) }}
	if k.name == TaskLatency {
		s.Aggregation = sdkmetric.AggregationExplicitBucketHistogram{Boundaries: []float64{.01, .05, .1, .5, 1, 5, 10, 60}}
	}
	return s, true
}

const sdkScope = "temporal-sdk"

// Metrics take what Temporal's SDK counts. The failures of a referral's workflow task are there from the start: an alarm
// that looks at how a count grows does not see one that begins with its first failure.
func (t *Telemetry) Metrics(workflowType string) client.MetricsHandler {
	told := opentelemetry.NewMetricsHandler(opentelemetry.MetricsHandlerOptions{Meter: t.meters.Meter(sdkScope), UseMonotonicCounters: true,
		OnError: func(error) {}})
	for _, reason := range []string{"NonDeterminismError", "WorkflowError"} {
		told.WithTags(map[string]string{"workflow_type": workflowType, "failure_reason": reason}).
			Counter("temporal_workflow_task_execution_failed").Inc(0)
	}
	return told
}

// Interceptors trace what a client and its workers do, when traces go anywhere. Payloads stay out: a span says the
// name of a workflow or an activity and its id.
func (t *Telemetry) Interceptors() ([]interceptor.ClientInterceptor, error) {
	if t.traces == nil {
		return nil, nil
	}
	tracing, err := opentelemetry.NewTracingInterceptor(opentelemetry.TracerOptions{Tracer: t.traces.Tracer(sdkScope),
		DisableBaggage: true, TextMapPropagator: trace.Context{}, SpanStarter: trace.Quiet,
		// A header that another version wrote is no reason to refuse work.
		AllowInvalidParentSpans: true})
	if err != nil {
		return nil, err
	}
	return []interceptor.ClientInterceptor{tracing}, nil
}

// Failures counts the attempts of a worker's activities that fail.
func (t *Telemetry) Failures() interceptor.WorkerInterceptor { return &failures{told: t.counters} }

type failures struct {
	interceptor.WorkerInterceptorBase
	told counters
}

func (f *failures) InterceptActivity(ctx context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	return &attempt{ActivityInboundInterceptorBase: interceptor.ActivityInboundInterceptorBase{Next: next}, told: f.told}
}

type attempt struct {
	interceptor.ActivityInboundInterceptorBase
	told counters
}

// ExecuteActivity counts an attempt that fails. Of one that goes down only the type of the value and the place are told: the
// value may hold what someone wrote, and Temporal's client would log it and send it to be kept.
func (a *attempt) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (out any, err error) {
	class := "panic"
	defer func() {
		if v := recover(); v != nil {
			activity.GetLogger(ctx).Error("an activity went down", "type", fmt.Sprintf("%T", v), "at", string(debug.Stack()))
			out, err = nil, temporal.NewApplicationError(fmt.Sprintf("panic: %T", v), class)
		}
		if class != "" {
			a.told.StepFailed(activity.GetInfo(ctx).ActivityType.Name, class)
		}
	}()
	out, err = a.Next.ExecuteActivity(ctx, in)
	class = classOf(err)
	return out, err
}

// classOf is the class that an activity gave its error, "" for none; the text of one may quote what a person wrote.
func classOf(err error) string {
	var told *temporal.ApplicationError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &told) && told.Type() != "":
		return told.Type()
	case errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	case errors.Is(err, context.Canceled):
		return "cancelled"
	}
	return "failed"
}
