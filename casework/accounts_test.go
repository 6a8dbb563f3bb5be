package casework_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"throughline/casework"
	"throughline/internal/token"
	"throughline/referral"
)

func (r *room) account(email string) casework.Account {
	r.t.Helper()
	a, err := r.AddAccount(r.t.Context(), r.organisation, email, "Zoë", referral.Navigator, "fr-CA", password)
	require.NoError(r.t, err)
	return a
}

// here is a browser that nobody has signed in with.
var here = casework.From{Address: "203.0.113.7", Browser: "Firefox"}

func (r *room) signIn(email, password string) (casework.Account, error) {
	a, _, err := r.SignIn(r.t.Context(), email, password, here)
	return a, err
}

// Whoever guesses learns nothing from the answer.
func TestSigningIn(t *testing.T) {
	t.Parallel()
	r := open(t)
	a := r.account("Zoe@helpline.example")
	r.account("gone@helpline.example")
	require.NoError(t, r.CloseAccount(t.Context(), "gone@helpline.example"))
	in, err := r.signIn(" zoe@HELPLINE.example ", password)
	require.NoError(t, err)
	assert.Equal(t, a, in)
	assert.Equal(t, "fr", in.Locale)
	_, err = r.Enter(t.Context(), in, casework.ByPassword, here)
	require.NoError(t, err)
	assert.Equal(t, "sign_in", one[string](r, `SELECT action FROM audit WHERE actor_id = $1`, a.ID))

	before := r.contents()
	_, wrong := r.signIn("zoe@helpline.example", password+"!")
	refused(t, wrong, referral.CodeUnauthenticated, "")
	for name, c := range map[string][2]string{"unknown": {"nobody@helpline.example", password}, "closed": {"gone@helpline.example", password},
		"empty": {"", ""}, "no password": {"zoe@helpline.example", ""}, "very long": {"zoe@helpline.example", long(100_000)},
		"the digest": {"zoe@helpline.example", one[string](r, `SELECT password_hash FROM accounts WHERE id = $1`, a.ID)}} {
		_, err := r.signIn(c[0], c[1])
		assert.Equal(t, wrong, err, name)
	}
	after := r.contents()
	delete(before, "sign_in_tries")
	delete(after, "sign_in_tries")
	delete(before, "audit") // TestFailedSignInsAreKept
	delete(after, "audit")
	assert.Equal(t, before, after)
	assert.True(t, strings.HasPrefix(one[string](r, `SELECT password_hash FROM accounts WHERE id = $1`, a.ID), "$argon2id$v=19$m=19456,t=2,p=1$"))
}

func TestBadAccountsAreRefusedByField(t *testing.T) {
	t.Parallel()
	r := open(t)
	r.account("zoe@helpline.example")
	before := r.contents()
	for name, c := range map[string]struct {
		email, name string
		role        referral.Role
		password    string
		code        referral.Code
		field       string
	}{
		"taken":               {"ZOE@helpline.example", "Zoë", referral.Navigator, password, referral.CodeConflict, "accounts_email"},
		"no address":          {"", "Zoë", referral.Navigator, password, referral.CodeInvalid, "email"},
		"an address and name": {"Zoë <z@helpline.example>", "Zoë", referral.Navigator, password, referral.CodeInvalid, "email"},
		"no name":             {"z@helpline.example", " ", referral.Navigator, password, referral.CodeInvalid, "name"},
		"an agency":           {"z@helpline.example", "Zoë", referral.Agency, password, referral.CodeInvalid, "role"},
		"short password":      {"z@helpline.example", "Zoë", referral.Navigator, "eleven char", referral.CodeInvalid, "password"},
		"endless password":    {"z@helpline.example", "Zoë", referral.Navigator, long(1001), referral.CodeInvalid, "password"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := r.AddAccount(t.Context(), r.organisation, c.email, c.name, c.role, "en", c.password)
			refused(t, err, c.code, c.field)
		})
	}
	assert.Equal(t, before, r.contents())
	_, err := r.AddAccount(t.Context(), r.organisation, "z@helpline.example", "Zoë", referral.Coordinator, "", "quinze-lettres!")
	assert.NoError(t, err)
	_, err = r.AddAccount(t.Context(), uuid.New(), "y@helpline.example", "Yu", referral.Coordinator, "", password)
	assert.Equal(t, referral.CodeInvalid, referral.CodeOf(err), "there is no such helpline")
}

func TestANewPasswordReplacesTheOld(t *testing.T) {
	t.Parallel()
	r := open(t)
	r.account("zoe@helpline.example")
	assert.Equal(t, referral.CodeInvalid, referral.CodeOf(r.SetPassword(t.Context(), "zoe@helpline.example", "short")))
	require.NoError(t, r.SetPassword(t.Context(), "zoe@helpline.example", "another horse battery"))
	_, err := r.signIn("zoe@helpline.example", password)
	refused(t, err, referral.CodeUnauthenticated, "")
	_, err = r.signIn("zoe@helpline.example", "another horse battery")
	assert.NoError(t, err)
	assert.Equal(t, referral.CodeNotFound, referral.CodeOf(r.SetPassword(t.Context(), "nobody@helpline.example", password)))
}

func TestAKeyActsForItsAccount(t *testing.T) {
	t.Parallel()
	r := open(t)
	a := r.account("zoe@helpline.example")
	id, secret, err := r.AddKey(t.Context(), "zoe@helpline.example", "their own system")
	require.NoError(t, err)
	assert.True(t, strings.HasPrefix(secret, "tlk_"))
	assert.Equal(t, token.Hash(secret), one[[]byte](r, `SELECT key_hash FROM api_keys WHERE id = $1`, id))
	assert.Zero(t, one[int](r, `SELECT count(*) FROM api_keys k WHERE k::text LIKE '%' || $1 || '%'`, secret), "it is kept nowhere")
	got, err := r.AccountOfKey(t.Context(), secret)
	require.NoError(t, err)
	assert.Equal(t, a, got)
	keys, err := r.Keys(t.Context(), r.organisation)
	require.NoError(t, err)
	require.Len(t, keys, 1)
	assert.NotNil(t, keys[0].LastUsedAt)

	_, unknown := r.AccountOfKey(t.Context(), "tlk_"+token.New())
	refused(t, unknown, referral.CodeUnauthenticated, "")
	for _, wrong := range []string{"", secret[4:], secret + " ", strings.ToUpper(secret)} {
		_, err := r.AccountOfKey(t.Context(), wrong)
		assert.Equal(t, unknown, err)
	}
	require.NoError(t, r.RevokeKey(t.Context(), id))
	_, err = r.AccountOfKey(t.Context(), secret)
	assert.Equal(t, unknown, err, "a revoked key")
	assert.Equal(t, referral.CodeNotFound, referral.CodeOf(r.RevokeKey(t.Context(), id)))

	_, second, err := r.AddKey(t.Context(), "zoe@helpline.example", "again")
	require.NoError(t, err)
	require.NoError(t, r.CloseAccount(t.Context(), "zoe@helpline.example"))
	_, err = r.AccountOfKey(t.Context(), second)
	assert.Equal(t, unknown, err, "a key ends with its account")
	_, err = r.Account(t.Context(), a.ID)
	assert.Equal(t, referral.CodeNotFound, referral.CodeOf(err))
}

// Work is given to people who are there.
func TestColleagues(t *testing.T) {
	t.Parallel()
	r := open(t)
	gone := r.account("zoe@helpline.example")
	s := r.at(referral.Sent)
	require.NoError(t, r.CloseAccount(t.Context(), "zoe@helpline.example"))
	list, err := r.Accounts(t.Context(), r.navigator)
	require.NoError(t, err)
	var names []string
	for _, a := range list {
		names = append(names, a.Name)
	}
	assert.Equal(t, []string{"Cora", "Kim", "Noor"}, names)
	_, err = r.Do(t.Context(), r.navigator, s.ReferralID, casework.CommandInput{Do: referral.Reassign, PersonID: gone.ID}, nil)
	refused(t, err, referral.CodeInvalid, "person_id")
}

func TestLanguageAndZone(t *testing.T) {
	t.Parallel()
	r := open(t)
	require.NoError(t, r.SetLocale(t.Context(), r.navigator.ID, "fr-CA"))
	a, err := r.Account(t.Context(), r.navigator.ID)
	require.NoError(t, err)
	assert.Equal(t, "fr", a.Locale)
	assert.Equal(t, referral.CodeNotFound, referral.CodeOf(r.SetLocale(t.Context(), uuid.New(), "fr")))
	_, err = r.AddOrganisation(t.Context(), "Nowhere 211", "", "Mars/Olympus")
	refused(t, err, referral.CodeInvalid, "time_zone")
	_, err = r.AddOrganisation(t.Context(), " ", "", "")
	refused(t, err, referral.CodeInvalid, "name")
	_, err = r.AddOrganisation(t.Context(), "Northwest 211", "", "America/Winnipeg")
	require.NoError(t, err)
	found, err := r.Organisations(t.Context())
	require.NoError(t, err)
	assert.Len(t, found, 2)
}
