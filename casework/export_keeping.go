package casework

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"

	"throughline/db"
)

// KeptOpening is one time that the case, being restricted, was opened by someone who is not named on it: why, and what a
// second person found of that.
type KeptOpening struct {
	At         time.Time  `json:"at"`
	Until      time.Time  `json:"until"`
	Reason     string     `json:"reason"`
	ReviewedAt *time.Time `json:"reviewed_at"`
	Decision   string     `json:"decision"` // "" until it is reviewed
	Remark     string     `json:"remark"`
}

// KeptErasure is one time that the case was to be erased.
type KeptErasure struct {
	At      time.Time  `json:"at"`
	Cause   string     `json:"cause"`
	Reason  string     `json:"reason"`
	EndedAt *time.Time `json:"ended_at"`
	Outcome string     `json:"outcome"` // "" while it waits
}

// KeptHold is that the case must be kept, or had to be. Why is left out: it may be a lawyer's advice, or someone else's
// complaint (FIPPA, s. 19 and 49), and who asks for it is answered by a person.
type KeptHold struct {
	At       time.Time  `json:"at"`
	LiftedAt *time.Time `json:"lifted_at"`
}

// addKeeping adds what is kept about keeping the case and about who opened it.
func (e *Everything) addKeeping(ctx context.Context, tx *sqlx.Tx, v *vault) error {
	openings, err := db.Openings(ctx, tx, e.Case.ID)
	if err != nil {
		return err
	}
	erasures, err := db.ErasuresOf(ctx, tx, e.Case.ID)
	if err != nil {
		return err
	}
	holds, err := db.LegalHoldsOf(ctx, tx, e.Case.ID)
	if err != nil {
		return err
	}
	e.Openings, e.Erasures, e.Holds = make([]KeptOpening, len(openings)), make([]KeptErasure, len(erasures)), make([]KeptHold, len(holds))
	for i, o := range openings {
		v.open("glass", o.ID.String(), map[string]*string{"reason": &o.Reason, "remark": &o.Remark})
		e.Openings[i] = KeptOpening{At: o.At, Until: o.Until, Reason: o.Reason, ReviewedAt: o.ReviewedAt, Decision: o.Decision, Remark: o.Remark}
	}
	for i, x := range erasures {
		v.open("erasures", x.ID.String(), map[string]*string{"reason": &x.Reason})
		e.Erasures[i] = KeptErasure{At: x.AskedAt, Cause: x.Cause, Reason: x.Reason, EndedAt: x.EndedAt, Outcome: x.Outcome}
	}
	for i, h := range holds {
		e.Holds[i] = KeptHold{At: h.At, LiftedAt: h.LiftedAt}
	}
	return v.err
}
