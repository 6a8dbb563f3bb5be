package casework_test

import (
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"throughline/casework"
	"throughline/internal/token"
	"throughline/referral"
)

// visitor signs someone in.
func (r *room) visitor(a casework.Account, by casework.Method) casework.Visitor {
	r.t.Helper()
	id, err := r.Enter(r.t.Context(), a, by, here)
	require.NoError(r.t, err)
	v, err := r.Visitor(r.t.Context(), id)
	require.NoError(r.t, err)
	return v
}

// code is what an app shows now.
func (r *room) code(secret string) string {
	r.t.Helper()
	code, err := totp.GenerateCode(secret, r.clock.Now())
	require.NoError(r.t, err)
	return code
}

// enrolled gives someone a second factor.
func (r *room) enrolled(v casework.Visitor) (secret string, recovery []string) {
	r.t.Helper()
	require.NoError(r.t, r.ProposeSecondFactor(r.t.Context(), v, "", here))
	f, err := r.SecondFactor(r.t.Context(), v)
	require.NoError(r.t, err)
	recovery, err = r.ConfirmSecondFactor(r.t.Context(), v, r.code(f.Secret), here)
	require.NoError(r.t, err)
	return f.Secret, recovery
}

func TestACodeIsTakenOnce(t *testing.T) {
	t.Parallel()
	r := open(t)
	a := r.account("zoe@helpline.example")
	v := r.visitor(a, casework.ByPassword)
	secret, _ := r.enrolled(v)
	_, needed, err := r.SignIn(t.Context(), "zoe@helpline.example", password, here)
	require.NoError(t, err)
	require.True(t, needed)
	check := func(code string) error { return r.CheckCode(t.Context(), a.ID, code, here) }
	refused(t, check(r.code(secret)), referral.CodeUnauthenticated, "code") // it proved the secret a moment ago
	r.clock.Advance(30 * time.Second)
	code := r.code(secret)
	require.NoError(t, check(code[:3]+" "+code[3:]))
	refused(t, check(code), referral.CodeUnauthenticated, "code")
	r.clock.Advance(30 * time.Second)
	refused(t, check(code), referral.CodeUnauthenticated, "code")
	require.NoError(t, check(r.code(secret)))
	r.clock.Advance(5 * time.Minute)
	old := r.code(secret)
	r.clock.Advance(time.Minute)
	refused(t, check(old), referral.CodeUnauthenticated, "code")
	refused(t, check(""), referral.CodeUnauthenticated, "code")
	refused(t, r.CheckCode(t.Context(), r.navigator.ID, "000000", here), referral.CodeUnauthenticated, "code")
}

func TestRecoveryCodesAreGoodOnce(t *testing.T) {
	t.Parallel()
	r := open(t)
	a := r.account("zoe@helpline.example")
	v := r.visitor(a, casework.ByPassword)
	secret, codes := r.enrolled(v)
	require.Len(t, codes, 10)
	for _, c := range codes {
		assert.Regexp(t, `^([A-Z2-7]{5}-){4}[A-Z2-7]{6}$`, c, "130 bits")
		assert.Zero(t, one[int](r, `SELECT count(*) FROM recovery_codes c WHERE c::text LIKE '%' || $1 || '%'`, c), "it is kept nowhere")
	}
	require.NoError(t, r.CheckCode(t.Context(), a.ID, strings.ToLower(codes[3]), here))
	refused(t, r.CheckCode(t.Context(), a.ID, codes[3], here), referral.CodeUnauthenticated, "code")
	f, err := r.SecondFactor(t.Context(), v)
	require.NoError(t, err)
	assert.Equal(t, 9, f.CodesLeft)
	assert.Equal(t, 1, one[int](r, `SELECT count(*) FROM audit WHERE action = 'use_recovery_code' AND actor_id = $1`, a.ID))
	_, err = r.NewRecoveryCodes(t.Context(), v, "000000", here)
	refused(t, err, referral.CodeInvalid, "code")
	r.clock.Advance(time.Minute)
	fresh, err := r.NewRecoveryCodes(t.Context(), v, r.code(secret), here)
	require.NoError(t, err)
	refused(t, r.CheckCode(t.Context(), a.ID, codes[4], here), referral.CodeUnauthenticated, "code")
	require.NoError(t, r.CheckCode(t.Context(), a.ID, fresh[0], here))
}

func TestGuessingCodesIsSlow(t *testing.T) {
	t.Parallel()
	r := open(t)
	a := r.account("zoe@helpline.example")
	r.enrolled(r.visitor(a, casework.ByPassword))
	for i := range 11 {
		from := casework.From{Address: "203.0.113." + string(rune('0'+i%10)), Device: token.New()}
		require.Equal(t, referral.CodeUnauthenticated, referral.CodeOf(r.CheckCode(t.Context(), a.ID, "no code", from)))
	}
	err := r.CheckCode(t.Context(), a.ID, "no code", casework.From{Address: "203.0.113.99", Device: token.New()})
	assert.Equal(t, time.Second, wait(err), "whoever has the password can't guess the code from many places either")
}

// Someone's browser is left open: whoever sits down there can't make the account their own.
func TestReplacingASecondFactorNeedsThePresentOne(t *testing.T) {
	t.Parallel()
	r := open(t)
	a := r.account("zoe@helpline.example")
	elsewhere, v := r.visitor(a, casework.ByPassword), r.visitor(a, casework.ByPassword)
	secret, _ := r.enrolled(v)
	_, err := r.Visitor(t.Context(), elsewhere.Visit)
	refused(t, err, referral.CodeNotFound, "")
	refused(t, r.ProposeSecondFactor(t.Context(), v, "", here), referral.CodeInvalid, "code")
	refused(t, r.ProposeSecondFactor(t.Context(), v, "123456", here), referral.CodeInvalid, "code")
	f, err := r.SecondFactor(t.Context(), v)
	require.NoError(t, err)
	assert.Empty(t, f.Secret, "and the secret is shown to nobody")
	r.clock.Advance(time.Minute)
	require.NoError(t, r.ProposeSecondFactor(t.Context(), v, r.code(secret), here))
	r.clock.Advance(time.Minute)
	require.NoError(t, r.CheckCode(t.Context(), a.ID, r.code(secret), here), "the present one stays until the other is proven")
	f, err = r.SecondFactor(t.Context(), v)
	require.NoError(t, err)
	assert.Contains(t, f.URL, "secret="+f.Secret)
	_, err = r.ConfirmSecondFactor(t.Context(), v, r.code(secret), here)
	refused(t, err, referral.CodeInvalid, "code")
	r.clock.Advance(time.Hour)
	_, err = r.ConfirmSecondFactor(t.Context(), v, r.code(f.Secret), here)
	refused(t, err, referral.CodeInvalid, "code")
}

// Where nobody has said otherwise, everyone must have a second factor who does not come by single sign-on.
func TestEveryoneMustHaveASecondFactor(t *testing.T) {
	t.Parallel()
	r := open(t)
	for _, role := range referral.AccountRoles {
		a, err := r.AddAccount(t.Context(), r.organisation, string(role)+"@helpline.example", "Ada", role, "en", password)
		require.NoError(t, err)
		assert.False(t, r.visitor(a, casework.BySingleSignOn).MustEnrol, "%s: the provider answers for it", role)
		v := r.visitor(a, casework.ByPassword)
		assert.True(t, v.MustEnrol, role)
		r.enrolled(v)
		v, err = r.Visitor(t.Context(), v.Visit)
		require.NoError(t, err)
		assert.False(t, v.MustEnrol, role)
	}
}

// A helpline may ask some roles only.
func TestSomeRolesMustHaveASecondFactor(t *testing.T) {
	t.Parallel()
	r := open(t)
	r.SecondFactorFor = []referral.Role{referral.Admin}
	boss, err := r.AddAccount(t.Context(), r.organisation, "boss@helpline.example", "Ada", referral.Admin, "en", password)
	require.NoError(t, err)
	assert.True(t, r.visitor(boss, casework.ByPassword).MustEnrol)
	assert.False(t, r.visitor(r.account("zoe@helpline.example"), casework.ByPassword).MustEnrol)
}

func TestVisitsEnd(t *testing.T) {
	t.Parallel()
	r := open(t)
	a, other := r.account("zoe@helpline.example"), r.account("abel@helpline.example")
	first, second, third := r.visitor(a, casework.ByPassword), r.visitor(a, casework.ByPassword), r.visitor(other, casework.ByPassword)
	goesOn := func(v casework.Visitor) bool {
		_, err := r.Visitor(t.Context(), v.Visit)
		return err == nil
	}
	list, err := r.Visits(t.Context(), first)
	require.NoError(t, err)
	require.Len(t, list, 2)
	assert.Equal(t, "Firefox", list[0].Browser)
	refused(t, r.EndVisit(t.Context(), first, third.Visit, "", here), referral.CodeNotFound, "")
	require.NoError(t, r.EndVisit(t.Context(), first, second.Visit, "", here))
	assert.True(t, goesOn(first) && !goesOn(second) && goesOn(third))
	require.NoError(t, r.ChangePassword(t.Context(), first, password, "another horse battery", here))
	second = r.visitor(a, casework.ByPassword)
	refused(t, r.ChangePassword(t.Context(), second, password, "yet another horse battery", here), referral.CodeInvalid, "present")
	refused(t, r.ChangePassword(t.Context(), second, "another horse battery", "zoe helpline zoe", here), referral.CodeInvalid, "password")
	require.NoError(t, r.ChangePassword(t.Context(), second, "another horse battery", password, here))
	assert.True(t, !goesOn(first) && goesOn(second), "a new password ends the other visits")
	require.NoError(t, r.SignOutEverywhere(t.Context(), second, "", here))
	assert.True(t, !goesOn(second) && goesOn(third))
	assert.Zero(t, one[int](r, `SELECT count(*) FROM known_devices WHERE account_id = $1`, a.ID))

	for range 30 {
		r.clock.Advance(casework.IdleTimeout - time.Minute)
		if !goesOn(third) {
			break
		}
	}
	assert.WithinDuration(t, monday.Add(casework.VisitTime), r.clock.Now(), casework.IdleTimeout, "a visit that never rests ends after a shift")
	third = r.visitor(other, casework.ByPassword)
	r.clock.Advance(casework.IdleTimeout)
	assert.False(t, goesOn(third), "one that rests ends sooner")
}
