package casework_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"throughline/casework"
	"throughline/referral"
)

// changed names the tables that differ.
func changed(before, after map[string]string) []string {
	names := []string{}
	for _, table := range []string{"cases", "referrals", "offers", "tasks", "messages", "links", "timeline", "outbox", "idempotency", "consents", "audit", "provider_events"} {
		if before[table] != after[table] {
			names = append(names, table)
		}
	}
	return names
}

// saysNo is every way in on which a client can say no, with a key or without.
func (r *room) saysNo() map[string]func(*casework.Key) error {
	no := casework.ConsentInput{How: "verbal"}
	draft, open := r.at("draft"), r.at(referral.Declined)
	refer := food(r.services[0])
	refer.CaseID, refer.Consent = open.CaseID, no
	return map[string]func(*casework.Key) error{
		"Intake": func(k *casework.Key) error {
			in := casework.IntakeInput{Case: ana(), Referral: food(r.services[0])}
			in.Referral.Consent = casework.ConsentInput{}
			out, err := r.Intake(r.t.Context(), r.navigator, in, k)
			assert.Zero(r.t, out)
			return err
		},
		"Refer": func(k *casework.Key) error {
			out, err := r.Refer(r.t.Context(), r.navigator, refer, k)
			assert.Zero(r.t, out)
			return err
		},
		"open": func(k *casework.Key) error {
			out, err := r.Do(r.t.Context(), r.navigator, draft.ReferralID, casework.CommandInput{Do: referral.OpenDraft, Consent: &no}, k)
			assert.Zero(r.t, out)
			return err
		},
		"add_offer": func(k *casework.Key) error {
			in := casework.CommandInput{Do: referral.AddOffer, ServiceIDs: r.services[1:2], Consent: &no}
			out, err := r.Do(r.t.Context(), r.navigator, open.ReferralID, in, k)
			assert.Zero(r.t, out)
			return err
		},
	}
}

func TestWithoutConsentOnlyTheRefusalIsKept(t *testing.T) {
	t.Parallel()
	r := open(t)
	for name, call := range r.saysNo() {
		before, refusals := r.contents(), one[int](r, `SELECT count(*) FROM consents WHERE NOT given`)
		refused(t, call(nil), referral.CodeConsentRequired, "consent.given")
		assert.Equal(t, []string{"consents", "audit"}, changed(before, r.contents()), name)
		assert.Equal(t, refusals+1, one[int](r, `SELECT count(*) FROM consents WHERE NOT given`), name)
		assert.Equal(t, "consent_refused", one[string](r, `SELECT action FROM audit ORDER BY id DESC LIMIT 1`), name)
	}
}

func TestARefusalWithAKeyIsKeptOnce(t *testing.T) {
	t.Parallel()
	r := open(t)
	for name, call := range r.saysNo() {
		before := r.contents()
		refused(t, call(key(name, "body")), referral.CodeConsentRequired, "consent.given")
		assert.Equal(t, []string{"idempotency", "consents", "audit"}, changed(before, r.contents()), name)
		refusals := one[int](r, `SELECT count(*) FROM consents WHERE NOT given`)
		refused(t, call(key(name, "body")), referral.CodeConsentRequired, "consent.given")
		assert.Equal(t, refusals, one[int](r, `SELECT count(*) FROM consents WHERE NOT given`), name)
		refused(t, call(key(name, "another body")), referral.CodeInvalid, "Idempotency-Key")
	}
}

func TestConsentKeepsWhatWasAgreed(t *testing.T) {
	t.Parallel()
	r := open(t)
	in := r.intake(r.services[0], r.services[1])
	kept := r.referral(in.ReferralID).Consent
	require.NotNil(t, kept)
	assert.Equal(t, []uuid.UUID{r.services[0], r.services[1]}, kept.ServiceIDs)
	assert.Equal(t, casework.ConsentScript, kept.Script)
	assert.True(t, kept.Given)

	// A draft's services are those that are left when the client is asked.
	draft := r.draft(r.services...)
	r.do(draft.ReferralID, casework.CommandInput{Do: referral.Withdraw, OfferID: r.referral(draft.ReferralID).Offers[1].ID, Reason: "other"})
	assert.Nil(t, r.referral(draft.ReferralID).Consent)
	yes := agreed()
	opened := r.do(draft.ReferralID, casework.CommandInput{Do: referral.OpenDraft, Consent: &yes, ServiceIDs: []uuid.UUID{uuid.New()}})
	assert.Equal(t, []uuid.UUID{r.services[0], r.services[2]}, opened.Consent.ServiceIDs)

	// A no to a further agency takes nothing back of what was agreed before.
	no := casework.ConsentInput{}
	r.clock.Advance(1)
	_, err := r.Do(t.Context(), r.navigator, in.ReferralID, casework.CommandInput{Do: referral.AddOffer, ServiceIDs: r.services[2:], Consent: &no}, nil)
	refused(t, err, referral.CodeConsentRequired, "consent.given")
	assert.True(t, r.referral(in.ReferralID).Consent.Given)
}

func TestConsentTakenBackKillsEveryLinkAtOnce(t *testing.T) {
	t.Parallel()
	r := open(t)
	for _, state := range []referral.OfferState{referral.Sent, referral.InfoRequested, referral.Accepted, referral.Scheduled,
		referral.Waitlisted, referral.OutcomeReported, referral.Declined} {
		s := r.at(state)
		ref := r.do(s.ReferralID, casework.CommandInput{Do: referral.Withdraw, Reason: "consent_withdrawn"})
		assert.Equal(t, referral.Closed, ref.State)
		assert.NotNil(t, ref.Consent.WithdrawnAt, "%s", state)
		_, err := r.OpenLink(t.Context(), s.token)
		refused(t, err, referral.CodeNotFound, "")
		err = r.Reply(t.Context(), s.token, posted(referral.Accept))
		refused(t, err, referral.CodeNotFound, "")
		before := one[int](r, `SELECT count(*) FROM messages`)
		require.NoError(t, r.AskNewLink(t.Context(), s.token))
		assert.Equal(t, before, one[int](r, `SELECT count(*) FROM messages`), "%s: no new link either", state)
	}
}

// What was about to go out stays here; the agency that knew is told.
func TestConsentTakenBackOvertakesLetters(t *testing.T) {
	t.Parallel()
	r := open(t)
	in := r.intake(r.services[0])
	r.tick(in.ReferralID)
	offer := r.pending(in.ReferralID, referral.OfferLetter)
	r.do(in.ReferralID, casework.CommandInput{Do: referral.Withdraw, Reason: "consent_withdrawn"})
	_, ok, err := r.TakeLetter(t.Context(), offer, "test")
	require.NoError(t, err)
	assert.False(t, ok)
	assert.Equal(t, "rejected overtaken", one[string](r, `SELECT state || ' ' || error_class FROM messages WHERE id = $1`, offer))
	assert.Zero(t, one[int](r, `SELECT count(*) FROM links`))

	told := r.take(r.pending(in.ReferralID, referral.WithdrawnLetter))
	assert.Empty(t, told.Token, "the notice has no link")
	assert.Equal(t, "intake@pantry.example", told.Recipient)
}

// An agency without an address hears of it by phone.
func TestAnAgencyWithoutAnAddressIsCalledOff(t *testing.T) {
	t.Parallel()
	r := open(t)
	in := r.intake(r.phoneOnly)
	r.tick(in.ReferralID)
	r.do(in.ReferralID, said(referral.Accept))
	require.Empty(t, r.holding(in.ReferralID, referral.CallAgency))
	r.do(in.ReferralID, casework.CommandInput{Do: referral.Withdraw, Reason: "consent_withdrawn"})
	calls := r.holding(in.ReferralID, referral.CallAgency)
	require.Len(t, calls, 1)
	assert.Equal(t, "mail_undelivered", calls[0].Cause)
	r.oneLine(in.ReferralID)
}
