package casework_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"throughline/casework"
	"throughline/referral"
)

// An entry on who may come in, or for how long things are kept, says from what to what, in codes; what changes nothing
// leaves none.
func TestEntriesSayWhatChanged(t *testing.T) {
	t.Parallel()
	r := open(t)
	ctx := t.Context()
	boss, zoe := r.boss("ada@helpline.example").Actor(casework.ViaPage), r.account("zoe@helpline.example")
	last := one[int64](r, `SELECT coalesce(max(id), 0) FROM audit`)
	id, err := r.Invite(ctx, boss, casework.NewColleague{Email: "new@helpline.example", Name: "Bea", Role: referral.Auditor})
	require.NoError(t, err)
	_, err = r.SignInBy(ctx, casework.Identity{Issuer: "https://id.example", Subject: "1", Email: "new@helpline.example", Role: referral.Auditor})
	require.NoError(t, err)
	for range 2 { // the second time nothing changes
		_, err = r.SignInBy(ctx, casework.Identity{Issuer: "https://id.example", Subject: "1", Role: referral.DataEditor})
		require.NoError(t, err)
		require.NoError(t, r.ChangeRole(ctx, boss, zoe.ID, referral.Partner))
		require.NoError(t, r.ChangePlace(ctx, boss, zoe.ID, casework.Belongs{Region: "North", Partner: "Clinic"}))
		require.NoError(t, r.SetRetention(ctx, boss, map[string]int{casework.KindVisits: 14, casework.KindDevices: 365}))
	}
	require.NoError(t, r.ChangePlace(ctx, boss, zoe.ID, casework.Belongs{Partner: "Shelter"}))
	require.NoError(t, r.ChangePlace(ctx, boss, zoe.ID, casework.Belongs{}))
	zoe.Role = referral.Partner
	r.visitor(zoe, casework.ByPassword)
	var said [][3]string
	for _, e := range r.entries(last) {
		region := ""
		if e.WhyID != nil {
			region = one[string](r, `SELECT name FROM regions WHERE id = $1`, *e.WhyID)
		}
		said = append(said, [3]string{e.Action, e.Why, region})
	}
	assert.Equal(t, [][3]string{{"invite", "role:,auditor", ""}, {"bind_identity", "by:oidc", ""}, {"join", "by:oidc", ""},
		{"change_role", "role:auditor,data_editor", ""}, {"change_role", "role:navigator,partner", ""}, {"change_place", "place:region,partner", "North"},
		{"set_retention", "days:visits,30,14", ""}, {"change_place", "place:region,partner", ""}, {"change_place", "place:partner", ""},
		{"sign_in", "by:password", ""}}, said)
	assert.Equal(t, id, one[uuid.UUID](r, `SELECT subject_id FROM audit WHERE action = 'bind_identity'`))
}
