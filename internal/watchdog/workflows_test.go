package watchdog_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"throughline/casework"
	"throughline/internal/watchdog"
	"throughline/referral"
)

// Temporal's database was wiped: every workflow is started from the record, once, and no letter goes out by it.
func TestMissingWorkflowsAreStarted(t *testing.T) {
	t.Parallel()
	o := open(t)
	var ids []uuid.UUID
	for range 5 {
		ids = append(ids, o.intake())
		o.tick(ids[len(ids)-1])
	}
	o.mailed()
	closed := o.intake()
	_, err := o.desk.Do(t.Context(), o.who, closed, casework.CommandInput{Do: referral.Withdraw, Reason: "moved"}, nil)
	require.NoError(t, err)
	letters := one[int](o, `SELECT count(*) FROM messages`)
	o.wall.Advance(2 * time.Minute)
	young := o.intake()
	o.temporal.change(func() { clear(o.temporal.running); o.temporal.calls = nil })
	o.run(o.dog())
	o.until("all are started", func() bool { return o.counted(referral.WorkflowMissing) == len(ids) })
	o.rounds(3)
	for _, id := range ids {
		assert.Equal(t, []string{"start"}, o.temporal.heard(id))
		assert.Equal(t, []string{"refer", "send", "mend workflow_missing w"}, o.told(id))
	}
	assert.Empty(t, o.temporal.heard(closed), "a closed referral has no workflow")
	assert.Empty(t, o.temporal.heard(young), "the outbox starts this one")
	assert.Equal(t, letters, one[int](o, `SELECT count(*) FROM messages`))
	assert.Equal(t, 1, one[int](o, `SELECT count(DISTINCT version) FROM timeline WHERE what = 'mend'`), "nothing was decided")
	o.silent()
}

// One workflow was ended by hand while lists still show it, and the number of workflows seems right.
func TestAListThatIsWrongHidesNothing(t *testing.T) {
	t.Parallel()
	o := open(t)
	id := o.intake()
	other := uuid.New()
	o.wall.Advance(2 * time.Minute)
	o.run(o.dog())
	o.rounds(1)
	o.temporal.change(func() {
		delete(o.temporal.running, id)
		o.temporal.running[other] = true
	})
	o.until("it is found all the same", func() bool { return o.counted(referral.WorkflowMissing) == 1 })
}

// A workflow that goes on for a referral that is closed, or that a restored record does not know, is told.
func TestWorkflowsWithoutAnOpenReferralAreTold(t *testing.T) {
	t.Parallel()
	o := open(t)
	closed, unknown := o.intake(), uuid.New()
	_, err := o.desk.Do(t.Context(), o.who, closed, casework.CommandInput{Do: referral.Withdraw, Reason: "moved"}, nil)
	require.NoError(t, err)
	o.wall.Advance(2 * time.Minute)
	o.temporal.change(func() {
		o.temporal.running[unknown] = true
		o.temporal.does = func(id uuid.UUID) { o.temporal.change(func() { delete(o.temporal.running, id) }) }
	})
	o.run(o.dog())
	o.until("both are told", func() bool { return o.counted(watchdog.WorkflowLeft) == 2 })
	o.rounds(15)
	assert.Equal(t, []string{"start", "changed"}, o.temporal.heard(closed))
	assert.Equal(t, []string{"changed"}, o.temporal.heard(unknown))
	assert.Equal(t, []string{"refer", "withdraw", "withdraw", "close"}, withoutOffers(o.told(closed)))
}

func withoutOffers(told []string) []string {
	if len(told) > 4 {
		return told[:4]
	}
	return told
}

// A workflow that can't go on is reported once, not each half minute, and what is due is done in its place.
func TestAFailingWorkflowIsReportedOnce(t *testing.T) {
	t.Parallel()
	o := open(t)
	id := o.intake()
	o.tick(id)
	o.mailed()
	o.wall.Advance(2 * time.Minute)
	o.temporal.change(func() { o.temporal.failing[id] = true })
	o.run(o.dog())
	o.until("it is seen", func() bool { return o.counted(referral.WorkflowFailing) == 1 })
	o.rounds(5)
	assert.Equal(t, []string{"refer", "send", "mend workflow_failing w"}, o.told(id))
	step, err := o.desk.Next(t.Context(), id, o.wall.Now())
	require.NoError(t, err)
	o.wall.Set(step.Due.Add(3 * time.Minute))
	o.until("the agency is reminded", func() bool { return o.counted(referral.StepOverdue) == 1 })
	o.rounds(5)
	assert.Equal(t, []string{"refer", "send", "mend workflow_failing w", "remind w", "mend step_overdue w"}, o.told(id))
	assert.Equal(t, 1, o.counted(referral.WorkflowFailing))
	o.temporal.change(func() { clear(o.temporal.failing) })
	o.rounds(15)
	o.temporal.change(func() { o.temporal.failing[id] = true })
	o.until("a new failure is a new report", func() bool { return o.counted(referral.WorkflowFailing) == 2 })
}

// What the rules say of a referral changes without a word to it, as with an agency's hours in a new directory.
func TestTheOutlookIsBroughtUpToDate(t *testing.T) {
	t.Parallel()
	o := open(t)
	id := o.intake()
	due := o.tick(id).Due
	o.exec(`UPDATE referrals SET step_due = step_due + interval '1 year', step = jsonb_set(step, '{due}', to_jsonb(now() + interval '1 year')) WHERE id = $1`, id)
	o.wall.Advance(2 * time.Minute)
	o.run(o.dog())
	o.until("the step is as it was", func() bool {
		return one[time.Time](o, `SELECT step_due FROM referrals WHERE id = $1`, id).Equal(due)
	})
}

func TestTemporalAwayIsSaidAndNoMore(t *testing.T) {
	t.Parallel()
	o := open(t)
	id := o.intake()
	o.wall.Advance(2 * time.Minute)
	o.temporal.change(func() { o.temporal.away = true; clear(o.temporal.running) })
	o.run(o.dog())
	o.until("it is said", func() bool { return strings.Contains(o.log.String(), "part=workflows class=temporal_unavailable") })
	o.rounds(3)
	assert.NotContains(t, o.told(id), "mend workflow_missing w")
	o.temporal.change(func() { o.temporal.away = false })
	o.until("it is started once Temporal is back", func() bool { return o.counted(referral.WorkflowMissing) == 1 })
	o.silent()
}

// The record goes away and comes back; the watch goes on.
func TestTheRecordIsOutOfReach(t *testing.T) {
	t.Parallel()
	o := open(t)
	id := o.intake()
	o.wall.Advance(2 * time.Minute)
	o.exec(`ALTER TABLE referrals RENAME TO elsewhere`)
	stop := o.run(o.dog())
	o.until("it is said", func() bool { return strings.Contains(o.log.String(), "part=steps") })
	o.exec(`ALTER TABLE elsewhere RENAME TO referrals`)
	o.temporal.change(func() { clear(o.temporal.running) })
	o.until("it goes on", func() bool { return o.counted(referral.WorkflowMissing) == 1 })
	begin := time.Now()
	stop()
	assert.Less(t, time.Since(begin), 5*time.Second)
	assert.Contains(t, o.temporal.heard(id), "start")
}
