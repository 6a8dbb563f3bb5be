package db

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"throughline/referral"
)

// States of a message; DESIGN's "Email and the agency's link" says what each means.
const (
	MessagePending   = "pending"
	MessageClaimed   = "claimed" // an attempt is under way, or was when its process died
	MessageAccepted  = "accepted"
	MessageRejected  = "rejected"
	MessageAmbiguous = "ambiguous"
)

// NewMessage is a letter to be mailed, or one that can't be for want of an address.
type NewMessage struct {
	ID         uuid.UUID           `json:"id"`
	Offer      uuid.UUID           `json:"offer_id"`
	Letter     referral.Letter     `json:"letter"`
	Recipient  string              `json:"recipient"`
	Locale     string              `json:"locale"`
	OfferState referral.OfferState `json:"offer_state"`
	State      string              `json:"state"`
	ErrorClass string              `json:"error_class"`
	Generation int                 `json:"generation"`
	Reason     string              `json:"reason"`
}

// InsertMessages writes letters of one occasion, and an outbox row for each that can go out.
func InsertMessages(organisation, referralID uuid.UUID, version int, stepKey string, at time.Time, messages []NewMessage) Part {
	if len(messages) == 0 {
		return Part{}
	}
	raw, err := asJSON(messages)
	return part(err, `posted AS (
		INSERT INTO messages (id, organisation_id, referral_id, offer_id, letter, step_key, recipient, generation, reason,
			locale, offer_state, state, error_class, created_at, settled_at)
		SELECT id, $1, $2, offer_id, letter, $3, recipient, generation, reason, locale, offer_state, state, error_class, $4,
			CASE WHEN state = 'rejected' THEN $4::timestamptz END
		FROM jsonb_to_recordset($5) AS x(id uuid, offer_id uuid, letter text, recipient text, generation int, reason text,
			locale text, offer_state text, state text, error_class text)
		RETURNING id, state),
		to_deliver AS (INSERT INTO outbox (organisation_id, kind, referral_id, message_id, version, created_at, available_at)
		SELECT $1, 'deliver', $2, id, $6, $4, now() FROM posted WHERE state = 'pending')`,
		organisation, referralID, stepKey, at, raw, version)
}

// NextGeneration says to which occasion a letter that is sent once more belongs, and its number there: the occasion is
// that of the latest letter of its kind about the offer, or of any kind when there was none.
func NextGeneration(ctx context.Context, tx *sqlx.Tx, offer uuid.UUID, letter referral.Letter) (stepKey string, generation int, err error) {
	var found struct {
		Key  string `db:"step_key"`
		Most int    `db:"most"`
	}
	err = tx.GetContext(ctx, &found, `SELECT m.step_key, (SELECT coalesce(max(generation), 1) FROM messages
			WHERE offer_id = $1 AND letter = $2 AND step_key = m.step_key) AS most
		FROM messages m WHERE m.offer_id = $1 AND m.letter NOT IN ('receipt', 'withdrawn', 'narrowed')
		ORDER BY m.letter = $2 DESC, m.created_at DESC, m.generation DESC LIMIT 1`, offer, letter)
	if err != nil {
		return "", 0, fmt.Errorf("read messages: %w", Translate(err))
	}
	return found.Key, found.Most + 1, nil
}

// Message is a letter as its delivery needs it.
type Message struct {
	ID           uuid.UUID       `db:"id"`
	Organisation uuid.UUID       `db:"organisation_id"`
	Referral     uuid.UUID       `db:"referral_id"`
	Offer        uuid.UUID       `db:"offer_id"`
	Letter       referral.Letter `db:"letter"`
	Recipient    string          `db:"recipient"`
	Locale       string          `db:"locale"`
	State        string          `db:"state"`
	Attempts     int             `db:"attempts"`
	AttemptedAt  *time.Time      `db:"attempted_at"`
}

const messageColumns = `id, organisation_id, referral_id, offer_id, letter, recipient, locale, state, attempts, attempted_at`

// SettleMessage writes what became of an attempt: pending again when it surely did not go out. A late answer still
// settles what was ambiguous. settled is false when the message had been settled before.
func SettleMessage(ctx context.Context, tx *sqlx.Tx, id uuid.UUID, state, class, providerID string, at time.Time) (m Message, settled bool, err error) {
	var list []Message
	err = tx.SelectContext(ctx, &list, `UPDATE messages SET state = $2::text, error_class = $3, provider_id = $4,
		settled_at = CASE WHEN $2::text IN ('accepted', 'rejected') THEN $5::timestamptz END
		WHERE id = $1 AND (state = 'claimed' OR (state = 'ambiguous' AND $2::text IN ('accepted', 'rejected')))
		RETURNING `+messageColumns, id, state, class, providerID, at)
	if err != nil {
		return m, false, fmt.Errorf("settle message: %w", Translate(err))
	}
	if len(list) == 0 {
		return m, false, nil
	}
	return list[0], true, nil
}

// LockMessage reads a message and keeps other deliveries away from it until the transaction ends.
func LockMessage(ctx context.Context, tx *sqlx.Tx, id uuid.UUID) (Message, error) {
	var m Message
	err := tx.GetContext(ctx, &m, `SELECT `+messageColumns+` FROM messages WHERE id = $1 FOR UPDATE`, id)
	if err != nil {
		return m, fmt.Errorf("read message: %w", Translate(err))
	}
	return m, nil
}

// PostedSince reports a letter of this kind about an offer that is not older than since.
func PostedSince(ctx context.Context, q sqlx.QueryerContext, offer uuid.UUID, letter referral.Letter, since time.Time) (bool, error) {
	var yes bool
	err := sqlx.GetContext(ctx, q, &yes, `SELECT EXISTS (SELECT 1 FROM messages WHERE offer_id = $1 AND letter = $2 AND created_at >= $3)`,
		offer, letter, since)
	if err != nil {
		return false, fmt.Errorf("read messages: %w", Translate(err))
	}
	return yes, nil
}
