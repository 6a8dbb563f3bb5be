package db

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"throughline/referral"
)

// ReferralView is a referral as its page shows it, personal data sealed.
type ReferralView struct {
	ID         uuid.UUID         `db:"id"`
	CaseID     uuid.UUID         `db:"case_id"`
	Reference  string            `db:"reference"`
	EpisodeOf  *uuid.UUID        `db:"episode_of"`
	Need       string            `db:"need"`
	Details    string            `db:"details"`
	Urgency    referral.Urgency  `db:"urgency"`
	State      referral.State    `db:"state"`
	Outcome    string            `db:"outcome"`
	Unmet      string            `db:"unmet_reason"`
	Evidence   referral.Evidence `db:"evidence"`
	Version    int               `db:"version"`
	OwnerID    uuid.UUID         `db:"owner_id"`
	OwnerName  string            `db:"owner_name"`
	CreatedAt  time.Time         `db:"created_at"`
	OpenedAt   *time.Time        `db:"opened_at"`
	ClosedAt   *time.Time        `db:"closed_at"`
	Step       []byte            `db:"step"`
	PersonName string            `db:"person_name"`
	Offers     []byte            `db:"offers"`
	Tasks      []byte            `db:"tasks"`
	Consents   []byte            `db:"consents"`
	CaseKey
}

const referralView = `SELECT r.id, r.case_id, c.reference, r.episode_of, r.need, r.details, r.urgency, r.state, r.outcome,
	r.unmet_reason, r.evidence, r.version, r.owner_id, w.name AS owner_name, r.created_at, r.opened_at, r.closed_at, r.step,
	coalesce(p.name, '') AS person_name` + caseKey + `,
	(SELECT json_agg(x ORDER BY x.rank, x.created_at, x.id) FROM (
		SELECT o.id, o.service_id, coalesce(s.name, '') AS service, coalesce(s.name_fr, '') AS service_fr,
			coalesce(a.name, '') AS agency, coalesce(a.name_fr, '') AS agency_fr, coalesce(reach.phone, '') AS phone, o.rank,
			o.state, o.reason, o.reason_note, o.outcome, o.question, o.answer, o.answered_by, o.entered_at, o.sent_at,
			o.reminded_at, o.escalated_at, o.attempts, o.visit_at AS appointment_at, o.created_at, ` + mailState + ` AS mail
		FROM offers o LEFT JOIN services s ON s.id = o.service_id LEFT JOIN agencies a ON a.id = s.agency_id
			LEFT JOIN service_reach reach ON reach.id = o.service_id
			LEFT JOIN LATERAL (` + mailOfOffer + `) m ON true
		WHERE o.referral_id = r.id) x) AS offers,
	(SELECT json_agg(x ORDER BY x.state <> 'open', x.due_at, x.id) FROM (
		SELECT t.id, t.offer_id, coalesce(s.name, '') AS service, coalesce(s.name_fr, '') AS service_fr,
			coalesce(a.name, '') AS agency, coalesce(a.name_fr, '') AS agency_fr, coalesce(reach.phone, '') AS phone, t.kind, t.cause, t.state, t.role, t.assignee_id,
			coalesce(n.name, '') AS assignee_name, t.created_at, t.due_at, t.done_at, t.escalations, t.result
		FROM tasks t LEFT JOIN offers o ON o.id = t.offer_id LEFT JOIN services s ON s.id = o.service_id
			LEFT JOIN agencies a ON a.id = s.agency_id LEFT JOIN service_reach reach ON reach.id = o.service_id
			LEFT JOIN accounts n ON n.id = t.assignee_id
		WHERE t.referral_id = r.id) x) AS tasks,
	(SELECT json_agg(x ORDER BY x.recorded_at, x.seq) FROM (SELECT k.id, k.given, k.takes_back, k.how, k.script, k.service_ids, k.agreed, k.expires_at,
			k.substitute, k.capacity, k.recorded_at, k.withdrawn_at, k.seq, b.name AS recorded_by
		FROM consents k JOIN accounts b ON b.id = k.recorded_by WHERE k.referral_id = r.id) x) AS consents
FROM referrals r JOIN cases c ON c.id = r.case_id JOIN accounts w ON w.id = r.owner_id LEFT JOIN accounts p ON p.id = r.step_person
	LEFT JOIN case_keys k ON k.case_id = r.case_id `

// FindReferralView reads a referral of an organisation; not_found also when it is another's.
func FindReferralView(ctx context.Context, q sqlx.QueryerContext, organisation, id uuid.UUID) (ReferralView, error) {
	var v ReferralView
	if err := sqlx.GetContext(ctx, q, &v, referralView+`WHERE r.id = $1 AND r.organisation_id = $2`, id, organisation); err != nil {
		return v, fmt.Errorf("read referral: %w", Translate(err))
	}
	return v, nil
}

// ReferralViews reads every referral of a case, newest first.
func ReferralViews(ctx context.Context, q sqlx.QueryerContext, organisation, caseID uuid.UUID) ([]ReferralView, error) {
	var list []ReferralView
	err := sqlx.SelectContext(ctx, q, &list, referralView+`WHERE r.case_id = $1 AND r.organisation_id = $2 ORDER BY r.created_at DESC, r.id`,
		caseID, organisation)
	if err != nil {
		return nil, fmt.Errorf("read referrals: %w", Translate(err))
	}
	return list, nil
}

// TimelineRow is one thing that happened, as staff see it; as it is read, what people wrote is sealed.
type TimelineRow struct {
	ID          int64         `db:"id" json:"id"`
	Version     int           `db:"version" json:"version"`
	At          time.Time     `db:"at" json:"at"`
	What        referral.Name `db:"what" json:"what"`
	OfferID     *uuid.UUID    `db:"offer_id" json:"offer_id"`
	Agency      string        `db:"agency" json:"agency"`
	AgencyFR    string        `db:"agency_fr" json:"agency_fr"`
	TaskID      *uuid.UUID    `db:"task_id" json:"task_id"`
	From        string        `db:"from_state" json:"from"`
	To          string        `db:"to_state" json:"to"`
	Code        string        `db:"code" json:"code"`
	Attribution string        `db:"attribution" json:"attribution"`
	ActorRole   referral.Role `db:"actor_role" json:"actor_role"`
	ActorFor    referral.Role `db:"actor_for" json:"actor_for"`
	ActorName   string        `db:"actor_name" json:"actor_name"`
	Via         string        `db:"via" json:"via"`
	Note        string        `db:"note" json:"note"`
	ToldBy      string        `db:"told_by" json:"told_by"` // who at the agency said so; "" unless staff recorded its word
	SealID      uuid.UUID     `db:"seal_id" json:"-"`
}

// Timeline reads what happened to a referral, oldest first.
func Timeline(ctx context.Context, q sqlx.QueryerContext, organisation, referralID uuid.UUID) ([]TimelineRow, error) {
	var list []TimelineRow
	err := sqlx.SelectContext(ctx, q, &list, `SELECT l.id, l.version, l.at, l.what, l.offer_id,
			coalesce(nullif(a.name, ''), s.name, '') AS agency,
			CASE WHEN coalesce(a.name, '') <> '' THEN a.name_fr ELSE coalesce(s.name_fr, '') END AS agency_fr, l.task_id, l.from_state, l.to_state, l.code, l.attribution,
			l.actor_role, l.actor_for, l.actor_name, l.via, l.note, l.told_by, l.seal_id
		FROM timeline l LEFT JOIN offers o ON o.id = l.offer_id LEFT JOIN services s ON s.id = o.service_id
			LEFT JOIN agencies a ON a.id = s.agency_id
		WHERE l.referral_id = $1 AND l.organisation_id = $2 ORDER BY l.id`, referralID, organisation)
	if err != nil {
		return nil, fmt.Errorf("read timeline: %w", Translate(err))
	}
	return list, nil
}

// CaseListRow is a case in a list.
type CaseListRow struct {
	ID        uuid.UUID `db:"id" json:"id"`
	Reference string    `db:"reference" json:"reference"`
	Anonymous bool      `db:"anonymous" json:"anonymous"`
	Name      string    `db:"name" json:"name"`
	Referrals int       `db:"referrals" json:"referrals"`
	Open      int       `db:"open" json:"open"`
	CreatedAt time.Time `db:"created_at" json:"created_at"`
	// Unreadable is set when the name does not open.
	Unreadable bool `db:"-" json:"-"`
	CaseKey
}

// QueueFilter chooses referrals for a list.
type QueueFilter struct {
	Owner         uuid.UUID // nil UUID: anyone's
	Closed        bool      // closed ones, last closed first, instead of those still to be carried
	Limit, Offset int
}

// QueueRow is a referral in a list, its step as the record keeps it. Total counts the list.
type QueueRow struct {
	ID         uuid.UUID           `db:"id" json:"id"`
	CaseID     uuid.UUID           `db:"case_id" json:"case_id"`
	Reference  string              `db:"reference" json:"case_reference"`
	Need       string              `db:"need" json:"need"`
	Urgency    referral.Urgency    `db:"urgency" json:"urgency"`
	State      referral.State      `db:"state" json:"state"`
	OfferState referral.OfferState `db:"offer_state" json:"offer_state"` // of the agency that has it; "" when none has
	Agency     string              `db:"agency" json:"agency"`
	AgencyFR   string              `db:"agency_fr" json:"agency_fr"`
	Service    string              `db:"service" json:"service"`
	ServiceFR  string              `db:"service_fr" json:"service_fr"`
	OwnerID    uuid.UUID           `db:"owner_id" json:"owner_id"`
	OwnerName  string              `db:"owner_name" json:"owner_name"`
	Escalated  bool                `db:"escalated" json:"escalated"`
	Step       []byte              `db:"step" json:"-"`
	PersonName string              `db:"person_name" json:"-"`
	OpenTasks  int                 `db:"open_tasks" json:"open_tasks"`
	CreatedAt  time.Time           `db:"created_at" json:"created_at"`
	ClosedAt   *time.Time          `db:"closed_at" json:"closed_at"`
	Outcome    string              `db:"outcome" json:"outcome"`
	Evidence   referral.Evidence   `db:"evidence" json:"evidence"`
	Total      int                 `db:"total" json:"-"`
}

const inQueue = `r.organisation_id = $1 AND (r.state = 'closed') = $2 AND ($3::uuid IS NULL OR r.owner_id = $3)`

// CountQueue counts what Queue lists over all pages.
func CountQueue(ctx context.Context, q sqlx.QueryerContext, s Scope, f QueueFilter) (total int, err error) {
	args := []any{s.Organisation, f.Closed, Nullable(f.Owner)}
	within := s.reach("r.case_id", byCase, &args)
	err = sqlx.GetContext(ctx, q, &total, `SELECT count(*) FROM referrals r WHERE `+inQueue+` AND `+within, args...)
	if err != nil {
		return 0, fmt.Errorf("count queue: %w", Translate(err))
	}
	return total, nil
}

// Queue lists referrals within reach, those whose step is due first first. Each row has the total; a page beyond the last
// has none.
func Queue(ctx context.Context, q sqlx.QueryerContext, s Scope, f QueueFilter) ([]QueueRow, error) {
	args := []any{s.Organisation, f.Closed, Nullable(f.Owner), f.Limit, f.Offset}
	within := s.reach("r.case_id", byCase, &args)
	order := "r.step_due, r.id"
	if f.Closed {
		order = "r.closed_at DESC, r.id"
	}
	var list []QueueRow
	err := sqlx.SelectContext(ctx, q, &list, `WITH page AS (
			SELECT r.*, count(*) OVER () AS total FROM referrals r
			WHERE `+inQueue+` AND `+within+`
			ORDER BY `+order+` LIMIT $4 OFFSET $5)
		SELECT r.id, r.case_id, c.reference, r.need, r.urgency, r.state, coalesce(o.state, '') AS offer_state,
			coalesce(a.name, '') AS agency, coalesce(a.name_fr, '') AS agency_fr, coalesce(s.name, '') AS service, coalesce(s.name_fr, '') AS service_fr, r.owner_id,
			w.name AS owner_name, r.step, coalesce(p.name, '') AS person_name, r.created_at, r.closed_at, r.outcome, r.evidence, r.total,
			EXISTS (SELECT 1 FROM tasks t WHERE t.referral_id = r.id AND t.state = 'open' AND t.role = 'coordinator') AS escalated,
			(SELECT count(*) FROM tasks t WHERE t.referral_id = r.id AND t.state = 'open') AS open_tasks
		FROM page r JOIN cases c ON c.id = r.case_id JOIN accounts w ON w.id = r.owner_id LEFT JOIN accounts p ON p.id = r.step_person
			LEFT JOIN LATERAL (SELECT state, service_id FROM offers WHERE referral_id = r.id AND state <> 'queued'
				ORDER BY state IN ('declined', 'lapsed', 'withdrawn', 'failed', 'in_error'), state = 'waitlisted', entered_at DESC
				LIMIT 1) o ON true
			LEFT JOIN services s ON s.id = o.service_id LEFT JOIN agencies a ON a.id = s.agency_id
		ORDER BY `+order, args...)
	if err != nil {
		return nil, fmt.Errorf("read queue: %w", Translate(err))
	}
	return list, nil
}

// TaskFilter chooses open tasks for a list.
type TaskFilter struct {
	Assignee      uuid.UUID     // with Role: tasks of this person, and those of anyone of the role
	Role          referral.Role // "" lists everyone's
	Task          uuid.UUID     // one task, open or not
	Limit, Offset int
}

// TaskRow is work for a human as staff see it. Total counts the list it stands in.
type TaskRow struct {
	ID           uuid.UUID          `db:"id" json:"id"`
	ReferralID   uuid.UUID          `db:"referral_id" json:"referral_id"`
	CaseID       uuid.UUID          `db:"case_id" json:"case_id"`
	Reference    string             `db:"reference" json:"case_reference"`
	OfferID      *uuid.UUID         `db:"offer_id" json:"offer_id"`
	Service      string             `db:"service" json:"service"`
	ServiceFR    string             `db:"service_fr" json:"service_fr"`
	Agency       string             `db:"agency" json:"agency"`
	AgencyFR     string             `db:"agency_fr" json:"agency_fr"`
	Phone        string             `db:"phone" json:"phone"` // the agency's
	Need         string             `db:"need" json:"need"`
	Urgency      referral.Urgency   `db:"urgency" json:"urgency"`
	Kind         referral.TaskKind  `db:"kind" json:"kind"`
	Cause        string             `db:"cause" json:"cause"`
	State        referral.TaskState `db:"state" json:"state"`
	Role         referral.Role      `db:"role" json:"role"`
	AssigneeID   *uuid.UUID         `db:"assignee_id" json:"assignee_id"`
	AssigneeName string             `db:"assignee_name" json:"assignee_name"`
	CreatedAt    time.Time          `db:"created_at" json:"created_at"`
	DueAt        time.Time          `db:"due_at" json:"due_at"`
	DoneAt       *time.Time         `db:"done_at" json:"done_at"`
	Escalations  int                `db:"escalations" json:"escalations"`
	Result       string             `db:"result" json:"result"`
	Total        int                `db:"total" json:"-"`
	CaseKey
}

const inTasks = `t.organisation_id = $1 AND ($2::uuid IS NOT NULL OR t.state = 'open') AND ($2::uuid IS NULL OR t.id = $2)
	AND ($3 = '' OR t.assignee_id = $4 OR (t.assignee_id IS NULL AND t.role = $3))`

// CountTasks counts what Tasks lists over all pages.
func CountTasks(ctx context.Context, q sqlx.QueryerContext, s Scope, f TaskFilter) (total int, err error) {
	args := []any{s.Organisation, Nullable(f.Task), f.Role, Nullable(f.Assignee)}
	within := s.reach("t.referral_id", byReferral, &args)
	err = sqlx.GetContext(ctx, q, &total, `SELECT count(*) FROM tasks t WHERE `+inTasks+` AND `+within, args...)
	if err != nil {
		return 0, fmt.Errorf("count tasks: %w", Translate(err))
	}
	return total, nil
}

// Tasks lists tasks of cases within reach, those due first first. Each row has the total; a page beyond the last has none.
func Tasks(ctx context.Context, q sqlx.QueryerContext, s Scope, f TaskFilter) ([]TaskRow, error) {
	var list []TaskRow
	args := []any{s.Organisation, Nullable(f.Task), f.Role, Nullable(f.Assignee), f.Limit, f.Offset}
	within := s.reach("t.referral_id", byReferral, &args)
	// The page is chosen before anything is looked up for its rows: an agency's phone number takes a while to find.
	err := sqlx.SelectContext(ctx, q, &list, `WITH page AS (
			SELECT t.*, count(*) OVER () AS total FROM tasks t
			WHERE `+inTasks+` AND `+within+`
			ORDER BY t.due_at, t.id LIMIT $5 OFFSET $6)
		SELECT t.id, t.referral_id, r.case_id, c.reference, t.offer_id,
			coalesce(s.name, '') AS service, coalesce(s.name_fr, '') AS service_fr, coalesce(a.name, '') AS agency, coalesce(a.name_fr, '') AS agency_fr,
			coalesce(reach.phone, '') AS phone, r.need, r.urgency, t.kind, t.cause, t.state, t.role, t.assignee_id,
			coalesce(n.name, '') AS assignee_name, t.created_at, t.due_at, t.done_at, t.escalations, t.result,
			t.total`+caseKey+`
		FROM page t JOIN referrals r ON r.id = t.referral_id JOIN cases c ON c.id = r.case_id
			LEFT JOIN offers o ON o.id = t.offer_id LEFT JOIN services s ON s.id = o.service_id
			LEFT JOIN agencies a ON a.id = s.agency_id LEFT JOIN service_reach reach ON reach.id = o.service_id
			LEFT JOIN accounts n ON n.id = t.assignee_id LEFT JOIN case_keys k ON k.case_id = r.case_id
		ORDER BY t.due_at, t.id`, args...)
	if err != nil {
		return nil, fmt.Errorf("read tasks: %w", Translate(err))
	}
	return list, nil
}

// Rows reads a list that came as JSON; none when it is NULL.
func Rows[T any](raw []byte) ([]T, error) {
	if raw == nil {
		return []T{}, nil
	}
	var list []T
	return list, json.Unmarshal(raw, &list)
}
