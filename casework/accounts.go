package casework

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/mail"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/alexedwards/argon2id"
	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"throughline/db"
	"throughline/internal/token"
	"throughline/locale"
	"throughline/referral"
)

// Account is someone who works at a helpline.
type Account struct {
	ID, OrganisationID uuid.UUID
	Email, Name        string
	Role               referral.Role
	Locale             string
	Active             bool
	// PasswordMark changes with the password and tells nothing about it: a session that has another is of before.
	PasswordMark string
}

func accountOf(a db.Account) Account {
	mark := sha256.Sum256([]byte(a.PasswordHash))
	return Account{ID: a.ID, OrganisationID: a.OrganisationID, Email: a.Email, Name: a.Name, Role: a.Role, Locale: a.Locale, Active: a.Active,
		PasswordMark: hex.EncodeToString(mark[:8])}
}

// Actor is the account acting on some way in.
func (a Account) Actor(via Via) Actor {
	return Actor{Actor: referral.Actor{Role: a.Role, ID: a.ID}, Organisation: a.OrganisationID, Name: a.Name, Via: via}
}

// params are argon2id's: 19 MiB, two passes, one lane, the least that OWASP's Password Storage Cheat Sheet asks for.
var params = &argon2id.Params{Memory: 19 * 1024, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32}

// unknownHash is compared with when there is no such account, so that the answer takes as long.
var unknownHash = sync.OnceValues(func() (string, error) { return argon2id.CreateHash(token.New(), params) })

var errSignIn = &referral.Error{Code: referral.CodeUnauthenticated, Message: "the address or the password is not right"}

// SignIn checks a password. The answer to an unknown address, a wrong password and a closed account is the same.
func (d *Desk) SignIn(ctx context.Context, email, password string) (Account, error) {
	a, err := db.FindAccountByEmail(ctx, d.DB, strings.TrimSpace(email))
	known := err == nil && a.Active
	if err != nil && referral.CodeOf(err) != referral.CodeNotFound {
		return Account{}, err
	}
	hash := a.PasswordHash
	if !known {
		if hash, err = unknownHash(); err != nil {
			return Account{}, err
		}
	}
	match, err := argon2id.ComparePasswordAndHash(password, hash)
	if err != nil {
		return Account{}, err
	}
	if !match || !known {
		return Account{}, errSignIn
	}
	account := accountOf(a)
	return account, db.InsertAudit(ctx, d.DB, account.Actor(ViaPage).line(), d.Clock.Now(), "sign_in", "account", a.ID)
}

// Account reads an account; not_found also when it has been closed.
func (d *Desk) Account(ctx context.Context, id uuid.UUID) (Account, error) {
	a, err := db.FindAccount(ctx, d.DB, id)
	if err == nil && !a.Active {
		return Account{}, referral.NotFound("account")
	}
	return accountOf(a), err
}

// AccountOfKey reads the account that an API key acts for; unauthenticated for any key that is not good.
func (d *Desk) AccountOfKey(ctx context.Context, key string) (Account, error) {
	a, err := db.FindAccountByKey(ctx, d.DB, token.Hash(key), d.Clock.Now())
	if referral.CodeOf(err) == referral.CodeNotFound || (err == nil && !a.Active) {
		return Account{}, &referral.Error{Code: referral.CodeUnauthenticated, Message: "the API key is not good"}
	}
	return accountOf(a), err
}

// Accounts lists the colleagues who may be given work, by name.
func (d *Desk) Accounts(ctx context.Context, who Actor) ([]Account, error) {
	if err := who.staffOnly(); err != nil {
		return nil, err
	}
	list, err := d.AllAccounts(ctx, who.Organisation)
	return slices.DeleteFunc(list, func(a Account) bool { return !a.Active }), err
}

// AllAccounts lists everyone who has or had an account of a helpline, by name.
func (d *Desk) AllAccounts(ctx context.Context, organisation uuid.UUID) ([]Account, error) {
	found, err := db.Accounts(ctx, d.DB, organisation)
	list := make([]Account, len(found))
	for i, a := range found {
		list[i] = accountOf(a)
	}
	return list, err
}

// SetLocale keeps the language a person wants.
func (d *Desk) SetLocale(ctx context.Context, id uuid.UUID, lang string) error {
	return db.SetLocale(ctx, d.DB, id, locale.Match(lang))
}

// AddOrganisation adds a helpline.
func (d *Desk) AddOrganisation(ctx context.Context, name, phone, zone string) (uuid.UUID, error) {
	name, phone = oneLine(name), oneLine(phone)
	if name == "" {
		return uuid.Nil, referral.Invalid("name", "is missing")
	}
	loc, err := referral.ZoneNamed(zone)
	if err != nil {
		return uuid.Nil, err
	}
	o := db.Organisation{ID: uuid.New(), Name: name, Phone: phone, TimeZone: loc.String(), CreatedAt: d.Clock.Now()}
	if err := db.InsertOrganisation(ctx, d.DB, o); err != nil || d.Keyring == nil {
		return o.ID, err
	}
	_, err = d.blind(ctx, o.ID)
	return o.ID, err
}

// Organisations lists the helplines, oldest first.
func (d *Desk) Organisations(ctx context.Context) ([]db.Organisation, error) {
	return db.Organisations(ctx, d.DB)
}

// minPassword is the least number of characters of a password (NIST SP 800-63B-4 asks for 15 where there is no second
// factor).
const minPassword = 15

// AddAccount adds someone to a helpline. Errors: invalid with the field; conflict when the address has an account.
func (d *Desk) AddAccount(ctx context.Context, organisation uuid.UUID, email, name string, role referral.Role, lang, password string) (Account, error) {
	if a, err := mail.ParseAddress(email); err != nil || a.Address != email {
		return Account{}, referral.Invalid("email", "is not an email address")
	}
	if name = oneLine(name); name == "" {
		return Account{}, referral.Invalid("name", "is missing")
	}
	if !slices.Contains(referral.StaffRoles, role) {
		return Account{}, referral.Invalid("role", "must be navigator or coordinator")
	}
	hash, err := hashPassword(password)
	if err != nil {
		return Account{}, err
	}
	a := db.Account{ID: uuid.New(), OrganisationID: organisation, Email: email, Name: name, Role: role, Locale: locale.Match(lang),
		PasswordHash: hash, Active: true, CreatedAt: d.Clock.Now()}
	return accountOf(a), d.house(ctx, organisation, "add_account", "account", a.ID, func(ctx context.Context, tx *sqlx.Tx) error {
		return db.InsertAccount(ctx, tx, a)
	})
}

// house changes who may come in, in one transaction with the audit entry.
func (d *Desk) house(ctx context.Context, organisation uuid.UUID, action, subject string, id uuid.UUID, do func(ctx context.Context, tx *sqlx.Tx) error) error {
	return d.change(ctx, func(ctx context.Context, tx *sqlx.Tx) error {
		if err := do(ctx, tx); err != nil {
			return err
		}
		return db.InsertAudit(ctx, tx, houseActor(organisation).line(), d.Clock.Now(), action, subject, id)
	})
}

// houseActor is whoever runs the helpline's machine, who has no account.
func houseActor(organisation uuid.UUID) Actor {
	return Actor{Actor: referral.Actor{Role: referral.System}, Organisation: organisation, Via: ViaCLI}
}

func hashPassword(password string) (string, error) {
	if n := utf8.RuneCountInString(password); n < minPassword || n > 1000 {
		return "", referral.Invalid("password", "must have %d characters or more", minPassword)
	}
	return argon2id.CreateHash(password, params)
}

// SetPassword gives an account a new password.
func (d *Desk) SetPassword(ctx context.Context, email, password string) error {
	a, err := db.FindAccountByEmail(ctx, d.DB, email)
	if err != nil {
		return err
	}
	hash, err := hashPassword(password)
	if err != nil {
		return err
	}
	return d.house(ctx, a.OrganisationID, "set_password", "account", a.ID, func(ctx context.Context, tx *sqlx.Tx) error {
		return db.SetPassword(ctx, tx, a.ID, hash)
	})
}

// AddKey makes an API key for an account. The key is given once; only its digest is kept.
func (d *Desk) AddKey(ctx context.Context, email, name string) (id uuid.UUID, key string, err error) {
	a, err := db.FindAccountByEmail(ctx, d.DB, email)
	if err != nil {
		return uuid.Nil, "", err
	}
	key = "tlk_" + token.New()
	k := db.APIKey{ID: uuid.New(), AccountID: a.ID, Name: oneLine(name), CreatedAt: d.Clock.Now()}
	return k.ID, key, d.house(ctx, a.OrganisationID, "add_key", "api_key", k.ID, func(ctx context.Context, tx *sqlx.Tx) error {
		return db.InsertKey(ctx, tx, a.OrganisationID, k, token.Hash(key))
	})
}

// Keys lists every API key of a helpline, newest first.
func (d *Desk) Keys(ctx context.Context, organisation uuid.UUID) ([]db.APIKey, error) {
	return db.Keys(ctx, d.DB, organisation)
}

// RevokeKey ends an API key at once.
func (d *Desk) RevokeKey(ctx context.Context, id uuid.UUID) error {
	return d.change(ctx, func(ctx context.Context, tx *sqlx.Tx) error {
		now := d.Clock.Now()
		organisation, err := db.RevokeKey(ctx, tx, id, now)
		if err != nil {
			return err
		}
		return db.InsertAudit(ctx, tx, houseActor(organisation).line(), now, "revoke_key", "api_key", id)
	})
}
