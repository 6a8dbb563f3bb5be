package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"throughline/referral"
)

// APIKey is a key as it is kept: its digest, never itself.
type APIKey struct {
	ID         uuid.UUID      `db:"id"`
	AccountID  uuid.UUID      `db:"account_id"`
	Name       string         `db:"name"`
	Scopes     pq.StringArray `db:"scopes"`
	CreatedAt  time.Time      `db:"created_at"`
	CreatedBy  *uuid.UUID     `db:"created_by"` // nil: whoever runs the machine
	ExpiresAt  time.Time      `db:"expires_at"`
	LastUsedAt *time.Time     `db:"last_used_at"`
	RevokedAt  *time.Time     `db:"revoked_at"`
}

// KeyHolder is the account that a key acts for, which key it is, and what it is for.
type KeyHolder struct {
	Account
	Key    uuid.UUID      `db:"key_id"`
	Scopes pq.StringArray `db:"scopes"`
}

// FindAccountByKey reads the account of an API key by the key's digest, and notes that the key was used; not_found for one
// that was revoked or has run out.
func FindAccountByKey(ctx context.Context, q sqlx.QueryerContext, hash []byte, at time.Time) (KeyHolder, error) {
	var h KeyHolder
	err := sqlx.GetContext(ctx, q, &h, `WITH good AS (SELECT id AS key_id, account_id, scopes FROM api_keys
			WHERE key_hash = $1 AND revoked_at IS NULL AND expires_at > $2),
		used AS (UPDATE api_keys SET last_used_at = $2 WHERE id = (SELECT key_id FROM good)
			AND (last_used_at IS NULL OR last_used_at < $2::timestamptz - interval '1 minute'))
		SELECT `+accountColumns+`, key_id, scopes FROM accounts JOIN good ON good.account_id = accounts.id`, hash, at)
	if err != nil {
		return h, fmt.Errorf("read account: %w", Translate(err))
	}
	return h, nil
}

// InsertKey keeps a key's digest.
func InsertKey(ctx context.Context, q sqlx.ExecerContext, organisation uuid.UUID, k APIKey, hash []byte) error {
	_, err := q.ExecContext(ctx, `INSERT INTO api_keys (id, organisation_id, account_id, name, key_hash, scopes, created_at, created_by, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`, k.ID, organisation, k.AccountID, k.Name, hash, k.Scopes, k.CreatedAt, k.CreatedBy, k.ExpiresAt)
	if err != nil {
		return fmt.Errorf("save API key: %w", Translate(err))
	}
	return nil
}

// Keys lists every key of an organisation, newest first.
func Keys(ctx context.Context, q sqlx.QueryerContext, organisation uuid.UUID) ([]APIKey, error) {
	var list []APIKey
	err := sqlx.SelectContext(ctx, q, &list, `SELECT id, account_id, name, scopes, created_at, created_by, expires_at, last_used_at, revoked_at
		FROM api_keys WHERE organisation_id = $1 ORDER BY created_at DESC, id`, organisation)
	if err != nil {
		return nil, fmt.Errorf("read API keys: %w", Translate(err))
	}
	return list, nil
}

// RevokeKey ends a key at once and says whose it was; not_found when there is no such key, or it has ended. The nil UUID
// asks for a key of any organisation.
func RevokeKey(ctx context.Context, q sqlx.QueryerContext, of, id uuid.UUID, at time.Time) (organisation uuid.UUID, err error) {
	err = sqlx.GetContext(ctx, q, &organisation, `UPDATE api_keys SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL
		AND ($3::uuid IS NULL OR organisation_id = $3) RETURNING organisation_id`, id, at, Nullable(of))
	if errors.Is(err, sql.ErrNoRows) {
		return uuid.Nil, referral.NotFound("API key")
	}
	if err != nil {
		return uuid.Nil, fmt.Errorf("revoke API key: %w", Translate(err))
	}
	return organisation, nil
}

// RevokeKeysOf ends every key of an account at once.
func RevokeKeysOf(ctx context.Context, q sqlx.ExecerContext, account uuid.UUID, at time.Time) error {
	if _, err := q.ExecContext(ctx, `UPDATE api_keys SET revoked_at = $2 WHERE account_id = $1 AND revoked_at IS NULL`, account, at); err != nil {
		return fmt.Errorf("revoke API keys: %w", Translate(err))
	}
	return nil
}
