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

// lost is a referral of whose letter nobody knows whether it went out, and which someone is to call about.
func (r *room) lost() (id, letter uuid.UUID) {
	r.t.Helper()
	in, letter := r.offered()
	r.take(letter)
	r.settle(letter, casework.Settled{State: db.MessageAmbiguous, Class: "timeout"})
	r.clock.Advance(15 * time.Minute)
	r.tick(in.ReferralID)
	require.Len(r.t, r.holding(in.ReferralID, referral.CallAgency), 1)
	return in.ReferralID, letter
}

func TestAPersonSettlesALetter(t *testing.T) {
	t.Parallel()
	r := open(t)
	id, letter := r.lost()
	arrived := casework.CommandInput{Do: referral.Arrived, Note: "They read it to me."}
	var after casework.Referral
	w := r.watch(id, func() { after = r.do(id, arrived) })
	assert.Equal(t, written{Events: []string{"arrived"}, Letters: []string{}, Outbox: []string{"changed"}, Audit: []string{"arrived referral"}}, w)
	assert.Equal(t, referral.MailDelivered, after.Offers[0].Mail)
	assert.Equal(t, "accepted timeout", r.message(letter))
	assert.Equal(t, "arrived", one[string](r, `SELECT final FROM messages WHERE id = $1`, letter))
	assert.Empty(t, r.holding(id, referral.CallAgency))
	assert.Equal(t, "They read it to me.", after.Tasks[0].Result, "the call is done, and says how")
	assert.Equal(t, after.Version, r.do(id, arrived).Version, "said twice is said once")
	r.settle(letter, casework.Settled{State: db.MessageRejected, Class: "bounced_5xx"})
	assert.Equal(t, referral.MailDelivered, r.mail(id), "a person knows better than an answer that came late")
	r.oneLine(id)
}

func TestALetterIsSentAgainWithAReason(t *testing.T) {
	t.Parallel()
	r := open(t)
	id, first := r.lost()
	r.exec(`UPDATE services SET email = 'right@pantry.example' WHERE id = $1`, r.services[0])
	again := casework.CommandInput{Do: referral.Resend, Reason: "address_corrected", Note: "canary"}
	w := r.watch(id, func() { r.do(id, again) })
	assert.Equal(t, written{Events: []string{"resend"}, Letters: []string{"offer"}, Outbox: []string{"changed", "deliver"}, Audit: []string{"resend referral"}}, w)
	second := r.pending(id, referral.OfferLetter)
	assert.Equal(t, "offer right@pantry.example 2 address_corrected",
		one[string](r, `SELECT letter || ' ' || recipient || ' ' || generation || ' ' || reason FROM messages WHERE id = $1`, second))
	assert.Equal(t, one[string](r, `SELECT step_key FROM messages WHERE id = $1`, first), one[string](r, `SELECT step_key FROM messages WHERE id = $1`, second))
	assert.Equal(t, referral.MailPending, r.mail(id))
	assert.Empty(t, r.holding(id, referral.CallAgency), "the call is done")

	_, err := r.Do(t.Context(), r.navigator, id, again, nil)
	assert.Equal(t, "pending", refused(t, err, referral.CodeConflict, "").Outcome, "what has not gone out yet is not sent again")
	out := r.take(second)
	assert.Equal(t, "right@pantry.example", out.Recipient)
	assert.NotEmpty(t, out.Token)
	assert.WithinDuration(t, r.clock.Now().AddDate(0, 0, 4), out.ReplyBy, time.Hour, "the agency has its whole time")
	r.settle(second, casework.Settled{State: db.MessageAccepted})

	again.Reason = "mislaid"
	r.do(id, again)
	assert.Equal(t, 3, one[int](r, `SELECT max(generation) FROM messages WHERE referral_id = $1`, id))
	r.oneLine(id)
}

// A letter that bounced is sent again: a new letter, and the fate of the old one is its own.
func TestABouncedLetterIsSentAgain(t *testing.T) {
	t.Parallel()
	r := reported(t)
	id, first := r.handed()
	r.hear(r.event(first, referral.WordBounce))
	r.tick(id)
	r.clock.Advance(time.Hour)
	r.do(id, casework.CommandInput{Do: referral.Resend, Reason: "not_received"})
	second := r.pending(id, referral.OfferLetter)
	r.take(second)
	r.settle(second, casework.Settled{State: db.MessageAccepted})
	r.hear(r.event(first, referral.WordSpamReport), r.event(second, referral.WordDelivered))
	assert.Equal(t, referral.MailDelivered, r.mail(id))
	assert.Empty(t, r.holding(id, referral.CallAgency))
	r.clock.Advance(time.Minute)
	r.hear(r.event(second, referral.WordUnsubscribe))
	r.tick(id)
	assert.Len(t, r.holding(id, referral.CallAgency), 1, "it failed again: that is another call")
}

// What is asked of an agency that has said yes is asked again; for anything else it gets a link to its page.
func TestWhatIsSentAgainLater(t *testing.T) {
	t.Parallel()
	r := open(t)
	s := r.at(referral.Accepted)
	r.do(s.ReferralID, casework.CommandInput{Do: referral.Resend, OfferID: s.offer, Reason: "mislaid"})
	link := r.take(r.pending(s.ReferralID, referral.NewLinkLetter))
	assert.Equal(t, "2 mislaid", one[string](r, `SELECT generation || ' ' || reason FROM messages WHERE id = $1`, link.ID))
	r.settle(link.ID, casework.Settled{State: db.MessageAccepted})
	page, err := r.OpenLink(t.Context(), link.Token)
	require.NoError(t, err)
	assert.Equal(t, referral.Accepted, page.State)

	r.until(s.ReferralID, referral.AskAgency)
	r.tick(s.ReferralID)
	r.letter(s.ReferralID, referral.AskLetter)
	r.do(s.ReferralID, casework.CommandInput{Do: referral.Resend, Reason: "other"})
	r.take(r.pending(s.ReferralID, referral.AskLetter))
}

func TestWhoMaySendAgainAndWhen(t *testing.T) {
	t.Parallel()
	r := open(t)
	stranger := r.person(r.helpline("Lakehead 211"), "Sam", referral.Coordinator)
	for _, do := range []referral.Name{referral.Arrived, referral.Resend} {
		in := casework.CommandInput{Do: do, Reason: "not_received"}
		for state, outcome := range map[referral.OfferState]string{"draft": "draft", referral.Queued: "queued", referral.Declined: "declined",
			referral.OutcomeReported: "outcome_reported"} {
			s := r.at(state)
			in.OfferID = s.offer
			r.watchNothing(func() {
				_, err := r.Do(t.Context(), r.navigator, s.ReferralID, in, nil)
				assert.Equal(t, outcome, refused(t, err, referral.CodeConflict, "").Outcome, "%s while %s", do, state)
			})
		}
		id, _ := r.lost()
		in.OfferID = uuid.Nil
		_, err := r.Do(t.Context(), stranger, id, in, nil)
		refused(t, err, referral.CodeNotFound, "")
		_, err = r.Do(t.Context(), casework.ClockActor(r.organisation), id, in, nil)
		refused(t, err, referral.CodeForbidden, "")
		in.For = referral.Client
		_, err = r.Do(t.Context(), r.navigator, id, in, nil)
		refused(t, err, referral.CodeForbidden, "")
		_, err = r.Do(t.Context(), r.coordinator, id, casework.CommandInput{Do: do, Reason: "not_received"}, nil)
		require.NoError(t, err)
	}
	id, _ := r.lost()
	_, err := r.Do(t.Context(), r.navigator, id, casework.CommandInput{Do: referral.Resend}, nil)
	refused(t, err, referral.CodeInvalid, "reason")
}

// Two people, or one who clicks twice, send one letter again.
func TestSentAgainOnce(t *testing.T) {
	t.Parallel()
	r := open(t)
	id, _ := r.lost()
	in := casework.CommandInput{Do: referral.Resend, Reason: "not_received"}
	said := atOnce(20, map[string]func(int) error{"resend": func(int) error {
		_, err := r.Do(context.Background(), r.navigator, id, in, nil)
		return err
	}})
	won := 0
	for _, err := range said["resend"] {
		if err == nil {
			won++
			continue
		}
		refused(t, err, referral.CodeConflict, "")
	}
	assert.Equal(t, 1, won)
	assert.Equal(t, 2, one[int](r, `SELECT count(*) FROM messages WHERE referral_id = $1`, id))
}

// The provider's word, the sender's late answer and people meet on one letter: nothing is lost, and nothing goes out twice
// without a reason.
func TestEverybodySettlesALetterAtOnce(t *testing.T) {
	t.Parallel()
	r := reported(t)
	for range 5 {
		id, letter := r.lost()
		ctx := context.Background()
		said := atOnce(4, map[string]func(int) error{
			"delivered": func(int) error {
				_, err := r.Hear(ctx, []casework.ProviderEvent{r.event(letter, referral.WordDelivered)})
				return err
			},
			"bounced": func(int) error {
				_, err := r.Hear(ctx, []casework.ProviderEvent{r.event(letter, referral.WordBounce)})
				return err
			},
			"applied": func(int) error { return r.ApplyEvents(ctx, letter) },
			"settled": func(int) error {
				return r.SettleLetter(ctx, letter, casework.Settled{State: db.MessageAccepted, ProviderID: "late"})
			},
			"arrived": func(int) error {
				_, err := r.Do(ctx, r.navigator, id, casework.CommandInput{Do: referral.Arrived}, nil)
				return err
			},
			"resend": func(int) error {
				_, err := r.Do(ctx, r.coordinator, id, casework.CommandInput{Do: referral.Resend, Reason: "not_received"}, nil)
				return err
			},
		})
		for name, errs := range said {
			for _, err := range errs {
				if err != nil {
					assert.Contains(t, []string{"arrived", "resend"}, name, "%v", err)
					assert.Equal(t, "pending", refused(t, err, referral.CodeConflict, "").Outcome)
				}
			}
		}
		r.apply()
		r.oneLine(id)
		assert.Equal(t, "accepted", one[string](r, `SELECT state FROM messages WHERE id = $1`, letter))
		assert.NotEmpty(t, one[string](r, `SELECT final FROM messages WHERE id = $1`, letter))
		assert.Equal(t, 1, one[int](r, `SELECT count(*) FROM messages WHERE referral_id = $1 AND generation = 2`, id), "sent again once")
		assert.Zero(t, one[int](r, `SELECT count(*) FROM provider_events WHERE message_id = $1 AND processed_at IS NULL`, letter))
	}
}
