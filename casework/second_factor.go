package casework

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"
	"github.com/pquerna/otp/totp"

	"throughline/db"
	"throughline/internal/token"
	"throughline/referral"
)

// SecondFactorRoles are the roles that must have a second factor where nobody has said otherwise: everyone, as OWASP ASVS 5.0,
// 6.3.3, has it. A mailbox and a password that was used elsewhere must not open anyone's story.
var SecondFactorRoles = referral.AccountRoles

func (d *Desk) wantsSecondFactor(role referral.Role) bool {
	return slices.Contains(d.SecondFactorFor, role)
}

const (
	stepTime      = 30 * time.Second // RFC 6238
	RecoveryCodes = 10               // that someone gets at once
	proposedFor   = time.Hour        // a secret that was shown and not proven
)

var (
	plainCode = hotp.ValidateOpts{Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1} // what every app can do
	errCode   = &referral.Error{Code: referral.CodeUnauthenticated, Field: "code", Message: "the code is not right"}
)

// codeStep finds the step that a code is of: the present one, or the one before or after, for clocks that differ.
func codeStep(code, secret string, now time.Time) (step int64, ok bool) {
	present := now.Unix() / int64(stepTime/time.Second)
	for step := present - 1; step <= present+1; step++ {
		if match, err := hotp.ValidateCustom(code, uint64(step), secret, plainCode); err == nil && match { // #nosec G115 -- after 1970
			return step, true
		}
	}
	return 0, false
}

// bare is a code as it is kept: people type spaces and dashes.
func bare(code string) string {
	return strings.Map(func(r rune) rune {
		if r == ' ' || r == '-' {
			return -1
		}
		return r
	}, strings.ToUpper(strings.TrimSpace(code)))
}

// CheckCode checks the code of someone's app, or one of their recovery codes, each of which is good once. unauthenticated
// when it is not right; rate_limited, with *Slow inside, after too many wrong ones.
func (d *Desk) CheckCode(ctx context.Context, account uuid.UUID, code string, from From) error {
	known, err := d.knows(ctx, account, from)
	if err != nil {
		return err
	}
	tries := paces(tryCode, account.String(), from, known)
	if err := d.try(ctx, tries); err != nil {
		return err
	}
	err = d.change(ctx, machine, func(ctx context.Context, tx *sqlx.Tx) error { return d.takeCode(ctx, tx, account, bare(code)) })
	if errors.Is(err, errCode) {
		err = errors.Join(d.codeFailed(ctx, account, from), err)
	}
	if err != nil {
		return err
	}
	return d.right(ctx, tries)
}

func (d *Desk) takeCode(ctx context.Context, tx *sqlx.Tx, account uuid.UUID, code string) error {
	f, err := db.FindSecondFactor(ctx, tx, account)
	if referral.CodeOf(err) == referral.CodeNotFound || (err == nil && f.Secret == "") {
		return errCode
	}
	if err != nil {
		return err
	}
	if err := d.openFactor(account, &f); err != nil {
		return err
	}
	if step, ok := codeStep(code, f.Secret, d.Clock.Now()); ok {
		// Whoever read the code over a shoulder comes too late.
		if taken, err := db.TakeStep(ctx, tx, account, step); err != nil || taken {
			return err
		}
		return errCode
	}
	taken, err := db.TakeRecoveryCode(ctx, tx, account, token.Hash(code), d.Clock.Now())
	if err != nil {
		return err
	}
	if !taken {
		return errCode
	}
	a, err := db.FindAccount(ctx, tx, account)
	if err != nil {
		return err
	}
	return db.InsertAudit(ctx, tx, accountOf(a).Actor(ViaPage).line(), d.Clock.Now(), "use_recovery_code", "account", account)
}

// SecondFactor is how someone's second factor stands.
type SecondFactor struct {
	Since     *time.Time // nil: there is none
	CodesLeft int
	Wanted    bool // the role asks for one
	// Secret and URL are of the one that is to be proven; "" when none is. They are secrets.
	Secret, URL string
}

// SecondFactor reads how one's own second factor stands.
func (d *Desk) SecondFactor(ctx context.Context, who Visitor) (SecondFactor, error) {
	out := SecondFactor{Wanted: d.wantsSecondFactor(who.Role)}
	ctx = d.as(ctx, who.Actor(ViaPage))
	f, err := db.FindSecondFactor(ctx, d.DB, who.ID)
	if referral.CodeOf(err) == referral.CodeNotFound {
		return out, nil
	}
	if err != nil {
		return out, err
	}
	if out.Since = f.ConfirmedAt; out.Since != nil {
		if out.CodesLeft, err = db.RecoveryCodesLeft(ctx, d.DB, who.ID); err != nil {
			return out, err
		}
	}
	if f.Proposed != "" && d.Clock.Now().Sub(*f.ProposedAt) < proposedFor {
		if err := d.openFactor(who.ID, &f); err != nil {
			return out, err
		}
		out.Secret = f.Proposed
		out.URL, err = keyURL(who.Email, f.Proposed)
	}
	return out, err
}

// keyURL is what an app reads from the picture.
func keyURL(email, secret string) (string, error) {
	raw, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(secret)
	if err != nil {
		return "", err
	}
	key, err := totp.Generate(totp.GenerateOpts{Issuer: "Throughline", AccountName: email, Secret: raw})
	if err != nil {
		return "", err
	}
	return key.URL(), nil
}

// ProposeSecondFactor makes a secret for someone's app. It counts when ConfirmSecondFactor has seen a code made from it; one
// that is in use stays in use until then. present is a code of the one in use; where there is none, the password, as ProveAgain wants it.
func (d *Desk) ProposeSecondFactor(ctx context.Context, who Visitor, present string, from From) error {
	if err := d.proveFactor(ctx, who, present, from); err != nil {
		return err
	}
	secret := make([]byte, 20) // 160 bits, RFC 4226, 4
	rand.Read(secret)          // never fails: crypto/rand ends the process instead
	return d.own(ctx, who, "propose_second_factor", func(ctx context.Context, tx *sqlx.Tx) error {
		k, err := d.organisationKey(ctx, tx, who.OrganisationID)
		if err != nil {
			return err
		}
		v := d.factorVault(who.OrganisationID, k)
		sealed := v.seal("second_factors", "proposed", who.ID.String(), base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(secret))
		if v.err != nil {
			return v.err
		}
		return db.ProposeSecret(ctx, tx, who.OrganisationID, who.ID, sealed, d.Clock.Now())
	})
}

// proveFactor asks for a code of the second factor in use, or for the password where there is none: who finds a browser left
// open must not take the account over.
func (d *Desk) proveFactor(ctx context.Context, who Visitor, proof string, from From) error {
	f, err := db.FindSecondFactor(d.as(ctx, who.Actor(ViaPage)), d.DB, who.ID)
	if referral.CodeOf(err) == referral.CodeNotFound || (err == nil && f.Secret == "") {
		return d.ProveAgain(ctx, who, proof, from)
	}
	if err != nil {
		return err
	}
	return codeField(d.CheckCode(ctx, who.ID, proof, from))
}

// codeField makes a wrong code the fault of a form's field: its visitor is signed in.
func codeField(err error) error {
	if referral.CodeOf(err) == referral.CodeUnauthenticated {
		return referral.Invalid("code", "is not right")
	}
	return err
}

// ConfirmSecondFactor puts the proposed secret in use, and gives the recovery codes that go with it. They are shown once.
// The other visits of the account end. Errors: invalid with the field code; rate_limited.
func (d *Desk) ConfirmSecondFactor(ctx context.Context, who Visitor, code string, from From) (codes []string, err error) {
	tries := paces(tryCode, who.ID.String(), from, false)
	if err := d.try(ctx, tries); err != nil {
		return nil, err
	}
	wrong := referral.Invalid("code", "is not right")
	err = d.own(ctx, who, "set_second_factor", func(ctx context.Context, tx *sqlx.Tx) error {
		f, err := db.FindSecondFactor(ctx, tx, who.ID)
		if referral.CodeOf(err) == referral.CodeNotFound {
			return wrong
		}
		if err != nil {
			return err
		}
		now := d.Clock.Now()
		if f.Proposed == "" || now.Sub(*f.ProposedAt) >= proposedFor {
			return wrong
		}
		proven := f.Proposed
		if err := d.openFactor(who.ID, &f); err != nil {
			return err
		}
		step, ok := codeStep(bare(code), f.Proposed, now)
		if !ok {
			return wrong
		}
		v := d.factorVault(f.Organisation, f.CaseKey)
		secret := v.seal("second_factors", "secret", who.ID.String(), f.Proposed)
		if v.err != nil {
			return v.err
		}
		if ok, err = db.ConfirmSecret(ctx, tx, who.ID, proven, secret, step, now); err != nil {
			return err
		}
		if !ok {
			return wrong
		}
		if codes, err = d.newRecoveryCodes(ctx, tx, who.ID); err != nil {
			return err
		}
		return db.EndVisits(ctx, tx, who.ID, who.Visit, now)
	})
	if err != nil {
		return nil, err
	}
	return codes, d.right(ctx, tries)
}

// NewRecoveryCodes replaces someone's recovery codes by others, which are shown once. present is a code of their app.
func (d *Desk) NewRecoveryCodes(ctx context.Context, who Visitor, present string, from From) (codes []string, err error) {
	if err := codeField(d.CheckCode(ctx, who.ID, present, from)); err != nil {
		return nil, err
	}
	return codes, d.own(ctx, who, "set_recovery_codes", func(ctx context.Context, tx *sqlx.Tx) (err error) {
		codes, err = d.newRecoveryCodes(ctx, tx, who.ID)
		return err
	})
}

// newRecoveryCodes have 130 random bits each: too many to guess from a plain digest, so they need no slow one.
func (d *Desk) newRecoveryCodes(ctx context.Context, tx *sqlx.Tx, account uuid.UUID) ([]string, error) {
	codes, hashes := make([]string, RecoveryCodes), make([][]byte, RecoveryCodes)
	for i := range codes {
		code := rand.Text() // 26 letters of base32
		hashes[i] = token.Hash(code)
		codes[i] = strings.Join([]string{code[:5], code[5:10], code[10:15], code[15:20], code[20:]}, "-")
	}
	return codes, db.SaveRecoveryCodes(ctx, tx, account, hashes, d.Clock.Now())
}
