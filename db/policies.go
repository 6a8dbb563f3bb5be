package db

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"throughline/referral"
)

// policyLock names the lock of an organisation's policy.
const policyLock = `hashtextextended('policy/' || $1::text, 0)`

// LockPolicy keeps others from setting a policy, and from opening a referral, until the transaction ends, and waits for
// those who are at it: one that was opened meanwhile would not be told.
func LockPolicy(ctx context.Context, tx *sqlx.Tx, organisation uuid.UUID) error {
	return lockPolicy(ctx, tx, organisation, `SELECT pg_advisory_xact_lock(`+policyLock+`)`)
}

// HoldPolicy keeps the policy as it is until the transaction, which opens a referral under it, ends.
func HoldPolicy(ctx context.Context, tx *sqlx.Tx, organisation uuid.UUID) error {
	return lockPolicy(ctx, tx, organisation, `SELECT pg_advisory_xact_lock_shared(`+policyLock+`)`)
}

func lockPolicy(ctx context.Context, tx *sqlx.Tx, organisation uuid.UUID, query string) error {
	if _, err := tx.ExecContext(ctx, query, organisation); err != nil {
		return fmt.Errorf("lock policy: %w", Translate(err))
	}
	return nil
}

// InsertPolicy puts a policy in force after the present one.
func InsertPolicy(ctx context.Context, q sqlx.ExecerContext, organisation uuid.UUID, p referral.Policy, by string, at time.Time) error {
	raw, err := asJSON(p)
	if err != nil {
		return err
	}
	_, err = q.ExecContext(ctx, `INSERT INTO policies (organisation_id, version, body, set_by, set_at)
		SELECT $1, coalesce(max(version), 0) + 1, $2, $3, $4 FROM policies WHERE organisation_id = $1`, organisation, raw, by, at)
	if err != nil {
		return fmt.Errorf("save policy: %w", Translate(err))
	}
	return nil
}

// FindPolicy reads the policy in force; the standard one when none was set.
func FindPolicy(ctx context.Context, q sqlx.QueryerContext, organisation uuid.UUID) (referral.Policy, error) {
	var bodies [][]byte
	err := sqlx.SelectContext(ctx, q, &bodies, `SELECT body FROM policies WHERE organisation_id = $1 ORDER BY version DESC LIMIT 1`, organisation)
	if err != nil {
		return referral.Policy{}, fmt.Errorf("read policy: %w", Translate(err))
	}
	if len(bodies) == 0 {
		return referral.Standard(), nil
	}
	p, err := policyOf(bodies[0])
	if err != nil {
		return p, fmt.Errorf("policy of organisation %s: %w", organisation, err)
	}
	return p, nil
}

// policies are those that were read, by their text: every record that is read comes with its helpline's, and reading it
// anew each time would cost more than all else in the record.
var policies sync.Map // of string to referral.Policy

func policyOf(raw []byte) (referral.Policy, error) {
	if known, ok := policies.Load(string(raw)); ok {
		return known.(referral.Policy), nil
	}
	p, err := referral.StoredPolicy(raw)
	if err == nil {
		policies.Store(string(raw), p)
	}
	return p, err
}
