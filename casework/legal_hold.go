package casework

import (
	"context"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"throughline/db"
	"throughline/referral"
)

// LegalHold is that a case must be kept, and why.
type LegalHold = db.LegalHold

// HoldCase has a case kept whatever the schedule or anyone says, until the hold is lifted. An erasure that waits ends, for
// a hold is known only to whoever looks. Errors: invalid without a reason, conflict when it is held or erased, forbidden,
// not_found.
func (d *Desk) HoldCase(ctx context.Context, who Actor, id uuid.UUID, reason string) error {
	if err := who.may(HoldCases); err != nil {
		return err
	}
	reason = typed(reason)
	return d.change(ctx, who, func(ctx context.Context, tx *sqlx.Tx) error {
		c, v, err := d.wholeCase(ctx, tx, who, id)
		if err != nil {
			return err
		}
		if err := checkReason("why", reason); err != nil {
			return err
		}
		held, err := db.Held(ctx, tx, id)
		if err == nil && held {
			err = &referral.Error{Code: referral.CodeConflict, Field: "case", Outcome: "held", Message: "the case is under hold"}
		}
		if err != nil {
			return err
		}
		now := d.Clock.Now()
		h := db.LegalHold{ID: uuid.New(), Organisation: c.OrganisationID, Case: id, By: who.ID, At: now}
		if h.Reason = v.seal("legal_holds", "reason", h.ID.String(), reason); v.err != nil {
			return v.err
		}
		if err := db.InsertLegalHold(ctx, tx, h); err != nil {
			return err
		}
		if err := d.endWaiting(ctx, tx, id, who.ID, "held"); err != nil {
			return err
		}
		return db.InsertAudit(ctx, tx, who.because("hold", h.ID).line(), now, "hold_case", "case", id)
	})
}

// LiftHold ends the hold of a case. Errors: conflict when there is none, forbidden, not_found.
func (d *Desk) LiftHold(ctx context.Context, who Actor, id uuid.UUID) error {
	if err := who.may(HoldCases); err != nil {
		return err
	}
	return d.change(ctx, who, func(ctx context.Context, tx *sqlx.Tx) error {
		if _, _, err := d.wholeCase(ctx, tx, who, id); err != nil {
			return err
		}
		now := d.Clock.Now()
		lifted, err := db.LiftLegalHold(ctx, tx, id, who.ID, now)
		if err == nil && !lifted {
			err = &referral.Error{Code: referral.CodeConflict, Field: "case", Outcome: "not_held", Message: "the case is not under hold"}
		}
		if err != nil {
			return err
		}
		return db.InsertAudit(ctx, tx, who.line(), now, "lift_hold", "case", id)
	})
}

// wholeCase reads a case that someone would do something about as a whole: not_found when it is out of reach, conflict
// when it is erased. Nothing of it is erased, held or asked to be before the transaction ends.
func (d *Desk) wholeCase(ctx context.Context, tx *sqlx.Tx, who Actor, id uuid.UUID) (db.CaseRow, *vault, error) {
	if err := db.KeepCase(ctx, tx, id); err != nil {
		return db.CaseRow{}, nil, err
	}
	c, err := db.FindCase(ctx, tx, who.Organisation, id)
	if err == nil {
		err = d.sees(ctx, tx, who, id)
	}
	if err == nil && c.ErasedAt != nil {
		err = errErasedCase
	}
	return c, d.vault(id, c.CaseKey), err
}

// endWaiting ends the erasure of a case that waits, if one does, and tells its workflow.
func (d *Desk) endWaiting(ctx context.Context, tx *sqlx.Tx, caseID, by uuid.UUID, outcome string) error {
	list, err := db.ErasuresOf(ctx, tx, caseID)
	if err != nil {
		return err
	}
	for _, e := range list {
		if e.EndedAt == nil {
			return d.endErasure(ctx, tx, e, by, outcome)
		}
	}
	return nil
}

func (d *Desk) endErasure(ctx context.Context, tx *sqlx.Tx, e db.Erasure, by uuid.UUID, outcome string) error {
	now := d.Clock.Now()
	if err := db.EndErasure(ctx, tx, e.ID, by, outcome, now); err != nil {
		return err
	}
	return db.RunErrand(ctx, tx, e.Organisation, db.ErrandErasure, e.ID, now)
}
