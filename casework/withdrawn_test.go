package casework_test

import (
	"context"
	"testing"
	"time"

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
	tx, err := r.db.BeginTxx(context.Background(), nil)
	require.NoError(r.t, err)
	defer tx.Rollback() //nolint:errcheck // it has been rolled back below, unless a requirement failed
	_, err = tx.Exec(`SELECT FROM referrals WHERE id = $1 FOR UPDATE`, s.ReferralID)
	require.NoError(r.t, err)
	done := make(chan struct{}, len(calls))
	for i, call := range calls {
		go func() { call(); done <- struct{}{} }()
		require.Eventually(r.t, func() bool {
			return one[int](r, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`) == i+1
		}, 20*time.Second, 5*time.Millisecond, "call %d does not wait for the referral", i)
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
		_, err = r.Reply(t.Context(), s.token, posted(referral.Decline))
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
