//go:build unix

package workflows_test

import (
	"testing"

	"github.com/google/uuid"

	"throughline/referral"
)

// After a restore from a backup that is older than a referral, its workflow asks, hears that there is none, and ends.
func TestTheWorkflowOfAnUnknownReferralEnds(t *testing.T) {
	t.Parallel()
	s := setStage(t, referral.Standard(), []int{1})
	s.id = uuid.New()
	if err := s.run(); err != nil {
		t.Errorf("it ended with %v", err)
	}
	if s.asked != 1 {
		t.Errorf("it asked %d times", s.asked)
	}
}
