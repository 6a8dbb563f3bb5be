package casework

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"throughline/db"
	"throughline/referral"
)

// A restricted case is for named people only. Everyone else gets the answer of a case that does not exist, but for a
// supervisor, who may name people without reading it, and for who breaks the glass.

// RestrictionKinds are why a case may be restricted: violence, someone in the public eye, a colleague.
var RestrictionKinds = []string{"violence", "vip", "staff"}

func checkKind(kind string) error {
	if kind == "" || slices.Contains(RestrictionKinds, kind) {
		return nil
	}
	return referral.Invalid("restricted", "must be violence, vip or staff")
}

// errNotNamed is the answer to someone who sees a restricted case by broken glass and would say who sees it later.
var errNotNamed = &referral.Error{Code: referral.CodeForbidden, Field: "not_named", Message: "who is named on the case may do this"}

// Restrict closes a case to all but named people, or says another reason for it; "" opens it again, which only who opened
// the case and a supervisor may. Of a case that is restricted it is for those who are named alone: broken glass lets nobody
// decide who sees it when the glass is whole again. Errors: invalid, forbidden, not_found.
func (d *Desk) Restrict(ctx context.Context, who Actor, id uuid.UUID, kind string) error {
	if err := who.may(RestrictCases); err != nil {
		return err
	}
	if err := checkKind(kind); err != nil {
		return err
	}
	return d.change(ctx, who, func(ctx context.Context, tx *sqlx.Tx) error {
		p, err := d.place(ctx, tx, who, id)
		if err != nil {
			return err
		}
		if p.OnlyByGlass() {
			return errNotNamed
		}
		if p.Restricted == kind {
			return nil
		}
		action := "restrict_case"
		if kind == "" {
			if action = "lift_restriction"; p.OpenedBy != who.ID && who.may(OverseePeople) != nil {
				return &referral.Error{Code: referral.CodeForbidden, Message: "who opened the case and a supervisor may do this"}
			}
		}
		// The entry comes first: afterwards nothing would tell that who did it saw the case by broken glass.
		if err := db.InsertAudit(ctx, tx, who.line(), d.Clock.Now(), action, "case", id); err != nil {
			return err
		}
		if kind == "" {
			return db.LiftRestriction(ctx, tx, id)
		}
		return db.Write(ctx, tx, db.Restrict(db.Restriction{Case: id, Organisation: who.Organisation, Kind: kind, By: who.ID, At: d.Clock.Now()}))
	})
}

// CasePeople is the list of a restricted case, and who could be put on it.
type CasePeople struct {
	ID     uuid.UUID
	Sees   bool // whoever asks may read the case too
	Named  []db.NamedPerson
	Others []Account
}

// CasePeople reads the list, for who opened the case and for supervisors; not_found to everyone else, and of a case that
// is not restricted.
func (d *Desk) CasePeople(ctx context.Context, who Actor, id uuid.UUID) (out CasePeople, err error) {
	out.ID = id
	err = d.overPeople(ctx, who, id, func(ctx context.Context, tx *sqlx.Tx, p db.Place) error {
		out.Sees = p.Named
		if out.Named, err = db.NamedPeople(ctx, tx, id); err != nil {
			return err
		}
		all, err := db.Accounts(ctx, tx, who.Organisation)
		for _, a := range all {
			p.Named = true // were they on the list
			if a.ID != who.ID && a.Active && within(p, accountOf(a).Actor(who.Via)) && !on(out.Named, a.ID) {
				out.Others = append(out.Others, accountOf(a))
			}
		}
		if err != nil {
			return err
		}
		return db.Audit(ctx, tx, who.line(), d.Clock.Now(),
			db.Look{Kind: db.AuditView, Action: "view", Subject: "case_people", ID: id, Whose: []uuid.UUID{id}})
	})
	return out, err
}

// errNobodyNamed is the answer when a restricted case has nobody who could carry on what someone begins by broken glass.
var errNobodyNamed = &referral.Error{Code: referral.CodeConflict, Field: "nobody_named",
	Message: "nobody who still works here is named on the case: have a supervisor name someone first"}

// named finds who carries on what someone begins who sees a restricted case by broken glass: whoever opened the case, or
// another who is named, and keeps them at work until the transaction ends.
func (d *Desk) named(ctx context.Context, tx *sqlx.Tx, p db.Place, id uuid.UUID) (uuid.UUID, error) {
	list, err := db.NamedPeople(ctx, tx, id)
	if err != nil {
		return uuid.Nil, err
	}
	if i := slices.IndexFunc(list, func(n db.NamedPerson) bool { return n.Account == p.OpenedBy }); i > 0 {
		list[0], list[i] = list[i], list[0]
	}
	for _, n := range list {
		a, err := db.StayAtWork(ctx, tx, n.Account)
		if err != nil {
			return uuid.Nil, err
		}
		if p.Named = true; a.Active && within(p, accountOf(a).Actor("")) {
			return a.ID, nil
		}
	}
	return uuid.Nil, errNobodyNamed
}

func on(list []db.NamedPerson, account uuid.UUID) bool {
	return slices.ContainsFunc(list, func(p db.NamedPerson) bool { return p.Account == account })
}

// NamePerson puts a colleague on the list of a restricted case. Errors: invalid for someone who could not see it even
// then, and for oneself: who must see a case that nobody lets them see breaks the glass, and accounts for it; not_found as
// CasePeople.
func (d *Desk) NamePerson(ctx context.Context, who Actor, id, person uuid.UUID) error {
	return d.overPeople(ctx, who, id, func(ctx context.Context, tx *sqlx.Tx, p db.Place) error {
		if person == who.ID && !p.Named {
			return referral.Invalid("person_id", "must be a colleague: another must name you, or you break the glass")
		}
		a, err := db.FindAccount(ctx, tx, person)
		if err != nil && referral.CodeOf(err) != referral.CodeNotFound {
			return err
		}
		p.Named = true
		if err != nil || !a.Active || !within(p, accountOf(a).Actor(who.Via)) {
			return referral.Invalid("person_id", "is not a colleague who may see cases like this")
		}
		now := d.Clock.Now()
		if _, err := db.NamePerson(ctx, tx, id, person, who.ID, now); err != nil {
			return err
		}
		return auditNaming(ctx, tx, who, now, "name_person", id, person)
	})
}

// auditNaming keeps who was put on the list of a restricted case, or taken off it.
func auditNaming(ctx context.Context, tx *sqlx.Tx, who Actor, at time.Time, action string, id, person uuid.UUID) error {
	return db.Audit(ctx, tx, who.because("person", person).line(), at,
		db.Look{Kind: db.AuditChange, Action: action, Subject: "case_people", ID: id, Whose: []uuid.UUID{id}})
}

// UnnamePerson takes someone off the list. Errors: invalid for who carries a referral of the case, or is not on the list;
// not_found as CasePeople.
func (d *Desk) UnnamePerson(ctx context.Context, who Actor, id, person uuid.UUID) error {
	return d.overPeople(ctx, who, id, func(ctx context.Context, tx *sqlx.Tx, _ db.Place) error {
		left, err := db.UnnamePerson(ctx, tx, id, person)
		if err == nil && !left {
			return referral.Invalid("person_id", "carries a referral of the case, or is not on the list")
		}
		if err != nil {
			return err
		}
		return auditNaming(ctx, tx, who, d.Clock.Now(), "unname_person", id, person)
	})
}

// overPeople does something about the list of a restricted case, and keeps that in the audit. As the house: a supervisor
// keeps the lists of cases that they can't read.
func (d *Desk) overPeople(ctx context.Context, who Actor, id uuid.UUID, do func(context.Context, *sqlx.Tx, db.Place) error) error {
	if err := who.may(RestrictCases); err != nil {
		return err
	}
	return d.change(ctx, machine, func(ctx context.Context, tx *sqlx.Tx) error {
		p, err := db.FindPlace(ctx, tx, id, who.ID, d.Clock.Now())
		if err != nil && referral.CodeOf(err) != referral.CodeNotFound {
			return err
		}
		read := p
		read.ByGlass = false // it shows a case, and not whom to name for good
		if who.may(OverseePeople) == nil {
			read.Named = true
		}
		if p.Restricted == "" || !within(read, who) || (p.OpenedBy != who.ID && who.may(OverseePeople) != nil) {
			return referral.NotFound("record")
		}
		return do(ctx, tx, p)
	})
}

// RestrictedCases lists the restricted cases for a supervisor, by reference only.
func (d *Desk) RestrictedCases(ctx context.Context, who Actor) (list []db.RestrictedCase, err error) {
	if err := who.may(OverseePeople); err != nil {
		return nil, err
	}
	err = d.audited(ctx, machine, who, listOf("restricted_cases"), func(ctx context.Context, tx *sqlx.Tx) (_ []uuid.UUID, err error) {
		list, err = db.RestrictedCases(ctx, tx, who.Organisation, who.Region)
		return casesOf(list, func(c db.RestrictedCase) uuid.UUID { return c.ID }), err
	})
	return list, err
}
