package casework_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"throughline/casework"
	"throughline/db"
	"throughline/referral"
)

func TestANoticeBounces(t *testing.T) {
	t.Parallel()
	r := reported(t)
	for name, c := range map[string]struct {
		do     func(*room, scene)
		letter referral.Letter
	}{
		"receipt of a yes": {func(r *room, s scene) { r.replied(s.token, referral.Accept) }, referral.ReceiptLetter},
		"receipt of a no":  {func(r *room, s scene) { r.replied(s.token, referral.Decline) }, referral.ReceiptLetter},
		"notice of withdrawal": {func(r *room, s scene) {
			r.do(s.ReferralID, casework.CommandInput{Do: referral.Withdraw, Reason: "moved"})
		}, referral.WithdrawnLetter},
	} {
		for _, word := range []referral.MailWord{referral.WordBounce, referral.WordDelivered, referral.WordDeferred} {
			t.Run(name+", "+string(word), func(t *testing.T) {
				r := r.in(t)
				s := r.at(referral.Sent)
				c.do(r, s)
				id := r.pending(s.ReferralID, c.letter)
				r.take(id)
				r.settle(id, casework.Settled{State: db.MessageAccepted})
				r.hear(r.event(id, word))
				if word != referral.WordBounce {
					assert.Empty(t, r.holding(s.ReferralID, referral.CallAgency))
					return
				}
				calls := r.holding(s.ReferralID, referral.CallAgency)
				require.Len(t, calls, 1)
				assert.Equal(t, "mail_undelivered", calls[0].Cause)
				r.oneLine(s.ReferralID)
			})
		}
	}
}

// No step waits for a notice, so the clock does not see that nothing is heard of it.
func TestANoticeThatNothingIsHeardOfBecomesACall(t *testing.T) {
	t.Parallel()
	called := func(r *room) int {
		n, err := r.CallAboutNotices(context.Background())
		require.NoError(r.t, err)
		return n
	}
	for name, c := range map[string]struct {
		word  referral.MailWord
		after time.Duration // 0: never
	}{
		"silence": {"", 24 * time.Hour}, "put off": {referral.WordDeferred, 4 * time.Hour}, "on its way": {referral.WordProcessed, 24 * time.Hour},
		"delivered": {referral.WordDelivered, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := reported(t)
			s := r.at(referral.Sent)
			r.replied(s.token, referral.Decline)
			letter := r.pending(s.ReferralID, referral.ReceiptLetter)
			r.take(letter)
			r.settle(letter, casework.Settled{State: db.MessageAccepted})
			if c.word != "" {
				r.hear(r.event(letter, c.word))
			}
			if c.after == 0 {
				r.clock.Advance(100 * time.Hour)
				assert.Zero(t, called(r))
				return
			}
			r.clock.Advance(c.after - time.Second)
			assert.Zero(t, called(r))
			r.clock.Advance(time.Second)
			assert.Equal(t, 1, called(r))
			assert.Zero(t, called(r), "once")
			calls := r.holding(s.ReferralID, referral.CallAgency)
			require.Len(t, calls, 1)
			assert.Equal(t, "mail_undelivered", calls[0].Cause)
			assert.Equal(t, "unheard", one[string](r, `SELECT code FROM timeline WHERE what = 'undelivered'`))
			r.oneLine(s.ReferralID)
		})
	}
}

// Every process looks for such letters; one of them has someone call.
func TestManyLookForNoticesAtOnce(t *testing.T) {
	t.Parallel()
	r := reported(t)
	const letters = 6
	for range letters {
		s := r.at(referral.Sent)
		r.replied(s.token, referral.Decline)
		letter := r.pending(s.ReferralID, referral.ReceiptLetter)
		r.take(letter)
		r.settle(letter, casework.Settled{State: db.MessageAccepted})
	}
	r.clock.Advance(25 * time.Hour)
	for _, err := range atOnce(8, map[string]func(int) error{"look": func(int) error {
		_, err := r.CallAboutNotices(context.Background())
		return err
	}})["look"] {
		require.NoError(t, err)
	}
	assert.Equal(t, letters, one[int](r, `SELECT count(*) FROM timeline WHERE what = 'undelivered'`))
}
