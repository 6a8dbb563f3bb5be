package db

import (
	"time"

	"github.com/google/uuid"
)

// ReceiptPace bounds what an agency's registered address is told in a while: Most letters in each Window. Those above
// that wait, and none is lost.
type ReceiptPace struct {
	Most   int
	Window time.Duration
}

// InsertReceipt has an agency's registered address told what was answered by its link. A receipt that has not gone out
// yet then tells the newest answer instead of a further one; a further one above the pace goes out later.
func InsertReceipt(organisation, referralID uuid.UUID, version int, stepKey string, at time.Time, pace ReceiptPace, m NewMessage) Part {
	// A receipt that is being taken for delivery just now is passed over: its words may be written already, and whoever
	// takes it waits for the referral that we hold.
	return part(nil, `waiting AS (
			SELECT id FROM messages WHERE offer_id = $4 AND letter = $5 AND recipient = $7 AND state = 'pending'
			ORDER BY created_at DESC LIMIT 1 FOR UPDATE SKIP LOCKED),
		retold AS (UPDATE messages m SET offer_state = $9, locale = $8 FROM waiting w WHERE m.id = w.id RETURNING m.id),
		receipt AS (
			INSERT INTO messages (id, organisation_id, referral_id, offer_id, letter, step_key, recipient, generation, reason,
				locale, offer_state, state, error_class, created_at, settled_at)
			SELECT $1::uuid, $2::uuid, $3::uuid, $4::uuid, $5::text, $6::text, $7::text, 1, '', $8::text, $9::text, $10::text,
				$11::text, $12::timestamptz, CASE WHEN $10 = 'rejected' THEN $12 END
			WHERE NOT EXISTS (SELECT FROM retold)
			RETURNING id, state),
		free AS (
			SELECT coalesce(attempted_at, created_at) + make_interval(secs => $15) AS at FROM messages
			WHERE offer_id = $4 AND letter = $5 ORDER BY 1 DESC OFFSET $14 LIMIT 1),
		receipt_due AS (
			INSERT INTO outbox (organisation_id, kind, referral_id, message_id, version, created_at, available_at)
			SELECT $2, 'deliver', $3, receipt.id, $13, $12,
				now() + greatest(coalesce((SELECT at FROM free) - $12, interval '0'), interval '0')
			FROM receipt WHERE state = 'pending')`,
		m.ID, organisation, referralID, m.Offer, m.Letter, stepKey, m.Recipient, m.Locale, m.OfferState, m.State, m.ErrorClass, at,
		version, pace.Most-1, pace.Window.Seconds())
}
