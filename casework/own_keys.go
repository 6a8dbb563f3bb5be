package casework

import (
	"context"
	"slices"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"throughline/db"
	"throughline/referral"
)

// OwnKeys lists the API keys that act for whoever asks, whoever made them, newest first.
func (d *Desk) OwnKeys(ctx context.Context, who Visitor) ([]HouseKey, error) {
	as := who.Actor(ViaPage)
	if err := as.may(HaveKeys); err != nil {
		return nil, err
	}
	list, err := d.houseKeys(d.as(ctx, as), who.OrganisationID)
	return slices.DeleteFunc(list, func(k HouseKey) bool { return k.For != who.ID }), err
}

// MakeOwnKey makes an API key for whatever one may do oneself. The key is given once. Errors: forbidden; invalid with the
// field; those of ProveAgain.
func (d *Desk) MakeOwnKey(ctx context.Context, who Visitor, in KeyInput, password string, from From) (id uuid.UUID, key string, err error) {
	as := who.Actor(ViaPage)
	if err := as.may(HaveKeys); err != nil {
		return uuid.Nil, "", err
	}
	if who.MustEnrol {
		return uuid.Nil, "", &referral.Error{Code: referral.CodeForbidden, Message: "set up a second factor first"}
	}
	if err := in.check(); err != nil {
		return uuid.Nil, "", err
	}
	if err := d.ProveAgain(ctx, who, password, from); err != nil {
		return uuid.Nil, "", err
	}
	a, err := db.FindAccount(d.as(ctx, as), d.DB, who.ID)
	if err != nil {
		return uuid.Nil, "", err
	}
	return d.addKey(ctx, as, a, in)
}

// EndOwnKey ends one of the keys that act for whoever asks, at once; not_found when it is none, or has ended.
func (d *Desk) EndOwnKey(ctx context.Context, who Visitor, id uuid.UUID) error {
	list, err := d.OwnKeys(ctx, who)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(list, func(k HouseKey) bool { return k.ID == id }) {
		return referral.NotFound("API key")
	}
	as := who.Actor(ViaPage)
	return d.change(ctx, as, func(ctx context.Context, tx *sqlx.Tx) error {
		now := d.Clock.Now()
		if _, err := db.RevokeKey(ctx, tx, who.OrganisationID, id, now); err != nil {
			return err
		}
		return db.InsertAudit(ctx, tx, as.line(), now, "revoke_key", "api_key", id)
	})
}
