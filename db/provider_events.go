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

// Outcomes of a provider's event; "" is one that has not been looked at yet.
const (
	EventApplied     = "applied"
	EventNoEffect    = "no_effect"    // a hint that changes nothing
	EventUnknownKind = "unknown_kind" // the provider has a new word
	EventNoMessage   = "no_message"   // it is about no letter of ours
)

// NewEvent is one event of a provider as it came. Outcome is "" for one that is to be applied.
type NewEvent struct {
	ID       string            `json:"event_id"`
	Message  *uuid.UUID        `json:"message_id"`
	Kind     referral.MailWord `json:"kind"`
	Happened *time.Time        `json:"happened_at"`
	Raw      []byte            `json:"raw"`
	Outcome  string            `json:"outcome"`
}

// InsertEvents keeps events, each once however often it comes, and gives the outcomes of those that were new. An event
// about a message that is not there is kept aside; one about an invitation changes no referral.
func InsertEvents(ctx context.Context, tx *sqlx.Tx, events []NewEvent, at time.Time) (outcomes []string, err error) {
	raw, err := asJSON(events)
	if err != nil {
		return nil, err
	}
	// In the order of their ids, so that two batches with the same events do not wait for each other in a circle.
	err = tx.SelectContext(ctx, &outcomes, `INSERT INTO provider_events (event_id, organisation_id, message_id, kind, happened_at,
			received_at, raw, outcome, processed_at)
		SELECT e.event_id, e.organisation_id, e.message_id, e.kind, e.happened_at, $2, e.raw, e.outcome,
			CASE WHEN e.outcome <> '' THEN $2::timestamptz END
		FROM (SELECT x.event_id, m.organisation_id, m.id AS message_id, x.kind, x.happened_at, decode(x.raw, 'base64') AS raw,
				CASE WHEN m.id IS NULL AND x.outcome IN ('', 'no_effect', 'unknown_kind')
					THEN CASE WHEN i.id IS NULL THEN 'no_message' ELSE 'no_effect' END ELSE x.outcome END AS outcome
			FROM jsonb_to_recordset($1) AS x(event_id text, message_id uuid, kind text, happened_at timestamptz, raw text, outcome text)
			LEFT JOIN messages m ON m.id = x.message_id LEFT JOIN invitations i ON i.id = x.message_id
			ORDER BY x.event_id) e
		ON CONFLICT (event_id) DO NOTHING RETURNING outcome`, raw, at)
	if err != nil {
		return nil, fmt.Errorf("save events: %w", Translate(err))
	}
	return outcomes, undeliveredInvitations(ctx, tx, events)
}

// undeliveredInvitations notes of letters to our own people that they did not arrive. Whoever invited them sees it.
func undeliveredInvitations(ctx context.Context, tx *sqlx.Tx, events []NewEvent) error {
	for _, e := range events {
		if e.Message == nil || !e.Kind.Hard() || e.Outcome != "" {
			continue
		}
		_, err := tx.ExecContext(ctx, `UPDATE invitations SET state = 'rejected', error_class = $2 WHERE id = $1`, *e.Message, e.Kind)
		if err != nil {
			return fmt.Errorf("save events: %w", Translate(err))
		}
	}
	return nil
}

// MessagesWithEvents lists up to n messages that have events to be applied, those that have waited longest first.
func MessagesWithEvents(ctx context.Context, q sqlx.QueryerContext, n int) ([]uuid.UUID, error) {
	var ids []uuid.UUID
	err := sqlx.SelectContext(ctx, q, &ids, `SELECT message_id FROM provider_events WHERE processed_at IS NULL AND due_at <= now()
		GROUP BY message_id ORDER BY min(id) LIMIT $1`, n)
	if err != nil {
		return nil, fmt.Errorf("read events: %w", Translate(err))
	}
	return ids, nil
}

// WaitingEvent is an event to be applied.
type WaitingEvent struct {
	ID       int64             `db:"id"`
	Kind     referral.MailWord `db:"kind"`
	Happened time.Time         `db:"happened_at"`
}

// WaitingEvents reads what is still to be applied to a message.
func WaitingEvents(ctx context.Context, tx *sqlx.Tx, message uuid.UUID) ([]WaitingEvent, error) {
	var list []WaitingEvent
	err := tx.SelectContext(ctx, &list, `SELECT id, kind, happened_at FROM provider_events
		WHERE message_id = $1 AND processed_at IS NULL ORDER BY id`, message)
	if err != nil {
		return nil, fmt.Errorf("read events: %w", Translate(err))
	}
	return list, nil
}

// FinishEvents marks events as applied.
func FinishEvents(ctx context.Context, tx *sqlx.Tx, events []WaitingEvent, at time.Time) error {
	ids := make([]int64, len(events))
	for i, e := range events {
		ids[i] = e.ID
	}
	_, err := tx.ExecContext(ctx, `UPDATE provider_events SET outcome = 'applied', processed_at = $2 WHERE id = ANY ($1)`, pq.Array(ids), at)
	if err != nil {
		return fmt.Errorf("finish events: %w", Translate(err))
	}
	return nil
}

// PutBackEvents has the events of a message wait before they are tried again: longer each time, at most an hour.
func PutBackEvents(ctx context.Context, q sqlx.ExecerContext, message uuid.UUID) error {
	_, err := q.ExecContext(ctx, `UPDATE provider_events SET attempts = attempts + 1,
		due_at = now() + make_interval(secs => least(3600, power(2, least(attempts, 12)))) WHERE message_id = $1 AND processed_at IS NULL`, message)
	if err != nil {
		return fmt.Errorf("put back events: %w", Translate(err))
	}
	return nil
}

// PruneEvents forgets events that came before an instant and have been looked at, at most n at a time, and says how many.
func PruneEvents(ctx context.Context, q sqlx.ExecerContext, before time.Time, n int) (int64, error) {
	res, err := q.ExecContext(ctx, `DELETE FROM provider_events WHERE id IN (SELECT id FROM provider_events
		WHERE received_at < $1 AND processed_at IS NOT NULL ORDER BY received_at LIMIT $2)`, before, n)
	if err != nil {
		return 0, fmt.Errorf("prune events: %w", Translate(err))
	}
	return res.RowsAffected()
}
