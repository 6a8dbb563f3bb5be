package casework

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"throughline/db"
)

// Inspector looks at a referral's workflow by its id. open is false when there is none or it has ended; failing says
// that its last task failed and is tried again.
type Inspector interface {
	Inspect(ctx context.Context, id uuid.UUID) (open, failing bool, err error)
	// Open lists the referrals that seem to have an open workflow; it may lag by seconds.
	Open(ctx context.Context) ([]uuid.UUID, error)
}

// Finding is the outcome of checking one invariant of DESIGN.
type Finding struct {
	Invariant  string      `json:"invariant"`
	Says       string      `json:"says"`
	Looked     int         `json:"looked_at"`
	Violations []Violation `json:"violations"`
}

// Violation names what breaks an invariant, by ids only.
type Violation struct {
	ID   uuid.UUID `json:"id"`
	What string    `json:"what"`
}

// Times that the invariants allow.
const (
	startGrace = 60 * time.Second // a referral's workflow may need this long to start
	stepGrace  = 5 * time.Minute  // a step may be overdue this long before it counts as forgotten
)

// Check reads the record, and the workflows when an inspector is given, and reports on each invariant. It changes
// nothing and is safe beside a running service. An error means that it could not check.
func (d *Desk) Check(ctx context.Context, inspect Inspector) ([]Finding, error) {
	var findings []Finding
	if inspect != nil {
		f, err := d.checkWorkflows(ctx, inspect)
		if err != nil {
			return nil, err
		}
		findings = append(findings, f)
	}
	now := d.Clock.Now()
	for _, q := range db.Checks {
		looked, broken, err := db.RunCheck(ctx, d.DB, q, now.Add(-stepGrace))
		if err != nil {
			return nil, err
		}
		f := Finding{Invariant: q.Invariant, Says: q.Says, Looked: looked, Violations: []Violation{}}
		for _, b := range broken {
			f.Violations = append(f.Violations, Violation{ID: b.ID, What: b.What})
		}
		findings = append(findings, f)
	}
	return findings, nil
}

func (d *Desk) checkWorkflows(ctx context.Context, inspect Inspector) (Finding, error) {
	f := Finding{Invariant: "I1", Says: "every open referral older than 60 s has one open workflow, not failing", Violations: []Violation{}}
	ids, err := db.OpenReferrals(ctx, d.DB, d.Clock.Now().Add(-startGrace))
	if err != nil {
		return f, err
	}
	f.Looked = len(ids)
	for _, id := range ids {
		open, failing, err := inspect.Inspect(ctx, id)
		switch {
		case err != nil:
			return f, fmt.Errorf("inspect workflow: %w", err)
		case !open:
			f.Violations = append(f.Violations, Violation{ID: id, What: "open referral without an open workflow"})
		case failing:
			f.Violations = append(f.Violations, Violation{ID: id, What: "its workflow's last task is failing"})
		}
	}
	left, err := d.leftRunning(ctx, inspect)
	f.Violations = append(f.Violations, left...)
	return f, err
}

// leftRunning finds workflows that are open though their referral is not.
func (d *Desk) leftRunning(ctx context.Context, inspect Inspector) ([]Violation, error) {
	running, err := inspect.Open(ctx)
	if err != nil {
		return nil, fmt.Errorf("list workflows: %w", err)
	}
	ended, err := db.NotOpen(ctx, d.DB, running, d.Clock.Now().Add(-startGrace))
	if err != nil {
		return nil, err
	}
	var found []Violation
	for _, id := range ended {
		// The list lags; ask about this one before accusing it.
		open, _, err := inspect.Inspect(ctx, id)
		if err != nil {
			return nil, fmt.Errorf("inspect workflow: %w", err)
		}
		if open {
			found = append(found, Violation{ID: id, What: "open workflow without an open referral"})
		}
	}
	return found, nil
}
