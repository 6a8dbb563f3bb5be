package db

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
)

// Answered is what a key was answered with. The body is sealed by the key of the case that it is about.
type Answered struct {
	BodyHash []byte     `db:"body_hash"`
	Body     []byte     `db:"body"`
	Case     *uuid.UUID `db:"case_id"` // nil in an answer to a client who did not agree
	Referral *uuid.UUID `db:"referral_id"`
	Opened   bool       `db:"opened"` // the answer says that a case was opened with its first referral
	CaseKey
}

// ClaimKey keeps other requests with the same key out until the transaction ends; busy when one is at work.
func ClaimKey(ctx context.Context, tx *sqlx.Tx, account uuid.UUID, key string) (busy bool, err error) {
	var free bool
	err = tx.GetContext(ctx, &free, `SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0))`, account.String()+"/"+key)
	if err != nil {
		return false, fmt.Errorf("claim key: %w", Translate(err))
	}
	return !free, nil
}

// FindAnswer reads what a key was answered with; ok is false when it is new.
func FindAnswer(ctx context.Context, tx *sqlx.Tx, organisation, account uuid.UUID, key string) (a Answered, ok bool, err error) {
	var list []Answered
	err = tx.SelectContext(ctx, &list, `SELECT i.body_hash, i.body, i.case_id, i.referral_id, i.opened`+caseKey+` FROM idempotency i`+withCaseKey("i.case_id")+`
		WHERE i.organisation_id = $1 AND i.account_id = $2 AND i.key = $3`,
		organisation, account, key)
	if err != nil {
		return a, false, fmt.Errorf("read key: %w", Translate(err))
	}
	if len(list) == 0 {
		return a, false, nil
	}
	return list[0], true, nil
}

// InsertAnswer keeps an answer with its key.
func InsertAnswer(ctx context.Context, tx *sqlx.Tx, organisation, account uuid.UUID, key string, a Answered, at time.Time) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO idempotency (organisation_id, account_id, key, body_hash, body, created_at,
		case_id, referral_id, opened) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`, organisation, account, key, a.BodyHash, a.Body, at,
		a.Case, a.Referral, a.Opened)
	if err != nil {
		return fmt.Errorf("save key: %w", Translate(err))
	}
	return nil
}

// PruneIdempotency forgets keys answered before an instant, at most n at a time, and says how many.
func PruneIdempotency(ctx context.Context, q sqlx.ExecerContext, before time.Time, n int) (int64, error) {
	res, err := q.ExecContext(ctx, `DELETE FROM idempotency WHERE ctid = ANY (ARRAY(
		SELECT ctid FROM idempotency WHERE created_at < $1 ORDER BY created_at LIMIT $2))`, before, n)
	if err != nil {
		return 0, fmt.Errorf("prune keys: %w", Translate(err))
	}
	return res.RowsAffected()
}
