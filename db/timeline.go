package db

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"throughline/referral"
)

// Who stands behind lines of the timeline and of the audit.
type Who struct {
	Organisation uuid.UUID
	Role, For    referral.Role
	ID           uuid.UUID
	Name         string
	Via          string
	Why          string // what lets someone in who is not at work here; only the audit keeps it
}

// Entry is one line of the timeline. What people wrote is sealed for the place that SealID names.
type Entry struct {
	What        referral.Name        `json:"what"`
	Offer       *uuid.UUID           `json:"offer_id"`
	Task        *uuid.UUID           `json:"task_id"`
	From        string               `json:"from_state"`
	To          string               `json:"to_state"`
	Code        string               `json:"code"`
	Attribution referral.Attribution `json:"attribution"`
	Note        string               `json:"note"`
	ToldBy      string               `json:"told_by"`    // who at the agency said so, when staff wrote it down
	ActorName   *string              `json:"actor_name"` // nil: the name of who stands behind all lines
	SealID      *uuid.UUID           `json:"seal_id"`    // nil when nothing is sealed in it
}

// EntryOf makes a timeline line of a decision's event.
func EntryOf(e referral.Event) Entry {
	return Entry{What: e.What, Offer: pointer(e.Offer), Task: pointer(e.Task), From: e.From, To: e.To, Code: e.Code, Attribution: e.Of}
}

// InsertTimeline records what happened: lines on the timeline of a referral, one audit entry, and the promise to tell
// the referral's workflow: OutboxStart or OutboxChanged; "" promises nothing.
func InsertTimeline(who Who, referralID uuid.UUID, version int, at time.Time, entries []Entry, promise string) Part {
	raw, err := asJSON(entries)
	action := ""
	if len(entries) > 0 {
		action = string(entries[0].What)
	}
	return part(err, `lines AS (
		INSERT INTO timeline (organisation_id, referral_id, version, at, what, offer_id, task_id, from_state, to_state, code,
			attribution, note, told_by, actor_role, actor_for, actor_id, actor_name, via, seal_id)
		SELECT $1, $2, $3, $4, what, offer_id, task_id, from_state, to_state, code, attribution, note, told_by, $6, $7, $8,
			coalesce(actor_name, $9), $10, coalesce(seal_id, gen_random_uuid())
		FROM jsonb_to_recordset($5) AS x(what text, offer_id uuid, task_id uuid, from_state text, to_state text, code text,
			attribution text, note text, told_by text, actor_name text, seal_id uuid)),
		audited AS (INSERT INTO audit (organisation_id, at, actor_role, actor_id, action, subject, subject_id, via, why)
		VALUES ($1, $4, $6, $8, $11, 'referral', $2, $10, $13)),
		promised AS (INSERT INTO outbox (organisation_id, kind, referral_id, version, created_at, available_at)
		SELECT $1, $12::text, $2, $3, $4, now() WHERE $12::text <> '')`,
		who.Organisation, referralID, version, at, raw, who.Role, who.For, Nullable(who.ID), who.Name, who.Via, action, promise, who.Why)
}

// InsertAudit records one look at, or change of, a person's data; subject says what kind of thing it was.
func InsertAudit(ctx context.Context, q sqlx.ExecerContext, who Who, at time.Time, action, subject string, id uuid.UUID) error {
	_, err := q.ExecContext(ctx, `INSERT INTO audit (organisation_id, at, actor_role, actor_id, action, subject, subject_id, via, why)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`, who.Organisation, at, who.Role, Nullable(who.ID), action, subject, Nullable(id), who.Via, who.Why)
	if err != nil {
		return fmt.Errorf("save audit: %w", Translate(err))
	}
	return nil
}

// InsertAudits records the same look at several things.
func InsertAudits(ctx context.Context, q sqlx.ExecerContext, who Who, at time.Time, action, subject string, ids []uuid.UUID) error {
	_, err := q.ExecContext(ctx, `INSERT INTO audit (organisation_id, at, actor_role, actor_id, action, subject, subject_id, via, why)
		SELECT $1, $2, $3, $4, $5, $6, id, $8, $9 FROM unnest($7::uuid[]) AS id`, who.Organisation, at, who.Role, Nullable(who.ID), action,
		subject, pq.Array(ids), who.Via, who.Why)
	if err != nil {
		return fmt.Errorf("save audit: %w", Translate(err))
	}
	return nil
}
