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

// KeyHolder is the account that an API key acts for, which key it is, and what it is for.
type KeyHolder struct {
	Account
	Key    uuid.UUID
	Scopes []Scope
}

// byAPIKey is why an entry of the audit is a program's: its WhyID is the key.
const byAPIKey = "api_key"

// Actor is the account acting by its key. What it does is kept with the key, so that it is told apart from what the
// account's person does on the pages.
func (h KeyHolder) Actor() Actor { return h.Account.Actor(ViaAPI).because(byAPIKey, h.Key) }

// ByKey reads the account that an API key acts for, and what the key is for; unauthenticated for any key that is not good.
func (d *Desk) ByKey(ctx context.Context, key string) (KeyHolder, error) {
	found, err := db.FindAccountByKey(db.AsSystem(ctx), d.DB, token.Hash(key), d.Clock.Now())
	if referral.CodeOf(err) == referral.CodeNotFound || (err == nil && !found.Active) {
		return KeyHolder{}, errKey
	}
	h := KeyHolder{Account: accountOf(found.Account), Key: found.Key, Scopes: make([]Scope, len(found.Scopes))}
	for i, s := range found.Scopes {
		h.Scopes[i] = Scope(s)
	}
	return h, err
}

// AccountOfKey reads the account that an API key acts for, whatever the key is for.
func (d *Desk) AccountOfKey(ctx context.Context, key string) (Account, error) {
	h, err := d.ByKey(ctx, key)
	return h.Account, err
}

// AddKey makes an API key for everything that its account may do, for a year. The key is given once; only its digest is kept.
func (d *Desk) AddKey(ctx context.Context, email, name string) (id uuid.UUID, key string, err error) {
	return d.AddKeyFor(ctx, KeyInput{Email: email, Name: name, Scopes: Scopes, Days: KeyDays})
}

// AddKeyFor makes an API key on the command line. Errors: not_found; invalid with the field.
func (d *Desk) AddKeyFor(ctx context.Context, in KeyInput) (id uuid.UUID, key string, err error) {
	a, err := db.FindAccountByEmail(db.AsSystem(ctx), d.DB, in.Email)
	if err != nil {
		return uuid.Nil, "", err
	}
	return d.addKey(ctx, houseActor(a.OrganisationID), a, in)
}

// MakeKey makes an API key that finds services for an account of one's helpline. A key that reads or writes cases is for
// whoever the account is to make: else an administrator could read them as somebody. Errors: forbidden; invalid with the
// field.
func (d *Desk) MakeKey(ctx context.Context, who Actor, in KeyInput) (id uuid.UUID, key string, err error) {
	if err := who.may(ManageKeys); err != nil {
		return uuid.Nil, "", err
	}
	a, err := db.FindAccountByEmail(d.as(ctx, who), d.DB, in.Email)
	if referral.CodeOf(err) == referral.CodeNotFound || (err == nil && (a.OrganisationID != who.Organisation || !a.Active)) {
		return uuid.Nil, "", referral.Invalid("email", "is not the address of an account")
	}
	if err != nil {
		return uuid.Nil, "", err
	}
	if slices.ContainsFunc(in.Scopes, func(s Scope) bool { return s != ScopeDirectory }) {
		return uuid.Nil, "", referral.Invalid("scopes", "must be directory: whoever the account is makes a key for more")
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
	return k.ID, key, d.change(ctx, who, func(ctx context.Context, tx *sqlx.Tx) error {
		if err := db.InsertKey(ctx, tx, a.OrganisationID, k, token.Hash(key)); err != nil {
			return err
		}
		return db.InsertAudit(ctx, tx, who.because("person", a.ID).line(), now, "add_key", "api_key", k.ID)
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

// HouseKey is an API key as those see it who look after keys, or whom it acts for.
type HouseKey struct {
	ID, For             uuid.UUID // For is the account that it acts for
	Name, Account, By   string    // Account is the name of whom it acts for, By of who made it; "": whoever runs the machine
	Scopes              []string
	CreatedAt, Expires  time.Time
	LastUsed, RevokedAt *time.Time
	Good                bool
}

// KeysOf lists every API key of one's helpline, newest first.
func (d *Desk) KeysOf(ctx context.Context, who Actor) ([]HouseKey, error) {
	if err := who.may(ManageKeys); err != nil {
		return nil, err
	}
	return d.houseKeys(d.as(ctx, who), who.Organisation)
}

func (d *Desk) houseKeys(ctx context.Context, organisation uuid.UUID) ([]HouseKey, error) {
	people, err := db.Accounts(ctx, d.DB, organisation)
	if err != nil {
		return nil, err
	}
	names, active := map[uuid.UUID]string{}, map[uuid.UUID]bool{}
	for _, p := range people {
		names[p.ID], active[p.ID] = p.Name, p.Active
	}
	found, err := db.Keys(ctx, d.DB, organisation)
	list := make([]HouseKey, len(found))
	for i, k := range found {
		list[i] = HouseKey{ID: k.ID, For: k.AccountID, Name: k.Name, Account: names[k.AccountID], By: names[idIn(k.CreatedBy)], Scopes: k.Scopes,
			CreatedAt: k.CreatedAt, Expires: k.ExpiresAt, LastUsed: k.LastUsedAt, RevokedAt: k.RevokedAt,
			Good: k.RevokedAt == nil && k.ExpiresAt.After(d.Clock.Now()) && active[k.AccountID]}
	}
	return list, err
}

// Keys lists every API key of a helpline, newest first.
func (d *Desk) Keys(ctx context.Context, organisation uuid.UUID) ([]db.APIKey, error) {
	return db.Keys(db.AsSystem(ctx), d.DB, organisation)
}

// EndKey ends an API key of one's helpline at once; not_found when it has no such key, or it has ended.
func (d *Desk) EndKey(ctx context.Context, who Actor, id uuid.UUID) error {
	if err := who.may(ManageKeys); err != nil {
		return err
	}
	return d.revoke(ctx, who, who.Organisation, id, func(uuid.UUID) Actor { return who })
}

// RevokeKey ends an API key of any helpline at once.
func (d *Desk) RevokeKey(ctx context.Context, id uuid.UUID) error {
	return d.revoke(ctx, machine, uuid.Nil, id, houseActor)
}

func (d *Desk) revoke(ctx context.Context, as Actor, of, id uuid.UUID, who func(organisation uuid.UUID) Actor) error {
	return d.change(ctx, as, func(ctx context.Context, tx *sqlx.Tx) error {
		now := d.Clock.Now()
		organisation, err := db.RevokeKey(ctx, tx, of, id, now)
		if err != nil {
			return err
		}
		return db.InsertAudit(ctx, tx, who(organisation).line(), now, "revoke_key", "api_key", id)
	})
}
