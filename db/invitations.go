package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"throughline/referral"
)

// Kinds of invitations.
const (
	Invitation    = "invitation"
	PasswordReset = "password_reset"
)

// NewInvitation is a letter with a link to choose a password by, before it is an email.
type NewInvitation struct {
	ID, Organisation, Account uuid.UUID
	Kind                      string
	By                        uuid.UUID // the nil UUID: the person, or whoever runs the machine
	At, Expires               time.Time
}

// InsertInvitation has a letter sent, and ends the links of earlier ones of its account.
func InsertInvitation(ctx context.Context, tx *sqlx.Tx, n NewInvitation) error {
	if err := RevokeInvitations(ctx, tx, n.Account, n.At); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO invitations (id, organisation_id, account_id, kind, created_by, created_at, expires_at, available_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $6)`, n.ID, n.Organisation, n.Account, n.Kind, Nullable(n.By), n.At, n.Expires)
	if err != nil {
		return fmt.Errorf("save invitation: %w", Translate(err))
	}
	return nil
}

// RevokeInvitations ends the links of an account that have not been used.
func RevokeInvitations(ctx context.Context, q sqlx.ExecerContext, account uuid.UUID, at time.Time) error {
	_, err := q.ExecContext(ctx, `UPDATE invitations SET revoked_at = $2 WHERE account_id = $1 AND used_at IS NULL AND revoked_at IS NULL`, account, at)
	if err != nil {
		return fmt.Errorf("revoke invitations: %w", Translate(err))
	}
	return nil
}

// OutgoingInvitation is a letter to be written and sent now.
type OutgoingInvitation struct {
	ID           uuid.UUID `db:"id"`
	Kind         string    `db:"kind"`
	Attempts     int       `db:"attempts"`
	Expires      time.Time `db:"expires_at"`
	Email        string    `db:"email"`
	Locale       string    `db:"locale"`
	HelplineName string    `db:"helpline_name"`
	HelplineTel  string    `db:"helpline_phone"`
	TimeZone     string    `db:"time_zone"`
}

// TakeInvitation claims the letter that has waited longest, with the digest of its link's token; not_found when none waits.
// One whose attempt was cut off is ambiguous, and is not taken again.
func TakeInvitation(ctx context.Context, q sqlx.ExtContext, hash []byte, at, cutOff time.Time) (OutgoingInvitation, error) {
	var out OutgoingInvitation
	_, err := q.ExecContext(ctx, `UPDATE invitations SET state = 'ambiguous', error_class = 'interrupted' WHERE state = 'claimed' AND attempted_at < $1`, cutOff)
	if err != nil {
		return out, fmt.Errorf("take invitation: %w", Translate(err))
	}
	err = sqlx.GetContext(ctx, q, &out, `WITH taken AS (UPDATE invitations SET state = 'claimed', token_hash = $1, attempts = attempts + 1, attempted_at = $2
			WHERE id = (SELECT id FROM invitations WHERE state = 'pending' AND available_at <= $2 AND used_at IS NULL AND revoked_at IS NULL
				AND expires_at > $2 ORDER BY available_at LIMIT 1 FOR UPDATE SKIP LOCKED)
			RETURNING id, kind, attempts, expires_at, account_id)
		SELECT t.id, t.kind, t.attempts, t.expires_at, a.email, a.locale, o.name AS helpline_name, o.phone AS helpline_phone, o.time_zone
		FROM taken t JOIN accounts a ON a.id = t.account_id JOIN organisations o ON o.id = a.organisation_id`, hash, at)
	if err != nil {
		return out, fmt.Errorf("take invitation: %w", Translate(err))
	}
	return out, nil
}

// SettleInvitation writes what became of an attempt; again is when a pending one is tried next.
func SettleInvitation(ctx context.Context, q sqlx.ExecerContext, id uuid.UUID, state, class string, again time.Time) error {
	_, err := q.ExecContext(ctx, `UPDATE invitations SET state = $2, error_class = $3, available_at = $4 WHERE id = $1 AND state = 'claimed'`,
		id, state, class, again)
	if err != nil {
		return fmt.Errorf("settle invitation: %w", Translate(err))
	}
	return nil
}

// Invited is what a link leads to.
type Invited struct {
	ID      uuid.UUID `db:"invitation_id"`
	Kind    string    `db:"kind"`
	Expires time.Time `db:"expires_at"`
	Account
}

// FindInvited reads what the link of a token leads to; not_found when it was used, revoked, or has run out, and for a
// reset whose account has been closed.
func FindInvited(ctx context.Context, q sqlx.QueryerContext, hash []byte, at time.Time) (Invited, error) {
	return invited(ctx, q, hash, at, "")
}

// LockInvited is FindInvited, and keeps others from using the link until the transaction ends.
func LockInvited(ctx context.Context, tx *sqlx.Tx, hash []byte, at time.Time) (Invited, error) {
	return invited(ctx, tx, hash, at, " FOR UPDATE OF i FOR NO KEY UPDATE OF accounts")
}

func invited(ctx context.Context, q sqlx.QueryerContext, hash []byte, at time.Time, lock string) (Invited, error) {
	var i Invited
	err := sqlx.GetContext(ctx, q, &i, `SELECT i.id AS invitation_id, i.kind, i.expires_at, accounts.* FROM invitations i
		JOIN (SELECT `+accountColumns+` FROM accounts) accounts ON accounts.id = i.account_id
		WHERE i.token_hash = $1 AND i.used_at IS NULL AND i.revoked_at IS NULL AND i.expires_at > $2
			AND (accounts.active OR i.kind = 'invitation')`+lock, hash, at)
	if errors.Is(err, sql.ErrNoRows) {
		return i, referral.NotFound("link")
	}
	if err != nil {
		return i, fmt.Errorf("read invitation: %w", Translate(err))
	}
	return i, nil
}

// UseInvitation ends a link that has done its work.
func UseInvitation(ctx context.Context, q sqlx.ExecerContext, id uuid.UUID, at time.Time) error {
	ok, err := changed(q.ExecContext(ctx, `UPDATE invitations SET used_at = $2 WHERE id = $1 AND used_at IS NULL`, id, at))
	if err == nil && !ok {
		return referral.NotFound("link")
	}
	return err
}

// IsInvited reports an account that waits to be joined: it was invited, and the invitation still holds.
func IsInvited(ctx context.Context, q sqlx.QueryerContext, account uuid.UUID, at time.Time) (invited bool, err error) {
	err = sqlx.GetContext(ctx, q, &invited, `SELECT EXISTS (SELECT FROM invitations WHERE account_id = $1 AND kind = 'invitation'
		AND used_at IS NULL AND revoked_at IS NULL AND expires_at > $2)`, account, at)
	if err != nil {
		return false, fmt.Errorf("read invitation: %w", Translate(err))
	}
	return invited, nil
}

// Person is an account as those see it who look after accounts.
type Person struct {
	Account
	RegionName    string     `db:"region_name"` // "": the whole organisation
	SecondFactor  bool       `db:"second_factor"`
	SingleSignOn  bool       `db:"single_sign_on"`
	LastSignIn    *time.Time `db:"last_sign_in"`
	InvitedUntil  *time.Time `db:"invited_until"`  // of an invitation that was not used or revoked
	LetterState   string     `db:"letter_state"`   // of that invitation
	LetterTrouble string     `db:"letter_trouble"` // why its letter did not go out, as a class
}

// People lists the accounts of an organisation by name; with an id only that one.
func People(ctx context.Context, q sqlx.QueryerContext, organisation, only uuid.UUID) ([]Person, error) {
	var list []Person
	err := sqlx.SelectContext(ctx, q, &list, `SELECT `+accountColumns+`, `+hasSecondFactor+` AS second_factor,
			coalesce((SELECT g.name FROM regions g WHERE g.id = accounts.region_id), '') AS region_name,
			EXISTS (SELECT FROM identities d WHERE d.account_id = accounts.id) AS single_sign_on,
			(SELECT max(v.created_at) FROM visits v WHERE v.account_id = accounts.id) AS last_sign_in,
			i.invited_until, coalesce(i.letter_state, '') AS letter_state, coalesce(i.letter_trouble, '') AS letter_trouble
		FROM accounts LEFT JOIN LATERAL (SELECT expires_at AS invited_until, state AS letter_state, error_class AS letter_trouble FROM invitations
			WHERE account_id = accounts.id AND kind = 'invitation' AND used_at IS NULL AND revoked_at IS NULL ORDER BY invitations.created_at DESC LIMIT 1) i ON true
		WHERE organisation_id = $1 AND ($2::uuid IS NULL OR id = $2) ORDER BY name, id`, organisation, Nullable(only))
	if err != nil {
		return nil, fmt.Errorf("read accounts: %w", Translate(err))
	}
	return list, nil
}

// ActiveOf counts the active accounts of a role but one.
func ActiveOf(ctx context.Context, q sqlx.QueryerContext, organisation uuid.UUID, role referral.Role, but uuid.UUID) (n int, err error) {
	err = sqlx.GetContext(ctx, q, &n, `SELECT count(*) FROM accounts WHERE organisation_id = $1 AND role = $2 AND active AND id <> $3`, organisation, role, but)
	if err != nil {
		return 0, fmt.Errorf("read accounts: %w", Translate(err))
	}
	return n, nil
}
