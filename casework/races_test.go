package casework_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"throughline/casework"
	"throughline/referral"
)

// atOnce runs n calls of each kind together and gives what each said.
func atOnce(n int, calls map[string]func(i int) error) map[string][]error {
	var mu sync.Mutex
	var all sync.WaitGroup
	begin := make(chan struct{})
	said := map[string][]error{}
	for name, call := range calls {
		for i := range n {
			all.Go(func() {
				<-begin
				err := call(i)
				mu.Lock()
				defer mu.Unlock()
				said[name] = append(said[name], err)
			})
		}
	}
	close(begin)
	all.Wait()
	return said
}

// oneLine requires that what happened to a referral is one line of versions without gaps, and that the moves of each
// offer follow from one another.
func (r *room) oneLine(id uuid.UUID) {
	r.t.Helper()
	versions := all[int](r, `SELECT DISTINCT version FROM timeline WHERE referral_id = $1 ORDER BY 1`, id)
	for i, v := range versions {
		require.Equal(r.t, i+1, v, "versions of the timeline: %v", versions)
	}
	require.Equal(r.t, len(versions), one[int](r, `SELECT version FROM referrals WHERE id = $1`, id))
	require.Zero(r.t, one[int](r, `SELECT count(*) FROM (SELECT 1 FROM timeline WHERE referral_id = $1 AND `+decided+`
		GROUP BY version HAVING count(DISTINCT (actor_role, coalesce(actor_id::text, ''), CASE WHEN via <> 'link' THEN actor_name END, via)) > 1) x`, id), "one hand made each version")
	require.Zero(r.t, one[int](r, `SELECT count(*) FROM (
		SELECT from_state, lag(to_state) OVER (PARTITION BY offer_id ORDER BY id) AS before FROM timeline
		WHERE referral_id = $1 AND offer_id IS NOT NULL AND to_state <> '' AND what <> 'add_offer') x
		WHERE before IS NOT NULL AND from_state <> before`, id), "each move begins where the last one ended")
}

// Each of many attempts counts, though all of them began together.
func TestNoAttemptIsLost(t *testing.T) {
	t.Parallel()
	r := open(t)
	s := r.at(referral.Accepted)
	const n = 50
	said := atOnce(n, map[string]func(int) error{"contact": func(int) error {
		_, err := r.Do(context.Background(), r.navigator, s.ReferralID, casework.CommandInput{Do: referral.Contact, ToldBy: "Sam"}, nil)
		return err
	}})
	for _, err := range said["contact"] {
		require.NoError(t, err)
	}
	assert.Equal(t, n, r.referral(s.ReferralID).Offers[0].Attempts)
	r.oneLine(s.ReferralID)
}

// The first of two who name a version has it; the other is told that it is stale.
func TestOneOfManyHasTheVersion(t *testing.T) {
	t.Parallel()
	r := open(t)
	s := r.at(referral.Accepted)
	version := r.referral(s.ReferralID).Version
	said := atOnce(20, map[string]func(int) error{"contact": func(int) error {
		in := casework.CommandInput{Do: referral.Contact, ToldBy: "Sam", IfVersion: version}
		_, err := r.Do(context.Background(), r.navigator, s.ReferralID, in, nil)
		return err
	}})
	won := 0
	for _, err := range said["contact"] {
		if err == nil {
			won++
			continue
		}
		refused(t, err, referral.CodeStale, "")
	}
	assert.Equal(t, 1, won)
}

// Two agencies on waitlists can both have a place at the same moment: the client is called by one of them.
func TestOnlyOneAgencyHasTheClient(t *testing.T) {
	t.Parallel()
	r := open(t)
	for range 10 {
		in, first := r.sent(r.services...)
		r.replied(first, referral.Waitlist)
		r.tick(in.ReferralID)
		second := r.letter(in.ReferralID, referral.OfferLetter)
		r.replied(second, referral.Waitlist)
		tokens := []string{first, second}
		said := atOnce(10, map[string]func(int) error{"accept": func(i int) error {
			err := r.Reply(context.Background(), tokens[i%2], casework.ReplyInput{Do: referral.Accept, Name: "Sam"})
			return err
		}})
		won := 0
		for _, err := range said["accept"] {
			if err == nil {
				won++
			} else {
				require.Equal(t, "accepted", refused(t, err, referral.CodeConflict, "").Outcome)
			}
		}
		require.Equal(t, 5, won)
		require.Equal(t, 1, one[int](r, `SELECT count(*) FROM offers WHERE referral_id = $1 AND state = 'accepted'`, in.ReferralID))
		r.oneLine(in.ReferralID)
	}
}

// A place on a waitlist can come free while another agency is being asked: it is called off, and the checker knows that
// the first agency's yes may do that.
func TestAPlaceComesFreeWhileAnotherIsAsked(t *testing.T) {
	t.Parallel()
	r := open(t)
	for name, yes := range map[string]func(in casework.Intake, token string){
		"by its link": func(_ casework.Intake, token string) { r.replied(token, referral.Accept) },
		"on the phone": func(in casework.Intake, _ string) {
			c := said(referral.Accept)
			c.OfferID = r.referral(in.ReferralID).Offers[0].ID
			r.do(in.ReferralID, c)
		},
	} {
		in, token := r.sent(r.services...)
		r.replied(token, referral.Waitlist)
		r.tick(in.ReferralID)
		require.Equal(t, referral.Sent, r.referral(in.ReferralID).Offers[1].State)
		yes(in, token)
		assert.Equal(t, referral.Withdrawn, r.referral(in.ReferralID).Offers[1].State, name)
	}
	r.holds()
}

// The clock's step is carried out once, however many workers carry it out.
func TestTheClockRunsAStepOnce(t *testing.T) {
	t.Parallel()
	r := open(t)
	s := r.at(referral.Sent)
	step := r.until(s.ReferralID, referral.Remind)
	said := atOnce(20, map[string]func(int) error{"remind": func(int) error {
		after, err := r.Run(context.Background(), s.ReferralID, step, r.clock.Now())
		if err == nil && after.Same(step) {
			return errors.New("the step is still next")
		}
		return err
	}})
	for _, err := range said["remind"] {
		require.NoError(t, err)
	}
	assert.Equal(t, 1, one[int](r, `SELECT count(*) FROM messages WHERE offer_id = $1 AND letter = 'reminder'`, s.offer))
	r.oneLine(s.ReferralID)
}

// The clock does not run a step before its time, whoever asks.
func TestTheClockIsNotEarly(t *testing.T) {
	t.Parallel()
	r := open(t)
	s := r.at(referral.Sent)
	step := r.tick(s.ReferralID)
	before := r.contents()
	early := step
	early.Due = monday
	after, err := r.Run(t.Context(), s.ReferralID, early, r.clock.Now())
	require.NoError(t, err)
	assert.Equal(t, step, after)
	assert.Equal(t, before, r.contents())
	after, err = r.Run(t.Context(), s.ReferralID, step, step.Due.Add(time.Second))
	require.NoError(t, err)
	assert.NotEqual(t, referral.Remind, after.Do, "a workflow whose time is skipped sees its own future")
}

// A change has the time at which its turn came, not the one at which it began to wait: the timeline never goes back.
func TestAChangeHasTheTimeOfItsTurn(t *testing.T) {
	t.Parallel()
	r := open(t)
	s := r.at(referral.Accepted)
	contact := func() {
		_, err := r.Do(context.Background(), r.navigator, s.ReferralID, said(referral.Contact), nil)
		assert.NoError(t, err)
	}
	r.behind(s, contact, func() { r.clock.Advance(time.Hour); contact() })
	assert.Equal(t, []time.Time{monday.Add(time.Hour), monday.Add(time.Hour)}, all[time.Time](r, `SELECT at FROM timeline WHERE referral_id = $1
		AND what = 'contact' ORDER BY id`, s.ReferralID))
	r.oneLine(s.ReferralID)
}
