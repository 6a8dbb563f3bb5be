package db

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// CaseKey is the wrapped data key of a case, beside what it opens. KEK is "" when the case has none.
type CaseKey struct {
	Wrapped []byte `db:"case_key" json:"-"` // nil also when it was destroyed
	KEK     string `db:"case_kek" json:"-"`
}

// caseKey and withCaseKey read the key of a row's case in the same query as the row.
const caseKey = `, k.wrapped AS case_key, coalesce(k.kek, '') AS case_kek`

func withCaseKey(caseID string) string {
	return ` LEFT JOIN case_keys k ON k.case_id = ` + caseID + ` `
}

// InsertCaseKey gives a case its key, and the marks that it is found by.
func InsertCaseKey(organisation, caseID uuid.UUID, k CaseKey, foundBy [][]byte, at time.Time) Part {
	return part(nil, `new_key AS (INSERT INTO case_keys (case_id, organisation_id, wrapped, kek, found_by, created_at)
		VALUES ($1, $2, $3, $4, $5::bytea[], $6))`, caseID, organisation, k.Wrapped, k.KEK, pq.ByteaArray(foundBy), at)
}

// FindCaseKey reads the key of a case; not_found when it has none.
func FindCaseKey(ctx context.Context, q sqlx.QueryerContext, caseID uuid.UUID) (k CaseKey, err error) {
	err = sqlx.GetContext(ctx, q, &k, `SELECT wrapped AS case_key, kek AS case_kek FROM case_keys WHERE case_id = $1`, caseID)
	if err != nil {
		return k, fmt.Errorf("read key: %w", Translate(err))
	}
	return k, nil
}

// DestroyCaseKey leaves nobody a way to read what a case's key sealed, or to find the case by it. The rows stay, and that
// there was a key. done is false when it was destroyed before, or there is no such case of the organisation.
func DestroyCaseKey(ctx context.Context, tx *sqlx.Tx, organisation, caseID uuid.UUID, at time.Time) (done bool, err error) {
	res, err := tx.ExecContext(ctx, `UPDATE case_keys SET wrapped = NULL, found_by = '{}', destroyed_at = $3
		WHERE case_id = $1 AND organisation_id = $2 AND wrapped IS NOT NULL`, caseID, organisation, at)
	if err != nil {
		return false, fmt.Errorf("destroy key: %w", Translate(err))
	}
	n, err := res.RowsAffected()
	return n == 1, err
}

// FindOrganisationKey reads the key of an organisation's marks; ok is false when it has none yet.
func FindOrganisationKey(ctx context.Context, q sqlx.QueryerContext, organisation uuid.UUID) (k CaseKey, ok bool, err error) {
	var list []CaseKey
	err = sqlx.SelectContext(ctx, q, &list, `SELECT wrapped AS case_key, kek AS case_kek FROM organisation_keys WHERE organisation_id = $1`, organisation)
	if err != nil {
		return k, false, fmt.Errorf("read key: %w", Translate(err))
	}
	if len(list) == 0 {
		return k, false, nil
	}
	return list[0], true, nil
}

// InsertOrganisationKey gives an organisation its key, unless another was first.
func InsertOrganisationKey(ctx context.Context, q sqlx.ExecerContext, organisation uuid.UUID, k CaseKey, at time.Time) error {
	_, err := q.ExecContext(ctx, `INSERT INTO organisation_keys (organisation_id, wrapped, kek, created_at) VALUES ($1, $2, $3, $4)
		ON CONFLICT DO NOTHING`, organisation, k.Wrapped, k.KEK, at)
	if err != nil {
		return fmt.Errorf("save key: %w", Translate(err))
	}
	return nil
}

// LineRow names a line of the timeline for what is sealed in it: by what the line says of itself, so that nothing moves
// from one to another.
func LineRow(referralID string, version int, what, sealID string) string {
	return referralID + "/" + strconv.Itoa(version) + "/" + what + "/" + sealID
}
