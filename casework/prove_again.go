package casework

import (
	"context"
	"time"

	"throughline/db"
	"throughline/referral"
)

// freshFor is how long after signing in someone need not prove again that they are they: whoever finds a browser left open
// comes later.
const freshFor = 10 * time.Minute

// Fresh reports that a visitor signed in a moment ago.
func (d *Desk) Fresh(who Visitor) bool { return d.Clock.Now().Sub(who.Since) < freshFor }

// ProveAgain has someone type their password before they change what lets people in, unless they signed in a moment ago. Who
// came by single sign-on has none here, and signs in again instead. Errors: invalid with the field proof; rate_limited.
func (d *Desk) ProveAgain(ctx context.Context, who Visitor, password string, from From) error {
	if d.Fresh(who) {
		return nil
	}
	if who.By == BySingleSignOn {
		return referral.Invalid("proof", "sign in again at your provider")
	}
	if password == "" { // nobody guesses that
		return referral.Invalid("proof", "type your password")
	}
	_, err := d.prove(ctx, who, "proof", password, from)
	return err
}

// prove checks someone's own password, at the pace of guesses; invalid with the field when it is another.
func (d *Desk) prove(ctx context.Context, who Visitor, field, password string, from From) (db.Account, error) {
	a, err := db.FindAccount(d.as(ctx, who.Actor(ViaPage)), d.DB, who.ID)
	if err != nil {
		return a, err
	}
	known, err := d.knows(ctx, a.ID, from)
	if err != nil {
		return a, err
	}
	tries := paces(tryPassword, a.Email, from, known)
	if err := d.try(ctx, tries); err != nil {
		return a, err
	}
	match, err := matches(password, a.PasswordHash)
	if err != nil {
		return a, err
	}
	if !match {
		if err := d.signInFailed(ctx, a, "password", from); err != nil {
			return a, err
		}
		return a, referral.Invalid(field, "is not the present password")
	}
	return a, d.right(ctx, tries)
}
