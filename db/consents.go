package db

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
)

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
