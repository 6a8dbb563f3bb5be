package db

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"throughline/referral"
)

// Outgoing is what a letter's words are made of. It holds nothing about the client.
type Outgoing struct {
	Message
	ServiceID    uuid.UUID           `db:"service_id"`
	Service      string              `db:"service"`
	ServiceFR    string              `db:"service_fr"`
	Agency       string              `db:"agency"`
	AgencyFR     string              `db:"agency_fr"`
	OfferState   referral.OfferState `db:"offer_state"` // when the letter was called for
	HelplineName string              `db:"helpline_name"`
	HelplineTel  string              `db:"helpline_phone"`
}

// TakeMessage claims a pending message for one attempt, locks its referral and reads what the letter says; ok is false
// when it is not pending. reports says that the provider will tell us what becomes of it.
func TakeMessage(ctx context.Context, tx *sqlx.Tx, id uuid.UUID, provider string, reports bool, at time.Time) (o Outgoing, ok bool, err error) {
	var list []Outgoing
	err = tx.SelectContext(ctx, &list, `WITH m AS (
		UPDATE messages SET state = 'claimed', provider = $2, attempted_at = $3, attempts = attempts + 1, expects_events = $4
		WHERE id = $1 AND state = 'pending' RETURNING *)
		SELECT m.id, m.organisation_id, m.referral_id, m.offer_id, m.letter, m.recipient, m.locale, m.offer_state, m.state, m.attempts,
			m.attempted_at, o.service_id, coalesce(s.name, '') AS service,
			coalesce(s.name_fr, '') AS service_fr, coalesce(a.name, '') AS agency, coalesce(a.name_fr, '') AS agency_fr,
			g.name AS helpline_name, g.phone AS helpline_phone
		FROM m JOIN offers o ON o.id = m.offer_id JOIN referrals r ON r.id = m.referral_id
			JOIN organisations g ON g.id = m.organisation_id
			LEFT JOIN services s ON s.id = o.service_id LEFT JOIN agencies a ON a.id = s.agency_id
		FOR NO KEY UPDATE OF r`, id, provider, at, reports)
	if err != nil {
		return o, false, fmt.Errorf("take message: %w", Translate(err))
	}
	if len(list) == 0 {
		return o, false, nil
	}
	return list[0], true, nil
}
