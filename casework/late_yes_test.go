package casework_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"throughline/casework"
	"throughline/referral"
)

// An agency that stayed silent says yes on the phone while the next one is being asked. Its old offer is over, so it
// gets a fresh one, which waits as long as the other agency has the referral: the client must not be called by two.
func TestALateYesWhileTheNextAgencyIsAsked(t *testing.T) {
	t.Parallel()
	r := open(t)
	in, _ := r.sent(r.services[0], r.services[1])
	r.until(in.ReferralID, referral.Lapse)
	r.tick(in.ReferralID)
	offers := r.referral(in.ReferralID).Offers
	require.Equal(t, []referral.OfferState{referral.Lapsed, referral.Sent}, []referral.OfferState{offers[0].State, offers[1].State})

	yes := said(referral.Accept)
	yes.OfferID = offers[0].ID
	_, err := r.Do(t.Context(), r.coordinator, in.ReferralID, yes, nil)
	assert.Equal(t, "lapsed", refused(t, err, referral.CodeConflict, "").Outcome)

	consent := agreed()
	again, err := r.Do(t.Context(), r.coordinator, in.ReferralID,
		casework.CommandInput{Do: referral.AddOffer, ServiceIDs: r.services[:1], Consent: &consent}, nil)
	require.NoError(t, err)
	require.Len(t, again.Offers, 3)
	r.tick(in.ReferralID)
	fresh := r.referral(in.ReferralID).Offers[2]
	assert.Equal(t, referral.Queued, fresh.State)
	yes.OfferID = fresh.ID
	_, err = r.Do(t.Context(), r.coordinator, in.ReferralID, yes, nil)
	assert.Equal(t, "queued", refused(t, err, referral.CodeConflict, "").Outcome)

	r.do(in.ReferralID, casework.CommandInput{Do: referral.Withdraw, OfferID: offers[1].ID, Reason: "met_elsewhere"})
	assert.Equal(t, "accueil@epicerie.example", r.take(r.pending(in.ReferralID, referral.WithdrawnLetter)).Recipient, "the other is told")
	r.tick(in.ReferralID)
	letter := r.pending(in.ReferralID, referral.OfferLetter)
	r.do(in.ReferralID, yes)
	offers = r.referral(in.ReferralID).Offers
	assert.Equal(t, []referral.OfferState{referral.Lapsed, referral.Withdrawn, referral.Accepted},
		[]referral.OfferState{offers[0].State, offers[1].State, offers[2].State})
	_, ok, err := r.TakeLetter(t.Context(), letter, "test")
	require.NoError(t, err)
	assert.False(t, ok, "what was answered on the phone is not asked by mail")
	r.oneLine(in.ReferralID)
}

// With nobody left to ask, the late yes ends the search.
func TestALateYesWhenNobodyIsLeft(t *testing.T) {
	t.Parallel()
	r := open(t)
	in, _ := r.sent(r.services[0])
	r.until(in.ReferralID, referral.Lapse)
	r.tick(in.ReferralID)
	require.Len(t, r.holding(in.ReferralID, referral.FindAlternative), 1)
	consent := agreed()
	r.do(in.ReferralID, casework.CommandInput{Do: referral.AddOffer, ServiceIDs: r.services[:1], Consent: &consent})
	assert.Empty(t, r.holding(in.ReferralID, referral.FindAlternative))
	r.tick(in.ReferralID)
	token := r.letter(in.ReferralID, referral.OfferLetter)
	r.do(in.ReferralID, said(referral.Accept))
	page, err := r.OpenLink(t.Context(), token)
	require.NoError(t, err)
	assert.NotNil(t, page.Client)
}

// An offer that was taken back by mistake is made again.
func TestAnOfferTakenBackByMistake(t *testing.T) {
	t.Parallel()
	r := open(t)
	s := r.at(referral.Sent)
	r.do(s.ReferralID, casework.CommandInput{Do: referral.Withdraw, OfferID: s.offer, Reason: "other"})
	r.tick(s.ReferralID)
	consent := agreed()
	r.do(s.ReferralID, casework.CommandInput{Do: referral.AddOffer, ServiceIDs: r.services[:1], Consent: &consent})
	r.tick(s.ReferralID)
	assert.Equal(t, referral.Accepted, r.replied(r.letter(s.ReferralID, referral.OfferLetter), referral.Accept).State)
	_, err := r.OpenLink(t.Context(), s.token)
	refused(t, err, referral.CodeNotFound, "")
}
