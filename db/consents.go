package db

import (
	"time"

	"github.com/google/uuid"
	"github.com/lib/pq"
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
func InsertConsent(c Consent) Part {
	if c.Services == nil {
		c.Services = []uuid.UUID{}
	}
	return part(nil, `consent AS (INSERT INTO consents (id, organisation_id, case_id, referral_id, given, how, script, service_ids,
		recorded_by, recorded_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10))`, uuid.New(), c.Organisation, Nullable(c.Case),
		Nullable(c.Referral), c.Given, c.How, c.Script, pq.Array(c.Services), c.By, c.At)
}

// WithdrawConsent marks a referral's consents as withdrawn.
func WithdrawConsent(referralID uuid.UUID, at time.Time) Part {
	return part(nil, `withdrawn AS (UPDATE consents SET withdrawn_at = $2 WHERE referral_id = $1 AND withdrawn_at IS NULL)`, referralID, at)
}
