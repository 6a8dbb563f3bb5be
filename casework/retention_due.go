package casework

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"throughline/db"
)

const (
	// leftAlone is how long the schedule leaves a case alone whose erasure was called off.
	leftAlone = 90
	// mostCases are begun with in one night, and named by a dry run, so that neither holds the record up.
	mostCases = 1000
	// pruneAtOnce bounds the rows of one statement, so that none holds its locks for long.
	pruneAtOnce = 10_000
)

// DueKind is what would go of a kind.
type DueKind struct {
	Kind  string `json:"kind"`
	Days  int    `json:"days"`
	Count int    `json:"count"`
	// Cases are the references of the cases that an erasure would be begun for, Waiting those for which one waits, and Held
	// those that stay because they are under hold. Of kinds that are no cases there are none.
	Cases   []string `json:"cases,omitempty"`
	Waiting []string `json:"waiting,omitempty"`
	Held    []string `json:"held,omitempty"`
	begin   []db.DueCase
}

// RetentionDue says what the schedule would do now, and does nothing: a dry run. The look is in the audit.
func (d *Desk) RetentionDue(ctx context.Context, who Actor) (list []DueKind, err error) {
	if err := who.may(SetRetention); err != nil {
		return nil, err
	}
	look := listOf("retention")
	if who.Via == ViaCLI {
		look.Kind = db.AuditCLI
	}
	err = d.audited(ctx, machine, who, look, func(ctx context.Context, tx *sqlx.Tx) ([]uuid.UUID, error) {
		list, err = dueNow(ctx, tx, who.Organisation, d.Clock.Now())
		whose := []uuid.UUID{}
		for _, k := range list {
			whose = append(whose, casesOf(k.begin, func(c db.DueCase) uuid.UUID { return c.ID })...)
		}
		return whose, err
	})
	return list, err
}

// dueNow is what both the dry run and the real one go by.
func dueNow(ctx context.Context, q sqlx.QueryerContext, organisation uuid.UUID, now time.Time) ([]DueKind, error) {
	kinds, err := schedule(ctx, q, organisation)
	if err != nil {
		return nil, err
	}
	var list []DueKind
	for _, k := range kinds {
		before, due := now.AddDate(0, 0, -k.InForce), DueKind{Kind: k.Kind, Days: k.InForce}
		switch k.Kind {
		case KindCoolingOff:
			continue
		case KindClosedCases, KindAnonymousCases:
			cases, err := db.DueCases(ctx, q, organisation, k.Kind == KindAnonymousCases, before, now.AddDate(0, 0, -leftAlone), mostCases)
			if err != nil {
				return nil, err
			}
			due.sort(cases)
		default:
			if due.Count, err = db.CountAged(ctx, q, organisation, k.Kind, before); err != nil {
				return nil, err
			}
		}
		list = append(list, due)
	}
	return list, nil
}

func (k *DueKind) sort(cases []db.DueCase) {
	for _, c := range cases {
		switch {
		case c.Held:
			k.Held = append(k.Held, c.Reference)
		case c.Waiting:
			k.Waiting = append(k.Waiting, c.Reference)
		default:
			k.Cases, k.begin = append(k.Cases, c.Reference), append(k.begin, c)
		}
	}
	k.Count = len(k.begin)
}

// Retain does for an organisation what its schedule says: it begins the erasure of cases whose time is over, forgets what
// else is older than it may be, and has erasures and exports that wait taken up again. It gives when to do that the next
// time, tomorrow early. Doing it twice does no harm. not_found when there is no such organisation.
func (d *Desk) Retain(ctx context.Context, organisation uuid.UUID, at time.Time) (Wait, error) {
	zone, err := d.Zone(ctx, organisation)
	if err != nil {
		return Wait{}, err
	}
	var list []DueKind
	err = d.change(ctx, machine, func(ctx context.Context, tx *sqlx.Tx) (err error) {
		if list, err = dueNow(ctx, tx, organisation, at); err != nil {
			return err
		}
		for _, k := range list {
			if err := d.beginErasures(ctx, tx, organisation, k.begin, at); err != nil {
				return err
			}
		}
		if err := db.TellErasures(ctx, tx, organisation, at); err != nil {
			return err
		}
		return db.Audit(ctx, tx, system(organisation, ViaClock).line(), at, db.Look{Kind: db.AuditChange, Action: "retain", Subject: "retention", ID: organisation})
	})
	if err != nil {
		return Wait{}, err
	}
	for _, k := range list {
		if err := d.forget(ctx, organisation, k, at); err != nil {
			return Wait{}, err
		}
	}
	return Wait{Due: tomorrowEarly(at, zone)}, nil
}

// beginErasures has cases erased because their time is over, once the time to call that off is over too.
func (d *Desk) beginErasures(ctx context.Context, tx *sqlx.Tx, organisation uuid.UUID, cases []db.DueCase, at time.Time) error {
	cooling, err := d.keptFor(ctx, tx, organisation, KindCoolingOff)
	if err != nil {
		return err
	}
	for _, c := range cases {
		e := db.Erasure{ID: uuid.New(), Organisation: organisation, Case: c.ID, Cause: Schedule, AskedAt: at, DueAt: at.AddDate(0, 0, cooling)}
		if err := db.InsertErasure(ctx, tx, e); err != nil {
			return err
		}
		who := system(organisation, ViaClock).because("erasure", e.ID)
		if err := db.InsertAudit(ctx, tx, who.line(), at, "begin_erasure", "case", c.ID); err != nil {
			return err
		}
	}
	return nil
}

// notDue is the outcome of an erasure that the schedule began with, when the time of the case is not over any more:
// something was written of it meanwhile, or it is kept for longer; "" when it still is.
func (d *Desk) notDue(ctx context.Context, tx *sqlx.Tx, organisation, id uuid.UUID, at time.Time) (outcome string, err error) {
	last, anonymous, err := db.LastUsed(ctx, tx, id)
	if err != nil {
		return "", err
	}
	kind := KindClosedCases
	if anonymous {
		kind = KindAnonymousCases
	}
	days, err := d.keptFor(ctx, tx, organisation, kind)
	if err != nil || last.Before(at.AddDate(0, 0, -days)) {
		return "", err
	}
	return "not_due", nil
}

// forget takes away what is too old of a kind, a part at a time.
func (d *Desk) forget(ctx context.Context, organisation uuid.UUID, k DueKind, at time.Time) error {
	if k.Count == 0 || k.Kind == KindClosedCases || k.Kind == KindAnonymousCases {
		return nil
	}
	before := at.AddDate(0, 0, -k.Days)
	switch k.Kind {
	case KindExports:
		return d.endExports(ctx, organisation, before, at)
	case KindAudit:
		return d.read(ctx, machine, func(ctx context.Context, tx *sqlx.Tx) error {
			return db.RetireAudit(ctx, tx, organisation, before, at)
		})
	}
	for {
		var n int64
		err := d.read(ctx, machine, func(ctx context.Context, tx *sqlx.Tx) (err error) {
			n, err = db.PruneAged(ctx, tx, organisation, k.Kind, before, pruneAtOnce)
			return err
		})
		if err != nil || n < pruneAtOnce {
			return err
		}
	}
}

// endExports takes exports away that were made before an instant, each with its entry: the schedule may give them less time
// by now than when they were made.
func (d *Desk) endExports(ctx context.Context, organisation uuid.UUID, before, at time.Time) error {
	var ids []uuid.UUID
	err := d.read(ctx, machine, func(ctx context.Context, tx *sqlx.Tx) (err error) {
		ids, err = db.AgedExports(ctx, tx, organisation, before)
		return err
	})
	if err != nil {
		return err
	}
	for _, id := range ids {
		err := d.change(ctx, machine, func(ctx context.Context, tx *sqlx.Tx) error {
			x, err := db.LockExport(ctx, tx, id)
			if err != nil || x.GoneAt != nil {
				return err
			}
			return d.endExport(ctx, tx, x, at)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// tomorrowEarly is when few are at work: at three, where the helpline is. A day on which the clocks change has it too, or
// the hour beside it.
func tomorrowEarly(at time.Time, zone *time.Location) time.Time {
	y, m, day := at.In(zone).Date()
	return time.Date(y, m, day+1, 3, 0, 0, 0, zone)
}

// OrganisationIDs are those that a schedule is kept for.
func (d *Desk) OrganisationIDs(ctx context.Context) ([]uuid.UUID, error) {
	list, err := d.Organisations(ctx)
	ids := make([]uuid.UUID, len(list))
	for i, o := range list {
		ids[i] = o.ID
	}
	return ids, err
}
