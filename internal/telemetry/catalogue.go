package telemetry

// Metric describes one metric that we export. docs/operations.md lists each with its help, and the rules of
// deploy/alerts.yml may use no other; tests hold both to this list.
type Metric struct {
	Name   string
	Help   string
	Labels []string
	// Histogram says that it is asked for by _bucket, _count and _sum.
	Histogram bool
}

// Names of our metrics. They are what alerts and dashboards are written against: to change one breaks them.
const (
	Up              = "throughline_up"
	ReferralsOpen   = "throughline_referrals_open"
	StepsOverdue    = "throughline_steps_overdue"
	StepsOldest     = "throughline_steps_oldest_overdue_seconds"
	OutboxRows      = "throughline_outbox_rows"
	OutboxOldest    = "throughline_outbox_oldest_seconds"
	Messages        = "throughline_messages"
	MessagesOldest  = "throughline_messages_oldest_seconds"
	TasksOpen       = "throughline_tasks_open"
	TasksOverdue    = "throughline_tasks_overdue"
	TasksEscalated  = "throughline_tasks_escalated"
	Connections     = "throughline_database_connections"
	ConnectionsMax  = "throughline_database_connections_max"
	Repairs         = "throughline_watchdog_repairs_total"
	WebhookEvents   = "throughline_webhook_events_total"
	Letters         = "throughline_letters_total"
	StepFailures    = "throughline_step_failures_total"
	WorkflowTasks   = "throughline_workflow_task_failures_total"
	TemporalCalls   = "throughline_temporal_request_failures_total"
	TaskLatency     = "throughline_workflow_task_wait_seconds"
	CanaryAge       = "throughline_canary_age_seconds"
	RequestDuration = "throughline_http_request_duration_seconds"
	GlassUnreviewed = "throughline_glass_unreviewed"
	GlassOldest     = "throughline_glass_unreviewed_oldest_seconds"
	AuditUnlinked   = "throughline_audit_unlinked_oldest_seconds"
	AuditUnexported = "throughline_audit_unexported_oldest_seconds"
	AuditFailures   = "throughline_audit_failures_total"
)

// Catalogue lists every metric of our own. Besides them there are those of the Go runtime (go_) and of the process
// (process_), as the Prometheus client names them.
var Catalogue = []Metric{
	{Name: Up, Labels: []string{"part"}, Help: "1 when a part of this process takes work, 0 when it does not; the parts are those of /readyz."},
	{Name: ReferralsOpen, Labels: []string{"offer_state"}, Help: "Open referrals, by the state of the offer that counts; none when nobody is asked."},
	{Name: StepsOverdue, Help: "Next steps of open referrals that are past their time."},
	{Name: StepsOldest, Help: "How long the oldest overdue step has been due; 0 when none is."},
	{Name: OutboxRows, Labels: []string{"kind"}, Help: "Promises in the outbox that are not kept yet."},
	{Name: OutboxOldest, Labels: []string{"kind"}, Help: "Age of the oldest promise in the outbox; 0 when there is none."},
	{Name: Messages, Labels: []string{"state"}, Help: "Letters whose fate is open: pending, claimed or ambiguous."},
	{Name: MessagesOldest, Labels: []string{"state"}, Help: "Age of the oldest letter in that state; 0 when there is none."},
	{Name: TasksOpen, Labels: []string{"kind"}, Help: "Open tasks for people."},
	{Name: TasksOverdue, Help: "Open tasks that are past their time."},
	{Name: TasksEscalated, Help: "Open tasks that went to the coordinators because nobody did them."},
	{Name: Connections, Labels: []string{"pool", "state"}, Help: "Connections of this process to PostgreSQL, by pool: in_use or idle."},
	{Name: ConnectionsMax, Labels: []string{"pool"}, Help: "Most connections that a pool of this process may hold."},
	{Name: Repairs, Labels: []string{"kind"}, Help: "What the watchdog found broken and repaired."},
	{Name: WebhookEvents, Labels: []string{"answer"}, Help: "Batches of events from the mail provider, by what became of them: taken, late, or why they were refused."},
	{Name: Letters, Labels: []string{"provider", "outcome", "class"}, Help: "Attempts to hand a letter to the provider, by outcome, and why when it failed."},
	{Name: StepFailures, Labels: []string{"activity", "class"}, Help: "Attempts at a step of a referral that failed, by class; most are tried again."},
	{Name: WorkflowTasks, Labels: []string{"workflow_type", "failure_reason"}, Help: "Workflow tasks that failed here; NonDeterminismError is code that does not replay."},
	{Name: TemporalCalls, Labels: []string{"operation", "status_code"}, Help: "Requests to Temporal that failed, long polls left out."},
	{Name: TaskLatency, Histogram: true, Labels: []string{"workflow_type"}, Help: "How long workflow tasks waited for a worker."},
	{Name: CanaryAge, Help: "Time since a canary workflow last came through on this worker, or since the worker started."},
	{Name: GlassUnreviewed, Help: "Times that a restricted case was opened by someone who is not named on it, which no second person has looked at."},
	{Name: GlassOldest, Help: "Age of the oldest of these; 0 when there is none."},
	{Name: AuditUnlinked, Help: "Age of the oldest entry of the audit that is not linked into its chain; 0 when all are."},
	{Name: AuditUnexported, Help: "Age of the oldest entry of the audit that no exported head covers; not shown where heads are not exported."},
	{Name: AuditFailures, Labels: []string{"kind"}, Help: "Attempts to link the audit or to export its heads that failed; they are tried again."},
	{Name: RequestDuration, Histogram: true, Labels: []string{"route", "method", "status"}, Help: "How long requests took, by the template of their route and class of status."},
}

func help(name string) string {
	for _, m := range Catalogue {
		if m.Name == name {
			return m.Help
		}
	}
	panic("telemetry: " + name + " is not in the catalogue")
}
