package casework

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"throughline/db"
	"throughline/referral"
)

// Why a case is erased.
const (
	ClientRequest = "client_request"
	Schedule      = "schedule"
)

// Erasure is a case that is to be erased, until it is, or is not.
type Erasure = db.Erasure

// Keeping is what is to become of what is kept in a case.
type Keeping struct {
	CaseID    uuid.UUID   `json:"case_id"`
	Reference string      `json:"case_reference"`
	ErasedAt  *time.Time  `json:"erased_at"`
	Held      bool        `json:"held"`
	Holds     []LegalHold `json:"holds"`    // newest first
	Erasures  []Erasure   `json:"erasures"` // newest first
	Exports   []Export    `json:"exports"`  // newest first
}

// Waiting is the erasure that waits; nil when none does.
func (k Keeping) Waiting() *Erasure {
	for i := range k.Erasures {
		if k.Erasures[i].EndedAt == nil {
			return &k.Erasures[i]
		}
	}
	return nil
}

// Keeping reads whether a case must be kept or is to be erased, for whoever may ask for either; not_found when it is out
// of reach.
func (d *Desk) Keeping(ctx context.Context, who Actor, id uuid.UUID) (k Keeping, err error) {
	if err := who.may(AskErasure); err != nil {
		return k, err
	}
	look := db.Look{Kind: db.AuditView, Action: "view", Subject: "keeping", ID: id, Whose: []uuid.UUID{id}}
	err = d.audited(ctx, who, who, look, func(ctx context.Context, tx *sqlx.Tx) ([]uuid.UUID, error) {
		c, err := db.FindCase(ctx, tx, who.Organisation, id)
		if err == nil {
			err = d.sees(ctx, tx, who, id)
		}
		if err != nil {
			return nil, err
		}
		k = Keeping{CaseID: id, Reference: c.Reference, ErasedAt: c.ErasedAt}
		if k.Holds, err = db.LegalHoldsOf(ctx, tx, id); err != nil {
			return nil, err
		}
		for i := range k.Holds {
			h := &k.Holds[i]
			k.Held = k.Held || h.LiftedAt == nil
			h.Unreadable = !d.opensRow(id, c.CaseKey, "legal_holds", h.ID, map[string]*string{"reason": &h.Reason})
		}
		if k.Erasures, err = db.ErasuresOf(ctx, tx, id); err != nil {
			return nil, err
		}
		for i := range k.Erasures {
			d.openErasure(&k.Erasures[i])
		}
		if k.Exports, err = db.ExportsOf(ctx, tx, id); err != nil {
			return nil, err
		}
		return []uuid.UUID{id}, nil
	})
	return k, err
}

func (d *Desk) openErasure(e *Erasure) {
	e.Unreadable = !d.opensRow(e.Case, e.CaseKey, "erasures", e.ID, map[string]*string{"reason": &e.Reason})
}

// AskErasure records that a client wants what is kept of them erased, and why. Nothing is erased before a second person
// agrees and the time to call it off is over. Errors: invalid without a reason; conflict while a referral is open, which
// it names, or the case is held, erased or about to be; forbidden; not_found.
func (d *Desk) AskErasure(ctx context.Context, who Actor, id uuid.UUID, reason string) (asked uuid.UUID, err error) {
	if err := who.may(AskErasure); err != nil {
		return uuid.Nil, err
	}
	reason = typed(reason)
	err = d.change(ctx, who, func(ctx context.Context, tx *sqlx.Tx) error {
		c, v, err := d.wholeCase(ctx, tx, who, id)
		if err != nil {
			return err
		}
		if err := checkReason("why", reason); err != nil {
			return err
		}
		if err := d.mayErase(ctx, tx, id); err != nil {
			return err
		}
		cooling, err := d.keptFor(ctx, tx, who.Organisation, KindCoolingOff)
		if err != nil {
			return err
		}
		now := d.Clock.Now()
		e := db.Erasure{ID: uuid.New(), Organisation: c.OrganisationID, Case: id, Cause: ClientRequest, AskedBy: &who.ID, AskedAt: now,
			DueAt: now.AddDate(0, 0, cooling)}
		if e.Reason = v.seal("erasures", "reason", e.ID.String(), reason); v.err != nil {
			return v.err
		}
		if err := db.InsertErasure(ctx, tx, e); err != nil {
			return err
		}
		asked, who.For = e.ID, referral.Client
		return db.InsertAudit(ctx, tx, who.because("erasure", e.ID).line(), now, "ask_erasure", "case", id)
	})
	return asked, err
}

// mayErase says what stands against the erasure of a case.
func (d *Desk) mayErase(ctx context.Context, tx *sqlx.Tx, id uuid.UUID) error {
	held, err := db.Held(ctx, tx, id)
	if err != nil {
		return err
	}
	if held {
		return &referral.Error{Code: referral.CodeConflict, Field: "case", Outcome: "held", Message: "the case is under hold"}
	}
	open, err := db.OpenReferralsOf(ctx, tx, id)
	if err != nil {
		return err
	}
	var all []error
	for _, r := range open {
		all = append(all, openReferral(r))
	}
	return errors.Join(all...)
}

// openReferral names a referral that must be closed first.
func openReferral(id uuid.UUID) error {
	return &referral.Error{Code: referral.CodeConflict, Field: "referrals." + id.String(), Outcome: "open_referral",
		Message: fmt.Sprintf("the referral %s must be closed first", id)}
}

// Erasures lists the erasures of an organisation that wait, of cases within reach.
func (d *Desk) Erasures(ctx context.Context, who Actor) (list []Erasure, err error) {
	if err := who.may(ApproveErasure); err != nil {
		return nil, err
	}
	err = d.audited(ctx, who, who, listOf("erasures"), func(ctx context.Context, tx *sqlx.Tx) ([]uuid.UUID, error) {
		found, err := db.WaitingErasures(ctx, tx, who.scope(d))
		if err != nil {
			return nil, err
		}
		for i := range found {
			d.openErasure(&found[i])
		}
		list = found
		return casesOf(found, func(e db.Erasure) uuid.UUID { return e.Case }), nil
	})
	return list, err
}

// ApproveErasure is the word of a second person that a client's erasure may go on. Errors: forbidden to who asked for it,
// conflict when it needs none or has ended, not_found.
func (d *Desk) ApproveErasure(ctx context.Context, who Actor, id uuid.UUID) error {
	return d.overErasure(ctx, who, ApproveErasure, id, "approve_erasure", func(ctx context.Context, tx *sqlx.Tx, e db.Erasure) error {
		if e.AskedBy == nil || e.ApprovedBy != nil {
			return &referral.Error{Code: referral.CodeConflict, Outcome: "approved", Message: "it waits for nobody's word"}
		}
		if *e.AskedBy == who.ID {
			return &referral.Error{Code: referral.CodeForbidden, Field: "erasure", Message: "a second person must agree to this"}
		}
		if err := db.ApproveErasure(ctx, tx, id, who.ID, d.Clock.Now()); err != nil {
			return err
		}
		return db.RunErrand(ctx, tx, e.Organisation, db.ErrandErasure, id, d.Clock.Now())
	})
}

// CallOffErasure has a case kept that was to be erased. The schedule leaves it alone for a while; who must keep it puts it
// under hold. Errors: conflict when it has ended, forbidden, not_found.
func (d *Desk) CallOffErasure(ctx context.Context, who Actor, id uuid.UUID) error {
	return d.overErasure(ctx, who, AskErasure, id, "call_off_erasure", func(ctx context.Context, tx *sqlx.Tx, e db.Erasure) error {
		return d.endErasure(ctx, tx, e, who.ID, "called_off")
	})
}

// overErasure does something about an erasure that waits, of a case within reach.
func (d *Desk) overErasure(ctx context.Context, who Actor, p Permission, id uuid.UUID, action string, do func(context.Context, *sqlx.Tx, db.Erasure) error) error {
	if err := who.may(p); err != nil {
		return err
	}
	return d.change(ctx, who, func(ctx context.Context, tx *sqlx.Tx) error {
		e, err := db.FindErasure(ctx, tx, id)
		if err == nil && e.Organisation != who.Organisation {
			err = referral.NotFound("record")
		}
		if err == nil {
			err = d.sees(ctx, tx, who, e.Case)
		}
		if err != nil {
			return err
		}
		if e.EndedAt != nil {
			return &referral.Error{Code: referral.CodeConflict, Outcome: e.Outcome, Message: "it has come to its end"}
		}
		if err := do(ctx, tx, e); err != nil {
			return err
		}
		return db.InsertAudit(ctx, tx, who.because("erasure", id).line(), d.Clock.Now(), action, "case", e.Case)
	})
}
