package db

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"throughline/internal/seeded"
	"throughline/referral"
)

// Record is a referral as a command needs it: the facts, whose it is, and the policy in force.
type Record struct {
	Organisation uuid.UUID
	Case         uuid.UUID
	Key          CaseKey // of the case
	Need         string
	Facts        referral.Facts
	Step         referral.Step
	Due          time.Time // of the step, as lists and the watchdog find it; zero when closed
	Policy       referral.Policy
	Reach        map[uuid.UUID]Reach // of the offers that have not ended
}

// Reach is where the letters of an offer go, and in which language.
type Reach struct {
	Email  string // "" when the directory has none
	Locale string
}

type recordRow struct {
	ID             uuid.UUID         `db:"id"`
	OrganisationID uuid.UUID         `db:"organisation_id"`
	CaseID         uuid.UUID         `db:"case_id"`
	Need           string            `db:"need"`
	Urgency        referral.Urgency  `db:"urgency"`
	State          referral.State    `db:"state"`
	Outcome        string            `db:"outcome"`
	Unmet          string            `db:"unmet_reason"`
	Evidence       referral.Evidence `db:"evidence"`
	Version        int               `db:"version"`
	OwnerID        uuid.UUID         `db:"owner_id"`
	OwnerLeft      bool              `db:"owner_left"`
	CreatedAt      time.Time         `db:"created_at"`
	OpenedAt       *time.Time        `db:"opened_at"`
	ClosedAt       *time.Time        `db:"closed_at"`
	WithdrawnAt    *time.Time        `db:"withdrawn_at"`
	Step           []byte            `db:"step"`
	StepDue        *time.Time        `db:"step_due"`
	Zone           string            `db:"time_zone"`
	Policy         []byte            `db:"policy"`
	Consents       []byte            `db:"consents"`
	Offers         []byte            `db:"offers"`
	Tasks          []byte            `db:"tasks"`
	CaseKey
}

// mailedOffer is an offer with the latest message that wants an answer, and where the next one goes.
type mailedOffer struct {
	offerRow
	Letter    referral.Letter    `json:"mail_letter"`
	MailState referral.MailState `json:"mail_state"`
	MailSince *time.Time         `json:"mail_since"`
	MailOut   *time.Time         `json:"mail_out"`
	Email     string             `json:"email"`
	Locale    string             `json:"locale"`
}

type taskJSON struct {
	ID          uuid.UUID          `json:"id"`
	Kind        referral.TaskKind  `json:"kind"`
	Offer       *uuid.UUID         `json:"offer_id"`
	Cause       string             `json:"cause"`
	State       referral.TaskState `json:"state"`
	Role        referral.Role      `json:"role"`
	Assignee    *uuid.UUID         `json:"assignee_id"`
	Created     time.Time          `json:"created_at"`
	Due         time.Time          `json:"due_at"`
	Done        *time.Time         `json:"done_at"`
	Escalations int                `json:"escalations"`
	Result      string             `json:"result"` // sealed
}

// recordQuery reads a whole referral in one round trip. The letters named are those that want no answer: what became
// of them never holds a referral up. One that was overtaken says nothing of whether the agency can be reached.
const recordQuery = records + `WHERE r.id = $1`

const records = `
SELECT r.id, r.organisation_id, r.case_id, r.need, r.urgency, r.state, r.outcome, r.unmet_reason, r.evidence, r.version,
	r.owner_id, NOT w.active AS owner_left, r.created_at, r.opened_at, r.closed_at, r.step, r.step_due, g.time_zone` + caseKey + `,
	(SELECT max(withdrawn_at) FROM consents WHERE referral_id = r.id) AS withdrawn_at, ` + saidOfConsent + ` AS consents,
	(SELECT body FROM policies p WHERE p.organisation_id = r.organisation_id ORDER BY p.version DESC LIMIT 1) AS policy,
	(SELECT json_agg(x ORDER BY x.rank, x.created_at, x.id) FROM (
		SELECT o.id, o.service_id, o.rank, o.created_at, o.state, o.reason, o.outcome, o.entered_at, o.sent_at,
			o.paused_seconds, o.reminded_at, o.escalated_at, o.news_at, o.asked_at, o.asks, o.attempts, o.visit_at,
			coalesce(m.letter, '') AS mail_letter, ` + mailState + ` AS mail_state, ` + mailSince + ` AS mail_since, ` + mailOut + ` AS mail_out,
			coalesce(reach.email, '') AS email, coalesce(a.mail_language, 'en') AS locale
		FROM offers o
		LEFT JOIN services s ON s.id = o.service_id
			AND o.state NOT IN ('declined', 'lapsed', 'withdrawn', 'confirmed', 'failed', 'in_error')
		LEFT JOIN agencies a ON a.id = s.agency_id
		LEFT JOIN service_reach reach ON reach.id = s.id
		LEFT JOIN LATERAL (` + mailOfOffer + `) m ON true
		WHERE o.referral_id = r.id) x) AS offers,
	(SELECT json_agg(t ORDER BY t.created_at, t.id) FROM tasks t WHERE t.referral_id = r.id) AS tasks
FROM referrals r JOIN organisations g ON g.id = r.organisation_id JOIN accounts w ON w.id = r.owner_id
	LEFT JOIN case_keys k ON k.case_id = r.case_id
`

// ReadRecord reads a referral without a lock; not_found when there is none.
func ReadRecord(ctx context.Context, q sqlx.QueryerContext, id uuid.UUID) (Record, error) {
	return record(ctx, q, recordQuery, id)
}

// LockRecord reads a referral and keeps every other command away from it until the transaction ends. The lock is a
// statement of its own: one that waited for the lock would see the referral's own row as it is now, but its offers and
// tasks as they were before the wait. It is the weakest lock that commands wait for: rows that only refer to the referral,
// such as news of a policy for all of them, are written beside it.
func LockRecord(ctx context.Context, tx *sqlx.Tx, id uuid.UUID) (Record, error) {
	if seeded.Is(seeded.VersionUnchecked) {
		return ReadRecord(ctx, tx, id)
	}
	if _, err := tx.ExecContext(ctx, `SELECT FROM referrals WHERE id = $1 FOR NO KEY UPDATE`, id); err != nil {
		return Record{}, fmt.Errorf("lock referral: %w", Translate(err))
	}
	return record(ctx, tx, recordQuery, id)
}

func record(ctx context.Context, q sqlx.QueryerContext, query string, id uuid.UUID) (Record, error) {
	var row recordRow
	if err := sqlx.GetContext(ctx, q, &row, query, id); err != nil {
		return Record{}, fmt.Errorf("read referral: %w", Translate(err))
	}
	return row.record()
}

func (row recordRow) record() (Record, error) {
	rec := Record{Organisation: row.OrganisationID, Case: row.CaseID, Key: row.CaseKey, Need: row.Need, Due: value(row.StepDue), Policy: referral.Standard()}
	zone, err := referral.ZoneNamed(row.Zone)
	if err != nil {
		return Record{}, fmt.Errorf("organisation %s: %w", row.OrganisationID, err)
	}
	rec.Facts = referral.Facts{ID: row.ID, State: row.State, Urgency: row.Urgency, Outcome: row.Outcome, Unmet: row.Unmet,
		Evidence: row.Evidence, Version: row.Version, Owner: row.OwnerID, OwnerLeft: row.OwnerLeft, Created: row.CreatedAt, Opened: value(row.OpenedAt),
		Closed: value(row.ClosedAt), Withdrawn: value(row.WithdrawnAt), Helpline: referral.Calendar{Zone: zone}}
	if row.Policy != nil {
		if rec.Policy, err = policyOf(row.Policy); err != nil {
			return Record{}, fmt.Errorf("policy of organisation %s: %w", row.OrganisationID, err)
		}
	}
	if row.Step != nil {
		if err := json.Unmarshal(row.Step, &rec.Step); err != nil {
			return Record{}, fmt.Errorf("step of referral %s: %w", row.ID, err)
		}
	}
	if rec.Facts.Offers, rec.Reach, err = offersOf(row.Offers); err != nil {
		return Record{}, fmt.Errorf("offers of referral %s: %w", row.ID, err)
	}
	if rec.Facts.Consents, err = consentsOf(row.Consents); err != nil {
		return Record{}, fmt.Errorf("consents of referral %s: %w", row.ID, err)
	}
	if rec.Facts.Tasks, err = tasksOf(row.Tasks); err != nil {
		return Record{}, fmt.Errorf("tasks of referral %s: %w", row.ID, err)
	}
	return rec, nil
}

func offersOf(raw []byte) ([]referral.Offer, map[uuid.UUID]Reach, error) {
	if raw == nil {
		return nil, nil, nil
	}
	var rows []mailedOffer
	if err := json.Unmarshal(raw, &rows); err != nil {
		return nil, nil, err
	}
	offers := make([]referral.Offer, len(rows))
	reach := map[uuid.UUID]Reach{}
	for i, r := range rows {
		if !r.State.Ended() {
			reach[r.ID] = Reach{Email: r.Email, Locale: r.Locale}
		}
		offers[i] = r.offer()
		offers[i].Mail = referral.Mail{Letter: r.Letter, State: r.MailState, Since: value(r.MailSince), Out: value(r.MailOut)}
	}
	return offers, reach, nil
}

func tasksOf(raw []byte) ([]referral.Task, error) {
	if raw == nil {
		return nil, nil
	}
	var rows []taskJSON
	if err := json.Unmarshal(raw, &rows); err != nil {
		return nil, err
	}
	tasks := make([]referral.Task, len(rows))
	for i, r := range rows {
		tasks[i] = referral.Task{ID: r.ID, Kind: r.Kind, Offer: value(r.Offer), Cause: r.Cause, State: r.State, Role: r.Role,
			Assignee: value(r.Assignee), Created: r.Created, Due: r.Due, Done: value(r.Done), Escalations: r.Escalations}
	}
	return tasks, nil
}

// NewReferral is what a referral begins with besides its facts.
type NewReferral struct {
	Organisation, Case uuid.UUID
	EpisodeOf          uuid.UUID // nil UUID: none
	Need, Details      string
	Facts              referral.Facts
	Step               referral.Step
}

// InsertReferral writes a new referral. Its offers come by InsertOffers.
func InsertReferral(n NewReferral) Part {
	step, err := asJSON(n.Step)
	f := n.Facts
	return part(err, `new_referral AS (INSERT INTO referrals (id, organisation_id, case_id, episode_of, need, details, urgency,
		state, version, owner_id, created_at, opened_at, step, step_do, step_due, step_role, step_person)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17))`,
		f.ID, n.Organisation, n.Case, Nullable(n.EpisodeOf), n.Need, n.Details, f.Urgency, f.State, f.Version, f.Owner, f.Created,
		Nullable(f.Opened), step, n.Step.Do, Nullable(n.Step.Due), n.Step.Role, Nullable(n.Step.Person))
}

// UpdateReferral writes a referral's own row, guarded by the version the decision was made on.
func UpdateReferral(f referral.Facts, was int, step referral.Step) Part {
	var raw any
	var err error
	if !step.None() {
		raw, err = asJSON(step)
	}
	p := part(err, `head AS (UPDATE referrals SET state = $3, outcome = $4, unmet_reason = $5, evidence = $6,
		version = $7, owner_id = $8, opened_at = $9, closed_at = $10, step = $11, step_do = $12, step_due = $13,
		step_role = $14, step_person = $15 WHERE id = $1 AND version = $2 RETURNING id)`,
		f.ID, was, f.State, f.Outcome, f.Unmet, f.Evidence, f.Version, f.Owner, Nullable(f.Opened), Nullable(f.Closed),
		raw, step.Do, Nullable(step.Due), step.Role, Nullable(step.Person))
	if seeded.Is(seeded.VersionUnchecked) {
		p.with = strings.Replace(p.with, "AND version = $2", "AND $2 > 0", 1)
	}
	p.guard = "head"
	return p
}

// Nullable is nil for a zero value, so that "none" is NULL in the database.
func Nullable[T comparable](v T) any {
	var zero T
	if v == zero {
		return nil
	}
	return v
}

func value[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}
