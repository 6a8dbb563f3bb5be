package db

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// hasSecondFactor says of a row of accounts whether there is one.
const hasSecondFactor = `EXISTS (SELECT FROM second_factors f WHERE f.account_id = accounts.id AND f.confirmed_at IS NOT NULL)`

// SecondFactor is the secret that someone's app makes codes from. Secret is "" until one has been proven, Proposed when
// none waits to be; both are sealed with a key that is derived from the organisation's.
type SecondFactor struct {
	Organisation uuid.UUID  `db:"organisation_id"`
	Secret       string     `db:"secret"`
	LastStep     int64      `db:"last_step"`
	Proposed     string     `db:"proposed"`
	ProposedAt   *time.Time `db:"proposed_at"`
	ConfirmedAt  *time.Time `db:"confirmed_at"`
	CaseKey                 // the organisation's, wrapped
}

// FindSecondFactor reads the second factor of an account; not_found when there is none, nor one proposed.
func FindSecondFactor(ctx context.Context, q sqlx.QueryerContext, account uuid.UUID) (SecondFactor, error) {
	var f SecondFactor
	err := sqlx.GetContext(ctx, q, &f, `SELECT f.organisation_id, secret, last_step, proposed, proposed_at, confirmed_at`+caseKey+`
		FROM second_factors f LEFT JOIN organisation_keys k ON k.organisation_id = f.organisation_id WHERE account_id = $1`, account)
	if err != nil {
		return f, fmt.Errorf("read second factor: %w", Translate(err))
	}
	return f, nil
}

// ProposeSecret keeps a secret that is to be proven. The one in use stays in use until then.
func ProposeSecret(ctx context.Context, q sqlx.ExecerContext, organisation, account uuid.UUID, secret string, at time.Time) error {
	return secondFactor(ctx, q, `INSERT INTO second_factors (account_id, organisation_id, proposed, proposed_at) VALUES ($1, $2, $3, $4)
		ON CONFLICT (account_id) DO UPDATE SET proposed = excluded.proposed, proposed_at = excluded.proposed_at`, account, organisation, secret, at)
}

// ConfirmSecret puts the proposed secret in use, sealed for its new place, if it still is the one that was proven, by a
// code of step; ok is false if not.
func ConfirmSecret(ctx context.Context, q sqlx.ExecerContext, account uuid.UUID, proven, secret string, step int64, at time.Time) (ok bool, err error) {
	return changed(q.ExecContext(ctx, `UPDATE second_factors SET secret = $3, last_step = $4, confirmed_at = $5, proposed = '', proposed_at = NULL
		WHERE account_id = $1 AND proposed = $2 AND proposed <> ''`, account, proven, secret, step, at))
}

// TakeStep takes the code of a step, once; ok is false when it, or a later one, was taken before.
func TakeStep(ctx context.Context, q sqlx.ExecerContext, account uuid.UUID, step int64) (ok bool, err error) {
	return changed(q.ExecContext(ctx, `UPDATE second_factors SET last_step = $2 WHERE account_id = $1 AND last_step < $2 AND confirmed_at IS NOT NULL`,
		account, step))
}

// RemoveSecondFactor forgets someone's second factor and recovery codes.
func RemoveSecondFactor(ctx context.Context, q sqlx.ExecerContext, account uuid.UUID) error {
	if err := secondFactor(ctx, q, `DELETE FROM recovery_codes WHERE account_id = $1`, account); err != nil {
		return err
	}
	return secondFactor(ctx, q, `DELETE FROM second_factors WHERE account_id = $1`, account)
}

// SaveRecoveryCodes replaces the recovery codes of an account by the digests of others.
func SaveRecoveryCodes(ctx context.Context, q sqlx.ExecerContext, account uuid.UUID, hashes [][]byte, at time.Time) error {
	if err := secondFactor(ctx, q, `DELETE FROM recovery_codes WHERE account_id = $1`, account); err != nil {
		return err
	}
	return secondFactor(ctx, q, `INSERT INTO recovery_codes (account_id, code_hash, created_at) SELECT $1, hash, $3 FROM unnest($2::bytea[]) AS hash`,
		account, pq.ByteaArray(hashes), at)
}

// TakeRecoveryCode takes a recovery code, once; ok is false when there is none such, or it was taken before.
func TakeRecoveryCode(ctx context.Context, q sqlx.ExecerContext, account uuid.UUID, hash []byte, at time.Time) (ok bool, err error) {
	return changed(q.ExecContext(ctx, `UPDATE recovery_codes SET used_at = $3 WHERE account_id = $1 AND code_hash = $2 AND used_at IS NULL`, account, hash, at))
}

// RecoveryCodesLeft counts the recovery codes that have not been used.
func RecoveryCodesLeft(ctx context.Context, q sqlx.QueryerContext, account uuid.UUID) (n int, err error) {
	if err := sqlx.GetContext(ctx, q, &n, `SELECT count(*) FROM recovery_codes WHERE account_id = $1 AND used_at IS NULL`, account); err != nil {
		return 0, fmt.Errorf("read recovery codes: %w", Translate(err))
	}
	return n, nil
}

func secondFactor(ctx context.Context, q sqlx.ExecerContext, query string, args ...any) error {
	if _, err := q.ExecContext(ctx, query, args...); err != nil {
		return fmt.Errorf("save second factor: %w", Translate(err))
	}
	return nil
}
