//go:build unix

package workflows_test

import (
	"testing"

	"throughline/referral"
	"throughline/workflows/lifetest"
)

func TestEveryLifeEndsWithAKnownOutcome(t *testing.T) {
	t.Parallel()
	for _, life := range lifetest.Lives() {
		for _, p := range []referral.Policy{referral.Standard(), referral.Demo()} {
			t.Run(life.Name+"/"+p.Name, func(t *testing.T) {
				t.Parallel()
				s := setStage(t, p, life.Agencies, life.Acts...)
				if p.Name == "demo" {
					s.pause = p.Routine.Remind.From(lifetest.Monday, referral.Calendar{}).Sub(lifetest.Monday) / 2
				}
				if err := s.run(); err != nil {
					t.Fatal(err)
				}
				if f := s.facts(); f.State != referral.Closed || f.Outcome != life.Outcome {
					t.Errorf("it is %s with the outcome %q, want closed with %q", f.State, f.Outcome, life.Outcome)
				}
				if missing := lifetest.Missing(life.Tells, s.story()); len(missing) > 0 {
					t.Errorf("the timeline %v lacks %v", s.story(), missing)
				}
				if len(s.person.Acts) > 0 {
					t.Errorf("nobody came to %s", s.person.Acts[0].What)
				}
			})
		}
	}
}
