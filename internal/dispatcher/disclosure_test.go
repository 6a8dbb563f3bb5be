package dispatcher_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"throughline/casework"
	"throughline/referral"
)

// Whatever the client agrees to, a letter says the kind of help and nothing else of the client; and once all is taken back
// not even that.
func TestALetterSaysTheNeedAndNothingElse(t *testing.T) {
	t.Parallel()
	o := open(t)
	in, err := o.desk.Intake(t.Context(), o.who, casework.IntakeInput{
		Case: casework.CaseInput{Name: "Ana Canary", Phone: "705 555 0123", Email: "plant@example.org", ContactTimes: "planted mornings", SafeToCall: true,
			Municipality: "Plantborough", PostalCode: "K9H 2B7", BirthYear: 1938, Language: "ta", Notes: "planted notes"},
		Referral: casework.ReferralInput{Need: "clothing", Details: "planted details", ServiceIDs: []uuid.UUID{o.service},
			Consent: casework.ConsentInput{Given: true, How: "verbal", Groups: referral.Groups}},
	}, nil)
	require.NoError(t, err)
	o.run(o.Dispatcher)
	step, err := o.desk.Next(t.Context(), in.ReferralID, o.desk.Clock.Now())
	require.NoError(t, err)
	_, err = o.desk.Run(t.Context(), in.ReferralID, step, o.desk.Clock.Now())
	require.NoError(t, err)
	o.until("the offer is sent", o.empty)
	do := func(groups ...referral.Group) {
		_, err := o.desk.Do(t.Context(), o.who, in.ReferralID, casework.CommandInput{Do: referral.WithdrawConsent, Groups: groups}, nil)
		require.NoError(t, err)
		o.until("the notice is sent", o.empty)
	}
	do(referral.ContactGroup)
	do()
	letters := o.sendgrid.Messages()
	require.Len(t, letters, 3)
	for i, m := range letters {
		said := m.Subject + m.Text + m.HTML
		assert.Equal(t, i == 0, strings.Contains(said, "Clothing"), m.Subject)
		for _, planted := range []string{"Canary", "0123", "plant", "Plant", "K9H", "1938", "Tamil"} {
			assert.NotContains(t, said, planted, m.Subject)
		}
		assert.Equal(t, i < 2, strings.Contains(m.Text, "/r/"), "%s: a link", m.Subject)
	}
	assert.Contains(t, letters[2].Text, "destroy what you noted")
}
