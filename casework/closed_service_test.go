package casework_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"throughline/casework"
	"throughline/internal/seal/sealtest"
	"throughline/referral"
)

// A service may close while the client waits for an agency before it. Its turn is passed over; one that is full is asked.
func TestAServiceThatHasClosedIsPassedOver(t *testing.T) {
	t.Parallel()
	r := open(t)
	for name, c := range map[string]struct {
		change string
		passed bool
	}{
		"inactive":            {`UPDATE services SET status = 'inactive' WHERE id = $1`, true},
		"closed for a while":  {`UPDATE services SET status = 'temporarily closed' WHERE id = $1`, true},
		"no referrals":        {`UPDATE services SET accepts_referrals = false WHERE id = $1`, true},
		"closed over winter":  {`UPDATE services SET closed_until = '2027-03-01' WHERE id = $1`, true},
		"closed over summer":  {`UPDATE services SET closed_until = '2026-09-01' WHERE id = $1`, false},
		"full":                {`UPDATE services SET full_until = '2027-03-01' WHERE id = $1`, false},
		"as it was at intake": {`UPDATE services SET name = name WHERE id = $1`, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := r.in(t)
			second := r.service("Second", "en", "second@agency.example")
			in, _ := r.sent(r.services[0], second, r.services[2])
			r.exec(c.change, second)
			// A process that has not looked this service up within the last minute.
			r.Desk = casework.New(r.DB, r.clock, sealtest.Keyring(), nil)
			r.do(in.ReferralID, said(referral.Decline))
			r.tick(in.ReferralID)
			offers := r.referral(in.ReferralID).Offers
			if !c.passed {
				assert.Equal(t, referral.Sent, offers[1].State)
				return
			}
			assert.Equal(t, referral.Withdrawn, offers[1].State)
			assert.Equal(t, "service_closed", offers[1].Reason)
			assert.Equal(t, referral.Sent, offers[2].State, "the next one is asked at once")
			assert.Zero(t, one[int](r, `SELECT count(*) FROM messages WHERE offer_id = $1`, offers[1].ID), "it never heard of it")
			assert.Equal(t, "pass_over system clock provider", one[string](r, `SELECT what || ' ' || actor_role || ' ' || via || ' ' || attribution
				FROM timeline WHERE offer_id = $1 ORDER BY id DESC LIMIT 1`, offers[1].ID))
			r.oneLine(in.ReferralID)
		})
	}
}

// With nobody else to ask, someone must look for a service that is open.
func TestTheOnlyServiceHasClosed(t *testing.T) {
	t.Parallel()
	r := open(t)
	in := r.intake(r.services[0])
	r.exec(`UPDATE services SET status = 'defunct' WHERE id = $1`, r.services[0])
	r.Desk = casework.New(r.DB, r.clock, sealtest.Keyring(), nil)
	r.tick(in.ReferralID)
	search := r.holding(in.ReferralID, referral.FindAlternative)
	require.Len(t, search, 1)
	assert.Equal(t, referral.Coordinator, search[0].Role)
	_, err := r.Do(t.Context(), r.navigator, in.ReferralID, casework.CommandInput{Do: referral.PassOver,
		OfferID: r.referral(in.ReferralID).Offers[0].ID}, nil)
	refused(t, err, referral.CodeInvalid, "command")
}
