package db

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
)

// CaseRow is a person's folder. It holds personal data.
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
	BirthYear          *int      `db:"birth_year"`
	Notes              string    `db:"notes"`
	Language           string    `db:"language"`
	CreatedBy          uuid.UUID `db:"created_by"`
	CreatedAt          time.Time `db:"created_at"`
}

const caseColumns = `id, organisation_id, reference, anonymous, name, phone, email, contact_times, safe_to_call,
	safe_to_leave_message, municipality, postal_code, birth_year, notes, language, created_by, created_at`

// InsertCase opens a folder.
func InsertCase(ctx context.Context, tx *sqlx.Tx, c CaseRow) error {
	_, err := tx.NamedExecContext(ctx, `INSERT INTO cases (`+caseColumns+`) VALUES (:id, :organisation_id, :reference,
		:anonymous, :name, :phone, :email, :contact_times, :safe_to_call, :safe_to_leave_message, :municipality, :postal_code,
		:birth_year, :notes, :language, :created_by, :created_at)`, c)
	if err != nil {
		return fmt.Errorf("save case: %w", Translate(err))
	}
	return nil
}

// FindCase reads a folder of an organisation; not_found also when it is another's.
func FindCase(ctx context.Context, q sqlx.QueryerContext, organisation, id uuid.UUID) (CaseRow, error) {
	var c CaseRow
	err := sqlx.GetContext(ctx, q, &c, `SELECT `+caseColumns+` FROM cases WHERE id = $1 AND organisation_id = $2`, id, organisation)
	if err != nil {
		return c, fmt.Errorf("read case: %w", Translate(err))
	}
	return c, nil
}

// Consent is what a client agreed to, or refused.
type Consent struct {
	Organisation uuid.UUID
	Case         uuid.UUID // nil UUID: refused before there was a case
	Referral     uuid.UUID // nil UUID: refused before there was a referral
	Given        bool
	How, Script  string
	Services     []uuid.UUID
	By           uuid.UUID
	At           time.Time
}

// InsertConsent keeps what the client said.
func InsertConsent(ctx context.Context, q sqlx.ExecerContext, c Consent) error {
	if c.Services == nil {
		c.Services = []uuid.UUID{}
	}
	services, err := asJSON(c.Services)
	if err != nil {
		return err
	}
	_, err = q.ExecContext(ctx, `INSERT INTO consents (id, organisation_id, case_id, referral_id, given, how, script,
		service_ids, recorded_by, recorded_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, ARRAY(SELECT value::uuid FROM jsonb_array_elements_text($8)), $9, $10)`,
		uuid.New(), c.Organisation, Nullable(c.Case), Nullable(c.Referral), c.Given, c.How, c.Script, services, c.By, c.At)
	if err != nil {
		return fmt.Errorf("save consent: %w", Translate(err))
	}
	return nil
}

// WithdrawConsent marks a referral's consents as withdrawn.
func WithdrawConsent(ctx context.Context, tx *sqlx.Tx, referralID uuid.UUID, at time.Time) error {
	_, err := tx.ExecContext(ctx, `UPDATE consents SET withdrawn_at = $2 WHERE referral_id = $1 AND withdrawn_at IS NULL`, referralID, at)
	if err != nil {
		return fmt.Errorf("withdraw consent: %w", Translate(err))
	}
	return nil
}
