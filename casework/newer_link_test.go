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

// opens says what a link does now: opens, is replaced by a newer one, or is dead.
func (r *room) opens(token string) string {
	r.t.Helper()
	_, err := r.OpenLink(r.t.Context(), token)
	switch {
	case err == nil:
		return "opens"
	case referral.CodeOf(err) != referral.CodeNotFound:
		r.t.Fatal(err)
	case err == casework.ErrNewerLink:
		return "replaced"
	}
	return "dead"
}

// taken is the token of a letter whose attempt has begun.
func (r *room) taken(id uuid.UUID, kind referral.Letter) casework.Outgoing {
	r.t.Helper()
	return r.take(r.pending(id, kind))
}

// later lets the time pass in which two letters would be one moment's.
func (r *room) later() { r.clock.Advance(time.Minute) }

func (r *room) accepted(out casework.Outgoing) string {
	r.t.Helper()
	require.NoError(r.t, r.SettleLetter(r.t.Context(), out.ID, casework.Settled{State: db.MessageAccepted}))
	return out.Token
}

// A link that was asked for takes the place of the older ones when it is on its way, and no sooner.
func TestANewLinkEndsTheOlderOnes(t *testing.T) {
	t.Parallel()
	r := open(t)
	in, first := r.sent(r.services[0])
	r.later()
	require.NoError(t, r.AskNewLink(t.Context(), first))
	out := r.taken(in.ReferralID, referral.NewLinkLetter)
	assert.Equal(t, "opens", r.opens(first), "the letter may not go out")
	second := r.accepted(out)
	assert.Equal(t, "replaced", r.opens(first))
	assert.Equal(t, "opens", r.opens(second))
	assert.Equal(t, "refused old_link link", one[string](r, `SELECT kind || ' ' || action || ' ' || why FROM audit WHERE whose = ARRAY[$1::uuid] ORDER BY id DESC OFFSET 1 LIMIT 1`, in.CaseID))

	// It decides nothing any more, and brings another.
	before := r.referral(in.ReferralID)
	err := r.Reply(t.Context(), first, posted(referral.Accept))
	require.ErrorIs(t, err, casework.ErrNewerLink)
	assert.Equal(t, before.Version, r.referral(in.ReferralID).Version)
	r.clock.Advance(11 * time.Minute)
	require.NoError(t, r.AskNewLink(t.Context(), first))
	third := r.accepted(r.taken(in.ReferralID, referral.NewLinkLetter))
	assert.Equal(t, []string{"replaced", "replaced", "opens"}, []string{r.opens(first), r.opens(second), r.opens(third)})
	lang, err := r.LinkLocale(t.Context(), first)
	require.NoError(t, err)
	assert.Equal(t, "en", lang)

	// What ends for good looks like what never was.
	r.do(in.ReferralID, casework.CommandInput{Do: referral.Withdraw, Reason: "consent_withdrawn", For: referral.Client})
	for _, token := range []string{first, second, third} {
		assert.Equal(t, "dead", r.opens(token))
	}
}

// A receipt must not take the page away from who has just answered on it: older links go on over a long weekend.
func TestALetterThatNobodyAskedForLeavesTimeToChangeOver(t *testing.T) {
	t.Parallel()
	r := open(t)
	in, first := r.sent(r.services[0])
	r.later()
	r.replied(first, referral.Accept)
	second := r.accepted(r.taken(in.ReferralID, referral.ReceiptLetter))
	assert.Equal(t, "opens", r.opens(first))
	r.clock.Advance(4*24*time.Hour - time.Minute)
	assert.Equal(t, "opens", r.opens(first))
	r.clock.Advance(time.Minute)
	assert.Equal(t, []string{"replaced", "opens"}, []string{r.opens(first), r.opens(second)})
}

// Staff who hear that someone else has a letter make its link useless in that moment, whatever becomes of the new one.
func TestALetterThatWentAstray(t *testing.T) {
	t.Parallel()
	r := open(t)
	in, first := r.sent(r.services[0])
	_, other := r.sent(r.services[1])
	r.later()
	offer := r.referral(in.ReferralID).Offers[0].ID
	for _, reason := range []string{"mislaid", referral.WentAstray} {
		r.do(in.ReferralID, casework.CommandInput{Do: referral.Resend, OfferID: offer, Reason: reason})
		want := map[string]string{"mislaid": "opens", referral.WentAstray: "replaced"}[reason]
		assert.Equal(t, want, r.opens(first), reason)
		if reason == "mislaid" {
			first = r.accepted(r.taken(in.ReferralID, referral.OfferLetter))
			r.later()
		}
	}
	assert.Equal(t, "opens", r.opens(other), "another offer's link is its own")
	out := r.taken(in.ReferralID, referral.OfferLetter)
	require.NoError(t, r.SettleLetter(t.Context(), out.ID, casework.Settled{State: db.MessageRejected, Class: "bounced_5xx"}))
	assert.Equal(t, []string{"replaced", "opens"}, []string{r.opens(first), r.opens(out.Token)}, "the thief has not the new letter")
}

// An answer that comes while staff say that the letter went astray may be a thief's: it counts only when it came first.
func TestAnAnswerBehindALetterThatWentAstrayDoesNotCount(t *testing.T) {
	t.Parallel()
	r := open(t)
	s := r.at(referral.Sent)
	var answered error
	r.behind(s, func() {
		_, err := r.Do(context.Background(), r.navigator, s.ReferralID, casework.CommandInput{Do: referral.Resend, OfferID: s.offer, Reason: referral.WentAstray}, nil)
		assert.NoError(t, err)
	}, func() { answered = r.Reply(context.Background(), s.token, posted(referral.Accept)) })
	assert.ErrorIs(t, answered, casework.ErrNewerLink)
	assert.Equal(t, referral.Sent, r.referral(s.ReferralID).Offers[0].State)
}

// Of a letter whose fate nobody knew the provider says later that it arrived: then the older links end too.
func TestALetterThatArrivedAfterAllEndsTheOlderLinks(t *testing.T) {
	t.Parallel()
	r := reported(t)
	in, first := r.sent(r.services[0])
	r.later()
	require.NoError(t, r.AskNewLink(t.Context(), first))
	out := r.taken(in.ReferralID, referral.NewLinkLetter)
	require.NoError(t, r.SettleLetter(t.Context(), out.ID, casework.Settled{State: db.MessageAmbiguous, Class: "timeout"}))
	assert.Equal(t, "opens", r.opens(first))
	r.hear(r.event(out.ID, referral.WordDelivered))
	r.apply()
	assert.Equal(t, []string{"replaced", "opens"}, []string{r.opens(first), r.opens(out.Token)})
}
