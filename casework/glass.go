package casework

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"throughline/db"
	"throughline/referral"
)

// glassTime is how long a restricted case stays open to who broke the glass.
const glassTime = 60 * time.Minute

// GlassDecisions are what a second person can find of it.
var GlassDecisions = []string{"justified", "not_justified"}

// Behind reports a restricted case that whoever asks may not see, by its whole reference and nothing less. That it is
// there was shown, so the audit keeps it.
func (d *Desk) Behind(ctx context.Context, who Actor, reference string) (there bool, err error) {
	if who.may(BreakGlass) != nil {
		return false, nil
	}
	err = d.read(ctx, machine, func(ctx context.Context, tx *sqlx.Tx) error {
		id, err := d.behind(ctx, tx, who, reference)
		if referral.CodeOf(err) == referral.CodeNotFound {
			return nil
		}
		if there = err == nil; err != nil {
			return err
		}
		return db.Audit(ctx, tx, who.line(), d.Clock.Now(), db.Look{Kind: db.AuditSearch, Action: "find", Subject: "restricted_case", ID: id, Whose: []uuid.UUID{id}})
	})
	return there, err
}

// behind finds the case of a reference that is kept from someone by its restriction alone; not_found for every other.
func (d *Desk) behind(ctx context.Context, tx *sqlx.Tx, who Actor, reference string) (uuid.UUID, error) {
	id, err := db.RestrictedByReference(ctx, tx, who.Organisation, WholeReference(reference))
	if err != nil {
		return id, err
	}
	p, err := db.FindPlace(ctx, tx, id, who.ID, d.Clock.Now())
	if err != nil {
		return id, err
	}
	hidden := !p.Named && !p.ByGlass
	if p.Named = true; !hidden || !within(p, who) {
		return uuid.Nil, referral.NotFound("record")
	}
	return id, nil
}

// WholeReference is a case's reference as it is kept, however it was typed; "" for what is none.
func WholeReference(text string) string {
	signs := lookAlikes.Replace(only(strings.ToUpper(text), func(r rune) bool { return r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' }))
	if len(signs) != 9 || signs[0] != 'C' {
		return ""
	}
	return "C-" + signs[1:5] + "-" + signs[5:]
}

// BreakGlass opens a restricted case to someone who is not named on it, for an hour and for a reason. A supervisor, another
// than they, must look at that within three days. Errors: invalid without a reason, forbidden, not_found.
func (d *Desk) BreakGlass(ctx context.Context, who Actor, reference, reason string) (id uuid.UUID, err error) {
	if err := who.may(BreakGlass); err != nil {
		return uuid.Nil, err
	}
	reason = typed(reason)
	err = d.change(ctx, machine, func(ctx context.Context, tx *sqlx.Tx) error {
		if id, err = d.behind(ctx, tx, who, reference); err != nil {
			return err
		}
		if err := checkReason("why", reason); err != nil {
			return err
		}
		now := d.Clock.Now()
		g := db.Glass{ID: uuid.New(), Organisation: who.Organisation, Case: id, Account: who.ID, BrokenAt: now, Until: now.Add(glassTime)}
		key, err := db.FindCaseKey(ctx, tx, id)
		if err != nil {
			return err
		}
		v := d.vault(id, key)
		if g.Reason = v.seal("glass", "reason", g.ID.String(), reason); v.err != nil {
			return v.err
		}
		if err := db.InsertGlass(ctx, tx, g); err != nil {
			return err
		}
		return db.InsertAudit(ctx, tx, who.because("glass", g.ID).line(), now, "break_glass", "case", id)
	})
	return id, err
}

func checkReason(field, text string) error {
	if text == "" {
		return referral.Invalid(field, "write why")
	}
	return limits(map[string]string{field: text}, maxText)
}

// GlassToReview lists each time that a restricted case was opened by someone who is not named, until a second person has
// looked at it. Mine says that whoever asks opened it: another must look.
type GlassToReview struct {
	db.Glass
	Mine       bool
	Unreadable bool // the reason does not open
}

// GlassToReview lists those that are whoever's role asks to look at, the oldest first.
func (d *Desk) GlassToReview(ctx context.Context, who Actor) (list []GlassToReview, err error) {
	if err := who.may(ReviewGlass); err != nil {
		return nil, err
	}
	err = d.read(ctx, machine, func(ctx context.Context, tx *sqlx.Tx) error {
		found, err := d.glassFor(ctx, tx, who)
		if err != nil {
			return err
		}
		for _, g := range found {
			readable := d.opensRow(g.Case, g.CaseKey, "glass", g.ID, map[string]*string{"reason": &g.Reason})
			list = append(list, GlassToReview{g, g.Account == who.ID, !readable})
		}
		look := listOf("glass")
		look.Whose = casesOf(found, func(g db.Glass) uuid.UUID { return g.Case })
		return db.Audit(ctx, tx, who.line(), d.Clock.Now(), look)
	})
	return list, err
}

// ReviewGlass records what a second person finds of it. Errors: invalid with the field; forbidden for who opened the case;
// conflict when it has been looked at; not_found.
func (d *Desk) ReviewGlass(ctx context.Context, who Actor, id uuid.UUID, decision, remark string) error {
	if err := who.may(ReviewGlass); err != nil {
		return err
	}
	remark = typed(remark)
	return d.change(ctx, machine, func(ctx context.Context, tx *sqlx.Tx) error {
		g, err := db.FindGlass(ctx, tx, id)
		if err != nil {
			return err
		}
		if g.Organisation != who.Organisation || !d.reviews(who, g) {
			return referral.NotFound("record")
		}
		if g.Account == who.ID {
			return &referral.Error{Code: referral.CodeForbidden, Message: "a second person must look at this"}
		}
		if !slices.Contains(GlassDecisions, decision) {
			return referral.Invalid("decision", "must be justified or not_justified")
		}
		if err := limits(map[string]string{"remark": remark}, maxText); err != nil {
			return err
		}
		v := d.vault(g.Case, g.CaseKey)
		sealed := v.seal("glass", "remark", id.String(), remark)
		if v.err != nil {
			return v.err
		}
		done, err := db.ReviewGlass(ctx, tx, id, who.ID, decision, sealed, d.Clock.Now())
		if err == nil && !done {
			return &referral.Error{Code: referral.CodeConflict, Outcome: g.Decision, Message: "someone has looked at this"}
		}
		if err != nil {
			return err
		}
		return db.InsertAudit(ctx, tx, who.because("glass", id).line(), d.Clock.Now(), "review_glass", "case", g.Case)
	})
}
