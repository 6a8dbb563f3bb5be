package db

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
)

// Glass is one time that someone opened a restricted case without being named on it.
type Glass struct {
	ID           uuid.UUID  `db:"id"`
	Organisation uuid.UUID  `db:"organisation_id"`
	Case         uuid.UUID  `db:"case_id"`
	Reference    string     `db:"reference"`
	Region       *uuid.UUID `db:"region_id"`
	Account      uuid.UUID  `db:"account_id"`
	Name         string     `db:"name"`
	Reason       string     `db:"reason"` // sealed
	BrokenAt     time.Time  `db:"broken_at"`
	Until        time.Time  `db:"until"`
	Decision     string     `db:"decision"`
	Second       bool       `db:"second"` // a supervisor works here who sees the case's region and is not who opened it
	CaseKey
}

// InsertGlass lets someone see a restricted case for a while.
func InsertGlass(ctx context.Context, tx *sqlx.Tx, g Glass) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO glass (id, organisation_id, case_id, account_id, reason, broken_at, until)
		VALUES ($1, $2, $3, $4, $5, $6, $7)`, g.ID, g.Organisation, g.Case, g.Account, g.Reason, g.BrokenAt, g.Until)
	if err != nil {
		return fmt.Errorf("save broken glass: %w", Translate(err))
	}
	return nil
}

const glass = `SELECT g.id, g.organisation_id, g.case_id, c.reference, c.region_id, g.account_id, a.name, g.reason, g.broken_at, g.until, g.decision,
		EXISTS (SELECT FROM accounts s WHERE s.organisation_id = g.organisation_id AND s.role = 'supervisor' AND s.active AND s.id <> g.account_id
			AND (s.region_id IS NULL OR s.region_id = c.region_id)) AS second` + caseKey + `
	FROM glass g JOIN cases c ON c.id = g.case_id JOIN accounts a ON a.id = g.account_id LEFT JOIN case_keys k ON k.case_id = g.case_id `

// GlassToReview lists what nobody has looked at yet, the oldest first.
func GlassToReview(ctx context.Context, q sqlx.QueryerContext, organisation, region uuid.UUID) ([]Glass, error) {
	var list []Glass
	err := sqlx.SelectContext(ctx, q, &list, glass+`WHERE g.organisation_id = $1 AND g.reviewed_at IS NULL AND ($2::uuid IS NULL OR c.region_id = $2)
		ORDER BY g.broken_at, g.id LIMIT 500`, organisation, Nullable(region))
	if err != nil {
		return nil, fmt.Errorf("read broken glass: %w", Translate(err))
	}
	return list, nil
}

// FindGlass reads one of them; not_found when there is none.
func FindGlass(ctx context.Context, q sqlx.QueryerContext, id uuid.UUID) (Glass, error) {
	var g Glass
	if err := sqlx.GetContext(ctx, q, &g, glass+`WHERE g.id = $1`, id); err != nil {
		return g, fmt.Errorf("read broken glass: %w", Translate(err))
	}
	return g, nil
}

// ReviewGlass writes what a second person thought of it; done is false when someone has before.
func ReviewGlass(ctx context.Context, tx *sqlx.Tx, id, by uuid.UUID, decision, remark string, at time.Time) (done bool, err error) {
	res, err := tx.ExecContext(ctx, `UPDATE glass SET reviewed_by = $2, decision = $3, remark = $4, reviewed_at = $5
		WHERE id = $1 AND reviewed_at IS NULL`, id, by, decision, remark, at)
	if err != nil {
		return false, fmt.Errorf("save review: %w", Translate(err))
	}
	n, err := res.RowsAffected()
	return n > 0, err
}
