package watchdog_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"throughline/casework"
	"throughline/db"
	"throughline/internal/watchdog"
	"throughline/referral"
)

// waiting is a letter that waits to go out, with its referral.
func (o *office) waiting() (id, letter uuid.UUID) {
	o.t.Helper()
	id = o.intake()
	o.tick(id)
	return id, one[uuid.UUID](o, `SELECT id FROM messages WHERE referral_id = $1`, id)
}

func (o *office) state(letter uuid.UUID) string {
	return one[string](o, `SELECT state || ' ' || error_class FROM messages WHERE id = $1`, letter)
}

// The process died while it mailed, and its row of the outbox is gone: nobody knows whether the letter went out.
func TestAnAttemptThatNeverEnded(t *testing.T) {
	t.Parallel()
	o := open(t)
	id, letter := o.waiting()
	held, busy := o.waiting()
	for _, l := range []uuid.UUID{letter, busy} {
		_, ok, err := o.desk.TakeLetter(t.Context(), l, "test")
		require.NoError(t, err)
		require.True(t, ok)
	}
	o.exec(`UPDATE outbox SET done_at = now() WHERE message_id = $1`, letter)
	o.exec(`UPDATE outbox SET done_at = NULL, available_at = now() + interval '1 minute' WHERE message_id = $1`, busy)
	o.run(o.dog())
	o.rounds(2)
	assert.Equal(t, "claimed ", o.state(letter), "it may still be under way")
	o.wall.Advance(2*time.Minute + time.Second)
	o.until("it is settled", func() bool { return o.state(letter) == "ambiguous interrupted" })
	o.rounds(2)
	assert.Equal(t, "claimed ", o.state(busy), "a dispatcher is at work on it")
	assert.Equal(t, []string{"refer", "send", "undelivered w", "mend letter_silent w"}, o.told(id))
	assert.NotContains(t, o.told(held), "mend letter_silent w")
	assert.Equal(t, 1, o.counted(referral.LetterSilent))
	_, ok, err := o.desk.TakeLetter(t.Context(), letter, "test")
	require.NoError(t, err)
	assert.False(t, ok, "it is never sent again in silence")
	o.wall.Advance(20 * time.Minute)
	o.until("someone is asked to call", func() bool {
		return one[int](o, `SELECT count(*) FROM tasks WHERE referral_id = $1 AND kind = 'call_agency'`, id) == 1
	})
	o.silent()
}

// A failure that nobody was asked to see to, as when an operator sets a letter's state by hand.
func TestAFailedLetterThatNobodySawTo(t *testing.T) {
	t.Parallel()
	o := open(t)
	id, letter := o.waiting()
	o.mailed()
	_, err := o.desk.Do(t.Context(), o.who, id, casework.CommandInput{Do: referral.Withdraw, Reason: "moved"}, nil)
	require.NoError(t, err)
	notice := one[uuid.UUID](o, `SELECT id FROM messages WHERE letter = 'withdrawn'`)
	o.mailed()
	o.exec(`UPDATE messages SET state = 'ambiguous', attempted_at = $2, settled_at = NULL WHERE id = $1`, notice, monday)
	o.wall.Advance(10 * time.Minute)
	o.run(o.dog())
	o.rounds(2)
	assert.Zero(t, one[int](o, `SELECT count(*) FROM tasks`), "the provider may still say")
	o.wall.Advance(6 * time.Minute)
	o.until("someone is asked to call", func() bool { return one[int](o, `SELECT count(*) FROM tasks WHERE kind = 'call_agency'`) == 1 })
	o.rounds(3)
	assert.Equal(t, 1, o.counted(referral.LetterLeft))
	assert.Equal(t, "accepted ", o.state(letter))
	told := o.told(id)
	assert.Equal(t, []string{"undelivered w", "raise_task w", "mend letter_left w"}, told[len(told)-3:])
}

// A letter without a row in the outbox would never go out.
func TestALetterThatNothingPromises(t *testing.T) {
	t.Parallel()
	o := open(t)
	id, letter := o.waiting()
	o.exec(`DELETE FROM outbox WHERE message_id = $1`, letter)
	o.run(o.dog())
	o.rounds(2)
	assert.Zero(t, o.counted(referral.LetterLost))
	o.wall.Advance(3 * time.Minute)
	o.until("it is promised again", func() bool { return o.counted(referral.LetterLost) == 1 })
	o.rounds(3)
	assert.Equal(t, 1, one[int](o, `SELECT count(*) FROM outbox WHERE message_id = $1`, letter))
	assert.Equal(t, []string{"refer", "send", "mend letter_lost w"}, o.told(id))
}

// The database's clock was an hour ahead when a row was put back: it would be told an hour late.
func TestAPromiseThatWasPutOffTooFar(t *testing.T) {
	t.Parallel()
	o := open(t)
	id, letter := o.waiting()
	o.exec(`UPDATE outbox SET done_at = NULL, available_at = now() + interval '1 hour', attempts = 7, last_error = 'failed' WHERE referral_id = $1`, id)
	o.run(o.dog())
	o.until("it is due", func() bool { return o.counted(watchdog.PromisePutOff) == 1 })
	o.rounds(2)
	rows, err := db.LeaseOutbox(t.Context(), o.db, 10, time.Minute)
	require.NoError(t, err)
	require.Len(t, rows, 1)
	assert.Equal(t, db.OutboxStart, rows[0].Kind)
	assert.Positive(t, one[float64](o, `SELECT extract(epoch FROM available_at - now()) FROM outbox WHERE message_id = $1`, letter),
		"a mail provider may ask for a pause of an hour")
	assert.Positive(t, o.counted(watchdog.PromiseFailing))
	assert.Contains(t, o.log.String(), "class=failed")
}
