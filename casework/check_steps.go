package casework

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"throughline/db"
	"throughline/directory"
	"throughline/referral"
)

// checkPage is how many referrals are read at once.
const checkPage = 1000

// checkSteps asks the rules anew what comes next for every open referral, and compares that with what is stored.
func (d *Desk) checkSteps(ctx context.Context, tx *sqlx.Tx, f *Finding, now time.Time) error {
	gone, err := db.InactiveAccounts(ctx, tx)
	if err != nil {
		return err
	}
	var postponed []uuid.UUID
	for after, more := uuid.Nil, true; more; {
		page, err := db.OpenRecords(ctx, tx, after, checkPage)
		if err != nil {
			return err
		}
		if err := d.learn(ctx, tx, page); err != nil {
			return err
		}
		for _, r := range page {
			f.Looked++
			after = r.ID
			what, late, err := d.wrongStep(ctx, tx, r, gone, now)
			if err != nil {
				return err
			}
			if late {
				postponed = append(postponed, r.ID)
			}
			if what != "" {
				f.violated("referral", r.ID, what)
			}
		}
		more = len(page) == checkPage
	}
	return checkPostponed(ctx, tx, f, postponed, now)
}

// checkPostponed takes those out whose workflow has just been promised the news, as after a change of policy: it asks the
// rules when it hears.
func checkPostponed(ctx context.Context, tx *sqlx.Tx, f *Finding, postponed []uuid.UUID, now time.Time) error {
	if len(postponed) == 0 {
		return nil
	}
	told, err := db.NewsOnItsWay(ctx, tx, postponed, now.Add(-stepGrace))
	if err != nil {
		return err
	}
	for _, id := range postponed {
		if !told[id] {
			f.violated("referral", id, "its step is due later than the rules say")
		}
	}
	return nil
}

// wrongStep says what is wrong with a stored step; late that it is due later than the rules say.
func (d *Desk) wrongStep(ctx context.Context, tx *sqlx.Tx, r db.OpenRecord, gone map[uuid.UUID]bool, now time.Time) (what string, late bool, err error) {
	switch {
	case r.Err != nil:
		return "its record can't be read", false, nil
	case r.Step.None() || r.Due.IsZero():
		return "no next step", false, nil
	case r.Step.Role == "":
		return "nobody is accountable for its step", false, nil
	case gone[r.Step.Person]:
		return "its step is for someone who has left", false, nil
	}
	grace := r.Policy.Pace(r.Facts.Urgency).Grace()
	if r.Due.Before(now.Add(-grace)) && !takenOver(r.Facts) {
		return "its step is overdue, and nobody was told", false, nil
	}
	if _, err := d.terms(ctx, tx, &r.Record); err != nil {
		return "", false, err
	}
	step := referral.Next(r.Facts, r.Policy, now)
	// The clock and the watchdog look at two copies of the due time.
	return "", step.Due.Before(r.Due) || step.Due.Before(r.Step.Due), nil
}

// takenOver reports that a coordinator was asked to carry on by hand.
func takenOver(f referral.Facts) bool {
	for _, t := range f.Tasks {
		if t.Kind == referral.TakeOver && t.State == referral.TaskOpen {
			return true
		}
	}
	return false
}

// learn reads at once what the directory knows of all agencies of a page.
func (d *Desk) learn(ctx context.Context, q sqlx.QueryerContext, page []db.OpenRecord) error {
	seen := map[uuid.UUID]bool{}
	var ids []uuid.UUID
	for _, r := range page {
		for _, o := range r.Facts.Offers {
			if !o.State.Ended() && !seen[o.Service] {
				seen[o.Service] = true
				ids = append(ids, o.Service)
			}
		}
	}
	now := time.Now()
	_, missing := d.known.get(ids, now)
	read, err := directory.ForOffer(ctx, q, missing)
	if err != nil {
		return err
	}
	d.known.put(read, now)
	return nil
}
