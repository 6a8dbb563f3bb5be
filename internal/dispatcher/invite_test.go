package dispatcher_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"throughline/casework"
	"throughline/mail/mailtest"
	"throughline/referral"
)

var joinLink = regexp.MustCompile(`https://throughline\.example/join/([A-Za-z0-9_-]{43})`)

func (o *office) invited() {
	o.t.Helper()
	boss := o.who
	boss.Role = referral.Admin
	_, err := o.desk.Invite(o.t.Context(), boss, casework.NewColleague{Email: "bea@helpline.example", Name: "Bea Canary", Language: "fr", Role: referral.Navigator})
	require.NoError(o.t, err)
}

func TestAnInvitationIsMailedOnce(t *testing.T) {
	t.Parallel()
	o := open(t)
	o.run(o.Dispatcher)
	o.run(o.another())
	o.invited()
	o.until("it is sent", func() bool { return one[string](o, `SELECT state FROM invitations`) == "accepted" })
	sent := o.sendgrid.Messages()
	require.Len(t, sent, 1)
	assert.Empty(t, o.sendgrid.Duplicates())
	link := joinLink.FindStringSubmatch(sent[0].Text)
	require.NotNil(t, link, sent[0].Text)
	for _, part := range []string{sent[0].Subject, sent[0].Text, sent[0].HTML} {
		assert.NotContains(t, part, "Canary", "the letter does not say whose account it is")
	}
	assert.Contains(t, sent[0].Subject, "Une invitation", "it is in French")
	assert.NotContains(t, sent[0].Subject, link[1])
	require.NoError(t, o.desk.Join(t.Context(), link[1], "yet another horse battery", casework.From{Address: "203.0.113.7"}))
	assert.NotContains(t, o.log.String(), link[1])
	assert.NotContains(t, o.log.String(), "bea@")
}

// A provider that may have taken the letter is not given it again in silence; one that surely has not, is.
func TestAnInvitationThatMayHaveGoneOut(t *testing.T) {
	t.Parallel()
	o := open(t)
	o.sendgrid.FailNext(1, mailtest.AcceptThenReset)
	o.run(o.Dispatcher)
	o.invited()
	o.until("it is settled", func() bool { return one[string](o, `SELECT state FROM invitations`) == "ambiguous" })
	assert.Equal(t, 1, o.sendgrid.Requests())
	// It is said once it is settled.
	o.until("it is said", func() bool { return strings.Contains(o.log.String(), "an invitation did not go out, or may not have") })
}
