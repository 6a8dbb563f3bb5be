package db

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// KeyCheck is a value that only one key can have made.
type KeyCheck struct {
	KEK   string `db:"kek"`
	Value []byte `db:"value"`
}

// KeyChecks reads the check values of every key that this database knows.
func KeyChecks(ctx context.Context, q sqlx.QueryerContext) ([]KeyCheck, error) {
	var list []KeyCheck
	if err := sqlx.SelectContext(ctx, q, &list, `SELECT kek, value FROM key_checks ORDER BY created_at, kek`); err != nil {
		return nil, fmt.Errorf("read key checks: %w", Translate(err))
	}
	return list, nil
}

// InsertKeyCheck keeps the check value of a key, unless there is one.
func InsertKeyCheck(ctx context.Context, q sqlx.ExecerContext, c KeyCheck, at time.Time) error {
	_, err := q.ExecContext(ctx, `INSERT INTO key_checks (kek, value, created_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`, c.KEK, c.Value, at)
	if err != nil {
		return fmt.Errorf("save key check: %w", Translate(err))
	}
	return nil
}

// KeyUse says how many data keys a key-encryption key wraps.
type KeyUse struct {
	KEK   string `db:"kek"`
	Count int    `db:"n"`
}

// KeysInUse counts what each key wraps, over all organisations.
func KeysInUse(ctx context.Context, q sqlx.QueryerContext) ([]KeyUse, error) {
	var list []KeyUse
	err := sqlx.SelectContext(ctx, q, &list, `SELECT kek, count(*) AS n FROM (SELECT kek FROM case_keys WHERE wrapped IS NOT NULL
		UNION ALL SELECT kek FROM organisation_keys) k GROUP BY kek ORDER BY kek`)
	if err != nil {
		return nil, fmt.Errorf("count keys: %w", Translate(err))
	}
	return list, nil
}

// OwnedKey is a wrapped key with whose it is.
type OwnedKey struct {
	Of uuid.UUID `db:"of"`
	CaseKey
}

// Kinds of wrapped keys, each with its table and whose its keys are.
var wrappedKeys = []struct{ table, of string }{{"case_keys", "case_id"}, {"organisation_keys", "organisation_id"}}

// WrappedKinds is how many kinds RewrapKeys knows.
var WrappedKinds = len(wrappedKeys)

// RewrapKeys wraps anew, in one transaction, up to n keys of a kind that another key wrapped than the one named, and says
// how many. Keys that are being changed by someone else are left for the next time.
func RewrapKeys(ctx context.Context, tx *sqlx.Tx, kind int, primary string, n int, again func(OwnedKey) (CaseKey, error)) (int, error) {
	t := wrappedKeys[kind]
	var list []OwnedKey
	err := tx.SelectContext(ctx, &list, `SELECT `+t.of+` AS of, wrapped AS case_key, kek AS case_kek FROM `+t.table+`
		WHERE kek <> $1 AND wrapped IS NOT NULL ORDER BY `+t.of+` LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED`, primary, n)
	if err != nil || len(list) == 0 {
		return 0, Translate(err)
	}
	ids, wrapped, keks := make([]uuid.UUID, len(list)), make([][]byte, len(list)), make([]string, len(list))
	for i, k := range list {
		w, err := again(k)
		if err != nil {
			return 0, fmt.Errorf("key of %s: %w", k.Of, err)
		}
		ids[i], wrapped[i], keks[i] = k.Of, w.Wrapped, w.KEK
	}
	_, err = tx.ExecContext(ctx, `UPDATE `+t.table+` t SET wrapped = x.wrapped, kek = x.kek
		FROM unnest($1::uuid[], $2::bytea[], $3::text[]) AS x(id, wrapped, kek) WHERE t.`+t.of+` = x.id`,
		pq.Array(ids), pq.ByteaArray(wrapped), pq.Array(keks))
	if err != nil {
		return 0, fmt.Errorf("save keys: %w", Translate(err))
	}
	return len(list), nil
}

// ForgetKeyChecks drops the check values of keys that wrap nothing any more, but of the one named.
func ForgetKeyChecks(ctx context.Context, q sqlx.ExecerContext, but string) error {
	_, err := q.ExecContext(ctx, `DELETE FROM key_checks c WHERE kek <> $1
		AND NOT EXISTS (SELECT FROM case_keys k WHERE k.kek = c.kek AND k.wrapped IS NOT NULL)
		AND NOT EXISTS (SELECT FROM organisation_keys k WHERE k.kek = c.kek)`, but)
	if err != nil {
		return fmt.Errorf("forget key checks: %w", Translate(err))
	}
	return nil
}
