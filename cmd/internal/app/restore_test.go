//go:build unix

package app_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"throughline/casework"
	"throughline/db"
	"throughline/internal/clock"
	"throughline/internal/seal/sealtest"
	"throughline/internal/watchdog"
	"throughline/mail/mailtest"
	"throughline/referral"
	"throughline/workflows"
)

// The drill of docs/runbook.md. "Ten minutes" are seconds here: the policy is that much faster.

// The record is restored from a backup that is older than the clock. What it would mail again is held and listed before
// anything starts; then record and clock come together by themselves.
func TestRestoreTheRecordFromBeforeTheClock(t *testing.T) {
	t.Parallel()
	o := build(t, "15s", "10m")
	silent, accepts, ends := o.refer(0, 1), o.refer(2), o.refer(3)
	o.until("three agencies are asked", func() bool {
		return one[int](o, `SELECT count(*) FROM messages WHERE letter = 'offer' AND state = 'accepted'`) == 3
	})
	o.provider.FailRate(1, 1, mailtest.RateLimited(time.Hour))
	waits := o.refer(4)
	o.until("a letter waits", func() bool {
		return one[int](o, `SELECT count(*) FROM messages WHERE state = 'pending' AND attempts > 0`) == 1
	})
	require.Zero(t, one[int](o, `SELECT count(*) FROM messages WHERE letter = 'reminder'`), "no agency is reminded yet")
	o.close()
	o.keep("throughline")

	o.provider.FailRate(0, 1, mailtest.RateLimited(time.Hour))
	o.start()
	o.exec(`UPDATE outbox SET available_at = now() WHERE done_at IS NULL`)
	o.answers(accepts, casework.ReplyInput{Do: referral.Accept})
	_, err := o.Desk.Do(t.Context(), o.who, ends, casework.CommandInput{Do: referral.Withdraw, Reason: "moved"}, nil)
	require.NoError(t, err)
	lost := o.refer(5)
	o.until("letters go out that the backup does not know", func() bool {
		return len(o.mailed(waits)) > 0 && len(o.mailed(lost)) > 0 && slices.ContainsFunc(o.told(silent), isReminder)
	})
	o.until("nothing waits to be told", func() bool { return one[int](o, `SELECT count(*) FROM outbox WHERE done_at IS NULL`) == 0 })
	o.close()
	o.bring("throughline")

	held := o.hold()
	for _, want := range []struct {
		id     uuid.UUID
		letter referral.Letter
	}{{waits, referral.OfferLetter}, {silent, referral.ReminderLetter}} {
		assert.True(t, slices.ContainsFunc(held, func(h casework.Held) bool {
			return h.Referral == want.id && h.Letter == want.letter && h.Agency != ""
		}), "%s is held: %+v", want.letter, held)
	}
	assert.False(t, slices.ContainsFunc(held, func(h casework.Held) bool { return h.Referral == lost }))

	o.start()
	o.exec(`UPDATE outbox SET available_at = now() WHERE done_at IS NULL`)
	o.aged()
	inspector := workflows.Inspector{Client: o.Temporal}
	o.until("the workflow of a referral that the record does not know ends", func() bool {
		open, _, err := inspector.Inspect(t.Context(), lost)
		return err == nil && !open
	})
	o.until("one that had ended begins again", func() bool {
		open, _, err := inspector.Inspect(t.Context(), ends)
		return err == nil && open
	})
	o.until("what waited is settled, and the silent agency's story goes on", func() bool {
		return slices.ContainsFunc(o.told(silent), isReminder) && one[int](o, `SELECT count(*) FROM messages WHERE state IN ('pending', 'claimed')`) == 0
	})
	o.clean()
	o.nothingTwice()
	for _, h := range held {
		assert.Positive(t, one[int](o, `SELECT count(*) FROM tasks WHERE offer_id = $1 AND kind = 'call_agency'`, h.Offer), "someone is asked to call")
		assert.Equal(t, "ambiguous restored", one[string](o, `SELECT state || ' ' || error_class FROM messages WHERE id = $1`, h.ID))
	}
	_, err = o.Desk.Do(t.Context(), o.who, accepts, casework.CommandInput{Do: referral.Accept, ToldBy: "Sam"}, nil)
	require.NoError(t, err, "what was lost is recorded anew")

	// The agency says on the phone that it has nothing: a person has the letter sent, and the record says why.
	again, had := o.held(held, waits), len(o.mailed(waits))
	_, err = o.Desk.Do(t.Context(), o.who, waits, casework.CommandInput{Do: referral.Resend, OfferID: again.Offer, Reason: "not_received"}, nil)
	require.NoError(t, err)
	o.until("it goes out", func() bool { return len(o.mailed(waits)) == had+1 })
	assert.Equal(t, 1, one[int](o, `SELECT count(*) FROM messages WHERE offer_id = $1 AND generation > 1 AND reason = 'not_received'`, again.Offer))
}

// held finds the offer's letter of a referral among those held.
func (o *town) held(list []casework.Held, id uuid.UUID) casework.Held {
	o.t.Helper()
	i := slices.IndexFunc(list, func(h casework.Held) bool { return h.Referral == id && h.Letter == referral.OfferLetter })
	require.GreaterOrEqual(o.t, i, 0)
	return list[i]
}

func isReminder(line string) bool { return strings.HasPrefix(line, "remind") }

// hold keeps back what a restored record would mail again.
func (o *town) hold() []casework.Held {
	o.t.Helper()
	pool, err := db.Open(o.t.Context(), o.stack.AppURL, db.Options{MaxOpen: 2, Application: "hold"})
	require.NoError(o.t, err)
	others, err := db.OtherSessions(o.t.Context(), pool, "hold")
	require.NoError(o.t, err)
	assert.Zero(o.t, others, "nothing else has started")
	d := casework.New(pool, clock.System{}, sealtest.Keyring(), nil)
	held, err := watchdog.HoldMail(o.t.Context(), d, time.Now())
	require.NoError(o.t, err)
	again, err := watchdog.HoldMail(o.t.Context(), d, time.Now().Add(-time.Minute))
	require.NoError(o.t, err)
	assert.Empty(o.t, again, "what is held is not held again")
	require.NoError(o.t, pool.Close())
	return held
}

// Temporal's databases are restored from a backup that is older than the record: nothing needs to be held, since the
// record knows what went out.
func TestRestoreTheClockFromBeforeTheRecord(t *testing.T) {
	t.Parallel()
	o := build(t, "5s", "15s")
	goesOn, ends := o.refer(0, 1), o.refer(2)
	o.until("both agencies are asked", func() bool { return len(o.mailed(goesOn)) > 0 && len(o.mailed(ends)) > 0 })
	o.close()
	require.NoError(t, o.stack.StopTemporal())
	o.keep("temporal")
	o.keep("temporal_visibility")
	require.NoError(t, o.stack.StartTemporal(t.Context()))
	o.start()
	_, err := o.Desk.Do(t.Context(), o.who, ends, casework.CommandInput{Do: referral.Withdraw, Reason: "moved"}, nil)
	require.NoError(t, err)
	later := o.refer(3, 4)
	o.until("a later agency is asked, and the first reminded", func() bool {
		return len(o.mailed(later)) > 0 && slices.ContainsFunc(o.told(goesOn), isReminder)
	})
	o.until("the withdrawal is told", func() bool { return len(o.mailed(ends)) == 2 })
	o.close()
	require.NoError(t, o.stack.StopTemporal())
	o.bring("temporal")
	o.bring("temporal_visibility")
	require.NoError(t, o.stack.StartTemporal(t.Context()))
	o.start()
	o.aged()
	o.exec(`UPDATE referrals SET closed_at = closed_at - interval '2 minutes' WHERE state = 'closed'`)
	inspector := workflows.Inspector{Client: o.Temporal}
	o.until("the later referral has a workflow, and the withdrawn one has none", func() bool {
		has, _, err := inspector.Inspect(t.Context(), later)
		ended, _, failed := inspector.Inspect(t.Context(), ends)
		return err == nil && failed == nil && has && !ended
	})
	o.until("the story goes on", func() bool { return len(o.mailed(goesOn)) >= 3 })
	o.clean()
	o.nothingTwice()
}
