package casework

import (
	"context"
	"time"

	"throughline/db"
	"throughline/referral"
)

// FreshFor is how long after proving who they are someone need not prove it again: whoever finds a browser left open comes
// later.
const FreshFor = 10 * time.Minute

// Fresh reports that a visitor proved a moment ago who they are. A visit that began a moment ago is not enough: a provider
// of single sign-on lets in whom it remembers, and with them whoever has their browser.
func (d *Desk) Fresh(who Visitor) bool { return d.Clock.Now().Sub(who.Proved) < FreshFor }

// ProveAgain has someone type their password before they change what lets people in, unless they proved a moment ago who they
// are. Who came by single sign-on has none here, and signs in anew at the provider instead. Errors: invalid with the field proof; rate_limited.
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
