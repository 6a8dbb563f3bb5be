package db

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
)

// Place is what decides who may see a case. Named is of one account: on the list of a restricted case, or behind broken
// glass.
type Place struct {
	Organisation uuid.UUID  `db:"organisation_id"`
	Region       *uuid.UUID `db:"region_id"`
	Partner      string     `db:"partner"`
	OpenedBy     uuid.UUID  `db:"created_by"`
	Restricted   string     `db:"restricted"` // which kind; "" when it is not
	Named        bool       `db:"named"`
}

// FindPlace reads where a case belongs; not_found when there is none.
func FindPlace(ctx context.Context, q sqlx.QueryerContext, caseID, account uuid.UUID, at time.Time) (Place, error) {
	var p Place
	err := sqlx.GetContext(ctx, q, &p, `SELECT c.organisation_id, c.region_id, c.partner, c.created_by, coalesce(r.kind, '') AS restricted,
			r.kind IS NOT NULL AND sees_restricted(c.id, $2, $3) AS named
		FROM cases c LEFT JOIN restrictions r ON r.case_id = c.id WHERE c.id = $1`, caseID, account, at)
	if err != nil {
		return p, fmt.Errorf("read case: %w", Translate(err))
	}
	return p, nil
}

// RegionNames lists an organisation's regions by name.
func RegionNames(ctx context.Context, q sqlx.QueryerContext, organisation uuid.UUID) ([]string, error) {
	var names []string
	err := sqlx.SelectContext(ctx, q, &names, `SELECT name FROM regions WHERE organisation_id = $1 ORDER BY lower(name)`, organisation)
	if err != nil {
		return nil, fmt.Errorf("read regions: %w", Translate(err))
	}
	return names, nil
}

// SetPlace has an account work elsewhere; not_found when there is no such account.
func SetPlace(ctx context.Context, q sqlx.ExecerContext, account uuid.UUID, region *uuid.UUID, partner string) error {
	return setAccount(ctx, q, `UPDATE accounts SET region_id = $2, partner = $3 WHERE id = $1`, account, region, partner)
}

// RegionNamed finds a region of an organisation by its name, in any case, and makes it when it is new.
func RegionNamed(ctx context.Context, tx *sqlx.Tx, organisation uuid.UUID, name string, at time.Time) (id uuid.UUID, err error) {
	err = tx.GetContext(ctx, &id, `WITH made AS (INSERT INTO regions (id, organisation_id, name, created_at) VALUES ($1, $2, $3, $4)
			ON CONFLICT (organisation_id, lower(name)) DO NOTHING RETURNING id)
		SELECT id FROM made UNION ALL SELECT id FROM regions WHERE organisation_id = $2 AND lower(name) = lower($3) LIMIT 1`,
		uuid.New(), organisation, name, at)
	if err != nil {
		return id, fmt.Errorf("save region: %w", Translate(err))
	}
	return id, nil
}
