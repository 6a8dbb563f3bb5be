package casework

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"throughline/db"
	"throughline/internal/seal"
	"throughline/referral"
)

// atATime is how many rows or keys one transaction takes, so that nobody waits long for it.
const atATime = 200

// ErrKeys says that the keys of this process are not those of the database, or that the database is not sealed yet.
var ErrKeys = errors.New("keys")

// CheckKeys makes sure that this process has every key that the record was sealed with, and that all of the record is
// sealed. The first one leaves a value to know its key by. The error is one line, and says what to do.
func (d *Desk) CheckKeys(ctx context.Context) error { return d.checkKeys(ctx, true) }

// LookAtKeys is CheckKeys of a process that is not to go on, and leaves nothing.
func (d *Desk) LookAtKeys(ctx context.Context) error { return d.checkKeys(ctx, false) }

func (d *Desk) checkKeys(ctx context.Context, leave bool) error {
	ctx = db.AsSystem(ctx) // keys are looked after for all organisations
	if err := d.knowKeys(ctx, leave); err != nil {
		return err
	}
	left, err := db.SealingLeft(ctx, d.DB)
	if err != nil || len(left) == 0 {
		return err
	}
	return fmt.Errorf("%w: what is in the database is not all sealed yet; run `throughline migrate`", ErrKeys)
}

func (d *Desk) knowKeys(ctx context.Context, leave bool) error {
	kek, value, err := d.Keyring.Check()
	if err != nil {
		return err
	}
	checks, err := db.KeyChecks(ctx, d.DB)
	if err != nil {
		return err
	}
	if leave && (len(checks) == 0 || d.holds(checks) == nil) {
		if err := db.InsertKeyCheck(ctx, d.DB, db.KeyCheck{KEK: kek, Value: value}, d.Clock.Now()); err != nil {
			return err
		}
	}
	if checks, err = db.KeyChecks(ctx, d.DB); err != nil {
		return err
	}
	if err := d.holds(checks); err != nil {
		return err
	}
	uses, err := db.KeysInUse(ctx, d.DB)
	if err != nil {
		return err
	}
	for _, u := range uses {
		if !d.Keyring.Has(u.KEK) {
			return wrongKey(u.KEK)
		}
	}
	return nil
}

func (d *Desk) holds(checks []db.KeyCheck) error {
	for _, c := range checks {
		if !d.Keyring.Checked(c.KEK, c.Value) {
			return wrongKey(c.KEK)
		}
	}
	return nil
}

func wrongKey(kek string) error {
	return fmt.Errorf("%w: the database is sealed with key %s, which is not the one that KEY_FILE or ENCRYPTION_KEY holds; give this process that key too", ErrKeys, kek)
}

// Rewrap wraps every data key with the key that wraps now, a few at a time, beside whoever works. It may be broken off
// and run again. told hears how many have been done. What was sealed stays as it is: only the keys are wrapped anew.
func (d *Desk) Rewrap(ctx context.Context, told func(done int)) error {
	ctx = db.AsSystem(ctx)
	if err := d.knowKeys(ctx, true); err != nil {
		return err
	}
	primary, total := d.Keyring.Primary(), 0
	for kind := range db.WrappedKinds {
		for {
			n := 0
			err := db.InTx(ctx, d.DB, func(ctx context.Context, tx *sqlx.Tx) (err error) {
				n, err = db.RewrapKeys(ctx, tx, kind, primary, atATime, d.rewrapped)
				return err
			})
			if err != nil {
				return err
			}
			if n == 0 {
				break
			}
			total += n
			told(total)
		}
	}
	return db.ForgetKeyChecks(ctx, d.DB, primary)
}

func (d *Desk) rewrapped(k db.OwnedKey) (db.CaseKey, error) {
	w, err := d.Keyring.Rewrap(seal.Wrapped{Of: k.Of, Bytes: k.Wrapped, KEK: k.KEK})
	return db.CaseKey{Wrapped: w.Bytes, KEK: w.KEK}, err
}

// KeysInUse says how many data keys each key wraps.
func (d *Desk) KeysInUse(ctx context.Context) ([]db.KeyUse, error) {
	return db.KeysInUse(db.AsSystem(ctx), d.DB)
}

// DestroyCaseKey makes everything that was sealed for a case unreadable for good, in a transaction of the caller's that
// says why. This process forgets the key at once; others within a minute, and read nothing with it from the commit on.
// not_found when the organisation has no such case, or its key is destroyed.
func (d *Desk) DestroyCaseKey(ctx context.Context, tx *sqlx.Tx, organisation, caseID uuid.UUID) error {
	done, err := db.DestroyCaseKey(ctx, tx, organisation, caseID, d.Clock.Now())
	if err != nil {
		return err
	}
	if !done {
		return referral.NotFound("key")
	}
	d.Keyring.Forget(caseID)
	return nil
}

// SealExisting seals what stood open before there were keys, a few rows at a time. It may be broken off and run again, and
// goes on where it was; again has it look at every row anew.
func (d *Desk) SealExisting(ctx context.Context, again bool) (sealed int, err error) {
	ctx = db.AsSystem(ctx)
	if err := d.knowKeys(ctx, true); err != nil {
		return 0, err
	}
	if again {
		if err := db.SealAgain(ctx, d.DB); err != nil {
			return 0, err
		}
	}
	left, err := db.SealingLeft(ctx, d.DB)
	if err != nil {
		return 0, err
	}
	for _, t := range left {
		for more := true; more; {
			n := 0
			err := db.InTx(ctx, d.DB, func(ctx context.Context, tx *sqlx.Tx) (err error) {
				n, more, err = d.sealSome(ctx, tx, t.Table)
				return err
			})
			if err != nil {
				return sealed, err
			}
			sealed += n
		}
	}
	return sealed, nil
}

// sealSome seals the next rows of a table. A case gets its key with them, and the marks that it is found by.
func (d *Desk) sealSome(ctx context.Context, tx *sqlx.Tx, table string) (n int, more bool, err error) {
	rows, err := db.NextToSeal(ctx, tx, table, atATime)
	if err != nil {
		return 0, false, err
	}
	var changed []db.OpenRow
	for _, r := range rows {
		if r.KEK == "" {
			if err := d.giveKey(ctx, tx, table, &r); err != nil {
				return 0, false, err
			}
		}
		open, err := d.sealRow(table, r)
		if err != nil {
			return 0, false, err
		}
		if open {
			changed = append(changed, r)
		}
	}
	return len(changed), len(rows) == atATime, db.SaveSealed(ctx, tx, table, changed)
}

func (d *Desk) giveKey(ctx context.Context, tx *sqlx.Tx, table string, r *db.OpenRow) error {
	k, err := d.organisationKey(ctx, tx, r.Organisation)
	if err != nil {
		return err
	}
	if table == db.OfAccounts {
		r.CaseKey = k
		return nil
	}
	blind, err := d.Keyring.Blind(seal.Wrapped{Of: r.Organisation, Bytes: k.Wrapped, KEK: k.KEK})
	if err != nil {
		return err
	}
	w, _, err := d.Keyring.NewKey(r.Of)
	if err != nil {
		return err
	}
	r.CaseKey = db.CaseKey{Wrapped: w.Bytes, KEK: w.KEK}
	return db.Write(ctx, tx, db.InsertCaseKey(r.Organisation, r.Of, r.CaseKey,
		foundBy(blind, r.Texts["name"], r.Texts["phone"], r.Texts["email"]), d.Clock.Now()))
}

// sealRow seals the texts of a row that stand open, and reports whether one did. What opens is sealed; what a destroyed
// key sealed stays as it is.
func (d *Desk) sealRow(table string, r db.OpenRow) (open bool, err error) {
	unwrap := d.Keyring.Key
	if table == db.OfAccounts {
		unwrap = d.Keyring.Secrets
	}
	key, err := unwrap(seal.Wrapped{Of: r.Of, Bytes: r.Wrapped, KEK: r.KEK})
	if errors.Is(err, seal.ErrErased) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	for column, text := range r.Texts {
		place := seal.Place(table, column, r.Row)
		if _, err := key.Open(place, text); text == "" || err == nil || (errors.Is(err, seal.ErrDamaged) && looksSealed(text)) {
			delete(r.Texts, column)
			continue
		}
		if r.Texts[column], err = key.Seal(place, text); err != nil {
			return false, err
		}
		open = true
	}
	return open, nil
}

// looksSealed reports what is long enough for a sealed text, so that one that was tampered with is not sealed over.
func looksSealed(text string) bool { return len(strings.TrimPrefix(text, seal.Prefix)) >= 38 }
