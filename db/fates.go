package db

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"throughline/referral"
)

// mailOfOffer is the latest message of offer o that wants an answer.
const mailOfOffer = `SELECT letter, state, final, final_heard_at, deferred_at, expects_events, settled_at, attempted_at, created_at
	FROM messages WHERE offer_id = o.id AND letter NOT IN ('receipt', 'withdrawn', 'narrowed') AND error_class <> 'overtaken'
	ORDER BY created_at DESC, generation DESC LIMIT 1`

// mailState is what the rules and people know of message m, and nothing without one. The last word stands over the handing over.
const mailState = `CASE WHEN m.final IN ('delivered', 'arrived') THEN 'delivered' WHEN m.final <> '' THEN 'failed'
	WHEN m.state = 'accepted' THEN CASE WHEN m.deferred_at IS NOT NULL THEN 'deferred' WHEN m.expects_events THEN 'unheard' ELSE 'accepted' END
	WHEN m.state IN ('pending', 'claimed') THEN 'pending' WHEN m.state = 'rejected' THEN 'failed'
	WHEN m.state = 'ambiguous' THEN 'unknown' ELSE '' END`

// mailSince is when that became so. A letter waits since it was called for, however often it has been tried; one that
// may have gone out, since it was tried; a final word counts from when we learned of it.
const mailSince = `CASE WHEN m.final <> '' THEN m.final_heard_at WHEN m.state = 'ambiguous' THEN m.attempted_at
	WHEN m.state = 'accepted' AND m.deferred_at IS NOT NULL THEN m.deferred_at
	ELSE coalesce(m.settled_at, m.created_at) END`

// mailOut is when the first of the letters was handed over that nothing was heard of since, and nobody asked to call about.
const mailOut = `CASE WHEN m.final = '' AND m.state = 'accepted' AND m.expects_events THEN (SELECT min(u.settled_at) FROM messages u
		WHERE u.offer_id = o.id AND u.letter NOT IN ('receipt', 'withdrawn', 'narrowed') AND u.state = 'accepted' AND u.expects_events AND u.final = ''
		AND NOT EXISTS (SELECT 1 FROM messages h WHERE h.offer_id = o.id AND h.final <> '' AND h.created_at > u.created_at)
		AND NOT EXISTS (SELECT 1 FROM tasks t WHERE t.referral_id = o.referral_id AND t.offer_id = o.id AND t.kind = 'call_agency'
			AND t.created_at >= u.settled_at)) END`

// MessageFate is a message as what is said of it needs it.
type MessageFate struct {
	ID           uuid.UUID         `db:"id"`
	Organisation uuid.UUID         `db:"organisation_id"`
	Referral     uuid.UUID         `db:"referral_id"`
	Offer        uuid.UUID         `db:"offer_id"`
	Letter       referral.Letter   `db:"letter"`
	State        string            `db:"state"`
	ErrorClass   string            `db:"error_class"`
	Urgency      referral.Urgency  `db:"urgency"`
	Settled      *time.Time        `db:"settled_at"`
	Deferred     *time.Time        `db:"deferred_at"`
	Final        referral.MailWord `db:"final"`
	FinalAt      *time.Time        `db:"final_at"`
	Unheard      *time.Time        `db:"unheard_at"`
}

// Fate is what was known of it so far.
func (m MessageFate) Fate() referral.Fate {
	return referral.Fate{Deferred: value(m.Deferred), Final: m.Final, At: value(m.FinalAt)}
}

const messageFate = `SELECT m.id, m.organisation_id, m.referral_id, m.offer_id, m.letter, m.state, m.error_class, r.urgency,
	m.settled_at, m.deferred_at, m.final, m.final_at, m.unheard_at FROM messages m JOIN referrals r ON r.id = m.referral_id `

// LockFate reads a message and keeps others from saying what became of it until the transaction ends. What only refers
// to the message, as a further event does, does not wait.
func LockFate(ctx context.Context, tx *sqlx.Tx, id uuid.UUID) (MessageFate, error) {
	var m MessageFate
	if err := tx.GetContext(ctx, &m, messageFate+`WHERE m.id = $1 FOR NO KEY UPDATE OF m`, id); err != nil {
		return m, fmt.Errorf("read message: %w", Translate(err))
	}
	return m, nil
}

// SaveFate writes what the provider said. That it says anything proves that it has the message: then one whose attempt
// was under way, ambiguous or forgotten by a restored record counts as handed over, and is not sent again.
func SaveFate(ctx context.Context, tx *sqlx.Tx, id uuid.UUID, f referral.Fate, at time.Time) error {
	_, err := tx.ExecContext(ctx, `UPDATE messages SET deferred_at = $2, final = $3, final_at = $4,
		final_heard_at = CASE WHEN $3 = '' THEN NULL WHEN final = $3 THEN final_heard_at ELSE $5::timestamptz END,
		state = CASE WHEN state = 'rejected' THEN state ELSE 'accepted' END,
		error_class = CASE WHEN state = 'rejected' THEN error_class ELSE '' END,
		settled_at = coalesce(settled_at, $5), expects_events = true WHERE id = $1`,
		id, Nullable(f.Deferred), f.Final, Nullable(f.At), at)
	if err != nil {
		return fmt.Errorf("save message: %w", Translate(err))
	}
	return nil
}

// LockLetters takes the messages of a referral before the referral itself, in the order in which deliveries and events
// take them too: who held the referral first would wait for them while they wait for it.
func LockLetters(ctx context.Context, tx *sqlx.Tx, referralID uuid.UUID) error {
	_, err := tx.ExecContext(ctx, `SELECT FROM messages m JOIN offers o ON o.id = m.offer_id WHERE o.referral_id = $1
		ORDER BY m.id FOR NO KEY UPDATE OF m`, referralID)
	if err != nil {
		return fmt.Errorf("lock messages: %w", Translate(err))
	}
	return nil
}

// LetterArrived writes a person's word that an offer's latest letter is there. It settles every other letter of the
// offer too of which nobody knows whether it went out.
func LetterArrived(ctx context.Context, tx *sqlx.Tx, offer uuid.UUID, at time.Time) error {
	_, err := tx.ExecContext(ctx, `UPDATE messages SET final = 'arrived', final_at = $2, final_heard_at = $2,
		state = CASE WHEN state = 'ambiguous' THEN 'accepted' ELSE state END, settled_at = coalesce(settled_at, $2)
		WHERE offer_id = $1 AND (state = 'ambiguous' OR id = (SELECT id FROM messages WHERE offer_id = $1
			AND letter NOT IN ('receipt', 'withdrawn', 'narrowed') AND error_class <> 'overtaken' ORDER BY created_at DESC, generation DESC LIMIT 1))`,
		offer, at)
	if err != nil {
		return fmt.Errorf("save message: %w", Translate(err))
	}
	return nil
}

// UnheardNotices lists messages of an organisation that want no answer and of which the provider has not said the last
// word, handed over first first.
func UnheardNotices(ctx context.Context, q sqlx.QueryerContext, organisation uuid.UUID, u referral.Urgency, n int) ([]MessageFate, error) {
	var list []MessageFate
	err := sqlx.SelectContext(ctx, q, &list, messageFate+`WHERE m.organisation_id = $1 AND m.state = 'accepted' AND m.expects_events
		AND m.final = '' AND m.unheard_at IS NULL AND m.letter IN ('receipt', 'withdrawn', 'narrowed') AND r.urgency = $2
		ORDER BY m.settled_at LIMIT $3`, organisation, u, n)
	if err != nil {
		return nil, fmt.Errorf("read messages: %w", Translate(err))
	}
	return list, nil
}

// MarkUnheard notes that someone was asked to call about a message that nothing was heard of.
func MarkUnheard(ctx context.Context, tx *sqlx.Tx, id uuid.UUID, at time.Time) error {
	if _, err := tx.ExecContext(ctx, `UPDATE messages SET unheard_at = $2 WHERE id = $1`, id, at); err != nil {
		return fmt.Errorf("save message: %w", Translate(err))
	}
	return nil
}
