//go:build unix

package app_test

import (
	"slices"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"throughline/casework"
	"throughline/referral"
	"throughline/workflows"
)

// Temporal stops, and later comes back with empty databases. Meanwhile agencies are reminded and the next are asked; then
// every open referral has a workflow again, and nothing was mailed twice.
func TestNothingIsForgottenWithoutTheClock(t *testing.T) {
	t.Parallel()
	o := build(t, "3s", "9s")
	silent, answered := o.refer(0, 1), o.refer(2)
	o.until("both agencies are asked", func() bool { return len(o.mailed(silent)) > 0 && len(o.mailed(answered)) > 0 })
	o.answers(answered, casework.ReplyInput{Do: referral.Accept})
	o.until("the clock knows that", func() bool {
		return one[int](o, `SELECT count(*) FROM outbox WHERE referral_id = $1 AND done_at IS NULL`, answered) == 0
	})
	require.NoError(t, o.stack.StopTemporal())
	taken := o.refer(3)
	o.until("the silent agency's turn ends and the next is asked", func() bool {
		told := o.told(silent)
		return slices.Contains(told, "remind w") && slices.Contains(told, "lapse w") && one[int](o, `SELECT count(*) FROM offers
			WHERE referral_id = $1 AND state = 'sent'`, silent) == 1
	})
	o.until("the call taken meanwhile is carried on as well", func() bool { return len(o.mailed(taken)) > 0 })
	o.nothingTwice()

	o.close()
	o.admin(`DROP DATABASE temporal WITH (FORCE)`, `DROP DATABASE temporal_visibility WITH (FORCE)`,
		`CREATE DATABASE temporal`, `CREATE DATABASE temporal_visibility`)
	require.NoError(t, o.stack.StartTemporal(t.Context()))
	o.start()
	o.aged()
	all := []uuid.UUID{silent, answered, taken}
	inspector := workflows.Inspector{Client: o.Temporal}
	o.until("each has a workflow", func() bool {
		return !slices.ContainsFunc(all, func(id uuid.UUID) bool {
			open, failing, err := inspector.Inspect(t.Context(), id)
			return err != nil || !open || failing
		})
	})
	o.until("it is on their timelines", func() bool { return slices.Contains(o.told(answered), "mend workflow_missing w") })
	o.answers(answered, casework.ReplyInput{Do: referral.ReportOutcome, Outcome: "received_in_full"})
	_, err := o.Desk.Do(t.Context(), o.who, answered, casework.CommandInput{Do: referral.Confirm, Outcome: "received_in_full"}, nil)
	require.NoError(t, err)
	o.until("a workflow that was built anew ends with its referral", func() bool {
		open, _, err := inspector.Inspect(t.Context(), answered)
		return err == nil && !open
	})
	o.clean()
	o.nothingTwice()
	assert.Empty(t, o.provider.Problems())
}
