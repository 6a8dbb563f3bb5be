package casework

import (
	"context"
	"slices"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"throughline/db"
	"throughline/referral"
)

// errNobodyLeft is the answer when nobody could go on with the work of an account that is to be closed.
var errNobodyLeft = &referral.Error{Code: referral.CodeConflict, Field: "email",
	Message: "the account has open referrals or tasks and the helpline has no other active coordinator: add one first"}

// errLeft is the answer to someone whose account was closed while they were at it: nobody would have the referral.
var errLeft = &referral.Error{Code: referral.CodeUnauthenticated, Message: "the account has been closed"}

// CloseAccount keeps someone from signing in from now on; their keys end with it. Their open referrals and tasks become
// those of the coordinator who has been there longest. Errors: not_found; conflict when there is no coordinator to
// take them.
func (d *Desk) CloseAccount(ctx context.Context, email string) error {
	a, err := db.FindAccountByEmail(db.AsSystem(ctx), d.DB, email)
	if err != nil {
		return err
	}
	return d.house(ctx, a.OrganisationID, "close_account", "account", a.ID, func(ctx context.Context, tx *sqlx.Tx) error {
		if err := db.LockLeaver(ctx, tx, a.OrganisationID, a.ID); err != nil {
			return err
		}
		return d.closeAccount(ctx, tx, a)
	})
}

// closeAccount lets someone out for good: their visits, keys and links end, and their work goes to another. An account that is
// opened again has none of these back.
func (d *Desk) closeAccount(ctx context.Context, tx *sqlx.Tx, a db.Account) error {
	now := d.Clock.Now()
	if err := db.CloseAccount(ctx, tx, a.ID); err != nil {
		return err
	}
	if err := db.RevokeInvitations(ctx, tx, a.ID, now); err != nil {
		return err
	}
	if err := db.EndVisits(ctx, tx, a.ID, uuid.Nil, now); err != nil {
		return err
	}
	if err := db.RevokeKeysOf(ctx, tx, a.ID, now); err != nil {
		return err
	}
	return d.giveUp(ctx, tx, a)
}

// giveUp gives all of someone's work to the coordinator who has been there longest. LockLeaver comes before.
func (d *Desk) giveUp(ctx context.Context, tx *sqlx.Tx, a db.Account) error {
	work, err := db.WorkOf(ctx, tx, a.OrganisationID, a.ID)
	if err != nil || len(work) == 0 {
		return err
	}
	heir, err := db.OldestCoordinator(ctx, tx, a)
	if referral.CodeOf(err) == referral.CodeNotFound {
		return errNobodyLeft
	}
	if err != nil {
		return err
	}
	return d.handOver(ctx, tx, a, work, heir.ID)
}

// handOver gives someone's work to another, a referral at a time and by id, as all must who lock several. What has been
// given to someone else, or has ended, before its turn came is left alone. They are named on the restricted cases among it.
func (d *Desk) handOver(ctx context.Context, tx *sqlx.Tx, from db.Account, work []uuid.UUID, to uuid.UUID) error {
	for _, id := range work {
		w, err := d.lock(ctx, tx, houseActor(from.OrganisationID), id, d.Clock.Now())
		if err != nil {
			return err
		}
		if !hasWork(w.rec.Facts, from.ID) {
			continue
		}
		named, err := db.NamePerson(ctx, tx, w.rec.Case, to, uuid.Nil, w.now)
		if err == nil && named {
			err = auditNaming(ctx, tx, w.who, w.now, "name_person", w.rec.Case, to)
		}
		if err != nil {
			return err
		}
		if _, err := w.decide(ctx, referral.Command{Do: referral.Reassign, Person: to}); err != nil {
			return err
		}
	}
	return nil
}

// hasWork reports that someone has to carry a referral on, or has a task in it.
func hasWork(f referral.Facts, person uuid.UUID) bool {
	return (f.Owner == person && f.State != referral.Closed) || slices.ContainsFunc(f.Tasks, func(t referral.Task) bool {
		return t.State == referral.TaskOpen && t.Assignee == person
	})
}
