package casework

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"throughline/db"
	"throughline/referral"
)

// Kinds of what is kept, each for a time of its own; docs/retention.md says why so long.
const (
	KindClosedCases     = "closed_cases"
	KindAnonymousCases  = "anonymous_cases"
	KindAnswers         = "answers"
	KindProviderEvents  = "provider_events"
	KindLetterAddresses = "letter_addresses"
	KindVisits          = "visits"
	KindDevices         = "devices"
	KindExports         = "exports"
	KindAudit           = "audit"
	KindCoolingOff      = "cooling_off" // not kept for: how long an erasure can be called off
)

// Retention is how many days a kind is kept, unless an organisation chooses another number from Least to Most.
type Retention struct {
	Kind              string
	Days, Least, Most int
}

const (
	aYear = 365
	// tenYears counts the leap days too: of the audit nothing goes sooner.
	tenYears = 3653
)

// Retentions lists every kind. Least and Most hold what the law asks for, and what else would break a promise.
var Retentions = []Retention{
	{KindClosedCases, 2 * aYear, aYear, 20 * aYear},
	{KindAnonymousCases, aYear, aYear, 20 * aYear},
	{KindAnswers, 30, 2, 90},
	{KindProviderEvents, 90, 30, aYear},
	{KindLetterAddresses, 2 * aYear, aYear, 20 * aYear},
	{KindVisits, 30, 1, aYear},
	{KindDevices, aYear, 30, 2 * aYear},
	{KindExports, 7, 1, 7},
	{KindAudit, tenYears, tenYears, 10 * tenYears},
	{KindCoolingOff, 7, 1, 30},
}

func retentionOf(kind string) (Retention, bool) {
	i := slices.IndexFunc(Retentions, func(r Retention) bool { return r.Kind == kind })
	if i < 0 {
		return Retention{}, false
	}
	return Retentions[i], true
}

// Kept is a kind with what is in force for it.
type Kept struct {
	Retention
	InForce int
	SetBy   string // "" where nobody chose, or whoever runs the machine did
	SetAt   *time.Time
}

func schedule(ctx context.Context, q sqlx.QueryerContext, organisation uuid.UUID) ([]Kept, error) {
	chosen, err := db.KeptFors(ctx, q, organisation)
	if err != nil {
		return nil, err
	}
	list := make([]Kept, len(Retentions))
	for i, r := range Retentions {
		list[i] = Kept{Retention: r, InForce: r.Days}
		for _, c := range chosen {
			if c.Kind == r.Kind { // what an earlier version let someone choose may be out of bounds by now
				list[i].InForce, list[i].SetBy, list[i].SetAt = min(max(c.Days, r.Least), r.Most), c.SetBy, c.SetAt
			}
		}
	}
	return list, nil
}

// keptFor is how many days are in force for a kind.
func (d *Desk) keptFor(ctx context.Context, q sqlx.QueryerContext, organisation uuid.UUID, kind string) (int, error) {
	list, err := schedule(ctx, q, organisation)
	for _, k := range list {
		if k.Kind == kind {
			return k.InForce, err
		}
	}
	return 0, err
}

// RetentionSchedule reads what is in force for each kind.
func (d *Desk) RetentionSchedule(ctx context.Context, who Actor) (list []Kept, err error) {
	if err := who.may(SetRetention); err != nil {
		return nil, err
	}
	err = d.read(ctx, machine, func(ctx context.Context, tx *sqlx.Tx) error {
		list, err = schedule(ctx, tx, who.Organisation)
		return err
	})
	return list, err
}

// SetRetention chooses how many days kinds are kept, all of them or none. Errors: invalid with the field, which is the
// kind's name; forbidden.
func (d *Desk) SetRetention(ctx context.Context, who Actor, days map[string]int) error {
	if err := who.may(SetRetention); err != nil {
		return err
	}
	var f faults
	for kind, n := range days {
		r, known := retentionOf(kind)
		switch {
		case !known:
			f.add(referral.Invalid("kind", "is not a kind of what is kept"))
		case n < r.Least || n > r.Most:
			f.add(referral.Invalid("days."+kind, "must be from %d to %d days", r.Least, r.Most))
		}
	}
	if err := f.err(); err != nil {
		return err
	}
	now := d.Clock.Now()
	return d.change(ctx, machine, func(ctx context.Context, tx *sqlx.Tx) error {
		had, err := schedule(ctx, tx, who.Organisation)
		if err != nil {
			return err
		}
		for _, k := range had {
			n, chosen := days[k.Kind]
			if !chosen || n == k.InForce {
				continue
			}
			if err := db.KeepFor(ctx, tx, who.Organisation, k.Kind, n, who.ID, now); err != nil {
				return err
			}
			why := who.because(daysChanged(k, n), uuid.Nil)
			if err := db.InsertAudit(ctx, tx, why.line(), now, "set_retention", "retention", who.Organisation); err != nil {
				return err
			}
		}
		return nil
	})
}
