package casework

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"throughline/db"
	"throughline/referral"
)

// Person is an account as those see it who look after accounts.
type Person struct {
	Account
	RegionName   string // "": the whole organisation
	State        string // active, invited, invitation_over or closed
	SecondFactor bool
	SingleSignOn bool
	LastSignIn   *time.Time
	InvitedUntil *time.Time
	LetterState  string // of the invitation's letter: pending, claimed, accepted, rejected, ambiguous; "" when there is none
}

// People lists everyone who has, had or will have an account of the helpline, by name.
func (d *Desk) People(ctx context.Context, who Actor) ([]Person, error) {
	return d.people(ctx, who, uuid.Nil)
}

// Person reads one of them; not_found when the helpline has no such account.
func (d *Desk) Person(ctx context.Context, who Actor, id uuid.UUID) (Person, error) {
	list, err := d.people(ctx, who, id)
	if err == nil && len(list) == 0 {
		err = referral.NotFound("account")
	}
	if err != nil {
		return Person{}, err
	}
	return list[0], nil
}

func (d *Desk) people(ctx context.Context, who Actor, only uuid.UUID) ([]Person, error) {
	if err := who.may(ManagePeople); err != nil {
		return nil, err
	}
	found, err := db.People(d.as(ctx, who), d.DB, who.Organisation, only)
	list := make([]Person, len(found))
	for i, p := range found {
		list[i] = Person{Account: accountOf(p.Account), RegionName: p.RegionName, State: stateOf(p, d.Clock.Now()), SecondFactor: p.SecondFactor, SingleSignOn: p.SingleSignOn,
			LastSignIn: p.LastSignIn, InvitedUntil: p.InvitedUntil, LetterState: p.LetterState}
	}
	return list, err
}

func stateOf(p db.Person, now time.Time) string {
	switch {
	case p.Active:
		return "active"
	case p.InvitedUntil == nil:
		return "closed"
	case p.InvitedUntil.After(now):
		return "invited"
	}
	return "invitation_over"
}

// errOneself is the answer to an administrator who would change what they may do themselves.
var errOneself = &referral.Error{Code: referral.CodeForbidden, Message: "another administrator must do this"}

// ChangeRole gives someone another role; they must sign in again. What only their former role could carry on goes to a
// coordinator, as when an account is closed. Errors: forbidden, not_found; invalid with the field role; conflict when
// nobody could take the work over, or no administrator would be left. forbidden also for one's own role: who makes accounts
// could give themselves cases to read.
func (d *Desk) ChangeRole(ctx context.Context, who Actor, id uuid.UUID, role referral.Role) error {
	if err := who.may(ManagePeople); err != nil {
		return err
	}
	if !role.HasAccount() {
		return referral.Invalid("role", "must be one of an account's roles")
	}
	if id == who.ID {
		return errOneself
	}
	return d.change(ctx, machine, func(ctx context.Context, tx *sqlx.Tx) error {
		a, err := d.locked(ctx, tx, who, id)
		if err != nil || a.Role == role {
			return err
		}
		return d.changeRole(ctx, tx, who, a, role)
	})
}

// changeRole writes another role, on somebody's word. The visits of the account end: what they were let in for is no longer
// so. The work of who no longer sees cases, or as a partner only their own, goes to another. conflict when no administrator
// would be left.
func (d *Desk) changeRole(ctx context.Context, tx *sqlx.Tx, who Actor, a db.Account, role referral.Role) error {
	if err := d.keepAnAdmin(ctx, tx, a); err != nil {
		return err
	}
	if err := db.SetRole(ctx, tx, a.ID, role); err != nil {
		return err
	}
	if !role.Staff() || role == referral.Partner {
		if err := d.giveUp(ctx, tx, a); err != nil {
			return err
		}
	}
	now := d.Clock.Now()
	if err := db.EndVisits(ctx, tx, a.ID, uuid.Nil, now); err != nil {
		return err
	}
	return db.InsertAudit(ctx, tx, who.because(roleChanged(a.Role, role), uuid.Nil).line(), now, "change_role", "account", a.ID)
}

// locked takes an account for a change of who may do what, in the order that LockLeaver asks for.
func (d *Desk) locked(ctx context.Context, tx *sqlx.Tx, who Actor, id uuid.UUID) (db.Account, error) {
	if err := db.LockLeaver(ctx, tx, who.Organisation, id); err != nil {
		return db.Account{}, err
	}
	return db.LockAccount(ctx, tx, who.Organisation, id)
}

// keepAnAdmin refuses to let the last administrator go: only the command line could make another.
func (d *Desk) keepAnAdmin(ctx context.Context, tx *sqlx.Tx, a db.Account) error {
	if a.Role != referral.Admin || !a.Active {
		return nil
	}
	others, err := db.ActiveOf(ctx, tx, a.OrganisationID, referral.Admin, a.ID)
	if err == nil && others == 0 {
		err = &referral.Error{Code: referral.CodeConflict, Field: "last_admin", Message: "the helpline would have no administrator"}
	}
	return err
}

// ClosePerson closes an account, or takes an invitation back. Errors: forbidden, not_found; conflict as ChangeRole.
func (d *Desk) ClosePerson(ctx context.Context, who Actor, id uuid.UUID) error {
	if err := who.may(ManagePeople); err != nil {
		return err
	}
	return d.managed(ctx, who, "close_account", id, func(ctx context.Context, tx *sqlx.Tx) error {
		a, err := d.locked(ctx, tx, who, id)
		if err != nil {
			return err
		}
		if err := d.keepAnAdmin(ctx, tx, a); err != nil {
			return err
		}
		return d.closeAccount(ctx, tx, a)
	})
}

// SignOutPerson ends all of someone's visits.
func (d *Desk) SignOutPerson(ctx context.Context, who Actor, id uuid.UUID) error {
	if err := who.may(ManagePeople); err != nil {
		return err
	}
	return d.managed(ctx, who, "sign_out_everywhere", id, func(ctx context.Context, tx *sqlx.Tx) error {
		if _, err := db.LockAccount(ctx, tx, who.Organisation, id); err != nil {
			return err
		}
		if err := db.ForgetDevices(ctx, tx, id); err != nil {
			return err
		}
		return db.EndVisits(ctx, tx, id, uuid.Nil, d.Clock.Now())
	})
}

// ResetSecondFactor takes away someone's second factor and recovery codes, when they have lost both. They must sign in
// again; if their role asks for a second factor, they make one before anything else. forbidden for one's own: who is at
// someone else's browser could take the account over.
func (d *Desk) ResetSecondFactor(ctx context.Context, who Actor, id uuid.UUID) error {
	if err := who.may(ManagePeople); err != nil {
		return err
	}
	if id == who.ID {
		return errOneself
	}
	return d.managed(ctx, who, "reset_second_factor", id, func(ctx context.Context, tx *sqlx.Tx) error {
		if _, err := db.LockAccount(ctx, tx, who.Organisation, id); err != nil {
			return err
		}
		if err := db.RemoveSecondFactor(ctx, tx, id); err != nil {
			return err
		}
		return db.EndVisits(ctx, tx, id, uuid.Nil, d.Clock.Now())
	})
}

// managed changes an account of someone else. As the house: the work that goes to another is of cases that no administrator
// sees.
func (d *Desk) managed(ctx context.Context, who Actor, action string, id uuid.UUID, do func(ctx context.Context, tx *sqlx.Tx) error) error {
	return d.changeAccount(ctx, machine, who, action, id, do)
}

// changeAccount changes an account with the rights of one, in one transaction with the audit entry of who asked for it.
func (d *Desk) changeAccount(ctx context.Context, as, who Actor, action string, id uuid.UUID, do func(ctx context.Context, tx *sqlx.Tx) error) error {
	return d.change(ctx, as, func(ctx context.Context, tx *sqlx.Tx) error {
		if err := do(ctx, tx); err != nil {
			return err
		}
		return db.InsertAudit(ctx, tx, who.line(), d.Clock.Now(), action, "account", id)
	})
}
