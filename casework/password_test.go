package casework_test

import (
	"testing"

	"github.com/alexedwards/argon2id"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"throughline/referral"
)

// A digest that was made with other parameters is renewed when its password is known, and only then.
func TestADigestIsRenewedAtSignIn(t *testing.T) {
	t.Parallel()
	r := open(t)
	a := r.account("zoe@helpline.example")
	hash := func() string { return one[string](r, `SELECT password_hash FROM accounts WHERE id = $1`, a.ID) }
	weaker, err := argon2id.CreateHash(password, &argon2id.Params{Memory: 8 * 1024, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32})
	require.NoError(t, err)
	r.exec(`UPDATE accounts SET password_hash = $2 WHERE id = $1`, a.ID, weaker)
	_, err = r.signIn("zoe@helpline.example", "wrong horse battery")
	require.Error(t, err)
	assert.Equal(t, weaker, hash(), "who does not know it renews nothing")
	_, err = r.signIn("zoe@helpline.example", password)
	require.NoError(t, err)
	now := hash()
	assert.Contains(t, now, "m=19456,t=2,p=1")
	_, err = r.signIn("zoe@helpline.example", password)
	require.NoError(t, err, "the password is the same")
	assert.Equal(t, now, hash(), "and its digest stays")
}

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
