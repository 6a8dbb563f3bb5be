package casework_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"throughline/casework"
	"throughline/referral"
)

var consentWithdrawn = casework.CommandInput{Do: referral.Withdraw, Reason: "consent_withdrawn"}

// behind starts calls one after the other while someone else has the referral, so that they come to it in this order,
// and returns when all have.
func (r *room) behind(s scene, calls ...func()) {
	r.t.Helper()
	r.behindRow("referrals", s.ReferralID, calls...)
}

// behindRow is behind for a row of any table.
func (r *room) behindRow(table string, id uuid.UUID, calls ...func()) {
	r.t.Helper()
	tx, err := r.db.BeginTxx(context.Background(), nil)
	require.NoError(r.t, err)
	defer tx.Rollback() //nolint:errcheck // it has been rolled back below, unless a requirement failed
	_, err = tx.Exec(`SELECT FROM `+table+` WHERE id = $1 FOR UPDATE`, id)
	require.NoError(r.t, err)
	done := make(chan struct{}, len(calls))
	for i, call := range calls {
		go func() { call(); done <- struct{}{} }()
		require.Eventually(r.t, func() bool {
			return one[int](r, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`) == i+1
		}, 20*time.Second, 5*time.Millisecond, "call %d does not wait", i)
	}
	require.NoError(r.t, tx.Rollback())
	for range calls {
		<-done
	}
}

// A receipt is written when an agency has said no, so it can be on its way when the client withdraws consent.
func TestNoReceiptCarriesALinkOnceConsentIsWithdrawn(t *testing.T) {
	t.Parallel()
	r := open(t)
	for name, takenFirst := range map[string]bool{"taken before": true, "taken after": false} {
		t.Run(name, func(t *testing.T) {
			r := r.in(t)
			s := r.at(referral.Sent)
			r.replied(s.token, referral.Decline)
			receipt := r.pending(s.ReferralID, referral.ReceiptLetter)
			var out casework.Outgoing
			var ok bool
			take := func() {
				var err error
				out, ok, err = r.TakeLetter(context.Background(), receipt, "test")
				assert.NoError(t, err)
			}
			withdraw := func() {
				_, err := r.Do(context.Background(), r.navigator, s.ReferralID, consentWithdrawn, nil)
				assert.NoError(t, err)
			}
			if takenFirst {
				r.behind(s, take, withdraw)
			} else {
				r.behind(s, withdraw, take)
			}
			assert.Equal(t, takenFirst, ok)
			if !takenFirst {
				assert.Equal(t, "rejected overtaken", r.message(receipt))
			}
			for _, raw := range []string{s.token, out.Token} {
				_, err := r.OpenLink(t.Context(), raw)
				refused(t, err, referral.CodeNotFound, "")
			}
			assert.Zero(t, one[int](r, `SELECT count(*) FROM links WHERE offer_id = $1 AND revoked_at IS NULL`, s.offer))
		})
	}
}

// However a link came to be left alive, it opens nothing.
func TestALinkLeftAliveOpensNothingWithoutConsent(t *testing.T) {
	t.Parallel()
	r := open(t)
	for _, state := range []referral.OfferState{referral.OutcomeReported, referral.Declined, referral.Failed} {
		s := r.at(state)
		r.do(s.ReferralID, consentWithdrawn)
		r.exec(`UPDATE links SET revoked_at = NULL WHERE offer_id = $1`, s.offer)
		_, err := r.OpenLink(t.Context(), s.token)
		refused(t, err, referral.CodeNotFound, "")
		err = r.Reply(t.Context(), s.token, posted(referral.Decline))
		refused(t, err, referral.CodeNotFound, "")
	}
}

func TestConsentWithdrawnWhileReceiptsGoOut(t *testing.T) {
	t.Parallel()
	r := open(t)
	for range 20 {
		s := r.at(referral.Sent)
		r.replied(s.token, referral.Decline)
		receipt := r.pending(s.ReferralID, referral.ReceiptLetter)
		said := atOnce(1, map[string]func(int) error{
			"take": func(int) error { _, _, err := r.TakeLetter(context.Background(), receipt, "test"); return err },
			"withdraw": func(int) error {
				_, err := r.Do(context.Background(), r.navigator, s.ReferralID, consentWithdrawn, nil)
				return err
			},
		})
		require.NoError(t, said["take"][0])
		require.NoError(t, said["withdraw"][0])
		require.Zero(t, one[int](r, `SELECT count(*) FROM links WHERE offer_id = $1 AND revoked_at IS NULL`, s.offer))
	}
}

// The client may change their mind after the end: the outcome stands, and the agencies' pages are gone.
func TestConsentCanBeWithdrawnAfterTheEnd(t *testing.T) {
	t.Parallel()
	r := open(t)
	for name, c := range map[string]struct {
		at  referral.OfferState
		end casework.CommandInput
	}{
		"confirmed":         {referral.OutcomeReported, casework.CommandInput{Do: referral.Confirm, Outcome: "received_in_full"}},
		"nobody could help": {referral.Declined, casework.CommandInput{Do: referral.Close, Outcome: "unmet", Unmet: "full"}},
		"client declined":   {referral.Accepted, casework.CommandInput{Do: referral.Withdraw, Reason: "client_declined"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := r.in(t)
			s := r.at(c.at)
			before := r.do(s.ReferralID, c.end)
			r.clock.Advance(time.Hour)
			var after casework.Referral
			w := r.watch(s.ReferralID, func() { after = r.do(s.ReferralID, consentWithdrawn) })
			assert.Equal(t, written{Events: []string{"consent_withdrawn"}, Letters: []string{}, Outbox: []string{},
				Audit: []string{"consent_withdrawn referral"}}, w)
			assert.Equal(t, before.Version+1, after.Version)
			assert.Equal(t, [4]any{before.State, before.Outcome, before.Evidence, before.ClosedAt},
				[4]any{after.State, after.Outcome, after.Evidence, after.ClosedAt})
			require.NotNil(t, after.Consent.WithdrawnAt)
			assert.True(t, r.clock.Now().Equal(*after.Consent.WithdrawnAt))
			assert.Zero(t, one[int](r, `SELECT count(*) FROM links WHERE offer_id = $1 AND revoked_at IS NULL`, s.offer))
			_, err := r.OpenLink(t.Context(), s.token)
			refused(t, err, referral.CodeNotFound, "")
			r.clock.Advance(time.Hour)
			assert.Equal(t, after, r.do(s.ReferralID, consentWithdrawn), "twice is once")
		})
	}
}

// Nothing was agreed to, so there is nothing to take back.
func TestAClosedDraftHasNoConsent(t *testing.T) {
	t.Parallel()
	r := open(t)
	draft := r.draft(r.services[0])
	r.do(draft.ReferralID, casework.CommandInput{Do: referral.Close, Outcome: "met_elsewhere"})
	before := r.contents()
	_, err := r.Do(t.Context(), r.navigator, draft.ReferralID, consentWithdrawn, nil)
	assert.Equal(t, "closed", refused(t, err, referral.CodeConflict, "").Outcome)
	assert.Equal(t, before, r.contents())
}
