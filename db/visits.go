package db

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"throughline/referral"
)

// Visit is the time from signing in to signing out, in one browser.
type Visit struct {
	ID             uuid.UUID  `db:"id"`
	OrganisationID uuid.UUID  `db:"organisation_id"`
	AccountID      uuid.UUID  `db:"account_id"`
	Method         string     `db:"method"`
	Browser        string     `db:"browser"`
	CreatedAt      time.Time  `db:"created_at"`
	ProvedAt       *time.Time `db:"proved_at"` // when they proved who they are; nil: nobody says
	SeenAt         time.Time  `db:"seen_at"`
	ExpiresAt      time.Time  `db:"expires_at"`
}

const visitColumns = `id, organisation_id, account_id, method, browser, created_at, proved_at, seen_at, expires_at`

// InsertVisit begins a visit.
func InsertVisit(ctx context.Context, q sqlx.ExtContext, v Visit) error {
	_, err := sqlx.NamedExecContext(ctx, q, `INSERT INTO visits (`+visitColumns+`) VALUES (:id, :organisation_id, :account_id, :method,
		:browser, :created_at, :proved_at, :seen_at, :expires_at)`, v)
	if err != nil {
		return fmt.Errorf("save visit: %w", Translate(err))
	}
	return nil
}

// Visitor is who is on a visit.
type Visitor struct {
	Account
	Method       string `db:"method"`
	SecondFactor bool   `db:"second_factor"` // the account has one
	// Since is when the visit began; Proved, when they proved who they are, nil when nobody says.
	Since  time.Time  `db:"since"`
	Proved *time.Time `db:"proved"`
}

// FindVisitor reads who is on a visit that goes on, and notes that they were seen; not_found for one that has ended, that
// has run out, whose visitor was not seen since idleSince, or whose account has been closed.
func FindVisitor(ctx context.Context, q sqlx.QueryerContext, id uuid.UUID, at, idleSince time.Time) (Visitor, error) {
	var v Visitor
	// Seen to the minute: a page with ten parts need not write ten times.
	err := sqlx.GetContext(ctx, q, &v, `WITH here AS (SELECT id, account_id, method, created_at, proved_at FROM visits
			WHERE id = $1 AND ended_at IS NULL AND expires_at > $2 AND seen_at > $3),
		seen AS (UPDATE visits SET seen_at = $2 WHERE id = (SELECT id FROM here) AND seen_at < $2::timestamptz - interval '1 minute')
		SELECT `+accountColumns+`, method, since, proved, `+hasSecondFactor+` AS second_factor
		FROM accounts JOIN (SELECT account_id, method, created_at AS since, proved_at AS proved FROM here) v ON v.account_id = accounts.id AND active`, id, at, idleSince)
	if err != nil {
		return v, fmt.Errorf("read visit: %w", Translate(err))
	}
	return v, nil
}

// Visits lists the visits of an account that go on, the latest first.
func Visits(ctx context.Context, q sqlx.QueryerContext, account uuid.UUID, at, idleSince time.Time) ([]Visit, error) {
	var list []Visit
	err := sqlx.SelectContext(ctx, q, &list, `SELECT `+visitColumns+` FROM visits WHERE account_id = $1 AND ended_at IS NULL
		AND expires_at > $2 AND seen_at > $3 ORDER BY created_at DESC, id`, account, at, idleSince)
	if err != nil {
		return nil, fmt.Errorf("read visits: %w", Translate(err))
	}
	return list, nil
}

// EndVisit ends one visit of an account; not_found when it has none such.
func EndVisit(ctx context.Context, q sqlx.ExecerContext, account, id uuid.UUID, at time.Time) error {
	res, err := q.ExecContext(ctx, `UPDATE visits SET ended_at = $3 WHERE id = $2 AND account_id = $1 AND ended_at IS NULL`, account, id, at)
	if err != nil {
		return fmt.Errorf("end visit: %w", Translate(err))
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return referral.NotFound("visit")
	}
	return nil
}

// EndVisits ends all visits of an account but one; the nil UUID spares none.
func EndVisits(ctx context.Context, q sqlx.ExecerContext, account, but uuid.UUID, at time.Time) error {
	_, err := q.ExecContext(ctx, `UPDATE visits SET ended_at = $3 WHERE account_id = $1 AND id <> $2 AND ended_at IS NULL`, account, but, at)
	if err != nil {
		return fmt.Errorf("end visits: %w", Translate(err))
	}
	return nil
}

// PruneVisits forgets visits that ran out before a moment, at most n.
func PruneVisits(ctx context.Context, q sqlx.ExecerContext, before time.Time, n int) (int64, error) {
	return prune(ctx, q, `DELETE FROM visits WHERE id IN (SELECT id FROM visits WHERE expires_at < $1 LIMIT $2)`, before, n)
}

// PruneTries forgets how often someone was wrong before a moment, at most n of them.
func PruneTries(ctx context.Context, q sqlx.ExecerContext, before time.Time, n int) (int64, error) {
	return prune(ctx, q, `DELETE FROM sign_in_tries WHERE key IN (SELECT key FROM sign_in_tries WHERE last_at < $1 LIMIT $2)`, before, n)
}

func prune(ctx context.Context, q sqlx.ExecerContext, query string, before time.Time, n int) (int64, error) {
	res, err := q.ExecContext(ctx, query, before, n)
	if err != nil {
		return 0, fmt.Errorf("prune: %w", Translate(err))
	}
	return res.RowsAffected()
}
