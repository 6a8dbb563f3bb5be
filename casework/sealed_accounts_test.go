package casework_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"throughline/casework"
	"throughline/db"
	"throughline/internal/seal"
	"throughline/referral"
)

// secrets are those of someone's second factor: the one in use, and one that waits to be proven.
func (r *room) secrets() []string {
	r.t.Helper()
	v := r.visitor(r.account("zoe@helpline.example"), casework.ByPassword)
	secret, _ := r.enrolled(v)
	r.clock.Advance(time.Minute)
	require.NoError(r.t, r.ProposeSecondFactor(r.t.Context(), v, r.code(secret), here))
	f, err := r.SecondFactor(r.t.Context(), v)
	require.NoError(r.t, err)
	require.NotEmpty(r.t, f.Secret)
	return []string{secret, f.Secret}
}

// Whoever can write to the database can't give an account a second factor that they know, by any way of putting it there.
func TestTheSecretOfASecondFactorStaysWhereItIs(t *testing.T) {
	t.Parallel()
	for name, move := range map[string]string{
		"from another account": `UPDATE second_factors a SET secret = b.secret FROM second_factors b WHERE a.account_id = $1 AND b.account_id = $2`,
		"not proven":           `UPDATE second_factors a SET secret = a.proposed WHERE account_id = $1 AND $2::uuid IS NOT NULL`,
		"in the open":          `UPDATE second_factors SET secret = 'JBSWY3DPEHPK3PXP' WHERE account_id = $1 AND $2::uuid IS NOT NULL`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := open(t)
			r.damaged = true
			one, two := r.visitor(r.account("zoe@helpline.example"), casework.ByPassword), r.visitor(r.account("yan@helpline.example"), casework.ByPassword)
			secret, _ := r.enrolled(one)
			r.enrolled(two)
			r.clock.Advance(time.Minute)
			require.NoError(t, r.ProposeSecondFactor(t.Context(), one, r.code(secret), here))
			r.clock.Advance(time.Minute)
			r.exec(move, one.ID, two.ID)
			err := r.CheckCode(t.Context(), one.ID, r.code(secret), here)
			refused(t, err, referral.CodeInternal, "sealed")
			kind := seal.ErrDamaged
			if name == "in the open" {
				kind = seal.ErrNotSealed
			}
			assert.ErrorIs(t, err, kind)
			require.NoError(t, r.CheckCode(t.Context(), two.ID, r.code(r.secretOf(two)), here), "nobody else is kept out")
		})
	}
}

// secretOf proposes and proves another secret for someone, to know it.
func (r *room) secretOf(v casework.Visitor) string {
	r.t.Helper()
	require.NoError(r.t, r.ResetSecondFactor(r.t.Context(), r.person(r.organisation, "Ada", referral.Admin), v.ID))
	secret, _ := r.enrolled(v)
	r.clock.Advance(time.Minute)
	return secret
}

// Who said no for a client of whom nothing is kept is not kept either: there is no key that it could be sealed with.
func TestARefusalWithoutACaseNamesNobody(t *testing.T) {
	t.Parallel()
	r := open(t)
	in := casework.IntakeInput{Case: ana(), Referral: food(r.services...)}
	in.Referral.Consent = casework.ConsentInput{How: "substitute", Substitute: "Canary Maria", Capacity: "attorney"}
	_, err := r.Intake(t.Context(), r.navigator, in, nil)
	refused(t, err, referral.CodeConsentRequired, "consent.given")
	assert.Equal(t, []string{"attorney: "}, all[string](r, `SELECT capacity || ': ' || substitute FROM consents`))

	// Where there is a case it is sealed with it.
	made := r.intake(r.services...)
	again := food(r.services...)
	again.CaseID, again.Consent = made.CaseID, in.Referral.Consent
	_, err = r.Refer(t.Context(), r.navigator, again, nil)
	refused(t, err, referral.CodeConsentRequired, "consent.given")
	assert.Equal(t, 1, one[int](r, `SELECT count(*) FROM consents WHERE NOT given AND case_id = $1 AND substitute LIKE 's1.%'`, made.CaseID))
}

// The database gives the key of a case to nobody who does not see the case, and nobody of the application throws keys away.
func TestWhoDoesNotSeeACaseHasNotItsKey(t *testing.T) {
	t.Parallel()
	r := open(t)
	r.intake(r.services[0])
	r.intakeBy(r.navigator, "violence")
	keys := func(who casework.Actor) (n int) {
		ctx := db.As(t.Context(), db.Scope{Organisation: who.Organisation, Account: who.ID, Role: who.Role})
		require.NoError(t, r.DB.GetContext(ctx, &n, `SELECT count(*) FROM case_keys`))
		return n
	}
	assert.Equal(t, 2, keys(r.navigator))
	assert.Equal(t, 1, keys(r.colleague), "not that of a case for named people only")
	assert.Zero(t, keys(r.person(r.organisation, "Audrey", referral.Auditor)))
	assert.Zero(t, keys(r.person(r.helpline("Another 211"), "Ola", referral.Coordinator)))
	for _, table := range []string{"case_keys", "organisation_keys", "sealing"} {
		_, err := r.DB.ExecContext(db.AsSystem(t.Context()), `DELETE FROM `+table)
		assert.ErrorContains(t, err, "permission denied", table)
	}
}
