package casework

import (
	"context"
	"net/mail"
	"slices"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"throughline/db"
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
	Region             uuid.UUID // whose cases alone are seen; nil UUID: all of the organisation's
	Partner            string    // the organisation that a partner refers for
}

func accountOf(a db.Account) Account {
	account := Account{ID: a.ID, OrganisationID: a.OrganisationID, Email: a.Email, Name: a.Name, Role: a.Role, Locale: a.Locale, Active: a.Active,
		Partner: a.Partner}
	if a.Region != nil {
		account.Region = *a.Region
	}
	return account
}

// Actor is the account acting on some way in.
func (a Account) Actor(via Via) Actor {
	return Actor{Actor: referral.Actor{Role: a.Role, ID: a.ID}, Organisation: a.OrganisationID, Region: a.Region, Partner: a.Partner,
		Name: a.Name, Via: via}
}

// Account reads an account; not_found also when it has been closed.
func (d *Desk) Account(ctx context.Context, id uuid.UUID) (Account, error) {
	a, err := db.FindAccount(db.AsSystem(ctx), d.DB, id)
	if err == nil && !a.Active {
		return Account{}, referral.NotFound("account")
	}
	return accountOf(a), err
}

// Accounts lists the colleagues who may be given work, by name.
func (d *Desk) Accounts(ctx context.Context, who Actor) ([]Account, error) {
	if err := who.may(SeeColleagues); err != nil {
		return nil, err
	}
	list, err := allAccounts(db.AsSystem(ctx), d.DB, who.Organisation)
	return slices.DeleteFunc(list, func(a Account) bool { return !a.Active || !a.Role.Staff() || !a.worksWith(who) }), err
}

// worksWith reports someone whom a colleague could hand work to: a partner's people keep among themselves, and who sees one
// region only works with those who see it too.
func (a Account) worksWith(who Actor) bool {
	if who.Role == referral.Partner && (a.Role != referral.Partner || a.Partner != who.Partner || who.Partner == "") {
		return a.ID == who.ID
	}
	return who.Region == uuid.Nil || a.Region == uuid.Nil || a.Region == who.Region
}

// AllAccounts lists everyone who has or had an account of a helpline, by name, for whoever runs the machine.
func (d *Desk) AllAccounts(ctx context.Context, organisation uuid.UUID) (list []Account, err error) {
	err = d.audited(ctx, machine, houseActor(organisation), db.Look{Kind: db.AuditCLI, Action: "list_accounts", Subject: "account"},
		func(ctx context.Context, tx *sqlx.Tx) (_ []uuid.UUID, err error) {
			list, err = allAccounts(ctx, tx, organisation)
			return []uuid.UUID{}, err
		})
	return list, err
}

func allAccounts(ctx context.Context, q sqlx.QueryerContext, organisation uuid.UUID) ([]Account, error) {
	found, err := db.Accounts(ctx, q, organisation)
	list := make([]Account, len(found))
	for i, a := range found {
		list[i] = accountOf(a)
	}
	return list, err
}

// SetLocale keeps the language a person wants.
func (d *Desk) SetLocale(ctx context.Context, id uuid.UUID, lang string) error {
	return db.SetLocale(db.AsSystem(ctx), d.DB, id, locale.Match(lang))
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
	ctx = db.AsSystem(ctx)
	if err := db.InsertOrganisation(ctx, d.DB, o); err != nil || d.Keyring == nil {
		return o.ID, err
	}
	_, err = d.blind(ctx, o.ID)
	return o.ID, err
}

// Organisations lists the helplines, oldest first.
func (d *Desk) Organisations(ctx context.Context) ([]db.Organisation, error) {
	return db.Organisations(db.AsSystem(ctx), d.DB)
}

const (
	maxAddress = 254 // RFC 5321, 4.5.3.1.3, without the angle brackets
	maxName    = 200
)

// AddAccount adds someone to a helpline, for the whole of it. Errors as AddAccountIn.
func (d *Desk) AddAccount(ctx context.Context, organisation uuid.UUID, email, name string, role referral.Role, lang, password string) (Account, error) {
	return d.AddAccountIn(ctx, organisation, email, name, role, lang, password, Belongs{})
}

// AddAccountIn adds someone to a region or a partner of a helpline. Errors: invalid with the field; conflict when the
// address has an account.
func (d *Desk) AddAccountIn(ctx context.Context, organisation uuid.UUID, email, name string, role referral.Role, lang, password string, in Belongs) (Account, error) {
	a, err := d.newAccount(organisation, email, name, role, lang)
	if err != nil {
		return Account{}, err
	}
	place, err := in.checked(role)
	if err != nil {
		return Account{}, err
	}
	if a.PasswordHash, err = hashPassword(password, email, name); err != nil {
		return Account{}, err
	}
	a.Active = true
	err = d.house(ctx, organisation, "add_account", "account", a.ID, func(ctx context.Context, tx *sqlx.Tx) error {
		if err := place.give(ctx, tx, &a, a.CreatedAt); err != nil {
			return err
		}
		return db.InsertAccount(ctx, tx, a)
	})
	return accountOf(a), err
}

// newAccount checks what an account is made of. Nobody can sign in to it yet.
func (d *Desk) newAccount(organisation uuid.UUID, email, name string, role referral.Role, lang string) (db.Account, error) {
	if a, err := mail.ParseAddress(email); err != nil || a.Address != email || len(email) > maxAddress || !storable(email) {
		return db.Account{}, referral.Invalid("email", "is not an email address")
	}
	if name = oneLine(name); name == "" || len(name) > maxName {
		return db.Account{}, referral.Invalid("name", "is missing or too long")
	}
	if !role.HasAccount() {
		return db.Account{}, referral.Invalid("role", "must be one of an account's roles")
	}
	return db.Account{ID: uuid.New(), OrganisationID: organisation, Email: email, Name: name, Role: role, Locale: locale.Match(lang),
		CreatedAt: d.Clock.Now()}, nil
}

// house changes who may come in, in one transaction with the audit entry.
func (d *Desk) house(ctx context.Context, organisation uuid.UUID, action, subject string, id uuid.UUID, do func(ctx context.Context, tx *sqlx.Tx) error) error {
	return d.change(ctx, machine, func(ctx context.Context, tx *sqlx.Tx) error {
		if err := do(ctx, tx); err != nil {
			return err
		}
		return db.InsertAudit(ctx, tx, houseActor(organisation).line(), d.Clock.Now(), action, subject, id)
	})
}

// houseActor is whoever runs the helpline's machine, who has no account.
func houseActor(organisation uuid.UUID) Actor {
	return system(organisation, ViaCLI)
}

// SetPassword gives an account a new password. Whoever is signed in with it must sign in again.
func (d *Desk) SetPassword(ctx context.Context, email, password string) error {
	a, err := db.FindAccountByEmail(db.AsSystem(ctx), d.DB, email)
	if err != nil {
		return err
	}
	hash, err := hashPassword(password, a.Email, a.Name)
	if err != nil {
		return err
	}
	return d.house(ctx, a.OrganisationID, "set_password", "account", a.ID, func(ctx context.Context, tx *sqlx.Tx) error {
		return d.setPassword(ctx, tx, a.ID, uuid.Nil, hash)
	})
}

// setPassword also ends every visit but one, and the links of letters: who had the former password, or a letter, must not
// stay.
func (d *Desk) setPassword(ctx context.Context, tx *sqlx.Tx, account, but uuid.UUID, hash string) error {
	now := d.Clock.Now()
	if err := db.SetPassword(ctx, tx, account, hash); err != nil {
		return err
	}
	if err := db.RevokeInvitations(ctx, tx, account, now); err != nil {
		return err
	}
	return db.EndVisits(ctx, tx, account, but, now)
}
