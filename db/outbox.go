package db

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// Kinds of outbox rows.
const (
	OutboxStart   = "start"   // start the referral's workflow
	OutboxChanged = "changed" // tell it that the record has a new version
	OutboxDeliver = "deliver" // hand a message to the mail provider
)

// OutboxRow is something that a committed transaction promised to tell the outside.
type OutboxRow struct {
	ID       int64      `db:"id"`
	Kind     string     `db:"kind"`
	Referral uuid.UUID  `db:"referral_id"`
	Message  *uuid.UUID `db:"message_id"`
	Version  int        `db:"version"`
	Attempts int        `db:"attempts"`
}

// LeaseOutbox takes up to n rows that are due, oldest first, and hides them from other dispatchers until the lease is
// over; with a referral's start or news comes all other news of it that waits, since one call tells it all: after an outage
// there is one for each referral and not for each change. Kinds, when given, are the only ones taken otherwise. A referral's
// news waits for its start. Clock and now are the database's: dispatchers on several machines agree on it.
func LeaseOutbox(ctx context.Context, q sqlx.QueryerContext, n int, lease time.Duration, kinds ...string) ([]OutboxRow, error) {
	var rows []OutboxRow
	// The rows are chosen once, before the update: chosen in a subquery of it they may be chosen again for each row.
	err := sqlx.SelectContext(ctx, q, &rows, `WITH due AS MATERIALIZED (
			SELECT o.id, o.kind, o.referral_id FROM outbox o WHERE o.done_at IS NULL AND o.available_at <= now()
				AND (coalesce(cardinality($3::text[]), 0) = 0 OR o.kind = ANY ($3))
				AND NOT (o.kind = 'changed' AND EXISTS (SELECT 1 FROM outbox s
					WHERE s.referral_id = o.referral_id AND s.kind = 'start' AND s.done_at IS NULL))
			ORDER BY o.available_at, o.id LIMIT $1 FOR UPDATE SKIP LOCKED),
		news AS MATERIALIZED (
			SELECT o.id FROM outbox o WHERE o.kind = 'changed' AND o.done_at IS NULL AND o.available_at <= now()
				AND o.referral_id = ANY (ARRAY(SELECT referral_id FROM due WHERE kind <> 'deliver'))
				AND o.id <> ALL (ARRAY(SELECT id FROM due)) FOR UPDATE SKIP LOCKED)
		UPDATE outbox o SET available_at = now() + make_interval(secs => $2), attempts = o.attempts + 1
		FROM (SELECT id FROM due UNION ALL SELECT id FROM news) taken WHERE o.id = taken.id
		RETURNING o.id, o.kind, o.referral_id, o.message_id, o.version, o.attempts`, n, lease.Seconds(), pq.Array(kinds))
	if err != nil {
		return nil, fmt.Errorf("lease outbox: %w", Translate(err))
	}
	return rows, nil
}

// FinishOutbox marks rows as told.
func FinishOutbox(ctx context.Context, q sqlx.ExecerContext, ids []int64) error {
	_, err := q.ExecContext(ctx, `UPDATE outbox SET done_at = now(), last_error = '' WHERE id = ANY ($1)`, pq.Array(ids))
	if err != nil {
		return fmt.Errorf("finish outbox: %w", Translate(err))
	}
	return nil
}

// PutBackOutbox makes rows due again after a pause, with the class of what went wrong.
func PutBackOutbox(ctx context.Context, q sqlx.ExecerContext, ids []int64, pause time.Duration, class string) error {
	_, err := q.ExecContext(ctx, `UPDATE outbox SET available_at = now() + make_interval(secs => $2), last_error = $3
		WHERE id = ANY ($1)`, pq.Array(ids), pause.Seconds(), class)
	if err != nil {
		return fmt.Errorf("put back outbox: %w", Translate(err))
	}
	return nil
}

// TellAllOpen promises every open referral of an organisation the news that its policy has changed.
func TellAllOpen(ctx context.Context, tx *sqlx.Tx, organisation uuid.UUID, at time.Time) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO outbox (organisation_id, kind, referral_id, version, created_at, available_at)
		SELECT organisation_id, 'changed', id, version, $2, now() FROM referrals WHERE organisation_id = $1 AND state = 'open'`,
		organisation, at)
	if err != nil {
		return fmt.Errorf("save outbox: %w", Translate(err))
	}
	return nil
}

// PruneOutbox forgets rows that were told before an age, at most n at a time, and says how many.
func PruneOutbox(ctx context.Context, q sqlx.ExecerContext, age time.Duration, n int) (int64, error) {
	res, err := q.ExecContext(ctx, `DELETE FROM outbox WHERE id IN (SELECT id FROM outbox
		WHERE done_at < now() - make_interval(secs => $1) ORDER BY done_at LIMIT $2)`, age.Seconds(), n)
	if err != nil {
		return 0, fmt.Errorf("prune outbox: %w", Translate(err))
	}
	return res.RowsAffected()
}
