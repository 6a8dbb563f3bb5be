package casework_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"throughline/casework"
	"throughline/referral"
)

// Nobody reads a case by a key of somebody else: who looks after accounts makes keys that find services, and whoever an
// account is makes those that do what they may do.
func TestKeysThatReadAreOnesOwn(t *testing.T) {
	t.Parallel()
	r := open(t)
	r.SecondFactorFor = []referral.Role{referral.Admin}
	ctx := t.Context()
	boss, zoe := r.boss("ada@helpline.example"), r.account("zoe@helpline.example")
	for _, email := range []string{"zoe@helpline.example", "ada@helpline.example"} {
		for _, scopes := range [][]casework.Scope{{casework.ScopeRead}, {casework.ScopeWrite}, casework.Scopes} {
			_, _, err := r.MakeKey(ctx, boss.Actor(casework.ViaPage), casework.KeyInput{Email: email, Scopes: scopes, Days: 1})
			refused(t, err, referral.CodeInvalid, "scopes")
		}
	}
	found, _, err := r.MakeKey(ctx, boss.Actor(casework.ViaPage),
		casework.KeyInput{Email: "zoe@helpline.example", Scopes: []casework.Scope{casework.ScopeDirectory}, Days: 1})
	require.NoError(t, err)

	v := r.visitor(zoe, casework.ByPassword)
	in := casework.KeyInput{Name: "phones", Scopes: []casework.Scope{casework.ScopeRead}, Days: 2}
	r.clock.Advance(10 * time.Minute)
	_, _, err = r.MakeOwnKey(ctx, v, in, "", here)
	refused(t, err, referral.CodeInvalid, "proof")
	id, key, err := r.MakeOwnKey(ctx, v, in, password, here)
	require.NoError(t, err)
	h, err := r.ByKey(ctx, key)
	require.NoError(t, err)
	assert.Equal(t, casework.KeyHolder{Account: zoe, Key: id, Scopes: in.Scopes}, h)
	list, err := r.OwnKeys(ctx, v)
	require.NoError(t, err)
	require.Len(t, list, 2, "those that others made are shown too")
	assert.Equal(t, [2]string{"Zoë", "Ada"}, [2]string{list[0].By, list[1].By})

	other := r.visitor(r.account("kim@helpline.example"), casework.ByPassword)
	refused(t, r.EndOwnKey(ctx, other, id), referral.CodeNotFound, "")
	require.NoError(t, r.EndOwnKey(ctx, v, found))
	require.NoError(t, r.EndOwnKey(ctx, v, id))
	_, err = r.ByKey(ctx, key)
	refused(t, err, referral.CodeUnauthenticated, "")

	enrolling := r.visitor(boss, casework.ByPassword)
	require.True(t, enrolling.MustEnrol)
	_, _, err = r.MakeOwnKey(ctx, enrolling, in, password, here)
	refused(t, err, referral.CodeForbidden, "")
	auditor, err := r.AddAccount(ctx, r.organisation, "otto@helpline.example", "Otto", referral.Auditor, "en", password)
	require.NoError(t, err)
	_, _, err = r.MakeOwnKey(ctx, r.visitor(auditor, casework.BySingleSignOn), in, password, here)
	refused(t, err, referral.CodeForbidden, "")
}

// What a program did is told apart in the audit from what the person did whose account it uses.
func TestTheAuditNamesTheKey(t *testing.T) {
	t.Parallel()
	r := open(t)
	ctx := t.Context()
	zoe := r.account("zoe@helpline.example")
	id, key, err := r.AddKey(ctx, "zoe@helpline.example", "the phones")
	require.NoError(t, err)
	assert.Equal(t, zoe.ID, one[uuid.UUID](r, `SELECT why_id FROM audit WHERE action = 'add_key' AND why = 'person'`), "for whom it is")
	h, err := r.ByKey(ctx, key)
	require.NoError(t, err)
	in := r.intake(r.services[0])
	for i, who := range []casework.Actor{zoe.Actor(casework.ViaPage), h.Actor()} {
		_, _, err = r.Case(ctx, who, in.CaseID)
		require.NoError(t, err)
		_, err = r.Do(ctx, who, in.ReferralID, casework.CommandInput{Do: referral.AddOffer, ServiceIDs: r.services[i+1 : i+2], Consent: new(agreed())}, nil)
		require.NoError(t, err)
	}
	require.NoError(t, r.Refused(ctx, h.Actor(), casework.ManagePeople))
	_, trail, err := r.AuditOfPerson(ctx, r.as(referral.Auditor), zoe.ID, casework.TrailQuery{})
	require.NoError(t, err)
	var said [][4]string
	for _, e := range trail {
		by := ""
		if e.WhyID != nil {
			by = e.WhyID.String()
		}
		said = append(said, [4]string{e.Action, e.Why, by, e.WhyName})
	}
	assert.Equal(t, [][4]string{{"refused", "permission:manage_people", id.String(), ""}, {"add_offer", "api_key", id.String(), "the phones"},
		{"view", "api_key", id.String(), "the phones"}, {"add_offer", "", "", ""}, {"view", "", "", ""}}, said, "the newest first")
}
