package casework

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"throughline/db"
	"throughline/referral"
)

// Belongs is where an account works, and for whom.
type Belongs struct {
	Region  string // by name, made when it is new; "": the whole organisation
	Partner string // the organisation that a partner refers for; its accounts see one another's cases
}

// checked tidies what was typed. Errors: invalid with the field.
func (b Belongs) checked(role referral.Role) (Belongs, error) {
	b.Region, b.Partner = oneLine(b.Region), oneLine(b.Partner)
	if b.Partner != "" && role != referral.Partner {
		return b, referral.Invalid("partner", "is for the role partner only")
	}
	return b, limits(map[string]string{"region": b.Region, "partner": b.Partner}, maxLine)
}

// give puts an account where it belongs.
func (b Belongs) give(ctx context.Context, tx *sqlx.Tx, a *db.Account, at time.Time) error {
	a.Region, a.Partner = nil, b.Partner
	if b.Region == "" {
		return nil
	}
	region, err := db.RegionNamed(ctx, tx, a.OrganisationID, b.Region, at)
	a.Region = &region
	return err
}

// ChangePlace has someone work for another region or partner; they must sign in again. What they had to do goes to a
// coordinator, as when an account is closed, unless they now see all that they saw before. Errors: forbidden, not_found;
// invalid with the field; conflict when nobody could take the work over.
func (d *Desk) ChangePlace(ctx context.Context, who Actor, id uuid.UUID, in Belongs) error {
	if err := who.may(ManagePeople); err != nil {
		return err
	}
	return d.change(ctx, machine, func(ctx context.Context, tx *sqlx.Tx) error {
		was, err := d.locked(ctx, tx, who, id)
		if err != nil {
			return err
		}
		place, err := in.checked(was.Role)
		if err != nil {
			return err
		}
		now, is := d.Clock.Now(), was
		if err := place.give(ctx, tx, &is, now); err != nil {
			return err
		}
		what, region := placeChanged(was, is)
		if what == "" {
			return nil
		}
		if err := db.SetPlace(ctx, tx, id, is.Region, is.Partner); err != nil {
			return err
		}
		if is.Region != nil || is.Partner != was.Partner {
			if err := d.giveUp(ctx, tx, was); err != nil {
				return err
			}
		}
		if err := db.EndVisits(ctx, tx, id, uuid.Nil, now); err != nil {
			return err
		}
		return db.InsertAudit(ctx, tx, who.because(what, region).line(), now, "change_place", "account", id)
	})
}

// Regions lists the regions of the helpline by name, for who says where someone works.
func (d *Desk) Regions(ctx context.Context, who Actor) ([]string, error) {
	if err := who.may(ManagePeople); err != nil {
		return nil, err
	}
	return db.RegionNames(d.as(ctx, who), d.DB, who.Organisation)
}

// idIn is the id behind a pointer; the nil UUID when there is none.
func idIn(id *uuid.UUID) uuid.UUID {
	if id == nil {
		return uuid.Nil
	}
	return *id
}
