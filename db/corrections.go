package db

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// Correction is what was set right of a case at one time, what people wrote sealed.
type Correction struct {
	ID           uuid.UUID      `db:"id"`
	Organisation uuid.UUID      `db:"organisation_id"`
	Case         uuid.UUID      `db:"case_id"`
	Version      int            `db:"version"` // that the case came to
	At           time.Time      `db:"at"`
	By           uuid.UUID      `db:"corrected_by"`
	ByName       string         `db:"by_name"`
	Fields       pq.StringArray `db:"fields"`
	Before       string         `db:"before"` // what the fields said, as JSON
	Reason       string         `db:"reason"`
}

// CorrectCase writes a case as it is now, in place of the version before; conflict when that is no longer the newest, or the case was erased.
// Marks are what it is found by from now on.
func CorrectCase(c CaseRow, marks [][]byte) Part {
	p := part(nil, `corrected AS (UPDATE cases SET version = version + 1, anonymous = $3, name = $4, phone = $5, email = $6, contact_times = $7,
			safe_to_call = $8, safe_to_leave_message = $9, municipality = $10, postal_code = $11, birth_year = $12, notes = $13, language = $14
			WHERE id = $1 AND version = $2 AND erased_at IS NULL RETURNING id),
		found_anew AS (UPDATE case_keys SET found_by = $15::bytea[] WHERE case_id = $1 AND wrapped IS NOT NULL)`,
		c.ID, c.Version, c.Anonymous, c.Name, c.Phone, c.Email, c.ContactTimes, c.SafeToCall, c.SafeToLeaveMessage, c.Municipality, c.PostalCode,
		c.BirthYear, c.Notes, c.Language, pq.ByteaArray(marks))
	p.guard = "corrected"
	return p
}

// InsertCorrection keeps what was set right, and what it said before.
func InsertCorrection(c Correction) Part {
	return part(nil, `correction AS (INSERT INTO corrections (id, organisation_id, case_id, version, at, corrected_by, fields, before, reason)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9))`, c.ID, c.Organisation, c.Case, c.Version, c.At, c.By, c.Fields, c.Before, c.Reason)
}

// Corrections lists what was set right of a case, the newest first.
func Corrections(ctx context.Context, q sqlx.QueryerContext, caseID uuid.UUID) ([]Correction, error) {
	var list []Correction
	err := sqlx.SelectContext(ctx, q, &list, `SELECT c.*, a.name AS by_name FROM corrections c JOIN accounts a ON a.id = c.corrected_by
		WHERE c.case_id = $1 ORDER BY c.version DESC`, caseID)
	if err != nil {
		return nil, fmt.Errorf("read corrections: %w", Translate(err))
	}
	return list, nil
}
