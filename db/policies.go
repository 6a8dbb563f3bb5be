package db

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"throughline/referral"
)

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
	p, err := referral.StoredPolicy(bodies[0])
	if err != nil {
		return p, fmt.Errorf("policy of organisation %s: %w", organisation, err)
	}
	return p, nil
}
