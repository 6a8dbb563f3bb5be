package db

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
)

// CheckQuery checks a part of an invariant of DESIGN by one statement. Broken lists what breaks it: what kind of thing, its
// id, and what is wrong. Args are the statement's parameters; nil when it has none.
type CheckQuery struct {
	Invariant string
	Broken    string
	Args      func(now time.Time) []any
}

// Broken is a row that breaks an invariant.
type Broken struct {
	Of   string    `db:"of"` // referral, offer, message or case
	ID   uuid.UUID `db:"id"`
	What string    `db:"what"`
}

// Looked count the rows that an invariant speaks of.
var Looked = map[string]string{
	"I3":  `SELECT (SELECT count(*) FROM idempotency) + (SELECT count(*) FROM referrals)`,
	"I4":  `SELECT count(*) FROM messages`,
	"I5":  `SELECT count(*) FROM referrals`,
	"I8":  `SELECT count(*) FROM messages WHERE state IN ('rejected', 'ambiguous') OR (state = 'accepted' AND expects_events)`,
	"I10": `SELECT (SELECT count(*) FROM referrals) + (SELECT count(*) FROM offers)`,
	"I11": `SELECT (SELECT count(*) FROM cases) + (SELECT count(*) FROM timeline)`,
	"I12": `SELECT (SELECT count(*) FROM outbox WHERE done_at IS NULL) + (SELECT count(*) FROM messages WHERE state IN ('pending', 'claimed'))`,
}

// moves are the lines of the timeline that move something, each with the state it was left in before: an offer's first
// move leaves the queue, and a referral's first line brings it into being.
const moves = `(SELECT t.*, lag(t.to_state, 1, CASE WHEN t.offer_id IS NULL THEN '' ELSE 'queued' END)
		OVER (PARTITION BY t.referral_id, t.offer_id ORDER BY t.id) AS before
	FROM timeline t WHERE t.to_state <> '' AND t.what <> 'add_offer') m`

// answered holds what each kept answer names against the record; one to a client who did not agree names nothing.
const answered = `SELECT 'referral' AS of, referral_id AS id, 'an answer was given for it, and it is not there' AS what FROM idempotency i
		WHERE referral_id IS NOT NULL AND NOT EXISTS (SELECT FROM referrals r WHERE r.id = i.referral_id)
	UNION ALL SELECT 'case', case_id, 'an answer was given for it, and it is not there' FROM idempotency i
		WHERE case_id IS NOT NULL AND (opened OR referral_id IS NULL) AND NOT EXISTS (SELECT FROM cases c WHERE c.id = i.case_id)
	UNION ALL SELECT 'referral', referral_id, 'two calls were answered with it' FROM idempotency
		WHERE opened GROUP BY referral_id HAVING count(*) > 1`

// Checks are what statements can check of the record alone; casework checks the rest.
var Checks = []CheckQuery{
	{Invariant: "I3", Broken: answered},
	{Invariant: "I3", Broken: `SELECT 'referral' AS of, r.id, 'it was not written down exactly once' AS what FROM referrals r
		LEFT JOIN (SELECT referral_id, count(*) AS n FROM timeline WHERE what = 'refer' GROUP BY referral_id) t ON t.referral_id = r.id
		WHERE coalesce(t.n, 0) <> 1`},
	{Invariant: "I4", Broken: `SELECT 'message' AS of, min(id::text)::uuid AS id, 'the same letter more than once' AS what FROM messages
		GROUP BY offer_id, letter, step_key, recipient, generation HAVING count(*) > 1
		UNION ALL SELECT 'message', id, 'a further letter without a reason' FROM messages WHERE generation > 1 AND reason = ''
		UNION ALL SELECT 'message', m.id, 'a further letter without the one before it' FROM messages m WHERE generation > 1 AND NOT EXISTS
			(SELECT FROM messages f WHERE f.offer_id = m.offer_id AND f.step_key = m.step_key AND f.generation = m.generation - 1)
		UNION ALL SELECT 'message', m.id, 'it went out without an attempt on record' FROM messages m WHERE state = 'accepted'
			AND (attempts = 0 OR attempted_at IS NULL) AND NOT EXISTS (SELECT FROM provider_events e WHERE e.message_id = m.id)`},
	takenTwice,
	{Invariant: "I5", Broken: `SELECT 'referral' AS of, r.id, 'its timeline has gaps or goes beyond its version' AS what FROM referrals r
		LEFT JOIN (SELECT referral_id, count(DISTINCT version) AS versions, max(version) AS last, min(version) AS first
			FROM timeline GROUP BY referral_id) t ON t.referral_id = r.id
		WHERE (t.versions, t.last, t.first) IS DISTINCT FROM (r.version::bigint, r.version, 1)
		UNION ALL SELECT DISTINCT 'referral', referral_id, 'its versions go back' FROM (SELECT referral_id, version,
			lag(version) OVER (PARTITION BY referral_id ORDER BY id) AS before FROM timeline) t WHERE version < before
		UNION ALL SELECT DISTINCT 'offer', offer_id, 'a move does not begin where the one before it ended' FROM ` + moves + `
			WHERE offer_id IS NOT NULL AND from_state <> before
		UNION ALL SELECT DISTINCT 'referral', referral_id, 'a move does not begin where the one before it ended' FROM ` + moves + `
			WHERE offer_id IS NULL AND from_state <> before`},
	{Invariant: "I11", Broken: findUnsealed()},
	{Invariant: "I11", Broken: findUnerased()},
	{Invariant: "I8", Broken: `SELECT 'message' AS of, m.id, 'a failed letter that nobody was asked to see to' AS what FROM messages m
		WHERE m.state IN ('rejected', 'ambiguous') AND ` + leftMessage,
		Args: func(now time.Time) []any { return []any{now.Add(-5 * time.Minute), now.Add(-15 * time.Minute)} }},
	checkFates,
	{Invariant: "I10", Broken: `SELECT 'referral' AS of, r.id, 'closed, but an agency is still asked about it' AS what FROM referrals r
			WHERE r.state = 'closed' AND EXISTS (SELECT FROM offers o WHERE o.referral_id = r.id
				AND o.state IN ('queued', 'sent', 'info_requested', 'accepted', 'contacting', 'scheduled', 'in_service', 'waitlisted'))
		UNION ALL SELECT 'referral', id, 'closed without an outcome, or with a step left' FROM referrals
			WHERE state = 'closed' AND (outcome = '' OR closed_at IS NULL OR step_due IS NOT NULL)
		UNION ALL SELECT 'offer', o.id, 'its state is not where its last move led' FROM offers o
			LEFT JOIN (SELECT DISTINCT ON (offer_id) offer_id, to_state FROM timeline WHERE offer_id IS NOT NULL AND to_state <> ''
				ORDER BY offer_id, id DESC) t ON t.offer_id = o.id
			WHERE o.state <> coalesce(t.to_state, 'queued')
		UNION ALL SELECT 'referral', r.id, 'its state is not where its last move led' FROM referrals r
			LEFT JOIN (SELECT DISTINCT ON (referral_id) referral_id, to_state FROM timeline WHERE offer_id IS NULL AND to_state <> ''
				ORDER BY referral_id, id DESC) t ON t.referral_id = r.id
			WHERE r.state IS DISTINCT FROM t.to_state`},
	{Invariant: "I12", Broken: `SELECT 'referral' AS of, o.referral_id AS id, 'a promise that nobody takes up: ' || o.kind AS what FROM outbox o
			WHERE o.done_at IS NULL AND o.available_at < now() - interval '5 minutes' AND NOT (o.kind = 'changed' AND EXISTS
				(SELECT FROM outbox s WHERE s.referral_id = o.referral_id AND s.kind = 'start' AND s.done_at IS NULL))
		UNION ALL SELECT 'referral', referral_id, 'a promise that was put off too far: ' || kind FROM outbox
			WHERE done_at IS NULL AND available_at > now() + interval '70 minutes'
		UNION ALL SELECT kind, subject_id, 'a promise that nobody takes up' FROM errands WHERE available_at < now() - interval '5 minutes'
		UNION ALL SELECT 'message', m.id, 'a letter that nothing promises to send' FROM messages m WHERE m.state = 'pending' AND m.created_at < $1
			AND NOT EXISTS (SELECT FROM outbox o WHERE o.message_id = m.id AND o.done_at IS NULL)
		UNION ALL SELECT 'message', m.id, 'an attempt that never came to an end' FROM messages m WHERE m.state = 'claimed' AND m.attempted_at < $1
			AND NOT EXISTS (SELECT FROM outbox o WHERE o.message_id = m.id AND o.done_at IS NULL AND o.available_at > now())`,
		Args: func(now time.Time) []any { return []any{now.Add(-5 * time.Minute)} }},
}

// RunCheck runs one check.
func RunCheck(ctx context.Context, q sqlx.QueryerContext, c CheckQuery, now time.Time) ([]Broken, error) {
	var args []any
	if c.Args != nil {
		args = c.Args(now)
	}
	var broken []Broken
	if err := sqlx.SelectContext(ctx, q, &broken, c.Broken, args...); err != nil {
		return nil, fmt.Errorf("check %s: %w", c.Invariant, Translate(err))
	}
	return broken, nil
}

// CountLooked says how many rows an invariant speaks of.
func CountLooked(ctx context.Context, q sqlx.QueryerContext, invariant string) (n int, err error) {
	if err := sqlx.GetContext(ctx, q, &n, Looked[invariant]); err != nil {
		return 0, fmt.Errorf("check %s: %w", invariant, Translate(err))
	}
	return n, nil
}
