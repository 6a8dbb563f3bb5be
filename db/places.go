package db

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
)

// Place is what decides who may see a case. Named and ByGlass are of one account, and of a restricted case.
type Place struct {
	Organisation uuid.UUID  `db:"organisation_id"`
	Region       *uuid.UUID `db:"region_id"`
	Partner      string     `db:"partner"`
	OpenedBy     uuid.UUID  `db:"created_by"`
	Restricted   string     `db:"restricted"` // which kind; "" when it is not
	Named        bool       `db:"named"`      // on its list
	ByGlass      bool       `db:"by_glass"`   // behind broken glass, for now
}

// OnlyByGlass reports that someone sees the case for a while and is not named on it: whatever lasts longer is not theirs to do.
func (p Place) OnlyByGlass() bool { return p.Restricted != "" && !p.Named && p.ByGlass }

// FindPlace reads where a case belongs; not_found when there is none.
func FindPlace(ctx context.Context, q sqlx.QueryerContext, caseID, account uuid.UUID, at time.Time) (Place, error) {
	var p Place
	err := sqlx.GetContext(ctx, q, &p, `SELECT c.organisation_id, c.region_id, c.partner, c.created_by, coalesce(r.kind, '') AS restricted,
			r.kind IS NOT NULL AND EXISTS (SELECT FROM case_people p WHERE p.case_id = c.id AND p.account_id = $2) AS named,
			r.kind IS NOT NULL AND EXISTS (SELECT FROM glass g WHERE g.case_id = c.id AND g.account_id = $2 AND g.until > $3) AS by_glass
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

// CaseBehind finds the case that an id of an organisation belongs to: its own, or that of a referral or a task; not_found
// when it names none of these.
func CaseBehind(ctx context.Context, q sqlx.QueryerContext, organisation, id uuid.UUID) (of uuid.UUID, err error) {
	err = sqlx.GetContext(ctx, q, &of, `SELECT id FROM cases WHERE id = $2 AND organisation_id = $1
		UNION ALL SELECT case_id FROM referrals WHERE id = $2 AND organisation_id = $1
		UNION ALL SELECT r.case_id FROM tasks t JOIN referrals r ON r.id = t.referral_id WHERE t.id = $2 AND t.organisation_id = $1
		LIMIT 1`, organisation, id)
	if err != nil {
		return of, fmt.Errorf("read case: %w", Translate(err))
	}
	return of, nil
}
