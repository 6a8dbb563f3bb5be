package directory

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// facts are what Rank goes by.
type facts struct {
	asked                  bool // words were searched for
	partly                 bool // and only some of them found
	textRank               float64
	matchesName            bool
	needs                  []string // the main one first
	closed                 bool
	closedUntil, fullUntil *time.Time
	refuses                bool
	noEmail, noAgency      bool
	serves, outside        bool
}

// Weights of the ranking. Words count most, then the need, then how near it is. A service that can't take anyone now
// stays in the list, after those that can: the navigator may know better.
const (
	weightWords      = 1.0
	weightName       = 0.5
	weightMainNeed   = 0.6
	weightNeed       = 0.4
	weightNear       = 0.8
	weightServesArea = 0.3
	costPartly       = 0.5
	costOutsideArea  = 0.8
	costFar          = 0.8
	costNoEmail      = 0.1 // someone must telephone
	costNoAgency     = 0.1
	costFull         = 1.5
	costClosed       = 3.0
	costRefuses      = 3.0
	nearScale        = 25.0 // km in which nearness falls to 37 %
	nearReason       = 30.0 // km that count as near
	farReason        = 60.0 // km beyond which a service that does not say it serves the place is far
)

// Rank sorts services for a need, best first, the same way each time, and gives each its reasons: matches_name, need,
// near, serves_area, and against it: some_words, far, outside_area, full, closed, no_referrals, no_email, no_agency. now decides whether
// "full until" and "closed until" still hold.
func Rank(found []Found, need string, now time.Time) []Found {
	best := 0.0
	for i := range found {
		best = max(best, found[i].facts.textRank)
	}
	for i := range found {
		found[i].Rank, found[i].Reasons = found[i].score(need, best, now)
	}
	slices.SortStableFunc(found, func(a, b Found) int {
		return cmp.Or(cmp.Compare(b.Rank, a.Rank), cmp.Compare(a.Service.Name, b.Service.Name),
			cmp.Compare(a.Service.ID.String(), b.Service.ID.String()))
	})
	return found
}

func (f *Found) score(need string, best float64, now time.Time) (float64, []string) {
	score, reasons := 0.0, []string{}
	add := func(holds bool, weight float64, reason string) {
		if holds {
			score += weight
			reasons = append(reasons, reason)
		}
	}
	if f.facts.asked && best > 0 {
		score += weightWords * f.facts.textRank / best
	}
	add(f.facts.partly, -costPartly, "some_words")
	add(f.facts.matchesName, weightName, "matches_name")
	if at := slices.Index(f.facts.needs, need); need != "" && at >= 0 {
		add(at == 0, weightMainNeed, "need")
		add(at > 0, weightNeed, "need")
	}
	if f.Distance != nil {
		add(*f.Distance <= nearReason, 0, "near")
		add(*f.Distance > farReason && !f.facts.serves && !f.facts.outside, -costFar, "far")
		score += weightNear * math.Exp(-*f.Distance/nearScale)
	}
	add(f.facts.serves, weightServesArea, "serves_area")
	add(f.facts.outside, -costOutsideArea, "outside_area")
	add(f.facts.fullUntil != nil && now.Before(*f.facts.fullUntil), -costFull, "full")
	add(f.facts.closed || f.facts.closedUntil != nil && now.Before(*f.facts.closedUntil), -costClosed, "closed")
	add(f.facts.refuses, -costRefuses, "no_referrals")
	add(f.facts.noEmail, -costNoEmail, "no_email")
	add(f.facts.noAgency, -costNoAgency, "no_agency")
	return math.Round(score*1e6) / 1e6, reasons
}
