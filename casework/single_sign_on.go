package casework

import (
	"context"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"throughline/db"
	"throughline/referral"
)

// Identity is who someone is, on the word of a provider of single sign-on. Role is what their groups there make them here.
type Identity struct {
	Issuer, Subject string
	Email           string // "" unless the provider has verified it
	Role            referral.Role
}

// errStranger is the answer to someone whom the provider knows and we do not.
var errStranger = &referral.Error{Code: referral.CodeForbidden, Field: "no_account", Message: "nobody here has been invited by that identity"}

// SignInBy finds the account of an identity. At the first sign-in it is the account, invited or in use, of the address that
// the provider has verified; from then on the account is bound to the identity, whatever becomes of the address. The role
// follows the groups: when it changes, all other visits end. Errors: forbidden when there is no such account; conflict
// when the new role would leave work, or the helpline, without anyone.
func (d *Desk) SignInBy(ctx context.Context, i Identity) (who Account, err error) {
	if i.Issuer == "" || i.Subject == "" || !i.Role.HasAccount() {
		return who, errStranger
	}
	return who, d.change(ctx, machine, func(ctx context.Context, tx *sqlx.Tx) error {
		a, err := d.identified(ctx, tx, i)
		if referral.CodeOf(err) == referral.CodeNotFound {
			return errStranger
		}
		if err != nil {
			return err
		}
		if err := d.bind(ctx, tx, a, i); err != nil {
			return err
		}
		if !a.Active {
			if err := d.joinBy(ctx, tx, a); err != nil {
				return err
			}
			a.Active = true
		}
		if a.Role != i.Role {
			if err := d.followGroups(ctx, tx, &a, i.Role); err != nil {
				return err
			}
		}
		who = accountOf(a)
		return nil
	})
}

// bind keeps that an account is someone's at the provider, from the first time on.
func (d *Desk) bind(ctx context.Context, tx *sqlx.Tx, a db.Account, i Identity) error {
	now := d.Clock.Now()
	bound, err := db.SaveIdentity(ctx, tx, a.OrganisationID, a.ID, i.Issuer, i.Subject, now)
	if referral.CodeOf(err) == referral.CodeConflict {
		return errStranger // the account is someone else's there
	}
	if err != nil || !bound {
		return err
	}
	return db.InsertAudit(ctx, tx, accountOf(a).Actor(ViaPage).because(CameBy+string(BySingleSignOn), uuid.Nil).line(), now, "bind_identity", "account", a.ID)
}

// identified finds the account of an identity: the one it is bound to, else the one of its verified address.
func (d *Desk) identified(ctx context.Context, tx *sqlx.Tx, i Identity) (db.Account, error) {
	a, err := db.FindIdentity(ctx, tx, i.Issuer, i.Subject)
	if referral.CodeOf(err) != referral.CodeNotFound || i.Email == "" {
		return a, err
	}
	return db.LockAccountByEmail(ctx, tx, i.Email)
}

// joinBy lets someone in who was invited. A closed account stays closed, and the password of before it was closed opens nothing
// when it is opened again.
func (d *Desk) joinBy(ctx context.Context, tx *sqlx.Tx, a db.Account) error {
	now := d.Clock.Now()
	invited, err := db.IsInvited(ctx, tx, a.ID, now)
	if err != nil {
		return err
	}
	if !invited {
		return errStranger
	}
	if err := db.RevokeInvitations(ctx, tx, a.ID, now); err != nil {
		return err
	}
	if err := db.OpenAccount(ctx, tx, a.ID); err != nil {
		return err
	}
	if err := db.SetPassword(ctx, tx, a.ID, ""); err != nil {
		return err
	}
	return db.InsertAudit(ctx, tx, accountOf(a).Actor(ViaPage).because(CameBy+string(BySingleSignOn), uuid.Nil).line(), now, "join", "account", a.ID)
}

func (d *Desk) followGroups(ctx context.Context, tx *sqlx.Tx, a *db.Account, role referral.Role) error {
	if err := db.LockLeaver(ctx, tx, a.OrganisationID, a.ID); err != nil {
		return err
	}
	by := system(a.OrganisationID, ViaPage)
	by.Name = "single sign-on"
	if err := d.changeRole(ctx, tx, by, *a, role); err != nil {
		return err
	}
	a.Role = role
	return nil
}

// HasSingleSignOn reports whether someone's account is bound to an identity: then its role follows the groups there.
func (d *Desk) HasSingleSignOn(ctx context.Context, account uuid.UUID) (bool, error) {
	return db.HasIdentity(db.AsSystem(ctx), d.DB, account)
}
