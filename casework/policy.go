package casework

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"throughline/db"
	"throughline/referral"
)

// setting reads a helpline's zone and the policy in force.
func (d *Desk) setting(ctx context.Context, q sqlx.QueryerContext, organisation uuid.UUID) (*time.Location, referral.Policy, error) {
	o, err := db.FindOrganisation(ctx, q, organisation)
	if err != nil {
		return nil, referral.Policy{}, err
	}
	zone, err := referral.ZoneNamed(o.TimeZone)
	if err != nil {
		return nil, referral.Policy{}, err
	}
	policy, err := db.FindPolicy(ctx, q, organisation)
	return zone, policy, err
}

// Zone is the time zone that a helpline works in.
func (d *Desk) Zone(ctx context.Context, organisation uuid.UUID) (*time.Location, error) {
	o, err := db.FindOrganisation(db.AsSystem(ctx), d.DB, organisation)
	if err != nil {
		return nil, err
	}
	return referral.ZoneNamed(o.TimeZone)
}

// Policy gives the policy in force.
func (d *Desk) Policy(ctx context.Context, organisation uuid.UUID) (referral.Policy, error) {
	return db.FindPolicy(db.AsSystem(ctx), d.DB, organisation)
}

// SetPolicy puts a policy in force. Every open referral is told, so that its next step follows the new policy at once.
// Errors: invalid with the field, forbidden.
func (d *Desk) SetPolicy(ctx context.Context, who Actor, p referral.Policy) error {
	if err := who.may(SetPolicy); err != nil {
		return err
	}
	if err := p.Validate(); err != nil {
		return err
	}
	now := d.Clock.Now()
	// As the house: every open referral is told, those too that whoever decides may not see.
	return d.change(ctx, machine, func(ctx context.Context, tx *sqlx.Tx) error {
		if err := db.LockPolicy(ctx, tx, who.Organisation); err != nil {
			return err
		}
		if err := db.InsertPolicy(ctx, tx, who.Organisation, p, who.Name, now); err != nil {
			return err
		}
		if err := db.TellAllOpen(ctx, tx, who.Organisation, now); err != nil {
			return err
		}
		return db.InsertAudit(ctx, tx, who.line(), now, "set_policy", "policy", who.Organisation)
	})
}
