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

// What the watchdog looks for. Each query is bounded by n.

// Late is an open referral whose step is overdue.
type Late struct {
	ID           uuid.UUID        `db:"id"`
	Organisation uuid.UUID        `db:"organisation_id"`
	Urgency      referral.Urgency `db:"urgency"`
	Version      int              `db:"version"`
	Due          time.Time        `db:"step_due"`
}

// LateReferrals lists open referrals whose step was due before an instant, the longest overdue first, without those that
// are to be skipped.
func LateReferrals(ctx context.Context, q sqlx.QueryerContext, before time.Time, skip []uuid.UUID, n int) ([]Late, error) {
	var list []Late
	err := sqlx.SelectContext(ctx, q, &list, `SELECT id, organisation_id, urgency, version, step_due FROM referrals
		WHERE state = 'open' AND step_due < $1 AND id <> ALL (coalesce($2, '{}')::uuid[]) ORDER BY step_due, id LIMIT $3`, before, pq.Array(skip), n)
	if err != nil {
		return nil, fmt.Errorf("read referrals: %w", Translate(err))
	}
	return list, nil
}

// OpenAfter walks along the referrals that have been open since before an instant, by id.
func OpenAfter(ctx context.Context, q sqlx.QueryerContext, after uuid.UUID, before time.Time, n int) ([]uuid.UUID, error) {
	var ids []uuid.UUID
	err := sqlx.SelectContext(ctx, q, &ids, `SELECT id FROM referrals WHERE state = 'open' AND id > $1 AND opened_at < $2
		ORDER BY id LIMIT $3`, after, before, n)
	if err != nil {
		return nil, fmt.Errorf("read referrals: %w", Translate(err))
	}
	return ids, nil
}

// StateOf reads where a referral stands; not_found when there is none.
func StateOf(ctx context.Context, q sqlx.QueryerContext, id uuid.UUID) (referral.State, error) {
	var s referral.State
	if err := sqlx.GetContext(ctx, q, &s, `SELECT state FROM referrals WHERE id = $1`, id); err != nil {
		return "", fmt.Errorf("read referral: %w", Translate(err))
	}
	return s, nil
}

// CountOpen counts the referrals that have been open since before an instant.
func CountOpen(ctx context.Context, q sqlx.QueryerContext, before time.Time) (int, error) {
	var n int
	err := sqlx.GetContext(ctx, q, &n, `SELECT count(*) FROM referrals WHERE state = 'open' AND opened_at < $1`, before)
	if err != nil {
		return 0, fmt.Errorf("count referrals: %w", Translate(err))
	}
	return n, nil
}

// SilentMessages lists messages whose attempt was begun before an instant and that no dispatcher holds under its lease.
func SilentMessages(ctx context.Context, q sqlx.QueryerContext, before time.Time, n int) ([]uuid.UUID, error) {
	return messageIDs(ctx, q, `SELECT m.id FROM messages m WHERE m.state = 'claimed' AND m.attempted_at < $1
		AND NOT EXISTS (SELECT FROM outbox o WHERE o.message_id = m.id AND o.done_at IS NULL AND o.available_at > now())
		ORDER BY m.attempted_at LIMIT $2`, before, n)
}

// LostMessages lists messages that wait to go out since before an instant although nothing in the outbox promises it.
func LostMessages(ctx context.Context, q sqlx.QueryerContext, before time.Time, n int) ([]uuid.UUID, error) {
	return messageIDs(ctx, q, `SELECT m.id FROM messages m WHERE m.state = 'pending' AND m.created_at < $1
		AND NOT EXISTS (SELECT FROM outbox o WHERE o.message_id = m.id AND o.done_at IS NULL) ORDER BY m.created_at LIMIT $2`, before, n)
}

// leftMessage is the condition on a failed message m that nobody has seen to: $1 is the instant before which it failed,
// $2 the one before which it was tried when its fate is unknown. It is seen to once an agency is to be called about its
// offer, or has been, or when the offer has gone on.
const leftMessage = `((m.state = 'rejected' AND m.error_class <> 'overtaken' AND m.settled_at < $1)
		OR (m.state = 'ambiguous' AND m.attempted_at < $2))
	AND NOT EXISTS (SELECT FROM tasks t WHERE t.offer_id = m.offer_id AND t.kind = 'call_agency'
		AND (t.state = 'open' OR t.created_at >= m.created_at OR t.done_at >= m.settled_at))
	AND NOT ` + goneOn

// LeftMessages lists failed messages of the last days that nobody has seen to: refused before failed, or tried before
// unknown and of unknown fate since.
func LeftMessages(ctx context.Context, q sqlx.QueryerContext, failed, unknown, since time.Time, n int) ([]uuid.UUID, error) {
	return messageIDs(ctx, q, `SELECT m.id FROM messages m WHERE m.state IN ('rejected', 'ambiguous') AND m.created_at > $3
		AND `+leftMessage+` ORDER BY m.created_at LIMIT $4`, failed, unknown, since, n)
}

// MessageLeft reports that nobody has seen to a failed message.
func MessageLeft(ctx context.Context, q sqlx.QueryerContext, id uuid.UUID, failed, unknown time.Time) (bool, error) {
	ids, err := messageIDs(ctx, q, `SELECT m.id FROM messages m WHERE m.id = $3 AND `+leftMessage, failed, unknown, id)
	return len(ids) == 1, err
}

func messageIDs(ctx context.Context, q sqlx.QueryerContext, query string, args ...any) ([]uuid.UUID, error) {
	var ids []uuid.UUID
	if err := sqlx.SelectContext(ctx, q, &ids, query, args...); err != nil {
		return nil, fmt.Errorf("read messages: %w", Translate(err))
	}
	return ids, nil
}

// PromiseDelivery puts a message that nothing promises to send into the outbox; promised is false when something does.
func PromiseDelivery(ctx context.Context, tx *sqlx.Tx, id uuid.UUID, version int, at time.Time) (promised bool, err error) {
	res, err := tx.ExecContext(ctx, `INSERT INTO outbox (organisation_id, kind, referral_id, message_id, version, created_at, available_at)
		SELECT m.organisation_id, 'deliver', m.referral_id, m.id, $2, $3, now() FROM messages m WHERE m.id = $1 AND m.state = 'pending'
			AND NOT EXISTS (SELECT FROM outbox o WHERE o.message_id = m.id AND o.done_at IS NULL)`, id, version, at)
	if err != nil {
		return false, fmt.Errorf("save outbox: %w", Translate(err))
	}
	n, err := res.RowsAffected()
	return n == 1, err
}

// HurryOutbox makes rows of some kinds due that were put off beyond any lease or pause, as by a clock that was set back, and says how many.
func HurryOutbox(ctx context.Context, q sqlx.ExecerContext, beyond time.Duration, n int, kinds ...string) (int64, error) {
	res, err := q.ExecContext(ctx, `UPDATE outbox SET available_at = now() WHERE id IN (SELECT id FROM outbox
		WHERE done_at IS NULL AND available_at > now() + make_interval(secs => $1) AND kind = ANY ($3)
		ORDER BY available_at DESC LIMIT $2 FOR UPDATE SKIP LOCKED)`, beyond.Seconds(), n, pq.Array(kinds))
	if err != nil {
		return 0, fmt.Errorf("hurry outbox: %w", Translate(err))
	}
	return res.RowsAffected()
}

// Failing is a class of promises that could not be kept so far.
type Failing struct {
	Kind  string `db:"kind"`
	Class string `db:"last_error"`
	Rows  int    `db:"rows"`
}

// FailingOutbox counts the rows that failed at least so often, by kind and class.
func FailingOutbox(ctx context.Context, q sqlx.QueryerContext, attempts int) ([]Failing, error) {
	var list []Failing
	err := sqlx.SelectContext(ctx, q, &list, `SELECT kind, last_error, count(*) AS rows FROM outbox
		WHERE done_at IS NULL AND attempts >= $1 AND last_error <> '' GROUP BY 1, 2 ORDER BY 1, 2`, attempts)
	if err != nil {
		return nil, fmt.Errorf("read outbox: %w", Translate(err))
	}
	return list, nil
}

// OpenReferrals lists every referral that has been open since before an instant.
func OpenReferrals(ctx context.Context, q sqlx.QueryerContext, before time.Time) ([]uuid.UUID, error) {
	var ids []uuid.UUID
	err := sqlx.SelectContext(ctx, q, &ids, `SELECT id FROM referrals WHERE state = 'open' AND opened_at < $1 ORDER BY id`, before)
	if err != nil {
		return nil, fmt.Errorf("read referrals: %w", Translate(err))
	}
	return ids, nil
}

// NotOpen picks, of these referrals, those that are not open: unknown ones, and those closed since before an instant.
func NotOpen(ctx context.Context, q sqlx.QueryerContext, ids []uuid.UUID, before time.Time) ([]uuid.UUID, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	raw, err := asJSON(ids)
	if err != nil {
		return nil, err
	}
	var ended []uuid.UUID
	err = sqlx.SelectContext(ctx, q, &ended, `SELECT x.value::uuid FROM jsonb_array_elements_text($1) AS x
		LEFT JOIN referrals r ON r.id = x.value::uuid
		WHERE r.id IS NULL OR r.state = 'draft' OR r.closed_at < $2`, raw, before)
	if err != nil {
		return nil, fmt.Errorf("read referrals: %w", Translate(err))
	}
	return ended, nil
}
