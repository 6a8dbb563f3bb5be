package telemetry_test

import (
	"bytes"
	"context"
	"database/sql"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"throughline/db"
	"throughline/internal/telemetry"
)

var now = time.Date(2026, 11, 23, 15, 0, 0, 0, time.UTC)

func start(t *testing.T, o telemetry.Options) *telemetry.Telemetry {
	t.Helper()
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	told, err := telemetry.Start(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(func() { _ = told.Close(context.Background()) })
	return told
}

// sources are those of a process at which all is well and nothing waits.
func sources() telemetry.Sources {
	return telemetry.Sources{Now: func() time.Time { return now },
		Record: &telemetry.Reading[db.Standing]{Ask: func(context.Context) (db.Standing, error) { return db.Standing{}, nil }},
		Parts:  func(context.Context) map[string]bool { return map[string]bool{"database": true, "temporal": true} },
		Pools:  map[string]func() sql.DBStats{"record": func() sql.DBStats { return sql.DBStats{MaxOpenConnections: 20, InUse: 3, Idle: 1} }},
		Canary: func() (time.Duration, bool) { return time.Minute, true }, Exports: true}
}

func scrape(t *testing.T, told *telemetry.Telemetry) string {
	t.Helper()
	w := httptest.NewRecorder()
	told.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	require.Equal(t, http.StatusOK, w.Code, w.Body)
	return w.Body.String()
}

func TestAScrapeShowsHowTheRecordStands(t *testing.T) {
	t.Parallel()
	told, s := start(t, telemetry.Options{}), sources()
	s.Record.Ask = func(context.Context) (db.Standing, error) {
		return db.Standing{Referrals: map[string]int{"sent": 3, "none": 1}, Steps: db.Backlog{Count: 2, Oldest: now.Add(-time.Hour)},
			Outbox:   map[string]db.Backlog{"deliver": {Count: 7, Oldest: now.Add(-90 * time.Second)}},
			Messages: map[string]db.Backlog{"ambiguous": {Count: 1, Oldest: now.Add(-time.Minute)}, "bounced": {Count: 4, Oldest: now.Add(time.Hour)}},
			Tasks:    map[string]int{"call_agency": 5}, TasksLate: 2, Escalated: 1, Glass: db.Backlog{Count: 2, Oldest: now.Add(-time.Minute)}}, nil
	}
	require.NoError(t, told.Watch(s))
	text := scrape(t, told)
	for _, line := range []string{
		`throughline_up{part="database"} 1`, `throughline_up{part="temporal"} 1`,
		`throughline_referrals_open{offer_state="sent"} 3`, `throughline_referrals_open{offer_state="none"} 1`,
		`throughline_referrals_open{offer_state="waitlisted"} 0`,
		`throughline_steps_overdue 2`, `throughline_steps_oldest_overdue_seconds 3600`,
		`throughline_outbox_rows{kind="deliver"} 7`, `throughline_outbox_oldest_seconds{kind="deliver"} 90`,
		`throughline_outbox_rows{kind="start"} 0`, `throughline_outbox_oldest_seconds{kind="start"} 0`,
		`throughline_messages{state="ambiguous"} 1`, `throughline_messages_oldest_seconds{state="ambiguous"} 60`,
		`throughline_messages{state="bounced"} 4`, `throughline_messages_oldest_seconds{state="bounced"} 0`,
		`throughline_messages{state="pending"} 0`,
		`throughline_tasks_open{kind="call_agency"} 5`, `throughline_tasks_open{kind="reach_client"} 0`,
		`throughline_tasks_overdue 2`, `throughline_tasks_escalated 1`, `throughline_glass_unreviewed 2`, `throughline_glass_unreviewed_oldest_seconds 60`, `throughline_canary_age_seconds 60`,
		`throughline_database_connections{pool="record",state="in_use"} 3`, `throughline_database_connections_max{pool="record"} 20`,
	} {
		assert.Contains(t, text, line+"\n")
	}
	assert.NotContains(t, text, `offer_state="queued"`, "nobody waits for an offer that has not gone out")
}

// With the database away there are no numbers of the record, rather than old or invented ones; the rest is shown.
func TestAScrapeWithoutTheDatabase(t *testing.T) {
	t.Parallel()
	told, s := start(t, telemetry.Options{}), sources()
	s.Record.Ask = func(ctx context.Context) (db.Standing, error) { <-ctx.Done(); return db.Standing{}, ctx.Err() }
	s.Parts = func(context.Context) map[string]bool { return map[string]bool{"database": false, "temporal": true} }
	s.Canary = func() (time.Duration, bool) { return 0, false }
	require.NoError(t, told.Watch(s))
	told.Repaired("workflow_missing")
	began := time.Now()
	text := scrape(t, told)
	assert.Less(t, time.Since(began), 5*time.Second)
	for _, line := range []string{`throughline_up{part="database"} 0`, `throughline_up{part="temporal"} 1`,
		`throughline_watchdog_repairs_total{kind="workflow_missing"} 1`} {
		assert.Contains(t, text, line+"\n")
	}
	for _, absent := range []string{telemetry.OutboxRows, telemetry.StepsOldest, telemetry.ReferralsOpen, telemetry.CanaryAge} {
		assert.NotContains(t, text, absent)
	}
}

func TestWhatIsCounted(t *testing.T) {
	t.Parallel()
	told := start(t, telemetry.Options{})
	told.Repaired("outbox_stuck")
	told.WebhookEvent("stored")
	told.WebhookEvent("stored")
	told.Letter("sendgrid", "accepted", "")
	told.Letter("sendgrid", "rejected", "bad_request")
	told.StepFailed("SendOffer", "unavailable")
	told.Request("/referrals/:id", "POST", 303, 30*time.Millisecond)
	told.Metrics("Referral").WithTags(map[string]string{"workflow_type": "Referral", "failure_reason": "NonDeterminismError", "task_queue": "q"}).
		Counter("temporal_workflow_task_execution_failed").Inc(2)
	told.Metrics("Referral").Counter("temporal_sticky_cache_hit").Inc(1)
	text := scrape(t, told)
	for _, line := range []string{
		`throughline_watchdog_repairs_total{kind="outbox_stuck"} 1`, `throughline_webhook_events_total{answer="stored"} 2`,
		`throughline_letters_total{class="none",outcome="accepted",provider="sendgrid"} 1`,
		`throughline_letters_total{class="bad_request",outcome="rejected",provider="sendgrid"} 1`,
		`throughline_step_failures_total{activity="SendOffer",class="unavailable"} 1`,
		`throughline_http_request_duration_seconds_bucket{method="POST",route="/referrals/:id",status="3xx",le="0.05"} 1`,
		`throughline_http_request_duration_seconds_count{method="POST",route="/referrals/:id",status="3xx"} 1`,
		`throughline_workflow_task_failures_total{failure_reason="NonDeterminismError",workflow_type="Referral"} 2`,
		`throughline_workflow_task_failures_total{failure_reason="WorkflowError",workflow_type="Referral"} 0`,
	} {
		assert.Contains(t, text, line+"\n")
	}
	assert.NotContains(t, text, "sticky")
	assert.Contains(t, text, "go_goroutines ")
	assert.Contains(t, text, "process_start_time_seconds ")
}

// Whatever is handed in as a label, a name, an address or a number does not get out.
func TestNoLabelHoldsWhatPeopleWrote(t *testing.T) {
	t.Parallel()
	told := start(t, telemetry.Options{})
	for _, text := range []string{"Zyta Canarova", "zyta@agency.example", "705-555-0177", "Канарова"} {
		told.Repaired(text)
		told.WebhookEvent(text)
		told.Letter(text, text, text)
		told.StepFailed(text, text)
		told.Request(text, text, 200, 0)
	}
	shown := scrape(t, told)
	for _, text := range []string{"Zyta", "Canarova", "agency.example", "0177", "Канарова"} {
		assert.NotContains(t, shown, text)
	}
	assert.Contains(t, shown, `throughline_watchdog_repairs_total{kind="other"} 4`)
	assert.Contains(t, shown, `throughline_step_failures_total{activity="other",class="other"} 4`)
	assert.Contains(t, shown, `throughline_http_request_duration_seconds_count{method="other",route="(none)",status="2xx"} 4`)
}

// Everything that is exported is in the catalogue with its help, and everything in the catalogue is exported.
func TestTheCatalogueIsWhatIsExported(t *testing.T) {
	t.Parallel()
	told := start(t, telemetry.Options{})
	require.NoError(t, told.Watch(sources()))
	told.Repaired("x")
	told.AuditFailed("x")
	told.WebhookEvent("x")
	told.Letter("x", "x", "x")
	told.StepFailed("X", "x")
	told.Request("/", "GET", 200, 0)
	tags := map[string]string{"workflow_type": "Referral", "operation": "x", "status_code": "x"}
	sdk := told.Metrics("Referral").WithTags(tags)
	sdk.Counter("temporal_request_failure").Inc(1)
	sdk.Timer("temporal_workflow_task_schedule_to_start_latency").Record(time.Second)
	found := regexp.MustCompile(`(?m)^# HELP (throughline_\S+) (.+)$`).FindAllStringSubmatch(scrape(t, told), -1)
	var names []string
	for _, f := range found {
		names = append(names, f[1])
		i := slices.IndexFunc(telemetry.Catalogue, func(m telemetry.Metric) bool { return m.Name == f[1] })
		if assert.GreaterOrEqual(t, i, 0, "%s is not in the catalogue", f[1]) {
			assert.Equal(t, telemetry.Catalogue[i].Help, f[2])
		}
	}
	for _, m := range telemetry.Catalogue {
		assert.Contains(t, names, m.Name)
	}
}

// A collector that is away costs a line in the log now and then, and neither time nor the process.
func TestACollectorThatIsAway(t *testing.T) {
	t.Parallel()
	away := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusBadRequest)
	}))
	t.Cleanup(away.Close)
	var log bytes.Buffer
	told := start(t, telemetry.Options{Endpoint: away.URL + "/canary-of-a-key", Log: slog.New(slog.NewTextHandler(&log, nil))})
	_, span := told.Tracer.Start(t.Context(), "outbox.deliver")
	span.End("")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	require.NoError(t, told.Close(ctx))
	assert.NotContains(t, log.String(), "canary-of-a-key")
	if log.Len() > 0 { // another test's telemetry may have taken over what is the program's one place for such errors
		assert.Equal(t, 1, strings.Count(log.String(), "\n"))
	}
}
