package db

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"throughline/referral"
)

// Restriction is that a case is for named people only.
type Restriction struct {
	Case, Organisation uuid.UUID
	Kind               string
	By                 uuid.UUID
	At                 time.Time
}

// Restrict closes a case to all but those who are named: whoever does it, whoever opened it, and whoever carries its
// referrals. Of one that is closed already it changes the kind and names nobody: not who sees it by broken glass either. On
// a case that is being written by the same statement opened must be who does it.
func Restrict(r Restriction) Part {
	return part(nil, `restricted AS (INSERT INTO restrictions (case_id, organisation_id, kind, set_by, set_at) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (case_id) DO UPDATE SET kind = excluded.kind),
		people AS (INSERT INTO case_people (case_id, account_id, organisation_id, named_by, named_at)
			SELECT $1, account, $2, $4, $5 FROM (SELECT $4::uuid UNION SELECT created_by FROM cases WHERE id = $1
				UNION SELECT owner_id FROM referrals WHERE case_id = $1 AND state <> 'closed') p(account)
			WHERE NOT EXISTS (SELECT FROM restrictions WHERE case_id = $1) ON CONFLICT DO NOTHING)`,
		r.Case, r.Organisation, r.Kind, r.By, r.At)
}

// LiftRestriction opens a case again to all who may see cases; its list of people ends with it.
func LiftRestriction(ctx context.Context, tx *sqlx.Tx, caseID uuid.UUID) error {
	for _, table := range []string{"case_people", "restrictions"} {
		if _, err := tx.ExecContext(ctx, `DELETE FROM `+table+` WHERE case_id = $1`, caseID); err != nil {
			return fmt.Errorf("lift restriction: %w", Translate(err))
		}
	}
	return nil
}

// NamedPerson is someone on the list of a restricted case.
type NamedPerson struct {
	Account uuid.UUID     `db:"account_id"`
	Name    string        `db:"name"`
	Role    referral.Role `db:"role"`
}

// NamedPeople lists who may see a restricted case, by name.
func NamedPeople(ctx context.Context, q sqlx.QueryerContext, caseID uuid.UUID) ([]NamedPerson, error) {
	var list []NamedPerson
	err := sqlx.SelectContext(ctx, q, &list, `SELECT p.account_id, a.name, a.role FROM case_people p JOIN accounts a ON a.id = p.account_id
		WHERE p.case_id = $1 AND a.active ORDER BY a.name, a.id`, caseID)
	if err != nil {
		return nil, fmt.Errorf("read people of case: %w", Translate(err))
	}
	return list, nil
}

// NamePerson puts someone on the list of a case that is restricted; on another nothing. A nil by is the system.
func NamePerson(ctx context.Context, tx *sqlx.Tx, caseID, account, by uuid.UUID, at time.Time) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO case_people (case_id, account_id, organisation_id, named_by, named_at)
		SELECT case_id, $2, organisation_id, $3, $4 FROM restrictions WHERE case_id = $1 ON CONFLICT DO NOTHING`, caseID, account, Nullable(by), at)
	if err != nil {
		return fmt.Errorf("name person: %w", Translate(err))
	}
	return nil
}

// UnnamePerson takes someone off the list, unless they carry a referral of the case: left is true when they are off it.
func UnnamePerson(ctx context.Context, tx *sqlx.Tx, caseID, account uuid.UUID) (left bool, err error) {
	res, err := tx.ExecContext(ctx, `DELETE FROM case_people WHERE case_id = $1 AND account_id = $2
		AND NOT EXISTS (SELECT FROM referrals WHERE case_id = $1 AND owner_id = $2 AND state <> 'closed')`, caseID, account)
	if err != nil {
		return false, fmt.Errorf("take person off: %w", Translate(err))
	}
	n, err := res.RowsAffected()
	return n > 0, err
}

// RestrictedCase is what a supervisor sees of a restricted case without reading it. Unwatched says that a coordinator's
// task waits and that none is on the list.
type RestrictedCase struct {
	ID        uuid.UUID  `db:"id"`
	Reference string     `db:"reference"`
	Region    *uuid.UUID `db:"region_id"`
	Kind      string     `db:"kind"`
	Since     time.Time  `db:"set_at"`
	People    string     `db:"people"`
	Unwatched bool       `db:"unwatched"`
}

// RestrictedCases lists an organisation's restricted cases, the newest restriction first.
func RestrictedCases(ctx context.Context, q sqlx.QueryerContext, organisation, region uuid.UUID) ([]RestrictedCase, error) {
	var list []RestrictedCase
	err := sqlx.SelectContext(ctx, q, &list, `SELECT c.id, c.reference, c.region_id, r.kind, r.set_at,
			coalesce((SELECT string_agg(a.name, ', ' ORDER BY a.name) FROM case_people p JOIN accounts a ON a.id = p.account_id
				WHERE p.case_id = c.id AND a.active), '') AS people,
			EXISTS (SELECT FROM tasks t JOIN referrals f ON f.id = t.referral_id WHERE f.case_id = c.id AND t.state = 'open'
					AND t.role = 'coordinator' AND t.assignee_id IS NULL)
				AND NOT EXISTS (SELECT FROM case_people p JOIN accounts a ON a.id = p.account_id
					WHERE p.case_id = c.id AND a.active AND a.role IN ('coordinator', 'supervisor')) AS unwatched
		FROM restrictions r JOIN cases c ON c.id = r.case_id WHERE r.organisation_id = $1 AND c.erased_at IS NULL
			AND ($2::uuid IS NULL OR c.region_id = $2)
		ORDER BY r.set_at DESC, c.id LIMIT 500`, organisation, Nullable(region))
	if err != nil {
		return nil, fmt.Errorf("read restricted cases: %w", Translate(err))
	}
	return list, nil
}

// RestrictedByReference finds a restricted case of an organisation by its whole reference; not_found when there is none.
func RestrictedByReference(ctx context.Context, q sqlx.QueryerContext, organisation uuid.UUID, reference string) (id uuid.UUID, err error) {
	err = sqlx.GetContext(ctx, q, &id, `SELECT c.id FROM cases c JOIN restrictions r ON r.case_id = c.id
		WHERE c.reference = $2 AND c.organisation_id = $1 AND c.erased_at IS NULL`, organisation, reference)
	if err != nil {
		return id, fmt.Errorf("read case: %w", Translate(err))
	}
	return id, nil
}
