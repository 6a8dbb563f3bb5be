package casework_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"throughline/casework"
	"throughline/referral"
)

func TestACaseIsFoundByWhatACallerSays(t *testing.T) {
	t.Parallel()
	r := open(t)
	opened := func(name, phone string) casework.Case {
		c, err := r.OpenCase(t.Context(), r.navigator, casework.CaseInput{Name: name, Phone: phone, Email: strings.ToUpper(phone[:3]) + "@Canary.example"}, nil)
		require.NoError(t, err)
		return c
	}
	zoe, bob := opened("Zoë O’Canary-Côté", "514 555 0142 poste 12"), opened("Bob 100%", "705 555 0199")
	bare := strings.ReplaceAll(zoe.Reference, "-", "")
	for query, want := range map[string][]uuid.UUID{
		"zoe": {zoe.ID}, "ZOË": {zoe.ID}, "cote": {zoe.ID}, "o'canary": {zoe.ID}, "côté  zoë": {zoe.ID}, "zoe bob": nil,
		"(514) 555-0142": {zoe.ID}, "+1 514 555 0142": {zoe.ID}, "5140142": nil, "0142": {zoe.ID}, "514 555 0142 poste 12": {zoe.ID},
		"555": nil, "5550": nil, "5550142": {zoe.ID}, "514555014": nil, "zo": nil, "can": {zoe.ID}, "ö": {zoe.ID}, "canarys": nil,
		"514@canary.EXAMPLE": {zoe.ID}, "canary.example": nil, "514@canary": nil, zoe.Reference: {zoe.ID}, strings.ToLower(bare): {zoe.ID}, " " + bare[1:5] + " " + bare[5:]: {zoe.ID},
		"%": nil, "100%": {bob.ID}, "_": nil, `\`: nil, "nobody": nil, "": nil, strings.Repeat("zoe ", 100): nil,
	} {
		found, err := r.FindCases(t.Context(), r.colleague, query)
		require.NoError(t, err, query)
		var ids []uuid.UUID
		for _, c := range found {
			ids = append(ids, c.ID)
		}
		assert.ElementsMatch(t, want, ids, "%.40q", query)
	}
}

func TestEachCaseFoundIsALook(t *testing.T) {
	t.Parallel()
	r := open(t)
	c, err := r.OpenCase(t.Context(), r.navigator, casework.CaseInput{Name: "Ana Canary"}, nil)
	require.NoError(t, err)
	looks := func() int {
		return one[int](r, `SELECT count(*) FROM audit WHERE kind = 'search' AND subject = 'cases' AND whose @> ARRAY[$1::uuid]`, c.ID)
	}
	before := looks()
	_, err = r.FindCases(t.Context(), r.colleague, "canary")
	require.NoError(t, err)
	assert.Equal(t, before+1, looks())
	_, err = r.FindCases(t.Context(), r.colleague, "nobody")
	require.NoError(t, err)
	assert.Equal(t, before+1, looks())

	stranger := r.person(r.helpline("Lakehead 211"), "Lee", referral.Coordinator)
	for _, query := range []string{"canary", c.Reference} {
		found, err := r.FindCases(t.Context(), stranger, query)
		require.NoError(t, err)
		assert.Empty(t, found, "another helpline's case")
	}
	_, err = r.FindCases(t.Context(), casework.Actor{}, "canary")
	refused(t, err, referral.CodeForbidden, "")
	for range 51 {
		_, err := r.OpenCase(t.Context(), r.navigator, casework.CaseInput{Name: "Many"}, nil)
		require.NoError(t, err)
	}
	found, err := r.FindCases(t.Context(), r.navigator, "many")
	require.NoError(t, err)
	assert.Len(t, found, 50)
}
