package casework

import (
	"context"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"throughline/db"
	"throughline/internal/token"
	"throughline/referral"
)

// How long the links of letters to our own people hold.
const (
	InvitationTime = 72 * time.Hour
	ResetTime      = 2 * time.Hour // it opens an account that is in use
)

// NewColleague is someone to be invited.
type NewColleague struct {
	Email, Name, Language string
	Role                  referral.Role
	Belongs
}

// Invite makes an account that nobody can sign in to yet, and has its person told by a letter with a link to join by.
// Errors: forbidden; invalid with the field; conflict when the address has an account.
func (d *Desk) Invite(ctx context.Context, who Actor, in NewColleague) (uuid.UUID, error) {
	if err := who.may(ManagePeople); err != nil {
		return uuid.Nil, err
	}
	a, err := d.newAccount(who.Organisation, in.Email, in.Name, in.Role, in.Language)
	if err != nil {
		return uuid.Nil, err
	}
	place, err := in.checked(in.Role)
	if err != nil {
		return uuid.Nil, err
	}
	return a.ID, d.managed(ctx, who.because(roleChanged("", in.Role), uuid.Nil), "invite", a.ID, func(ctx context.Context, tx *sqlx.Tx) error {
		if err := place.give(ctx, tx, &a, a.CreatedAt); err != nil {
			return err
		}
		if err := db.InsertAccount(ctx, tx, a); err != nil {
			return err
		}
		return d.invite(ctx, tx, a, db.Invitation, who.ID)
	})
}

// InviteAgain sends a further invitation to someone who has not joined, or whose account was closed; the link of the one
// before is dead. conflict when the account is in use.
func (d *Desk) InviteAgain(ctx context.Context, who Actor, id uuid.UUID) error {
	if err := who.may(ManagePeople); err != nil {
		return err
	}
	return d.managed(ctx, who, "invite", id, func(ctx context.Context, tx *sqlx.Tx) error {
		a, err := db.LockAccount(ctx, tx, who.Organisation, id)
		if err != nil {
			return err
		}
		if a.Active {
			return &referral.Error{Code: referral.CodeConflict, Field: "people", Message: "the account is in use"}
		}
		return d.invite(ctx, tx, a, db.Invitation, who.ID)
	})
}

func (d *Desk) invite(ctx context.Context, tx *sqlx.Tx, a db.Account, kind string, by uuid.UUID) error {
	now := d.Clock.Now()
	expires := now.Add(InvitationTime)
	if kind == db.PasswordReset {
		expires = now.Add(ResetTime)
	}
	return db.InsertInvitation(ctx, tx, db.NewInvitation{ID: uuid.New(), Organisation: a.OrganisationID, Account: a.ID, Kind: kind, By: by,
		At: now, Expires: expires})
}

// ForgotPassword has a letter sent to an address, with a link to choose another password by, if the address has an account
// that a password can open. Whoever asks is not told which. rate_limited, with *Slow inside, when it is asked too often.
func (d *Desk) ForgotPassword(ctx context.Context, email string, from From) error {
	email = strings.TrimSpace(email)
	if err := d.try(ctx, lettersPace(email, from)); err != nil {
		return err
	}
	a, err := db.FindAccountByEmail(db.AsSystem(ctx), d.DB, email)
	if referral.CodeOf(err) == referral.CodeNotFound || (err == nil && (!a.Active || a.PasswordHash == "")) {
		return d.asIfWritten(ctx, email)
	}
	if err != nil {
		return err
	}
	return d.change(ctx, machine, func(ctx context.Context, tx *sqlx.Tx) error {
		if err := d.invite(ctx, tx, a, db.PasswordReset, uuid.Nil); err != nil {
			return err
		}
		return db.InsertAudit(ctx, tx, system(a.OrganisationID, ViaPage).line(), d.Clock.Now(), "ask_password_reset", "account", a.ID)
	})
}

// asIfWritten takes as long as writing down a letter that is to go out, for an address that gets none: else time would tell
// whether there is an account.
func (d *Desk) asIfWritten(ctx context.Context, email string) error {
	return d.change(ctx, machine, func(ctx context.Context, tx *sqlx.Tx) error {
		now, key := d.Clock.Now(), paceKey(tryLetter, "unwritten", strings.ToLower(email))
		t, err := db.LockTries(ctx, tx, key, now)
		if err != nil {
			return err
		}
		t.LastAt = now
		return db.SaveTries(ctx, tx, key, t)
	})
}

// lettersPace keeps one person's mailbox from being filled, from anywhere, and one place from filling many.
func lettersPace(email string, from From) []pace {
	list := paces(tryLetter, email, from, false)
	for i := range list {
		if !list[i].shared {
			list[i].free, list[i].longest = 2, time.Hour
		}
	}
	return list
}

// Joining is what the page of a letter's link shows before a password is chosen.
type Joining struct {
	Reset bool // of an account in use; else someone joins
	Email string
	Until time.Time
}

// Joining reads what a letter's link leads to, and changes nothing; not_found for a link that was used, has run out, or
// never was.
func (d *Desk) Joining(ctx context.Context, secret string) (Joining, error) {
	i, err := db.FindInvited(db.AsSystem(ctx), d.DB, token.Hash(secret), d.Clock.Now())
	return Joining{Reset: i.Kind == db.PasswordReset, Email: i.Email, Until: i.Expires}, err
}

// Join chooses a password by a letter's link, which is good once. Someone invited has joined then. A second factor stays as
// it is: a mailbox alone must not open an account. The browser is known from then on, so that no one's guesses can keep
// its person out.
func (d *Desk) Join(ctx context.Context, secret, password string, from From) error {
	hash := token.Hash(secret)
	i, err := db.FindInvited(db.AsSystem(ctx), d.DB, hash, d.Clock.Now())
	if err != nil {
		return err
	}
	digest, err := d.newPassword(ctx, password, i.OrganisationID, i.Email, i.Name)
	if err != nil {
		return err
	}
	return d.change(ctx, machine, func(ctx context.Context, tx *sqlx.Tx) error {
		now := d.Clock.Now()
		i, err := db.LockInvited(ctx, tx, hash, now)
		if err != nil {
			return err
		}
		if err := db.UseInvitation(ctx, tx, i.ID, now); err != nil {
			return err
		}
		action := "reset_password"
		if i.Kind == db.Invitation {
			action = "join"
			if err := db.OpenAccount(ctx, tx, i.Account.ID); err != nil {
				return err
			}
		}
		if err := d.setPassword(ctx, tx, i.Account.ID, uuid.Nil, digest); err != nil {
			return err
		}
		if err := know(ctx, tx, i.Account.ID, from, now); err != nil {
			return err
		}
		return db.InsertAudit(ctx, tx, accountOf(i.Account).Actor(ViaPage).line(), now, action, "account", i.Account.ID)
	})
}

// Inviting is a letter to one of our own people, ready to be written and sent.
type Inviting struct {
	db.OutgoingInvitation
	Zone  *time.Location
	Token string // of the link
}

// cutOffAfter is when an attempt at a letter is taken for cut off: it outlasts the longest by far.
const cutOffAfter = 2 * time.Minute

// TakeInvitation claims the letter to one of our own people that has waited longest, as TakeLetter does; ok is false when
// none waits.
func (d *Desk) TakeInvitation(ctx context.Context) (out Inviting, ok bool, err error) {
	now := d.Clock.Now()
	secret := token.New()
	err = d.read(ctx, machine, func(ctx context.Context, tx *sqlx.Tx) (err error) {
		out.OutgoingInvitation, err = db.TakeInvitation(ctx, tx, token.Hash(secret), now, now.Add(-cutOffAfter))
		if ok = err == nil; referral.CodeOf(err) == referral.CodeNotFound {
			return nil // and what was found cut off stays so
		}
		return err
	})
	if err != nil || !ok {
		return out, false, err
	}
	out.Token = secret
	out.Zone, err = referral.ZoneNamed(out.TimeZone)
	return out, true, err
}

// SettleInvitation writes what became of an attempt. One that surely did not go out is tried again, later each time.
func (d *Desk) SettleInvitation(ctx context.Context, out Inviting, s Settled) error {
	pause := min(time.Second<<min(out.Attempts, 12), 10*time.Minute)
	return db.Translate(db.SettleInvitation(db.AsSystem(ctx), d.DB, out.ID, s.State, s.Class, d.Clock.Now().Add(pause)))
}
