package watchdog_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"throughline/internal/watchdog"
	"throughline/referral"
)

// overdue is a referral whose agency should have been reminded some time ago.
func (o *office) overdue(by time.Duration) uuid.UUID {
	o.t.Helper()
	id := o.intake()
	o.tick(id)
	o.mailed()
	step := o.tick(id)
	require.Equal(o.t, referral.Remind, step.Do)
	o.wall.Set(step.Due.Add(by))
	return id
}

// A clock that only missed a signal is told, and does its work itself.
func TestTheClockIsToldFirst(t *testing.T) {
	t.Parallel()
	o := open(t)
	id := o.overdue(3 * time.Minute)
	o.temporal.change(func() { o.temporal.does = func(id uuid.UUID) { o.tick(id) } })
	o.run(o.dog())
	o.until("the clock reminds the agency", func() bool { return slices.Contains(o.told(id), "remind") })
	o.rounds(3)
	assert.Equal(t, []string{"refer", "send", "remind"}, o.told(id))
	assert.Equal(t, []string{"start", "changed"}, o.temporal.heard(id))
	assert.Zero(t, o.counted(referral.StepOverdue))
}

// A clock that does not do what it is told has it done in its place, once, and is told of that too.
func TestWhatTheClockDoesNotDoIsDone(t *testing.T) {
	t.Parallel()
	o := open(t)
	id := o.overdue(3 * time.Minute)
	o.run(o.dog())
	o.until("the agency is reminded", func() bool { return o.counted(referral.StepOverdue) == 1 })
	o.rounds(3)
	assert.Equal(t, []string{"refer", "send", "remind w", "mend step_overdue w"}, o.told(id))
	assert.Equal(t, []string{"start", "changed"}, o.temporal.heard(id), "told once, before")
	assert.Equal(t, 1, one[int](o, `SELECT count(*) FROM messages WHERE letter = 'reminder'`))
	assert.Equal(t, 1, one[int](o, `SELECT count(*) FROM outbox WHERE kind = 'changed' AND done_at IS NULL`), "and after")
	o.silent()
}

// A clock that is far behind, as after an outage, is not told of each step besides: they are done in its place at once.
func TestAClockThatIsBehindIsHelped(t *testing.T) {
	t.Parallel()
	o := open(t)
	ids := make([]uuid.UUID, 100)
	for i := range ids {
		ids[i] = o.intake()
		o.tick(ids[i])
	}
	o.mailed()
	var due time.Time
	for _, id := range ids {
		due = o.tick(id).Due
	}
	o.wall.Set(due.Add(3 * time.Minute))
	o.run(o.dog())
	o.until("every agency is reminded", func() bool { return o.counted(referral.StepOverdue) == len(ids) })
	for _, id := range ids {
		assert.Equal(t, []string{"start"}, o.temporal.heard(id))
	}
}

// Half of its grace a step is the clock's alone.
func TestAStepThatIsALittleLateIsTheClocks(t *testing.T) {
	t.Parallel()
	o := open(t)
	id := o.overdue(2 * time.Minute)
	o.run(o.dog())
	o.rounds(5)
	assert.Equal(t, []string{"start"}, o.temporal.heard(id))
	o.wall.Advance(time.Minute)
	o.until("then it is told", func() bool { return len(o.temporal.heard(id)) == 2 })
}

// With Temporal away for days the story goes on: reminders, escalation, the next agency's turn, and nothing twice.
func TestTheStoryGoesOnWithoutTemporal(t *testing.T) {
	t.Parallel()
	o := open(t)
	id := o.overdue(3 * time.Minute)
	o.temporal.change(func() { o.temporal.away = true })
	first, second := o.dog(), o.dog()
	o.run(first)
	o.run(second)
	for day := 0; !slices.Contains(o.told(id), "lapse w"); day++ {
		require.Less(t, day, 14, "%v", o.told(id))
		o.rounds(2)
		o.mailed()
		o.wall.Advance(12 * time.Hour)
	}
	o.until("the next agency is asked", func() bool {
		return one[int](o, `SELECT count(*) FROM offers WHERE state = 'sent'`) == 1
	})
	var did []string
	for _, line := range o.told(id) {
		if line != "mend step_overdue w" {
			did = append(did, line)
		}
	}
	assert.Equal(t, []string{"refer", "send", "remind w", "escalate w", "raise_task w"}, did[:5])
	assert.Zero(t, one[int](o, `SELECT count(*) FROM (SELECT FROM messages GROUP BY offer_id, letter HAVING count(*) > 1) twice`), "%v", did)
	findings, err := o.desk.Check(t.Context(), nil)
	require.NoError(t, err)
	for _, f := range findings {
		assert.Empty(t, f.Violations, "%s %s", f.Invariant, f.Says)
	}
}

// What the watchdog can't do either is a coordinator's, who is asked once.
func TestAStepThatCantBeCarriedOut(t *testing.T) {
	t.Parallel()
	o := open(t)
	id := o.overdue(3 * time.Minute)
	fine := o.overdue(time.Minute)
	o.temporal.change(func() { o.temporal.away = true })
	o.exec(`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = 'TL001'; END $$`)
	o.exec(`CREATE TRIGGER refuse BEFORE INSERT ON messages FOR EACH ROW WHEN (NEW.letter = 'reminder' AND NEW.referral_id = '` + id.String() + `')
		EXECUTE FUNCTION refuse()`)
	o.wall.Advance(3 * time.Minute)
	o.run(o.dog())
	o.until("a coordinator is asked", func() bool { return o.counted(referral.StepStuck) == 1 })
	o.rounds(5)
	assert.Equal(t, []string{"refer", "send", "raise_task w", "mend step_stuck w"}, o.told(id))
	assert.Equal(t, "take_over coordinator open", one[string](o, `SELECT kind || ' ' || role || ' ' || state FROM tasks WHERE referral_id = $1`, id))
	assert.Equal(t, []string{"refer", "send", "remind w", "mend step_overdue w"}, o.told(fine), "another is not held up")
	assert.Contains(t, o.log.String(), "class=conflict")
	o.wall.Advance(6 * time.Minute)
	o.until("it is tried again after a while", func() bool { return o.counted(referral.StepStuck) > 1 })
	assert.Equal(t, 1, one[int](o, `SELECT count(*) FROM tasks WHERE referral_id = $1`, id))
	o.exec(`DROP TRIGGER refuse ON messages`)
	o.wall.Advance(6 * time.Minute)
	o.until("once it can be done it is", func() bool { return slices.Contains(o.told(id), "remind w") })
	o.silent()
}

func TestEveryKindIsListed(t *testing.T) {
	t.Parallel()
	assert.Len(t, watchdog.Kinds(), 4+len(referral.Lefts))
}
