package db

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// KeptFor is what an organisation has chosen for a kind of what is kept.
type KeptFor struct {
	Kind  string     `db:"kind"`
	Days  int        `db:"days"`
	SetBy string     `db:"set_name"` // "" for whoever runs the helpline's machine
	SetAt *time.Time `db:"set_at"`
}

// KeptFors reads what an organisation has chosen.
func KeptFors(ctx context.Context, q sqlx.QueryerContext, organisation uuid.UUID) ([]KeptFor, error) {
	var list []KeptFor
	err := sqlx.SelectContext(ctx, q, &list, `SELECT r.kind, r.days, coalesce(a.name, '') AS set_name, r.set_at
		FROM retention r LEFT JOIN accounts a ON a.id = r.set_by WHERE r.organisation_id = $1`, organisation)
	if err != nil {
		return nil, fmt.Errorf("read retention: %w", Translate(err))
	}
	return list, nil
}

// KeepFor writes what an organisation chooses for a kind.
func KeepFor(ctx context.Context, tx *sqlx.Tx, organisation uuid.UUID, kind string, days int, by uuid.UUID, at time.Time) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO retention (organisation_id, kind, days, set_by, set_at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (organisation_id, kind) DO UPDATE SET days = excluded.days, set_by = excluded.set_by, set_at = excluded.set_at`,
		organisation, kind, days, Nullable(by), at)
	if err != nil {
		return fmt.Errorf("save retention: %w", Translate(err))
	}
	return nil
}

// DueCase is a case whose time is over.
type DueCase struct {
	ID        uuid.UUID `db:"id"`
	Reference string    `db:"reference"`
	LastAt    time.Time `db:"last_at"` // when anything was written of it the last time
	Held      bool      `db:"held"`
	Waiting   bool      `db:"waiting"` // an erasure of it waits
}

// lastUsed is when anything was written of a case c the last time: of it, of its referrals, of what the client agreed to,
// of what was set right, that it must be kept or need not be any more, and that the client wants what is kept. Looks are
// no use that counts.
const lastUsed = `greatest(c.created_at,
	(SELECT max(r.closed_at) FROM referrals r WHERE r.case_id = c.id),
	(SELECT max(t.at) FROM timeline t JOIN referrals r ON r.id = t.referral_id WHERE r.case_id = c.id),
	(SELECT max(greatest(s.recorded_at, s.withdrawn_at)) FROM consents s WHERE s.case_id = c.id),
	(SELECT max(x.at) FROM corrections x WHERE x.case_id = c.id),
	(SELECT max(greatest(h.held_at, h.lifted_at)) FROM legal_holds h WHERE h.case_id = c.id),
	(SELECT max(x.asked_at) FROM case_exports x WHERE x.case_id = c.id))`

// LastUsed says when anything was written of a case the last time, and whether it is anonymous.
func LastUsed(ctx context.Context, q sqlx.QueryerContext, caseID uuid.UUID) (at time.Time, anonymous bool, err error) {
	err = q.QueryRowxContext(ctx, `SELECT `+lastUsed+`, c.anonymous FROM cases c WHERE c.id = $1`, caseID).Scan(&at, &anonymous)
	if err != nil {
		return at, false, fmt.Errorf("read last use of case: %w", Translate(err))
	}
	return at, anonymous, nil
}

// DueCases lists cases of an organisation that nothing was written of since an instant, and of which no referral is open:
// of all of them the anonymous ones, or the others. One whose erasure was called off since another instant is left alone.
// Those that are held, or that an erasure waits for already, come last.
func DueCases(ctx context.Context, q sqlx.QueryerContext, organisation uuid.UUID, anonymous bool, before, calledOff time.Time, limit int) ([]DueCase, error) {
	list := []DueCase{}
	err := sqlx.SelectContext(ctx, q, &list, `SELECT * FROM (SELECT c.id, c.reference, last.at AS last_at,
				EXISTS (SELECT FROM legal_holds h WHERE h.case_id = c.id AND h.lifted_at IS NULL) AS held,
				EXISTS (SELECT FROM erasures e WHERE e.case_id = c.id AND e.ended_at IS NULL) AS waiting
			FROM cases c, LATERAL (SELECT `+lastUsed+` AS at) last
			WHERE c.organisation_id = $1 AND c.anonymous = $2 AND c.erased_at IS NULL AND c.created_at < $3 AND last.at < $3
				AND NOT EXISTS (SELECT FROM referrals r WHERE r.case_id = c.id AND r.state <> 'closed')
				AND NOT EXISTS (SELECT FROM erasures e WHERE e.case_id = c.id AND e.outcome = 'called_off' AND e.ended_at > $4)) due
		ORDER BY held OR waiting, last_at, id LIMIT $5`, organisation, anonymous, before, calledOff, limit)
	if err != nil {
		return nil, fmt.Errorf("read cases due: %w", Translate(err))
	}
	return list, nil
}

// aged are rows of a kind that are older than $2, of the organisation $1.
type aged struct{ table, where, set string }

// agedRows say of each kind which rows go, or what they lose.
var agedRows = map[string]aged{
	"answers":         {"idempotency t", "t.organisation_id = $1 AND t.created_at < $2", ""},
	"provider_events": {"provider_events t", "t.organisation_id = $1 AND t.received_at < $2 AND t.processed_at IS NOT NULL", ""},
	// Each keeps a name of its own, so that no two letters become one.
	"letter_addresses": {"messages t", `t.organisation_id = $1 AND t.recipient NOT IN ('', t.id::text) AND t.state IN ('accepted', 'rejected', 'ambiguous')
		AND coalesce(t.settled_at, t.created_at) < $2 AND EXISTS (SELECT FROM referrals r WHERE r.id = t.referral_id AND r.state = 'closed')`, "recipient = t.id::text"},
	"visits":  {"visits t", "t.organisation_id = $1 AND least(t.expires_at, coalesce(t.ended_at, t.expires_at)) < $2", ""},
	"devices": {"known_devices t", "t.seen_at < $2 AND t.account_id IN (SELECT id FROM accounts WHERE organisation_id = $1)", ""},
	// To count them only: these go in ways of their own.
	"exports": {"case_exports t", "t.organisation_id = $1 AND t.gone_at IS NULL AND t.made_at < $2", ""},
	"audit":   {"audit t", "t.organisation_id = $1 AND t.at < $2", ""},
}

// CountAged says how many rows of a kind are older than an instant.
func CountAged(ctx context.Context, q sqlx.QueryerContext, organisation uuid.UUID, kind string, before time.Time) (n int, err error) {
	a := agedRows[kind]
	if err := sqlx.GetContext(ctx, q, &n, `SELECT count(*) FROM `+a.table+` WHERE `+a.where, organisation, before); err != nil {
		return 0, fmt.Errorf("count %s: %w", kind, Translate(err))
	}
	return n, nil
}

// RetireAudit takes away the entries of an organisation's audit that are older than an instant, and writes down that it was
// done, at another. The database keeps what is younger than ten years, whoever asks.
func RetireAudit(ctx context.Context, q sqlx.QueryerContext, organisation uuid.UUID, before, at time.Time) error {
	var taken int64
	if err := sqlx.GetContext(ctx, q, &taken, `SELECT audit_retire_old($1, $2, $3)`, organisation, before, at); err != nil {
		return fmt.Errorf("retire the audit: %w", Translate(err))
	}
	return nil
}

// PruneAged takes away, or empties, rows of a kind that are older than an instant, at most n of them, and says how many.
func PruneAged(ctx context.Context, q sqlx.ExtContext, organisation uuid.UUID, kind string, before time.Time, n int) (int64, error) {
	a, do := agedRows[kind], "DELETE FROM "
	if a.set != "" {
		do = "UPDATE "
	}
	statement := do + a.table
	if a.set != "" {
		statement += " SET " + a.set
	}
	res, err := q.ExecContext(ctx, statement+` WHERE t.ctid = ANY (ARRAY(SELECT t.ctid FROM `+a.table+` WHERE `+a.where+` LIMIT $3))`, organisation, before, n)
	if err != nil {
		return 0, fmt.Errorf("prune %s: %w", kind, Translate(err))
	}
	return res.RowsAffected()
}

// TellErasures promises anew every erasure of an organisation that waits, and every export that is not made: a workflow
// that was lost, as with an older backup of Temporal's databases, begins again.
func TellErasures(ctx context.Context, tx *sqlx.Tx, organisation uuid.UUID, at time.Time) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO errands (organisation_id, kind, subject_id, created_at)
		SELECT organisation_id, 'erasure', id, $2::timestamptz FROM erasures WHERE organisation_id = $1 AND ended_at IS NULL
		UNION ALL SELECT organisation_id, 'export', id, $2::timestamptz FROM case_exports WHERE organisation_id = $1 AND made_at IS NULL AND gone_at IS NULL`, organisation, at)
	if err != nil {
		return fmt.Errorf("save errands: %w", Translate(err))
	}
	return nil
}

// NotErased lists those of some cases that are there, and not erased.
func NotErased(ctx context.Context, q sqlx.QueryerContext, cases []uuid.UUID) ([]CaseOf, error) {
	list := []CaseOf{}
	err := sqlx.SelectContext(ctx, q, &list, `SELECT id, organisation_id FROM cases WHERE id = ANY ($1) AND erased_at IS NULL ORDER BY id`, pq.Array(cases))
	if err != nil {
		return nil, fmt.Errorf("read cases: %w", Translate(err))
	}
	return list, nil
}

// CaseOf is a case and whose it is.
type CaseOf struct {
	ID           uuid.UUID `db:"id"`
	Organisation uuid.UUID `db:"organisation_id"`
}
