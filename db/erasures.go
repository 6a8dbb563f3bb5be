package db

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"throughline/referral"
)

// Kinds of errands.
const (
	ErrandErasure = "erasure"
	ErrandExport  = "export"
)

// Erasure is a case that is to be erased, its reason sealed.
type Erasure struct {
	ID           uuid.UUID  `db:"id" json:"id"`
	Organisation uuid.UUID  `db:"organisation_id" json:"-"`
	Case         uuid.UUID  `db:"case_id" json:"case_id"`
	Reference    string     `db:"reference" json:"case_reference"`
	Cause        string     `db:"cause" json:"cause"`
	Reason       string     `db:"reason" json:"reason"`
	AskedBy      *uuid.UUID `db:"asked_by" json:"asked_by"` // nil: the schedule
	AskedName    string     `db:"asked_name" json:"asked_by_name"`
	AskedAt      time.Time  `db:"asked_at" json:"asked_at"`
	DueAt        time.Time  `db:"due_at" json:"due_at"`
	ApprovedBy   *uuid.UUID `db:"approved_by" json:"approved_by"`
	ApprovedName string     `db:"approved_name" json:"approved_by_name"`
	ApprovedAt   *time.Time `db:"approved_at" json:"approved_at"`
	EndedAt      *time.Time `db:"ended_at" json:"ended_at"`
	Outcome      string     `db:"outcome" json:"outcome"` // "" while it waits
	Unreadable   bool       `db:"-" json:"-"`             // the reason does not open
	CaseKey
}

const erasures = `SELECT e.id, e.organisation_id, e.case_id, c.reference, e.cause, e.reason, e.asked_by, coalesce(a.name, '') AS asked_name,
		e.asked_at, e.due_at, e.approved_by, coalesce(b.name, '') AS approved_name, e.approved_at, e.ended_at, e.outcome` + caseKey + `
	FROM erasures e JOIN cases c ON c.id = e.case_id LEFT JOIN accounts a ON a.id = e.asked_by LEFT JOIN accounts b ON b.id = e.approved_by
		LEFT JOIN case_keys k ON k.case_id = e.case_id `

// InsertErasure writes an erasure down, and promises its workflow. conflict when one of the case waits, or it is erased.
func InsertErasure(ctx context.Context, tx *sqlx.Tx, e Erasure) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO erasures (id, organisation_id, case_id, cause, reason, asked_by, asked_at, due_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`, e.ID, e.Organisation, e.Case, e.Cause, e.Reason, e.AskedBy, e.AskedAt, e.DueAt)
	if err != nil {
		return fmt.Errorf("save erasure: %w", Translate(err))
	}
	return RunErrand(ctx, tx, e.Organisation, ErrandErasure, e.ID, e.AskedAt)
}

// FindErasure reads one; not_found when there is none.
func FindErasure(ctx context.Context, q sqlx.QueryerContext, id uuid.UUID) (e Erasure, err error) {
	if err = sqlx.GetContext(ctx, q, &e, erasures+`WHERE e.id = $1`, id); err != nil {
		return e, fmt.Errorf("read erasure: %w", Translate(err))
	}
	return e, nil
}

// ErasuresOf lists those of a case, the newest first.
func ErasuresOf(ctx context.Context, q sqlx.QueryerContext, caseID uuid.UUID) ([]Erasure, error) {
	return listErasures(ctx, q, `WHERE e.case_id = $1 ORDER BY e.asked_at DESC, e.id`, caseID)
}

// WaitingErasures lists what waits of cases within reach, those that a second person must look at first, then the next due.
func WaitingErasures(ctx context.Context, q sqlx.QueryerContext, s Scope) ([]Erasure, error) {
	args := []any{s.Organisation}
	within := s.reach("e.case_id", byCase, &args)
	return listErasures(ctx, q, `WHERE e.organisation_id = $1 AND e.ended_at IS NULL AND `+within+`
		ORDER BY e.asked_by IS NULL OR e.approved_by IS NOT NULL, e.due_at, e.id LIMIT 500`, args...)
}

func listErasures(ctx context.Context, q sqlx.QueryerContext, where string, args ...any) ([]Erasure, error) {
	list := []Erasure{}
	if err := sqlx.SelectContext(ctx, q, &list, erasures+where, args...); err != nil {
		return nil, fmt.Errorf("read erasures: %w", Translate(err))
	}
	return list, nil
}

// ApproveErasure writes that a second person agrees; conflict when one did, or it has ended.
func ApproveErasure(ctx context.Context, tx *sqlx.Tx, id, by uuid.UUID, at time.Time) error {
	res, err := tx.ExecContext(ctx, `UPDATE erasures SET approved_by = $2, approved_at = $3 WHERE id = $1 AND ended_at IS NULL
		AND approved_by IS NULL`, id, by, at)
	return oneErasure(res, err)
}

// EndErasure writes what became of an erasure; conflict when it has ended. A nil by is the house.
func EndErasure(ctx context.Context, tx *sqlx.Tx, id, by uuid.UUID, outcome string, at time.Time) error {
	res, err := tx.ExecContext(ctx, `UPDATE erasures SET ended_at = $4, ended_by = $2, outcome = $3 WHERE id = $1 AND ended_at IS NULL`,
		id, Nullable(by), outcome, at)
	return oneErasure(res, err)
}

// oneErasure answers conflict when an update found that another was first.
func oneErasure(res sql.Result, err error) error {
	if err != nil {
		return fmt.Errorf("save erasure: %w", Translate(err))
	}
	n, err := res.RowsAffected()
	if err == nil && n == 0 {
		err = &referral.Error{Code: referral.CodeConflict, Message: "someone else was first"}
	}
	return err
}

// LegalHold is that a case must be kept, its reason sealed.
type LegalHold struct {
	ID           uuid.UUID  `db:"id" json:"id"`
	Organisation uuid.UUID  `db:"organisation_id" json:"-"`
	Case         uuid.UUID  `db:"case_id" json:"case_id"`
	Reason       string     `db:"reason" json:"reason"`
	By           uuid.UUID  `db:"held_by" json:"held_by"`
	ByName       string     `db:"held_name" json:"held_by_name"`
	At           time.Time  `db:"held_at" json:"held_at"`
	LiftedName   string     `db:"lifted_name" json:"lifted_by_name"`
	LiftedAt     *time.Time `db:"lifted_at" json:"lifted_at"`
	Unreadable   bool       `db:"-" json:"-"` // the reason does not open
}

// InsertLegalHold has a case kept. conflict when it is.
func InsertLegalHold(ctx context.Context, tx *sqlx.Tx, h LegalHold) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO legal_holds (id, organisation_id, case_id, reason, held_by, held_at) VALUES ($1, $2, $3, $4, $5, $6)`,
		h.ID, h.Organisation, h.Case, h.Reason, h.By, h.At)
	if err != nil {
		return fmt.Errorf("save hold: %w", Translate(err))
	}
	return nil
}

// LiftLegalHold ends the hold of a case; lifted is false when there is none.
func LiftLegalHold(ctx context.Context, tx *sqlx.Tx, caseID, by uuid.UUID, at time.Time) (lifted bool, err error) {
	res, err := tx.ExecContext(ctx, `UPDATE legal_holds SET lifted_by = $2, lifted_at = $3 WHERE case_id = $1 AND lifted_at IS NULL`, caseID, by, at)
	if err != nil {
		return false, fmt.Errorf("lift hold: %w", Translate(err))
	}
	n, err := res.RowsAffected()
	return n > 0, err
}

// LegalHoldsOf lists the holds of a case, the newest first.
func LegalHoldsOf(ctx context.Context, q sqlx.QueryerContext, caseID uuid.UUID) ([]LegalHold, error) {
	list := []LegalHold{}
	err := sqlx.SelectContext(ctx, q, &list, `SELECT h.id, h.organisation_id, h.case_id, h.reason, h.held_by, a.name AS held_name, h.held_at,
			coalesce(b.name, '') AS lifted_name, h.lifted_at
		FROM legal_holds h JOIN accounts a ON a.id = h.held_by LEFT JOIN accounts b ON b.id = h.lifted_by
		WHERE h.case_id = $1 ORDER BY h.held_at DESC, h.id`, caseID)
	if err != nil {
		return nil, fmt.Errorf("read holds: %w", Translate(err))
	}
	return list, nil
}

// Held reports a case that must be kept.
func Held(ctx context.Context, q sqlx.QueryerContext, caseID uuid.UUID) (held bool, err error) {
	err = sqlx.GetContext(ctx, q, &held, `SELECT EXISTS (SELECT FROM legal_holds WHERE case_id = $1 AND lifted_at IS NULL)`, caseID)
	if err != nil {
		return false, fmt.Errorf("read hold: %w", Translate(err))
	}
	return held, nil
}
