package db

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"
	"github.com/lib/pq"

	"throughline/referral"
)

// Consent is one thing that a client said on who may know what: a yes, a no, or a part of a yes taken back.
type Consent struct {
	ID           uuid.UUID
	Organisation uuid.UUID
	Case         uuid.UUID // nil UUID: refused before there was a case
	Referral     uuid.UUID // nil UUID: refused before there was a referral
	Given        bool
	How, Script  string
	Substitute   string // who agreed for the client; sealed
	Capacity     string
	Services     []uuid.UUID // in the order the client agreed to
	Said         referral.Consent
	By           uuid.UUID
	At           time.Time
}

// InsertConsent keeps what the client said.
func InsertConsent(c Consent) Part {
	if c.Services == nil {
		c.Services = []uuid.UUID{}
	}
	if c.Said.Agreed == nil {
		c.Said.Agreed = map[uuid.UUID][]referral.Group{}
	}
	agreed, err := asJSON(c.Said.Agreed)
	return part(err, `consent AS (INSERT INTO consents (id, organisation_id, case_id, referral_id, given, how, script, service_ids,
		recorded_by, recorded_at, agreed, takes_back, expires_at, substitute, capacity)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15))`, c.ID, c.Organisation, Nullable(c.Case),
		Nullable(c.Referral), c.Given, c.How, c.Script, pq.Array(c.Services), c.By, c.At, agreed, c.Said.Back, Nullable(c.Said.Until),
		c.Substitute, c.Capacity)
}

// WithdrawConsent marks a referral's consents as withdrawn.
func WithdrawConsent(referralID uuid.UUID, at time.Time) Part {
	return part(nil, `withdrawn AS (UPDATE consents SET withdrawn_at = $2 WHERE referral_id = $1 AND withdrawn_at IS NULL)`, referralID, at)
}

// saidOfConsent reads what counts of a referral's consents, oldest first, as JSON.
const saidOfConsent = `(SELECT json_agg(k ORDER BY k.recorded_at, k.seq) FROM (SELECT agreed, takes_back, recorded_at, expires_at, seq
		FROM consents WHERE referral_id = r.id AND (given OR takes_back)) k)`

func consentsOf(raw []byte) ([]referral.Consent, error) {
	if raw == nil {
		return nil, nil
	}
	var rows []struct {
		Agreed map[uuid.UUID][]referral.Group `json:"agreed"`
		Back   bool                           `json:"takes_back"`
		At     time.Time                      `json:"recorded_at"`
		Until  *time.Time                     `json:"expires_at"`
	}
	if err := json.Unmarshal(raw, &rows); err != nil {
		return nil, err
	}
	list := make([]referral.Consent, len(rows))
	for i, r := range rows {
		list[i] = referral.Consent{Agreed: r.Agreed, Back: r.Back, At: r.At, Until: value(r.Until)}
	}
	return list, nil
}
