package db

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// Errand is a workflow that a committed transaction promised to start, or to tell of news, of what is no referral's.
type Errand struct {
	ID       int64     `db:"id"`
	Kind     string    `db:"kind"`
	Subject  uuid.UUID `db:"subject_id"`
	Attempts int       `db:"attempts"`
}

// RunErrand promises one, with the transaction.
func RunErrand(ctx context.Context, tx *sqlx.Tx, organisation uuid.UUID, kind string, subject uuid.UUID, at time.Time) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO errands (organisation_id, kind, subject_id, created_at) VALUES ($1, $2, $3, $4)`,
		organisation, kind, subject, at)
	if err != nil {
		return fmt.Errorf("save errand: %w", Translate(err))
	}
	return nil
}

// LeaseErrands takes up to n that are due, the oldest first, and hides them from others until the lease is over. The clock
// is the database's, as of the outbox.
func LeaseErrands(ctx context.Context, q sqlx.QueryerContext, n int, lease time.Duration) ([]Errand, error) {
	var list []Errand
	err := sqlx.SelectContext(ctx, q, &list, `WITH due AS MATERIALIZED (
			SELECT id FROM errands WHERE available_at <= now() ORDER BY available_at, id LIMIT $1 FOR UPDATE SKIP LOCKED)
		UPDATE errands e SET available_at = now() + make_interval(secs => $2), attempts = e.attempts + 1
		FROM due WHERE e.id = due.id RETURNING e.id, e.kind, e.subject_id, e.attempts`, n, lease.Seconds())
	if err != nil {
		return nil, fmt.Errorf("lease errands: %w", Translate(err))
	}
	return list, nil
}

// FinishErrands forgets what was told: it is in the workflow's history from now on.
func FinishErrands(ctx context.Context, q sqlx.ExecerContext, ids []int64) error {
	if _, err := q.ExecContext(ctx, `DELETE FROM errands WHERE id = ANY ($1)`, pq.Array(ids)); err != nil {
		return fmt.Errorf("finish errands: %w", Translate(err))
	}
	return nil
}

// PutBackErrands makes errands due again after a pause.
func PutBackErrands(ctx context.Context, q sqlx.ExecerContext, ids []int64, pause time.Duration) error {
	_, err := q.ExecContext(ctx, `UPDATE errands SET available_at = now() + make_interval(secs => $2) WHERE id = ANY ($1)`, pq.Array(ids), pause.Seconds())
	if err != nil {
		return fmt.Errorf("put back errands: %w", Translate(err))
	}
	return nil
}
