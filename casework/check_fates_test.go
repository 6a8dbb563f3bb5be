package casework_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"throughline/casework"
	"throughline/db"
	"throughline/referral"
)

// unanswered lists the letters that the checker misses a call about.
func (r *room) unanswered() map[uuid.UUID]string {
	r.t.Helper()
	findings, err := r.Check(context.Background(), nil)
	require.NoError(r.t, err)
	found := map[uuid.UUID]string{}
	for _, f := range findings {
		for _, v := range f.Violations {
			if f.Invariant == "I8" {
				found[v.ID] = v.What
			}
		}
	}
	return found
}

// The checker sees each letter that came back, is put off or goes unheard without anyone asked to call, and is content
// once someone was.
func TestTheCheckerSeesLettersWithoutACall(t *testing.T) {
	t.Parallel()
	r := reported(t)
	brisk := referral.Standard()
	brisk.Routine.Deferred, brisk.Routine.Unheard = referral.Wait{N: 1, Unit: "h"}, referral.Wait{N: 90, Unit: "m"}
	for name, c := range map[string]struct {
		word  referral.MailWord
		after time.Duration // with the standard policy
		brisk time.Duration // with another
		says  string
	}{
		"came back": {referral.WordBounce, 5 * time.Minute, 5 * time.Minute, "a letter that came back, without a task"},
		"put off":   {referral.WordDeferred, 4*time.Hour + 5*time.Minute, 65 * time.Minute, "a letter deferred for too long, without a task"},
		"unheard":   {"", 24*time.Hour + 5*time.Minute, 95 * time.Minute, "a letter unheard for too long, without a task"},
	} {
		for _, other := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				r := reported(t)
				wait := c.after
				if other {
					wait = c.brisk
					require.NoError(t, r.SetPolicy(t.Context(), r.coordinator, brisk))
				}
				id, letter := r.handed()
				if c.word != "" {
					r.hear(r.event(letter, c.word))
				}
				r.clock.Advance(wait - time.Second)
				assert.NotContains(t, r.unanswered(), letter)
				r.clock.Advance(2 * time.Second)
				assert.Equal(t, c.says, r.unanswered()[letter])
				if r.tick(id).Cause == "mail_pending" { // the reminder that was due as well
					r.letter(id, referral.ReminderLetter)
					r.tick(id)
				}
				assert.NotContains(t, r.unanswered(), letter, "the clock has someone call")
				r.exec(`DELETE FROM tasks`)
				assert.Contains(t, r.unanswered(), letter, "a record damaged by hand")
			})
		}
	}
	t.Run("a later letter arrived", func(t *testing.T) {
		id, letter := r.handed()
		r.clock.Advance(time.Hour)
		r.do(id, casework.CommandInput{Do: referral.Resend, Reason: "mislaid"})
		second := r.pending(id, referral.OfferLetter)
		r.take(second)
		r.settle(second, casework.Settled{State: db.MessageAccepted})
		r.hear(r.event(second, referral.WordDelivered))
		r.clock.Advance(30 * time.Hour)
		assert.NotContains(t, r.unanswered(), letter)
	})
	t.Run("a notice", func(t *testing.T) {
		r := reported(t)
		s := r.at(referral.Sent)
		r.hear(r.event(one[uuid.UUID](r, `SELECT id FROM messages`), referral.WordDelivered))
		r.replied(s.token, referral.Decline)
		receipt := r.pending(s.ReferralID, referral.ReceiptLetter)
		r.take(receipt)
		r.settle(receipt, casework.Settled{State: db.MessageAccepted})
		r.clock.Advance(25 * time.Hour)
		assert.Contains(t, r.unanswered(), receipt)
		_, err := r.CallAboutNotices(t.Context())
		require.NoError(t, err)
		assert.Empty(t, r.unanswered())

		// A call that had begun before counts when it went on until nothing was heard for too long.
		const ended = `UPDATE tasks SET state = 'done', created_at = m.settled_at - interval '1 hour', done_at = m.settled_at + $1::interval
			FROM messages m WHERE m.letter = 'receipt'`
		r.exec(ended, "23 hours")
		assert.Contains(t, r.unanswered(), receipt)
		r.exec(ended, "25 hours")
		assert.Empty(t, r.unanswered())
	})
}
