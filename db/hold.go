package db

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"throughline/referral"
)

// HeldMessage is a letter that is kept back, with what a person needs to ask its agency about it.
type HeldMessage struct {
	ID       uuid.UUID       `db:"id" json:"message_id"`
	Referral uuid.UUID       `db:"referral_id" json:"referral_id"`
	Offer    uuid.UUID       `db:"offer_id" json:"offer_id"`
	Letter   referral.Letter `db:"letter" json:"letter"`
	Service  string          `db:"service" json:"service"`
	Agency   string          `db:"agency" json:"agency"`
	Phone    string          `db:"phone" json:"phone"` // the agency's
	Created  time.Time       `db:"created_at" json:"created_at"`
}

const heldMessages = `SELECT m.id, m.referral_id, m.offer_id, m.letter, m.created_at, coalesce(s.name, '') AS service,
		coalesce(a.name, '') AS agency, coalesce(reach.phone, '') AS phone
	FROM messages m JOIN offers o ON o.id = m.offer_id LEFT JOIN services s ON s.id = o.service_id
		LEFT JOIN agencies a ON a.id = s.agency_id LEFT JOIN service_reach reach ON reach.id = s.id `

// WaitingMessages lists the letters that wait to go out or are on their way.
func WaitingMessages(ctx context.Context, q sqlx.QueryerContext) ([]HeldMessage, error) {
	return held(ctx, q, heldMessages+`WHERE m.state IN ('pending', 'claimed') ORDER BY m.created_at, m.id`)
}

// HoldMessages keeps back what waits to go out of one referral, and lists it. Nobody knows whether it went out.
func HoldMessages(ctx context.Context, tx *sqlx.Tx, referralID uuid.UUID, class string, at time.Time) ([]HeldMessage, error) {
	var ids []uuid.UUID
	err := tx.SelectContext(ctx, &ids, `UPDATE messages SET state = 'ambiguous', error_class = $2, attempted_at = coalesce(attempted_at, $3)
		WHERE referral_id = $1 AND state IN ('pending', 'claimed') RETURNING id`, referralID, class, at)
	if err != nil {
		return nil, fmt.Errorf("hold messages: %w", Translate(err))
	}
	return held(ctx, tx, heldMessages+`WHERE m.id = ANY ($1) ORDER BY m.created_at, m.id`, pq.Array(ids))
}

func held(ctx context.Context, q sqlx.QueryerContext, query string, args ...any) ([]HeldMessage, error) {
	var list []HeldMessage
	if err := sqlx.SelectContext(ctx, q, &list, query, args...); err != nil {
		return nil, fmt.Errorf("read messages: %w", Translate(err))
	}
	return list, nil
}

// OtherSessions counts the sessions of our processes on this database besides those of one application name.
func OtherSessions(ctx context.Context, q sqlx.QueryerContext, but string) (int, error) {
	var n int
	err := sqlx.GetContext(ctx, q, &n, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
		AND application_name LIKE 'throughline%' AND application_name <> $1`, but)
	if err != nil {
		return 0, fmt.Errorf("read sessions: %w", Translate(err))
	}
	return n, nil
}
