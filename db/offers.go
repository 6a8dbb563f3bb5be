package db

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"throughline/referral"
)

// OfferWords are what people wrote about an offer, sealed when they are kept; a nil word is left as it is.
type OfferWords struct {
	ReasonNote *string `json:"reason_note"`
	Question   *string `json:"question"`
	Answer     *string `json:"answer"`
	AnsweredBy *string `json:"answered_by"`
}

// offerRow is what the rules know of an offer, as it goes into the table and comes out of it.
type offerRow struct {
	ID        uuid.UUID           `json:"id"`
	Service   uuid.UUID           `json:"service_id"`
	Rank      int                 `json:"rank"`
	State     referral.OfferState `json:"state"`
	Reason    string              `json:"reason"`
	Outcome   string              `json:"outcome"`
	Entered   time.Time           `json:"entered_at"`
	Sent      *time.Time          `json:"sent_at"`
	Paused    int64               `json:"paused_seconds"`
	Reminded  *time.Time          `json:"reminded_at"`
	Escalated *time.Time          `json:"escalated_at"`
	News      time.Time           `json:"news_at"`
	Asked     *time.Time          `json:"asked_at"`
	Asks      int                 `json:"asks"`
	Attempts  int                 `json:"attempts"`
	Visit     *time.Time          `json:"visit_at"`
}

func rowOf(o referral.Offer) offerRow {
	return offerRow{ID: o.ID, Service: o.Service, Rank: o.Rank, State: o.State, Reason: o.Reason, Outcome: o.Outcome,
		Entered: o.Entered, Sent: pointer(o.Sent), Paused: int64(o.Paused / time.Second), Reminded: pointer(o.Reminded),
		Escalated: pointer(o.Escalated), News: o.News, Asked: pointer(o.Asked), Asks: o.Asks, Attempts: o.Attempts,
		Visit: pointer(o.Visit)}
}

func (r offerRow) offer() referral.Offer {
	return referral.Offer{ID: r.ID, Service: r.Service, Rank: r.Rank, State: r.State, Reason: r.Reason, Outcome: r.Outcome,
		Entered: r.Entered, Sent: value(r.Sent), Paused: time.Duration(r.Paused) * time.Second, Reminded: value(r.Reminded),
		Escalated: value(r.Escalated), News: r.News, Asked: value(r.Asked), Asks: r.Asks, Attempts: r.Attempts,
		Visit: value(r.Visit)}
}

// InsertOffers adds offers to a referral.
func InsertOffers(organisation, referralID uuid.UUID, offers []referral.Offer) Part {
	if len(offers) == 0 {
		return Part{}
	}
	rows := make([]offerRow, len(offers))
	for i, o := range offers {
		rows[i] = rowOf(o)
	}
	raw, err := asJSON(rows)
	return part(err, `new_offers AS (INSERT INTO offers (id, organisation_id, referral_id, service_id, rank, state, created_at,
		entered_at, news_at)
		SELECT id, $1, $2, service_id, rank, state, entered_at, entered_at, news_at
		FROM jsonb_to_recordset($3) AS x(id uuid, service_id uuid, rank int, state text, entered_at timestamptz, news_at timestamptz))`,
		organisation, referralID, raw)
}

// PassThrough records the state an offer passes through on its way, so that the database sees each edge of the graph.
func PassThrough(ctx context.Context, tx *sqlx.Tx, offer uuid.UUID, via referral.OfferState) error {
	if _, err := tx.ExecContext(ctx, `UPDATE offers SET state = $2 WHERE id = $1`, offer, via); err != nil {
		return fmt.Errorf("save offer: %w", Translate(err))
	}
	return nil
}

// UpdateOffers writes what a decision made of offers. The referral's lock guards them.
func UpdateOffers(offers []referral.Offer, words map[uuid.UUID]OfferWords) Part {
	if len(offers) == 0 {
		return Part{}
	}
	rows := make([]struct {
		offerRow
		OfferWords
	}, len(offers))
	for i, o := range offers {
		rows[i].offerRow, rows[i].OfferWords = rowOf(o), words[o.ID]
	}
	raw, err := asJSON(rows)
	return part(err, `moved_offers AS (UPDATE offers o SET state = x.state, reason = x.reason, outcome = x.outcome,
		entered_at = x.entered_at, sent_at = x.sent_at, paused_seconds = x.paused_seconds, reminded_at = x.reminded_at,
		escalated_at = x.escalated_at, news_at = x.news_at, asked_at = x.asked_at, asks = x.asks, attempts = x.attempts,
		visit_at = x.visit_at, reason_note = coalesce(x.reason_note, o.reason_note), question = coalesce(x.question, o.question),
		answer = coalesce(x.answer, o.answer), answered_by = coalesce(x.answered_by, o.answered_by)
		FROM jsonb_to_recordset($1) AS x(id uuid, state text, reason text, outcome text, entered_at timestamptz,
			sent_at timestamptz, paused_seconds bigint, reminded_at timestamptz, escalated_at timestamptz, news_at timestamptz,
			asked_at timestamptz, asks int, attempts int, visit_at timestamptz, reason_note text, question text, answer text,
			answered_by text)
		WHERE o.id = x.id)`, raw)
}

func pointer[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}
