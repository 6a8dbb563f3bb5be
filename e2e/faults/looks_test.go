//go:build linux

package faults

import (
	"encoding/json"
	"testing"

	"github.com/google/uuid"
)

func TestWhatIsWrongMustPass(t *testing.T) {
	t.Parallel()
	a, b, c := uuid.New(), uuid.New(), uuid.New()
	late := func(id uuid.UUID, how string) Violation {
		return Violation{Rule: RuleDue, Referral: id, What: how + " overdue"}
	}
	for name, one := range map[string]struct {
		looks [][]Violation
		clean bool // after the last
	}{
		"nothing is wrong":         {[][]Violation{{}}, true},
		"something is":             {[][]Violation{{late(a, "1s")}}, false},
		"it stays":                 {[][]Violation{{late(a, "1s")}, {late(a, "2s")}, {late(a, "3s")}}, false},
		"it comes back":            {[][]Violation{{late(a, "1s")}, {late(b, "1s")}, {late(a, "9s")}}, false},
		"each passes":              {[][]Violation{{late(a, "1s")}, {late(b, "1s")}, {late(c, "1s")}}, true},
		"two looks are too few":    {[][]Violation{{late(a, "1s")}, {late(b, "1s")}}, false},
		"another rule is broken":   {[][]Violation{{late(a, "1s")}, {{Rule: RuleOnce, Referral: a}}, {late(c, "1s")}}, true},
		"a letter is never known":  {[][]Violation{{{Rule: RuleKnown, What: "letter 1"}}, {{Rule: RuleKnown, What: "letter 2"}}, {{Rule: RuleKnown, What: "letter 1"}}}, false},
		"the check can never look": {[][]Violation{{{Rule: RuleCheck, What: "x"}}, {{Rule: RuleCheck, What: "y"}}, {{Rule: RuleCheck, What: "z"}}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			var all looks
			clean := false
			for _, found := range one.looks {
				clean = all.clean(&Report{Violations: found})
			}
			if clean != one.clean {
				t.Errorf("clean: %t", clean)
			}
		})
	}
	t.Run("by what the check found", func(t *testing.T) {
		var all looks
		for i, id := range []uuid.UUID{a, b, c, c} {
			raw, err := json.Marshal([]map[string]any{{"invariant": "I8", "violations": []map[string]any{{"id": id}}}})
			if err != nil {
				t.Fatal(err)
			}
			if clean := all.clean(&Report{Findings: raw, Violations: []Violation{{Rule: RuleCheck}}}); clean != (i == 2) {
				t.Errorf("look %d: clean %t", i, clean)
			}
		}
	})
}
