package db

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
)

// CheckQuery checks one invariant of DESIGN. Looked counts the rows it speaks of; Broken lists those that break it, as
// id and what is wrong. $1 is the instant before which a due step counts as forgotten.
type CheckQuery struct{ Invariant, Says, Looked, Broken string }

// Checks are the invariants that the record alone can break.
var Checks = []CheckQuery{
	{"I2", "every open referral has one step with a due time and someone accountable who is there, and none is forgotten",
		`SELECT count(*) FROM referrals WHERE state = 'open' AND $1::timestamptz IS NOT NULL`,
		`SELECT r.id, CASE WHEN r.step_due IS NULL OR r.step_role = '' THEN 'no next step' WHEN r.step_due < $1 THEN 'its step is overdue'
			ELSE 'its step is for someone who has left' END AS what
		FROM referrals r LEFT JOIN accounts p ON p.id = r.step_person
		WHERE r.state = 'open' AND (r.step_due IS NULL OR r.step_role = '' OR r.step_due < $1 OR NOT p.active)`},
	{"I4", "at most one message for each occasion and recipient; a further one says why",
		`SELECT count(*) FROM messages WHERE $1::timestamptz IS NOT NULL`,
		`SELECT min(id::text)::uuid AS id, 'the same letter more than once' AS what FROM messages WHERE $1::timestamptz IS NOT NULL
		GROUP BY offer_id, letter, step_key, recipient, generation HAVING count(*) > 1
		UNION ALL SELECT id, 'a further letter without a reason' FROM messages WHERE generation > 1 AND reason = ''`},
	{"I5", "the changes of a referral form one line of versions",
		`SELECT count(*) FROM referrals WHERE $1::timestamptz IS NOT NULL`,
		`SELECT r.id, 'its timeline has gaps or goes beyond its version' AS what FROM referrals r
		JOIN LATERAL (SELECT count(DISTINCT version) AS versions, max(version) AS last FROM timeline t WHERE t.referral_id = r.id) t ON true
		WHERE (t.versions <> r.version OR t.last <> r.version) AND $1::timestamptz IS NOT NULL`},
	{"I8", "every letter that failed has become work for a person",
		`SELECT count(*) FROM messages WHERE state IN ('rejected', 'ambiguous') AND $1::timestamptz IS NOT NULL`,
		`SELECT m.id, 'a failed letter without a task' AS what FROM messages m
		JOIN offers o ON o.id = m.offer_id JOIN referrals r ON r.id = m.referral_id
		WHERE ((m.state = 'rejected' AND m.error_class <> 'overtaken' AND m.settled_at < $1)
				OR (m.state = 'ambiguous' AND m.attempted_at < $1 - interval '15 minutes'))
			AND NOT EXISTS (SELECT 1 FROM tasks t WHERE t.offer_id = m.offer_id AND t.kind = 'call_agency'
				AND (t.state = 'open' OR t.created_at >= m.created_at))
			AND NOT EXISTS (SELECT 1 FROM timeline l WHERE l.offer_id = m.offer_id AND l.at > m.created_at
				AND l.what NOT IN ('undelivered', 'new_link', 'remind', 'escalate', 'ask_agency', 'mend'))`},
	{"I10", "a closed referral has an outcome, and no agency is still asked about it",
		`SELECT count(*) FROM referrals WHERE state = 'closed' AND $1::timestamptz IS NOT NULL`,
		`SELECT r.id, 'closed, but an offer is still out' AS what FROM referrals r WHERE r.state = 'closed' AND $1::timestamptz IS NOT NULL
			AND EXISTS (SELECT 1 FROM offers o WHERE o.referral_id = r.id
				AND o.state IN ('queued', 'sent', 'info_requested', 'accepted', 'contacting', 'scheduled', 'in_service', 'waitlisted'))`},
}

// Broken is a row that breaks an invariant.
type Broken struct {
	ID   uuid.UUID `db:"id"`
	What string    `db:"what"`
}

// RunCheck runs one check and says how many rows it looked at.
func RunCheck(ctx context.Context, q sqlx.QueryerContext, c CheckQuery, before time.Time) (looked int, broken []Broken, err error) {
	if err := sqlx.GetContext(ctx, q, &looked, c.Looked, before); err != nil {
		return 0, nil, fmt.Errorf("check %s: %w", c.Invariant, Translate(err))
	}
	if err := sqlx.SelectContext(ctx, q, &broken, c.Broken, before); err != nil {
		return 0, nil, fmt.Errorf("check %s: %w", c.Invariant, Translate(err))
	}
	return looked, broken, nil
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
