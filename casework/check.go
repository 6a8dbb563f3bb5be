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

// Finding is the outcome of checking one invariant of DESIGN.
type Finding struct {
	Invariant  string      `json:"invariant"`
	Says       string      `json:"says"`
	Looked     int         `json:"looked_at"`
	Violations []Violation `json:"violations"`
	// NotChecked says why the invariant could not be checked, or not wholly; "" when it was.
	NotChecked string `json:"not_checked,omitempty"`
}

// Violation names what breaks an invariant, by ids only.
type Violation struct {
	Of   string    `json:"of"` // what the id is of: referral, offer, message or case
	ID   uuid.UUID `json:"id"`
	What string    `json:"what"`
}

func (f *Finding) violated(of string, id uuid.UUID, what string) {
	f.Violations = append(f.Violations, Violation{Of: of, ID: id, What: what})
}

// Times that the invariants allow.
const (
	startGrace = 60 * time.Second // a referral's workflow may need this long to start
	stepGrace  = 5 * time.Minute  // what failed may need this long to become someone's work
)

// says is what each invariant says, in the order in which they are reported.
var says = []Finding{
	{Invariant: "I1", Says: "every open referral older than 60 s has one open workflow, not failing, and no other has one"},
	{Invariant: "I2", Says: "every open referral has one step, due as the policy says, for someone who is there, and none is forgotten"},
	{Invariant: "I3", Says: "every call that was answered is written down exactly once"},
	{Invariant: "I4", Says: "at most one message for each occasion and recipient; a further one says why"},
	{Invariant: "I5", Says: "the changes of a referral form one line of versions, and each move begins where the one before it ended"},
	{Invariant: "I8", Says: "every letter that failed has become work for a person"},
	{Invariant: "I10", Says: "everything moved along the graph to where it is; what is closed has an outcome and nothing left open"},
	{Invariant: "I11", Says: "what people told us stands sealed, each case with a key of its own, so that without the key nothing can be read; of an erased case nothing is left but what counts"},
	{Invariant: "I12", Says: "what was promised to the clock and to the mail is being told, and no letter waits forgotten"},
}

// Check reads the record in one snapshot, and then the workflows when an inspector is given, and reports on each
// invariant. It changes nothing and is safe beside a running service. What could not be checked says so in its finding;
// an error means that nothing could.
func (d *Desk) Check(ctx context.Context, inspect Inspector) ([]Finding, error) {
	findings := slices.Clone(says)
	for i := range findings {
		findings[i].Violations = []Violation{}
	}
	now := d.Clock.Now()
	var open []uuid.UUID
	err := db.Snapshot(db.AsSystem(ctx), d.DB, func(ctx context.Context, tx *sqlx.Tx) (err error) {
		if open, err = db.OpenReferrals(ctx, tx, now.Add(-startGrace)); err != nil {
			return err
		}
		for i := range findings[1:] {
			f := &findings[i+1]
			if err := db.Apart(ctx, tx, func() error { return d.checkRecord(ctx, tx, f, now) }); err != nil {
				f.NotChecked = why(ctx, err)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if inspect == nil {
		return findings[1:], nil
	}
	if err := d.checkWorkflows(ctx, inspect, open, &findings[0]); err != nil {
		findings[0].NotChecked = why(ctx, err)
	}
	return findings, nil
}

// why says in a word why something could not be checked, without the text of a database's or a network's error.
func why(ctx context.Context, err error) string {
	switch {
	case ctx.Err() != nil:
		return "it took too long, or was broken off"
	case referral.CodeOf(err) != referral.CodeInternal:
		return "the record can't be read (" + string(referral.CodeOf(err)) + ")"
	}
	return err.Error()
}

// checkRecord checks what the record alone says of an invariant.
func (d *Desk) checkRecord(ctx context.Context, tx *sqlx.Tx, f *Finding, now time.Time) (err error) {
	if f.Invariant == "I2" {
		return d.checkSteps(ctx, tx, f, now)
	}
	if f.Looked, err = db.CountLooked(ctx, tx, f.Invariant); err != nil {
		return err
	}
	for _, q := range db.Checks {
		if q.Invariant != f.Invariant {
			continue
		}
		broken, err := db.RunCheck(ctx, tx, q, now)
		if err != nil {
			return err
		}
		f.add(broken)
	}
	if f.Invariant == "I10" {
		return checkMoves(ctx, tx, f)
	}
	return nil
}

func (f *Finding) add(broken []db.Broken) {
	for _, b := range broken {
		f.violated(b.Of, b.ID, b.What)
	}
}

// checkMoves holds every way in which anything was moved against the graph.
func checkMoves(ctx context.Context, tx *sqlx.Tx, f *Finding) error {
	moves, err := db.Moves(ctx, tx)
	if err != nil {
		return err
	}
	for _, m := range moves {
		if onTheGraph(m) {
			continue
		}
		broken, err := db.Moved(ctx, tx, m)
		if err != nil {
			return err
		}
		f.add(broken)
	}
	return nil
}

// onTheGraph reports a move that the tables declare, for who made it.
func onTheGraph(m db.Move) bool {
	by := referral.Role(m.By).As()
	if !m.OfOffer {
		return slices.ContainsFunc(referral.ReferralTransitions, func(t referral.ReferralTransition) bool {
			return string(t.From) == m.From && string(t.To) == m.To && slices.Contains(t.Do, referral.Name(m.What)) && slices.Contains(t.By, by)
		})
	}
	return slices.ContainsFunc(referral.Transitions, func(t referral.Transition) bool {
		to := t.To
		if t.Via != "" {
			to = "" // it is written as the moves that it goes by
		}
		return string(t.Do) == m.What && string(to) == m.To && slices.Contains(t.From, referral.OfferState(m.From)) && slices.Contains(t.By, by)
	})
}
