//go:build linux

package faults

import (
	"encoding/json"
	"maps"

	"github.com/google/uuid"
)

// inARow is how many looks must have nothing in common. One look without anything wrong would do as well, but while
// thousands of referrals go on there is nearly always a letter in the provider's hands that the record does not know of yet.
const inARow = 3

// looks are what was wrong at each look at a deployment that has healed.
type looks []map[string]bool

// clean takes one more look, and reports that nothing is wrong, or that nothing that was wrong at one of the last looks
// still was at another.
func (l *looks) clean(r *Report) bool {
	found := r.wrong()
	*l = append(*l, found)
	if len(found) == 0 {
		return true
	}
	if len(*l) < inARow {
		return false
	}
	seen := map[string]bool{}
	for _, look := range (*l)[len(*l)-inARow:] {
		for what := range look {
			if seen[what] {
				return false
			}
		}
		maps.Copy(seen, look)
	}
	return true
}

// wrong names each thing that is wrong in the same way at each look: a rule and a referral, without how late it is by now.
func (r *Report) wrong() map[string]bool {
	found := map[string]bool{}
	for _, v := range r.Violations {
		switch {
		case v.Referral != uuid.Nil:
			found[v.Rule+v.Referral.String()] = true
		case v.Rule != RuleCheck:
			found[v.Rule+v.What] = true
		default:
			maps.Copy(found, r.checked())
		}
	}
	return found
}

// checked is what `throughline check` complained of, or that it could not look.
func (r *Report) checked() map[string]bool {
	found := map[string]bool{}
	for _, f := range r.findings() {
		for _, v := range f.Violations {
			found[f.Invariant+v.ID.String()] = true
		}
	}
	if len(found) == 0 {
		found[RuleCheck] = true
	}
	return found
}

// finding is an invariant as `throughline check` prints it.
type finding struct {
	Invariant  string
	Violations []struct{ ID uuid.UUID }
}

// findings reads what `throughline check` printed; none when that can't be read.
func (r *Report) findings() []finding {
	var list []finding
	if json.Unmarshal(r.Findings, &list) != nil {
		return nil
	}
	return list
}
