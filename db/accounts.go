package db

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"throughline/referral"
)

// Organisation is a helpline.
type Organisation struct {
	ID        uuid.UUID `db:"id"`
	Name      string    `db:"name"`
	Phone     string    `db:"phone"`
	TimeZone  string    `db:"time_zone"`
	CreatedAt time.Time `db:"created_at"`
}

// Account is someone who works at a helpline.
type Account struct {
	ID             uuid.UUID     `db:"id"`
	OrganisationID uuid.UUID     `db:"organisation_id"`
	Email          string        `db:"email"`
	Name           string        `db:"name"`
	Role           referral.Role `db:"role"`
	Locale         string        `db:"locale"`
	PasswordHash   string        `db:"password_hash"`
	Active         bool          `db:"active"`
	CreatedAt      time.Time     `db:"created_at"`
	Region         *uuid.UUID    `db:"region_id"` // whose cases alone are seen; nil: all of the organisation's
	Partner        string        `db:"partner"`   // the organisation that a partner refers for
}

const accountColumns = `id, organisation_id, email, name, role, locale, password_hash, active, created_at, region_id, partner`

// InsertOrganisation adds a helpline.
func InsertOrganisation(ctx context.Context, q sqlx.ExecerContext, o Organisation) error {
	_, err := q.ExecContext(ctx, `INSERT INTO organisations (id, name, phone, time_zone, created_at) VALUES ($1, $2, $3, $4, $5)`,
		o.ID, o.Name, o.Phone, o.TimeZone, o.CreatedAt)
	if err != nil {
		return fmt.Errorf("save organisation: %w", Translate(err))
	}
	return nil
}

// FindOrganisation reads a helpline by id.
func FindOrganisation(ctx context.Context, q sqlx.QueryerContext, id uuid.UUID) (Organisation, error) {
	var o Organisation
	err := sqlx.GetContext(ctx, q, &o, `SELECT id, name, phone, time_zone, created_at FROM organisations WHERE id = $1`, id)
	if err != nil {
		return o, fmt.Errorf("read organisation: %w", Translate(err))
	}
	return o, nil
}

// Organisations lists the helplines, oldest first.
func Organisations(ctx context.Context, q sqlx.QueryerContext) ([]Organisation, error) {
	var list []Organisation
	err := sqlx.SelectContext(ctx, q, &list, `SELECT id, name, phone, time_zone, created_at FROM organisations ORDER BY created_at, id`)
	if err != nil {
		return nil, fmt.Errorf("read organisations: %w", Translate(err))
	}
	return list, nil
}

// InsertAccount adds someone; conflict when the address has an account.
func InsertAccount(ctx context.Context, q sqlx.ExtContext, a Account) error {
	_, err := sqlx.NamedExecContext(ctx, q, `INSERT INTO accounts (`+accountColumns+`) VALUES (:id, :organisation_id, :email,
		:name, :role, :locale, :password_hash, :active, :created_at, :region_id, :partner)`, a)
	if err != nil {
		return fmt.Errorf("save account: %w", Translate(err))
	}
	return nil
}

// FindAccount reads an account by id; not_found when there is none.
func FindAccount(ctx context.Context, q sqlx.QueryerContext, id uuid.UUID) (Account, error) {
	return account(ctx, q, `SELECT `+accountColumns+` FROM accounts WHERE id = $1`, id)
}

// FindAccountByEmail reads an account by its address, in any case.
func FindAccountByEmail(ctx context.Context, q sqlx.QueryerContext, email string) (Account, error) {
	return account(ctx, q, `SELECT `+accountColumns+` FROM accounts WHERE lower(email) = lower($1)`, email)
}

func account(ctx context.Context, q sqlx.QueryerContext, query string, args ...any) (Account, error) {
	var a Account
	if err := sqlx.GetContext(ctx, q, &a, query, args...); err != nil {
		return a, fmt.Errorf("read account: %w", Translate(err))
	}
	return a, nil
}

// Accounts lists an organisation's people by name.
func Accounts(ctx context.Context, q sqlx.QueryerContext, organisation uuid.UUID) ([]Account, error) {
	var list []Account
	err := sqlx.SelectContext(ctx, q, &list, `SELECT `+accountColumns+` FROM accounts WHERE organisation_id = $1 ORDER BY name, id`, organisation)
	if err != nil {
		return nil, fmt.Errorf("read accounts: %w", Translate(err))
	}
	return list, nil
}

// SetPassword gives an account another password; not_found when there is no such account.
func SetPassword(ctx context.Context, q sqlx.ExecerContext, id uuid.UUID, hash string) error {
	return setAccount(ctx, q, `UPDATE accounts SET password_hash = $2 WHERE id = $1`, id, hash)
}

// RenewPasswordHash keeps another digest of the password that an account has, unless it has another password by now.
func RenewPasswordHash(ctx context.Context, q sqlx.ExecerContext, id uuid.UUID, had, hash string) error {
	if _, err := q.ExecContext(ctx, `UPDATE accounts SET password_hash = $3 WHERE id = $1 AND password_hash = $2`, id, had, hash); err != nil {
		return fmt.Errorf("save password: %w", Translate(err))
	}
	return nil
}

// SetLocale keeps the language a person wants; not_found when there is no such account.
func SetLocale(ctx context.Context, q sqlx.ExecerContext, id uuid.UUID, lang string) error {
	return setAccount(ctx, q, `UPDATE accounts SET locale = $2 WHERE id = $1`, id, lang)
}

// CloseAccount keeps someone from signing in; not_found when there is no such account.
func CloseAccount(ctx context.Context, q sqlx.ExecerContext, id uuid.UUID) error {
	return setAccount(ctx, q, `UPDATE accounts SET active = false WHERE id = $1`, id)
}

// SetRole gives an account another role; not_found when there is no such account.
func SetRole(ctx context.Context, q sqlx.ExecerContext, id uuid.UUID, role referral.Role) error {
	return setAccount(ctx, q, `UPDATE accounts SET role = $2, partner = CASE WHEN $2 = 'partner' THEN partner ELSE '' END WHERE id = $1`, id, role)
}

// OpenAccount lets someone sign in who was invited; not_found when there is no such account.
func OpenAccount(ctx context.Context, q sqlx.ExecerContext, id uuid.UUID) error {
	return setAccount(ctx, q, `UPDATE accounts SET active = true WHERE id = $1`, id)
}

// setAccount writes one column only, so that two who change an account at once do not undo each other's change.
func setAccount(ctx context.Context, q sqlx.ExecerContext, query string, args ...any) error {
	res, err := q.ExecContext(ctx, query, args...)
	if err != nil {
		return fmt.Errorf("save account: %w", Translate(err))
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return referral.NotFound("account")
	}
	return nil
}

// StayAtWork reads an account and keeps it open, or closed, until the transaction ends; not_found when there is none. Who
// is given work, or takes it in, must not leave at the same moment: whoever hands over their work would not see it.
func StayAtWork(ctx context.Context, tx *sqlx.Tx, id uuid.UUID) (Account, error) {
	return account(ctx, tx, `SELECT `+accountColumns+` FROM accounts WHERE id = $1 FOR SHARE`, id)
}

// TakesIn reads the account of whoever takes a call in, and keeps it as StayAtWork does, and the organisation's policy as
// HoldPolicy does.
func TakesIn(ctx context.Context, tx *sqlx.Tx, organisation, id uuid.UUID) (Account, error) {
	return account(ctx, tx, `WITH held AS (SELECT pg_advisory_xact_lock_shared(`+policyLock+`))
		SELECT `+accountColumns+` FROM accounts, held WHERE id = $2 FOR SHARE OF accounts`, organisation, id)
}

// LockLeaver keeps others from closing an account, or those of the coordinators who may have to take over and of the
// administrators, of whom one must stay, until the transaction ends. They are locked by id, so that two who leave at once
// wait for one another in one direction only.
func LockLeaver(ctx context.Context, tx *sqlx.Tx, organisation, id uuid.UUID) error {
	_, err := tx.ExecContext(ctx, `SELECT FROM accounts WHERE organisation_id = $1 AND (id = $2 OR (role IN ('coordinator', 'supervisor', 'admin') AND active))
		ORDER BY id FOR NO KEY UPDATE`, organisation, id)
	if err != nil {
		return fmt.Errorf("lock accounts: %w", Translate(err))
	}
	return nil
}

// OldestCoordinator finds the coordinator, or supervisor, who has been with an organisation longest, still is, and sees all
// that someone who leaves has seen; not_found when there is none. LockLeaver keeps it so.
func OldestCoordinator(ctx context.Context, tx *sqlx.Tx, leaver Account) (Account, error) {
	return account(ctx, tx, `SELECT `+accountColumns+` FROM accounts WHERE organisation_id = $1 AND role IN ('coordinator', 'supervisor')
		AND active AND (region_id IS NULL OR region_id = $2) ORDER BY created_at, id LIMIT 1`, leaver.OrganisationID, leaver.Region)
}

// WorkOf lists the referrals that are someone's to carry on, and those with an open task of theirs.
func WorkOf(ctx context.Context, q sqlx.QueryerContext, organisation, id uuid.UUID) ([]uuid.UUID, error) {
	var ids []uuid.UUID
	err := sqlx.SelectContext(ctx, q, &ids, `SELECT id FROM referrals WHERE organisation_id = $1 AND owner_id = $2 AND state <> 'closed'
		UNION SELECT referral_id FROM tasks WHERE organisation_id = $1 AND assignee_id = $2 AND state = 'open' ORDER BY 1`,
		organisation, id)
	if err != nil {
		return nil, fmt.Errorf("read referrals: %w", Translate(err))
	}
	return ids, nil
}
