package db

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
)

// Tries are how often someone was wrong, and when they may try again.
type Tries struct {
	Tries  int       `db:"tries"`
	LastAt time.Time `db:"last_at"`
	NextAt time.Time `db:"next_at"`
}

// LockTries reads the tries under a key and keeps others from counting until the transaction ends. Whoever locks several
// does so in the order of their keys.
func LockTries(ctx context.Context, tx *sqlx.Tx, key []byte, at time.Time) (Tries, error) {
	var t Tries
	err := tx.GetContext(ctx, &t, `INSERT INTO sign_in_tries (key, tries, last_at, next_at) VALUES ($1, 0, $2, $2)
		ON CONFLICT (key) DO UPDATE SET key = excluded.key RETURNING tries, last_at, next_at`, key, at)
	if err != nil {
		return t, fmt.Errorf("read tries: %w", Translate(err))
	}
	return t, nil
}

// SaveTries keeps the tries under a key.
func SaveTries(ctx context.Context, tx *sqlx.Tx, key []byte, t Tries) error {
	_, err := tx.ExecContext(ctx, `UPDATE sign_in_tries SET tries = $2, last_at = $3, next_at = $4 WHERE key = $1`, key, t.Tries, t.LastAt, t.NextAt)
	if err != nil {
		return fmt.Errorf("save tries: %w", Translate(err))
	}
	return nil
}

// KnowDevice remembers that someone has signed in with a browser, by the digest of what it holds.
func KnowDevice(ctx context.Context, q sqlx.ExecerContext, account uuid.UUID, hash []byte, at time.Time) error {
	_, err := q.ExecContext(ctx, `INSERT INTO known_devices (account_id, device_hash, seen_at) VALUES ($1, $2, $3)
		ON CONFLICT (account_id, device_hash) DO UPDATE SET seen_at = excluded.seen_at`, account, hash, at)
	if err != nil {
		return fmt.Errorf("save device: %w", Translate(err))
	}
	return nil
}

// KnownDevice reports whether someone has signed in with a browser since a moment.
func KnownDevice(ctx context.Context, q sqlx.QueryerContext, account uuid.UUID, hash []byte, since time.Time) (known bool, err error) {
	err = sqlx.GetContext(ctx, q, &known, `SELECT EXISTS (SELECT FROM known_devices WHERE account_id = $1 AND device_hash = $2 AND seen_at > $3)`,
		account, hash, since)
	if err != nil {
		return false, fmt.Errorf("read device: %w", Translate(err))
	}
	return known, nil
}

// ForgetDevices makes every browser a stranger to an account.
func ForgetDevices(ctx context.Context, q sqlx.ExecerContext, account uuid.UUID) error {
	if _, err := q.ExecContext(ctx, `DELETE FROM known_devices WHERE account_id = $1`, account); err != nil {
		return fmt.Errorf("forget devices: %w", Translate(err))
	}
	return nil
}

// FindIdentity reads the account of someone at a provider of single sign-on, and keeps it as it is until the transaction
// ends; not_found when they have none here.
func FindIdentity(ctx context.Context, tx *sqlx.Tx, issuer, subject string) (Account, error) {
	return account(ctx, tx, `SELECT `+accountColumns+` FROM accounts WHERE id = (SELECT account_id FROM identities
		WHERE issuer = $1 AND subject = $2) FOR NO KEY UPDATE`, issuer, subject)
}

// LockAccountByEmail is FindAccountByEmail, and keeps the account as it is until the transaction ends.
func LockAccountByEmail(ctx context.Context, tx *sqlx.Tx, email string) (Account, error) {
	return account(ctx, tx, `SELECT `+accountColumns+` FROM accounts WHERE lower(email) = lower($1) FOR NO KEY UPDATE`, email)
}

// LockAccount is FindAccount within an organisation, and keeps the account as it is until the transaction ends.
func LockAccount(ctx context.Context, tx *sqlx.Tx, organisation, id uuid.UUID) (Account, error) {
	return account(ctx, tx, `SELECT `+accountColumns+` FROM accounts WHERE organisation_id = $1 AND id = $2 FOR NO KEY UPDATE`, organisation, id)
}

// SaveIdentity binds an account to someone at a provider, or notes that they were seen; bound is true the first time.
// conflict when the account is bound to someone else there.
func SaveIdentity(ctx context.Context, q sqlx.QueryerContext, organisation, account uuid.UUID, issuer, subject string, at time.Time) (bound bool, err error) {
	err = sqlx.GetContext(ctx, q, &bound, `INSERT INTO identities (issuer, subject, organisation_id, account_id, created_at, seen_at)
		VALUES ($1, $2, $3, $4, $5, $5) ON CONFLICT (issuer, subject) DO UPDATE SET seen_at = excluded.seen_at
		RETURNING xmax = 0`, issuer, subject, organisation, account, at)
	if err != nil {
		return false, fmt.Errorf("save identity: %w", Translate(err))
	}
	return bound, nil
}

// HasIdentity reports whether an account is bound to someone at a provider of single sign-on.
func HasIdentity(ctx context.Context, q sqlx.QueryerContext, account uuid.UUID) (bound bool, err error) {
	if err := sqlx.GetContext(ctx, q, &bound, `SELECT EXISTS (SELECT FROM identities WHERE account_id = $1)`, account); err != nil {
		return false, fmt.Errorf("read identity: %w", Translate(err))
	}
	return bound, nil
}

func changed(res sql.Result, err error) (bool, error) {
	if err != nil {
		return false, fmt.Errorf("save: %w", Translate(err))
	}
	n, err := res.RowsAffected()
	return n > 0, err
}
