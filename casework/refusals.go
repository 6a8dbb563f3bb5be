package casework

import (
	"context"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"throughline/db"
	"throughline/referral"
)

// What was refused is kept with who tried, as far as that is known, and never with what was typed: a password in the wrong
// field, or a name, is nobody's to read.

// signInFailed keeps that someone tried to sign in to an account and was not let in. Of an account that does not exist
// nothing is kept, but it takes as long: else time would tell which do.
func (d *Desk) signInFailed(ctx context.Context, a db.Account, why string, from From) error {
	return d.read(ctx, machine, func(ctx context.Context, tx *sqlx.Tx) error {
		if a.ID == uuid.Nil {
			_, err := db.LockTries(ctx, tx, paceKey("unknown", from.Address), d.Clock.Now())
			return err
		}
		who := accountOf(a).Actor(ViaPage).because(why, uuid.Nil)
		return db.Audit(ctx, tx, who.line(), d.Clock.Now(), db.Look{Kind: db.AuditRefused, Action: "sign_in_refused", Subject: "account", ID: a.ID})
	})
}

// codeFailed keeps that a code of an account was wrong.
func (d *Desk) codeFailed(ctx context.Context, account uuid.UUID, from From) error {
	a, err := db.FindAccount(db.AsSystem(ctx), d.DB, account)
	if err != nil {
		return err
	}
	return d.signInFailed(ctx, a, "code", from)
}

// Refused keeps that somebody asked for what their role may not do, and by which API key, if it was by one.
func (d *Desk) Refused(ctx context.Context, who Actor, p Permission) error {
	return d.read(ctx, machine, func(ctx context.Context, tx *sqlx.Tx) error {
		return db.Audit(ctx, tx, who.because("permission:"+string(p), who.Because.ID).line(), d.Clock.Now(),
			db.Look{Kind: db.AuditRefused, Action: "refused", Subject: "account", ID: who.ID})
	})
}

// OutOfReach keeps that somebody asked for something of a case that is not theirs to see, and was told that it does not
// exist. An id that names nothing of the helpline's leaves nothing.
func (d *Desk) OutOfReach(ctx context.Context, who Actor, id uuid.UUID) error {
	return d.read(ctx, machine, func(ctx context.Context, tx *sqlx.Tx) error {
		of, err := db.CaseBehind(ctx, tx, who.Organisation, id)
		if referral.CodeOf(err) == referral.CodeNotFound {
			return nil
		}
		if err != nil || d.sees(ctx, tx, who, of) == nil {
			return err
		}
		return db.Audit(ctx, tx, who.line(), d.Clock.Now(), db.Look{Kind: db.AuditRefused, Action: "out_of_reach", Subject: "case", ID: of, Whose: []uuid.UUID{of}})
	})
}
