package casework_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"throughline/referral"
)

// Whoever guesses knows the person, where they work, and their address; what is made of these is no password.
func TestAPasswordOfWhatEveryoneKnowsIsRefused(t *testing.T) {
	t.Parallel()
	r := open(t)
	org := r.helpline("Nipissing-Témiscamingue 211")
	for _, password := range []string{"nipissing 211 nipissing", "Temiscamingue2026!", "témiscamingue211", "okonkwo okonkwo", "Okonkwo.Adaeze1", "adaeze@rivers4711",
		"rivers4711rivers"} {
		_, err := r.AddAccount(t.Context(), org, "adaeze@rivers4711.example", "Adaeze Okonkwo", referral.Navigator, "en", password)
		refused(t, err, referral.CodeInvalid, "password")
	}
	a, err := r.AddAccount(t.Context(), org, "adaeze@rivers4711.example", "Adaeze Okonkwo", referral.Navigator, "en", password)
	require.NoError(t, err)
	refused(t, r.SetPassword(t.Context(), a.Email, "nipissing 211 nipissing"), referral.CodeInvalid, "password")
	// Where none of it is known of someone, it is not refused for being theirs.
	_, err = r.AddAccount(t.Context(), r.organisation, "zoe@helpline.example", "Zoë", referral.Navigator, "en", "okonkwo temiscamingue")
	assert.NoError(t, err)
}
