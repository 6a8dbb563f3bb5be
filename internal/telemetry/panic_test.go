package telemetry_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"

	find "throughline/internal/canary"
	"throughline/internal/telemetry"
)

// An activity that goes down with someone's words in hand, in whatever way, tells none of them: not the log, and not
// Temporal, which keeps the failure. It says where it was, and is counted.
func TestAnActivityThatGoesDownTellsNothing(t *testing.T) {
	t.Parallel()
	told := start(t, telemetry.Options{})
	words := "Zyta Canarova"
	ways := map[string]func(context.Context) error{
		"a text":           func(context.Context) error { panic(words) },
		"an error":         func(context.Context) error { panic(fmt.Errorf("save %s: %w", words, errors.New("x"))) },
		"a struct":         func(context.Context) error { panic(struct{ Name string }{words}) },
		"of the runtime":   func(context.Context) error { return []error{}[len(words)] },
		"while converting": func(context.Context) error { var v any = words; _ = v.(int); return nil },
	}
	for way, run := range ways {
		var said bytes.Buffer
		var suite testsuite.WorkflowTestSuite
		suite.SetLogger(log.NewStructuredLogger(slog.New(slog.NewJSONHandler(&said, nil))))
		env := suite.NewTestActivityEnvironment()
		env.SetWorkerOptions(worker.Options{Interceptors: []interceptor.WorkerInterceptor{told.Failures()}})
		env.RegisterActivityWithOptions(run, activity.RegisterOptions{Name: "GoesDown"})
		_, err := env.ExecuteActivity("GoesDown")
		var kept *temporal.ApplicationError
		require.ErrorAs(t, err, &kept, way)
		assert.Equal(t, "panic", kept.Type(), way)
		assert.False(t, kept.NonRetryable(), way)
		for _, found := range find.For("zyta", "canarova").InText(said.String() + fmt.Sprintf("%+v", err) + kept.Message()) {
			t.Errorf("%s: %s", way, found)
		}
		assert.Contains(t, said.String(), "panic_test.go", "%s: where it was", way)
	}
	assert.Contains(t, scrape(t, told), fmt.Sprintf(`throughline_step_failures_total{activity="GoesDown",class="panic"} %d`, len(ways)))
}
