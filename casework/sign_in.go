package casework

import (
	"context"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"throughline/db"
	"throughline/referral"
)

// Limits of a visit.
const (
	IdleTimeout = 30 * time.Minute // a navigator who left the desk
	VisitTime   = 12 * time.Hour   // a long shift
)

// Method is what someone came in with.
type Method string

// Methods.
const (
	ByPassword     Method = "password"
	BySecondFactor Method = "second_factor" // and a password
	BySingleSignOn Method = "oidc"          // the provider answers for a second factor
)

var errSignIn = &referral.Error{Code: referral.CodeUnauthenticated, Message: "the address or the password is not right"}

// SignIn checks a password. The answer to an unknown address, a wrong password and a closed account is the same. codeNeeded
// says that a code must be checked too before the account may be entered. rate_limited, with *Slow inside, after too many
// wrong tries.
func (d *Desk) SignIn(ctx context.Context, email, password string, from From) (who Account, codeNeeded bool, err error) {
	ctx, email = db.AsSystem(ctx), strings.TrimSpace(email)
	a, err := db.FindAccountByEmail(ctx, d.DB, email)
	if err != nil && referral.CodeOf(err) != referral.CodeNotFound {
		return who, false, err
	}
	known, err := d.knows(ctx, a.ID, from)
	if err != nil {
		return who, false, err
	}
	tries := paces(tryPassword, email, from, known)
	if err := d.try(ctx, tries); err != nil {
		return who, false, err
	}
	match, err := matches(password, a.PasswordHash)
	if err != nil {
		return who, false, err
	}
	if !match || !a.Active {
		why := "password"
		if match {
			why = "closed"
		}
		if err := d.signInFailed(ctx, a, why, from); err != nil {
			return who, false, err
		}
		return who, false, errSignIn
	}
	if err := d.right(ctx, tries); err != nil {
		return who, false, err
	}
	if again, err := renewed(password, a.PasswordHash); err != nil {
		return who, false, err
	} else if again != "" { // now is when the password is known
		if err := db.RenewPasswordHash(ctx, d.DB, a.ID, a.PasswordHash, again); err != nil {
			return who, false, err
		}
	}
	factor, err := db.FindSecondFactor(ctx, d.DB, a.ID)
	if err != nil && referral.CodeOf(err) != referral.CodeNotFound {
		return who, false, err
	}
	return accountOf(a), factor.Secret != "", nil
}

// Enter begins a visit of someone who has proved who they are. Their browser is known from then on. Who comes by single
// sign-on proved it to the provider, nobody says when.
func (d *Desk) Enter(ctx context.Context, who Account, by Method, from From) (visit uuid.UUID, err error) {
	if by == BySingleSignOn {
		return d.enter(ctx, who, by, nil, from)
	}
	now := d.Clock.Now()
	return d.enter(ctx, who, by, &now, from)
}

// EnterProved is Enter by single sign-on, where the provider says how long ago they proved to it who they are.
func (d *Desk) EnterProved(ctx context.Context, who Account, ago time.Duration, from From) (visit uuid.UUID, err error) {
	at := d.Clock.Now().Add(-max(ago, 0))
	return d.enter(ctx, who, BySingleSignOn, &at, from)
}

func (d *Desk) enter(ctx context.Context, who Account, by Method, proved *time.Time, from From) (visit uuid.UUID, err error) {
	v := db.Visit{ID: uuid.New(), OrganisationID: who.OrganisationID, AccountID: who.ID, Method: string(by), Browser: from.Browser, ProvedAt: proved}
	return v.ID, d.change(ctx, who.Actor(ViaPage), func(ctx context.Context, tx *sqlx.Tx) error {
		a, err := db.StayAtWork(ctx, tx, who.ID)
		if err != nil {
			return err
		}
		if !a.Active {
			return errLeft
		}
		now := d.Clock.Now()
		v.CreatedAt, v.SeenAt, v.ExpiresAt = now, now, now.Add(VisitTime)
		if err := db.InsertVisit(ctx, tx, v); err != nil {
			return err
		}
		if err := know(ctx, tx, a.ID, from, now); err != nil {
			return err
		}
		return db.InsertAudit(ctx, tx, accountOf(a).Actor(ViaPage).because(CameBy+string(by), uuid.Nil).line(), now, "sign_in", "account", a.ID)
	})
}

// Visitor is who is on a visit.
type Visitor struct {
	Account
	Visit uuid.UUID
	By    Method
	Since time.Time // when the visit began
	// Proved is when they proved who they are, which by single sign-on may be long before; zero when nobody says.
	Proved time.Time
	// MustEnrol says that the role asks for a second factor, and the visitor has none: until there is one they may do nothing
	// else.
	MustEnrol bool
}

// Visitor reads who is on a visit; not_found when it has ended, ran out, or rested too long, or the account was closed.
func (d *Desk) Visitor(ctx context.Context, visit uuid.UUID) (Visitor, error) {
	now := d.Clock.Now()
	found, err := db.FindVisitor(db.AsSystem(ctx), d.DB, visit, now, now.Add(-IdleTimeout))
	if err != nil {
		return Visitor{}, err
	}
	v := Visitor{Account: accountOf(found.Account), Visit: visit, By: Method(found.Method), Since: found.Since}
	if found.Proved != nil {
		v.Proved = *found.Proved
	}
	v.MustEnrol = v.By != BySingleSignOn && !found.SecondFactor && d.wantsSecondFactor(v.Role)
	return v, nil
}

// Visit is one of someone's visits that goes on.
type Visit struct {
	ID            uuid.UUID
	By            Method
	Browser       string
	Since, SeenAt time.Time
	Until         time.Time
	IsThis        bool // the one that asks
}

// Visits lists someone's own visits that go on, the latest first.
func (d *Desk) Visits(ctx context.Context, who Visitor) ([]Visit, error) {
	now := d.Clock.Now()
	found, err := db.Visits(d.as(ctx, who.Actor(ViaPage)), d.DB, who.ID, now, now.Add(-IdleTimeout))
	list := make([]Visit, len(found))
	for i, v := range found {
		list[i] = Visit{ID: v.ID, By: Method(v.Method), Browser: v.Browser, Since: v.CreatedAt, SeenAt: v.SeenAt, Until: v.ExpiresAt, IsThis: v.ID == who.Visit}
	}
	return list, err
}

// Leave ends a visit; one that has ended stays so.
func (d *Desk) Leave(ctx context.Context, who Visitor) error {
	err := d.own(ctx, who, "sign_out", func(ctx context.Context, tx *sqlx.Tx) error {
		return db.EndVisit(ctx, tx, who.ID, who.Visit, d.Clock.Now())
	})
	if referral.CodeOf(err) == referral.CodeNotFound {
		return nil
	}
	return err
}

// EndVisit ends one of someone's own visits, of the others after they have proved again that they are they; not_found for
// one of somebody else. Errors of ProveAgain.
func (d *Desk) EndVisit(ctx context.Context, who Visitor, visit uuid.UUID, password string, from From) error {
	if visit != who.Visit {
		if err := d.ProveAgain(ctx, who, password, from); err != nil {
			return err
		}
	}
	return d.own(ctx, who, "end_visit", func(ctx context.Context, tx *sqlx.Tx) error {
		return db.EndVisit(ctx, tx, who.ID, visit, d.Clock.Now())
	})
}

// SignOutEverywhere ends all of someone's own visits, this one too, and makes every browser a stranger. Errors of ProveAgain.
func (d *Desk) SignOutEverywhere(ctx context.Context, who Visitor, password string, from From) error {
	if err := d.ProveAgain(ctx, who, password, from); err != nil {
		return err
	}
	return d.own(ctx, who, "sign_out_everywhere", func(ctx context.Context, tx *sqlx.Tx) error {
		if err := db.ForgetDevices(ctx, tx, who.ID); err != nil {
			return err
		}
		return db.EndVisits(ctx, tx, who.ID, uuid.Nil, d.Clock.Now())
	})
}

// ChangePassword gives someone another password who knows the present one. Their other visits end.
func (d *Desk) ChangePassword(ctx context.Context, who Visitor, present, password string, from From) error {
	a, err := d.prove(ctx, who, "present", present, from)
	if err != nil {
		return err
	}
	hash, err := d.newPassword(ctx, password, a.OrganisationID, a.Email, a.Name)
	if err != nil {
		return err
	}
	return d.own(ctx, who, "set_password", func(ctx context.Context, tx *sqlx.Tx) error {
		return d.setPassword(ctx, tx, a.ID, who.Visit, hash)
	})
}

// own changes something of one's own account, in one transaction with the audit entry.
func (d *Desk) own(ctx context.Context, who Visitor, action string, do func(ctx context.Context, tx *sqlx.Tx) error) error {
	as := who.Actor(ViaPage)
	return d.changeAccount(ctx, as, as, action, who.ID, do)
}
