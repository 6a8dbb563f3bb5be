package db

import (
	"time"

	"github.com/google/uuid"

	"throughline/referral"
)

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
		through AS (`+throughGlass+`),
		audited AS (INSERT INTO audit (organisation_id, at, actor_role, actor_for, actor_id, kind, action, subject, subject_id, whose, via, why, why_id)
		SELECT $1, $4, $6, $7, $8, 'change', $11, 'referral', $2, s.whose, $10, CASE WHEN b.id IS NULL THEN $13::text ELSE '`+ThroughGlass+`' END,
			coalesce(b.id, $14::uuid)
		FROM (SELECT coalesce($15::uuid[], ARRAY(SELECT case_id FROM referrals WHERE id = $2)) AS whose) s
			LEFT JOIN through b ON $13::text IN ('', 'api_key') AND b.case_id = ANY (s.whose)),
		promised AS (INSERT INTO outbox (organisation_id, kind, referral_id, version, created_at, available_at)
		SELECT $1, $12::text, $2, $3, $4, now() WHERE $12::text <> '')`,
		who.Organisation, referralID, version, at, raw, who.Role, who.For, Nullable(who.ID), who.Name, who.Via, action, promise, who.Why,
		Nullable(who.WhyID), cases(who.Cases))
}
