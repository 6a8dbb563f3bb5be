package casework_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"throughline/casework"
	"throughline/referral"
)

// Someone whose account was closed and who is invited again has none of what let them in before: neither their keys, which
// whoever closed it meant to end, nor their password.
func TestAnAccountThatIsOpenedAgainHasNothingOfBefore(t *testing.T) {
	t.Parallel()
	for way, back := range map[string]func(r *room, email string) error{
		"by letter": func(r *room, _ string) error {
			return r.Join(r.t.Context(), r.invitation().Token, "yet another horse battery", here)
		},
		"by single sign-on": func(r *room, email string) error {
			_, err := r.SignInBy(r.t.Context(), casework.Identity{Issuer: "https://id.example", Subject: "1", Email: email, Role: referral.Navigator})
			return err
		},
	} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			r := open(t)
			boss, zoe := r.boss("ada@helpline.example").Actor(casework.ViaPage), r.account("zoe@helpline.example")
			_, key, err := r.AddKey(t.Context(), zoe.Email, "intake form")
			require.NoError(t, err)
			require.NoError(t, r.ClosePerson(t.Context(), boss, zoe.ID))
			require.NoError(t, r.InviteAgain(t.Context(), boss, zoe.ID))
			require.NoError(t, back(r, zoe.Email))
			a, err := r.Account(t.Context(), zoe.ID)
			require.NoError(t, err)
			require.True(t, a.Active)
			_, err = r.AccountOfKey(t.Context(), key)
			refused(t, err, referral.CodeUnauthenticated, "")
			keys, err := r.KeysOf(t.Context(), boss)
			require.NoError(t, err)
			require.Len(t, keys, 1)
			assert.NotNil(t, keys[0].RevokedAt, "the page says that it ended")
			_, err = r.signIn(zoe.Email, password)
			refused(t, err, referral.CodeUnauthenticated, "")
		})
	}
}
