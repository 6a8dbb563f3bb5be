package casework

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"throughline/db"
	"throughline/internal/token"
	"throughline/referral"
)

// Scope is what an API key is for. What its account may not do, it can't do either.
type Scope string

// Scopes.
const (
	ScopeRead      Scope = "read"      // look at cases, referrals and work
	ScopeWrite     Scope = "write"     // open cases, refer, and record what happened
	ScopeDirectory Scope = "directory" // search services, which says nothing about anyone
)

// Scopes lists them all.
var Scopes = []Scope{ScopeRead, ScopeWrite, ScopeDirectory}

// How long API keys hold, in days.
const (
	KeyDays    = 365
	MaxKeyDays = 730
)

// KeyInput is an API key to be made.
type KeyInput struct {
	Email  string // of the account that it acts for
	Name   string // what it is for
	Scopes []Scope
	Days   int
}

var errKey = &referral.Error{Code: referral.CodeUnauthenticated, Message: "the API key is not good"}

// ByKey reads the account that an API key acts for, and what the key is for; unauthenticated for any key that is not good.
func (d *Desk) ByKey(ctx context.Context, key string) (Account, []Scope, error) {
	h, err := db.FindAccountByKey(ctx, d.DB, token.Hash(key), d.Clock.Now())
	if referral.CodeOf(err) == referral.CodeNotFound || (err == nil && !h.Active) {
		return Account{}, nil, errKey
	}
	scopes := make([]Scope, len(h.Scopes))
	for i, s := range h.Scopes {
		scopes[i] = Scope(s)
	}
	return accountOf(h.Account), scopes, err
}

// AccountOfKey reads the account that an API key acts for, whatever the key is for.
func (d *Desk) AccountOfKey(ctx context.Context, key string) (Account, error) {
	a, _, err := d.ByKey(ctx, key)
	return a, err
}

// AddKey makes an API key for everything that its account may do, for a year. The key is given once; only its digest is kept.
func (d *Desk) AddKey(ctx context.Context, email, name string) (id uuid.UUID, key string, err error) {
	return d.AddKeyFor(ctx, KeyInput{Email: email, Name: name, Scopes: Scopes, Days: KeyDays})
}

// AddKeyFor makes an API key on the command line. Errors: not_found; invalid with the field.
func (d *Desk) AddKeyFor(ctx context.Context, in KeyInput) (id uuid.UUID, key string, err error) {
	a, err := db.FindAccountByEmail(ctx, d.DB, in.Email)
	if err != nil {
		return uuid.Nil, "", err
	}
	return d.addKey(ctx, houseActor(a.OrganisationID), a, in)
}

// MakeKey makes an API key for an account of one's helpline. Errors: forbidden; invalid with the field.
func (d *Desk) MakeKey(ctx context.Context, who Actor, in KeyInput) (id uuid.UUID, key string, err error) {
	if err := who.mayManagePeople(); err != nil {
		return uuid.Nil, "", err
	}
	a, err := db.FindAccountByEmail(ctx, d.DB, in.Email)
	if referral.CodeOf(err) == referral.CodeNotFound || (err == nil && (a.OrganisationID != who.Organisation || !a.Active)) {
		return uuid.Nil, "", referral.Invalid("email", "is not the address of an account")
	}
	if err != nil {
		return uuid.Nil, "", err
	}
	return d.addKey(ctx, who, a, in)
}

func (d *Desk) addKey(ctx context.Context, who Actor, a db.Account, in KeyInput) (uuid.UUID, string, error) {
	if err := in.check(); err != nil {
		return uuid.Nil, "", err
	}
	now, key := d.Clock.Now(), "tlk_"+token.New()
	k := db.APIKey{ID: uuid.New(), AccountID: a.ID, Name: oneLine(in.Name), CreatedAt: now, CreatedBy: some(who.ID), ExpiresAt: now.AddDate(0, 0, in.Days)}
	for _, s := range in.Scopes {
		k.Scopes = append(k.Scopes, string(s))
	}
	return k.ID, key, d.change(ctx, func(ctx context.Context, tx *sqlx.Tx) error {
		if err := db.InsertKey(ctx, tx, a.OrganisationID, k, token.Hash(key)); err != nil {
			return err
		}
		return db.InsertAudit(ctx, tx, who.line(), now, "add_key", "api_key", k.ID)
	})
}

func (in KeyInput) check() error {
	switch {
	case len(in.Name) > maxName || !storable(in.Name):
		return referral.Invalid("name", "is too long")
	case len(in.Scopes) == 0 || slices.ContainsFunc(in.Scopes, func(s Scope) bool { return !slices.Contains(Scopes, s) }):
		return referral.Invalid("scopes", "must be some of read, write, directory")
	case in.Days < 1 || in.Days > MaxKeyDays:
		return referral.Invalid("days", "must be from 1 to %d", MaxKeyDays)
	}
	return nil
}

// HouseKey is an API key as those see it who look after keys.
type HouseKey struct {
	ID                  uuid.UUID
	Name, Account       string // Account is its person's name
	Scopes              []string
	CreatedAt, Expires  time.Time
	LastUsed, RevokedAt *time.Time
	Good                bool
}

// KeysOf lists every API key of one's helpline, newest first.
func (d *Desk) KeysOf(ctx context.Context, who Actor) ([]HouseKey, error) {
	if err := who.mayManagePeople(); err != nil {
		return nil, err
	}
	people, err := db.People(ctx, d.DB, who.Organisation, uuid.Nil)
	if err != nil {
		return nil, err
	}
	names, active := map[uuid.UUID]string{}, map[uuid.UUID]bool{}
	for _, p := range people {
		names[p.ID], active[p.ID] = p.Name, p.Active
	}
	found, err := db.Keys(ctx, d.DB, who.Organisation)
	list := make([]HouseKey, len(found))
	for i, k := range found {
		list[i] = HouseKey{ID: k.ID, Name: k.Name, Account: names[k.AccountID], Scopes: k.Scopes, CreatedAt: k.CreatedAt, Expires: k.ExpiresAt,
			LastUsed: k.LastUsedAt, RevokedAt: k.RevokedAt, Good: k.RevokedAt == nil && k.ExpiresAt.After(d.Clock.Now()) && active[k.AccountID]}
	}
	return list, err
}

// Keys lists every API key of a helpline, newest first.
func (d *Desk) Keys(ctx context.Context, organisation uuid.UUID) ([]db.APIKey, error) {
	return db.Keys(ctx, d.DB, organisation)
}

// EndKey ends an API key of one's helpline at once; not_found when it has no such key, or it has ended.
func (d *Desk) EndKey(ctx context.Context, who Actor, id uuid.UUID) error {
	if err := who.mayManagePeople(); err != nil {
		return err
	}
	return d.revoke(ctx, who.Organisation, id, func(uuid.UUID) Actor { return who })
}

// RevokeKey ends an API key of any helpline at once.
func (d *Desk) RevokeKey(ctx context.Context, id uuid.UUID) error {
	return d.revoke(ctx, uuid.Nil, id, houseActor)
}

func (d *Desk) revoke(ctx context.Context, of, id uuid.UUID, who func(organisation uuid.UUID) Actor) error {
	return d.change(ctx, func(ctx context.Context, tx *sqlx.Tx) error {
		now := d.Clock.Now()
		organisation, err := db.RevokeKey(ctx, tx, of, id, now)
		if err != nil {
			return err
		}
		return db.InsertAudit(ctx, tx, who(organisation).line(), now, "revoke_key", "api_key", id)
	})
}
