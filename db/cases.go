package db

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
)

// CaseRow is a person's folder, its personal data sealed.
type CaseRow struct {
	ID                 uuid.UUID `db:"id"`
	OrganisationID     uuid.UUID `db:"organisation_id"`
	Reference          string    `db:"reference"`
	Anonymous          bool      `db:"anonymous"`
	Name               string    `db:"name"`
	Phone              string    `db:"phone"`
	Email              string    `db:"email"`
	ContactTimes       string    `db:"contact_times"`
	SafeToCall         bool      `db:"safe_to_call"`
	SafeToLeaveMessage bool      `db:"safe_to_leave_message"`
	Municipality       string    `db:"municipality"`
	PostalCode         string    `db:"postal_code"`
	BirthYear          string    `db:"birth_year"`
	Notes              string    `db:"notes"`
	Language           string    `db:"language"`
	CreatedBy          uuid.UUID `db:"created_by"`
	CreatedAt          time.Time `db:"created_at"`
	Version            int       `db:"version"` // one more with each correction
	// Region and Partner are those of who opened it, and say who else may see it.
	Region  *uuid.UUID `db:"region_id"`
	Partner string     `db:"partner"`
	// Restricted is why it is for named people only; "" when it is not. It is written by Restrict.
	Restricted string `db:"restricted"`
	Tombstone
	CaseKey
}

const caseColumns = `id, organisation_id, reference, anonymous, name, phone, email, contact_times, safe_to_call,
	safe_to_leave_message, municipality, postal_code, birth_year, notes, language, created_by, created_at, region_id, partner`

// InsertCase opens a folder.
func InsertCase(c CaseRow) Part {
	return part(nil, `new_case AS (INSERT INTO cases (`+caseColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13,
		$14, $15, $16, $17, $18, $19))`, c.ID, c.OrganisationID, c.Reference, c.Anonymous, c.Name, c.Phone, c.Email, c.ContactTimes, c.SafeToCall,
		c.SafeToLeaveMessage, c.Municipality, c.PostalCode, c.BirthYear, c.Notes, c.Language, c.CreatedBy, c.CreatedAt,
		c.Region, c.Partner)
}

// FindCase reads a folder of an organisation; not_found also when it is another's.
func FindCase(ctx context.Context, q sqlx.QueryerContext, organisation, id uuid.UUID) (CaseRow, error) {
	var c CaseRow
	err := sqlx.GetContext(ctx, q, &c, `SELECT c.*`+caseKey+`,
			coalesce((SELECT kind FROM restrictions r WHERE r.case_id = c.id), '') AS restricted
		FROM cases c`+withCaseKey("c.id")+`WHERE c.id = $1 AND c.organisation_id = $2`, id, organisation)
	if err != nil {
		return c, fmt.Errorf("read case: %w", Translate(err))
	}
	return c, nil
}
