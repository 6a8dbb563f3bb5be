package casework_test

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"throughline/casework"
	"throughline/referral"
)

// right makes a correction of one version of a case.
func right(version int, change casework.CorrectionInput) casework.CorrectionInput {
	change.IfVersion = version
	if change.Reason == "" {
		change.Reason = "canary told us at the second call"
	}
	return change
}

func TestACaseIsSetRight(t *testing.T) {
	t.Parallel()
	r := open(t)
	in, token := r.sent(r.services[0])
	r.replied(token, referral.Accept)
	c, err := r.Correct(t.Context(), r.colleague, in.CaseID, right(1, casework.CorrectionInput{Name: new("Anna Canary-Roy"), Phone: new("705 555 0199"),
		SafeToCall: new(false), BirthYear: new(1972)}), nil)
	require.NoError(t, err)
	assert.Equal(t, []any{"Anna Canary-Roy", "+17055550199", false, 1972, 2}, []any{c.Name, c.Phone, c.SafeToCall, c.BirthYear, c.Version})
	kept, _, err := r.Case(t.Context(), r.navigator, in.CaseID)
	require.NoError(t, err)
	assert.True(t, c.CreatedAt.Equal(kept.CreatedAt))
	c.CreatedAt = kept.CreatedAt
	assert.Equal(t, kept, c, "what is answered is what is kept, and the rest is as it was")

	// The agency that said yes sees it on its page.
	page, err := r.OpenLink(t.Context(), token)
	require.NoError(t, err)
	require.NotNil(t, page.Client)
	assert.Equal(t, []any{"Anna Canary-Roy", "+17055550199", false}, []any{page.Client.Name, page.Client.Phone, page.Client.SafeToCall})

	// It is found by what it says now, and no longer by what was wrong.
	for query, n := range map[string]int{"Roy": 1, "705 555 0199": 1, "705 555 0123": 0, "ana.canary@example.org": 1} {
		found, err := r.FindCases(t.Context(), r.navigator, query)
		require.NoError(t, err)
		assert.Len(t, found, n, query)
	}

	// The audit names the fields and no more.
	assert.Equal(t, "change correct_case case fields:name,phone,safe_to_call,birth_year "+r.colleague.ID.String(),
		one[string](r, `SELECT kind || ' ' || action || ' ' || subject || ' ' || why || ' ' || actor_id FROM audit WHERE action = 'correct_case'`))
	assert.Equal(t, in.CaseID, one[uuid.UUID](r, `SELECT whose[1] FROM audit WHERE action = 'correct_case' AND why_id = (SELECT id FROM corrections)`))
}

func TestWhatItSaidBeforeIsKept(t *testing.T) {
	t.Parallel()
	r := open(t)
	in := r.intake(r.services[0])
	_, err := r.Correct(t.Context(), r.navigator, in.CaseID, right(1, casework.CorrectionInput{Phone: new("705 555 0199"), Notes: new("")}), nil)
	require.NoError(t, err)
	_, err = r.Correct(t.Context(), r.colleague, in.CaseID, right(2, casework.CorrectionInput{Phone: new(""), Reason: "her number is her sister's"}), nil)
	require.NoError(t, err)
	h, err := r.CaseHistory(t.Context(), r.colleague, in.CaseID)
	require.NoError(t, err)
	require.Len(t, h.Corrections, 2)
	assert.Equal(t, []casework.FieldChange{{Field: "phone", Before: "+17055550199"}}, h.Corrections[0].Changes)
	assert.Equal(t, "her number is her sister's, Kim", h.Corrections[0].Reason+", "+h.Corrections[0].ByName)
	assert.Equal(t, []casework.FieldChange{{Field: "phone", Before: "+17055550123", After: "+17055550199"}, {Field: "notes", Before: "canary in the notes"}},
		h.Corrections[1].Changes)
	assert.Equal(t, "+17055550123", h.At(1)["phone"])
	assert.Equal(t, "+17055550199", h.At(2)["phone"])
	assert.Equal(t, "view corrections", one[string](r, `SELECT kind || ' ' || subject FROM audit WHERE $1 = ANY (whose) ORDER BY id DESC LIMIT 1`, in.CaseID))

	// Whoever erases the case erases that too, and then there is nothing to set right.
	r.later()
	id := r.askedErasure(in)
	require.NoError(t, r.ApproveErasure(t.Context(), r.person(r.organisation, "Sacha", referral.Supervisor), id))
	r.clock.Advance(7 * day)
	_, _, err = r.Erase(t.Context(), id, r.clock.Now())
	require.NoError(t, err)
	assert.Zero(t, one[int](r, `SELECT count(*) FROM corrections WHERE reason || before <> ''`))
	h, err = r.CaseHistory(t.Context(), r.colleague, in.CaseID)
	require.NoError(t, err)
	assert.Empty(t, h.Corrections[0].Reason+h.Corrections[0].Changes[0].Before)
	_, err = r.Correct(t.Context(), r.navigator, in.CaseID, right(3, casework.CorrectionInput{Name: new("Ana")}), nil)
	refused(t, err, referral.CodeConflict, "case")
}

func TestAnAnonymousCaseGetsAName(t *testing.T) {
	t.Parallel()
	r := open(t)
	c, err := r.OpenCase(t.Context(), r.navigator, casework.CaseInput{Notes: "would not say"}, nil)
	require.NoError(t, err)
	require.True(t, c.Anonymous)
	c, err = r.Correct(t.Context(), r.navigator, c.ID, right(1, casework.CorrectionInput{Name: new("Ana Canary")}), nil)
	require.NoError(t, err)
	assert.False(t, c.Anonymous)
	assert.Equal(t, "would not say", c.Notes)
	found, err := r.FindCases(t.Context(), r.navigator, "canary")
	require.NoError(t, err)
	assert.Len(t, found, 1)
	c, err = r.Correct(t.Context(), r.navigator, c.ID, right(2, casework.CorrectionInput{Name: new(" ")}), nil)
	require.NoError(t, err)
	assert.True(t, c.Anonymous)
}

func TestACorrectionThatCantBeRight(t *testing.T) {
	t.Parallel()
	r := open(t)
	in := r.intake(r.services[0])
	before := r.contents()
	for field, change := range map[string]casework.CorrectionInput{"phone": {Phone: new("12")}, "email": {Email: new("ana")},
		"postal_code": {PostalCode: new("90210")}, "birth_year": {BirthYear: new(84)}, "language": {Language: new("not one")},
		"name": {Name: new(strings.Repeat("n", 300))}, "notes": {Notes: new("\x00")}} {
		_, err := r.Correct(t.Context(), r.navigator, in.CaseID, right(1, change), nil)
		refused(t, err, referral.CodeInvalid, field)
	}
	_, err := r.Correct(t.Context(), r.navigator, in.CaseID, right(1, casework.CorrectionInput{Language: new("en-x-canary")}), nil)
	refused(t, err, referral.CodeInvalid, "language")
	for _, reason := range []string{"", " \u200d ", strings.Repeat("w", 201)} {
		_, err := r.Correct(t.Context(), r.navigator, in.CaseID, casework.CorrectionInput{Name: new("Ana"), Reason: reason, IfVersion: 1}, nil)
		refused(t, err, referral.CodeInvalid, "reason")
	}
	for _, version := range []int{0, 2} {
		_, err := r.Correct(t.Context(), r.navigator, in.CaseID, right(version, casework.CorrectionInput{Name: new("Ana")}), nil)
		refused(t, err, referral.CodeStale, "If-Match")
	}
	assert.Equal(t, before, r.contents(), "nothing was half-written")
	_, err = r.Correct(t.Context(), r.navigator, in.CaseID, right(1, casework.CorrectionInput{Name: new("Ana Canary")}), nil)
	require.NoError(t, err)
	assert.Zero(t, one[int](r, `SELECT count(*) FROM corrections`), "what says the same is no correction")
}

// Who does not see a case does not set it right either, and learns nothing by trying.
func TestWhoMaySetACaseRight(t *testing.T) {
	t.Parallel()
	r := open(t)
	stranger := r.person(r.helpline("Lakehead 211"), "Sam", referral.Coordinator)
	partner := r.person(r.organisation, "Pat", referral.Partner)
	in, restricted := r.intake(r.services[0]), r.intakeBy(r.navigator, "violence")
	for _, missing := range []error{
		func() error {
			_, err := r.Correct(t.Context(), stranger, in.CaseID, right(1, casework.CorrectionInput{}), nil)
			return err
		}(),
		func() error {
			_, err := r.Correct(t.Context(), partner, in.CaseID, right(1, casework.CorrectionInput{}), nil)
			return err
		}(),
		func() error {
			_, err := r.Correct(t.Context(), r.colleague, restricted.CaseID, right(1, casework.CorrectionInput{}), nil)
			return err
		}(),
		func() error {
			_, err := r.Correct(t.Context(), r.colleague, uuid.New(), right(1, casework.CorrectionInput{}), nil)
			return err
		}(),
		func() error { _, err := r.CaseHistory(t.Context(), r.colleague, restricted.CaseID); return err }(),
	} {
		refused(t, missing, referral.CodeNotFound, "")
	}
	for _, role := range []referral.Role{referral.Admin, referral.Auditor, referral.DataEditor} {
		_, err := r.Correct(t.Context(), r.person(r.organisation, "Alex", role), in.CaseID, right(1, casework.CorrectionInput{Name: new("Ana")}), nil)
		refused(t, err, referral.CodeForbidden, "")
	}
	_, err := r.BreakGlass(t.Context(), r.colleague, restricted.Reference, "he is on the line")
	require.NoError(t, err)
	_, err = r.Correct(t.Context(), r.colleague, restricted.CaseID, right(1, casework.CorrectionInput{SafeToCall: new(false)}), nil)
	require.NoError(t, err)
	c, _, err := r.Case(t.Context(), r.colleague, restricted.CaseID)
	require.NoError(t, err)
	assert.Equal(t, "violence", c.Restricted)
}

// A partner that works for another organisation since still sees what it opened, and may set it right.
func TestAPartnerThatWentElsewhere(t *testing.T) {
	t.Parallel()
	r := open(t)
	partner := r.person(r.organisation, "Pat", referral.Partner)
	r.exec(`UPDATE accounts SET partner = 'Legal clinic' WHERE id = $1`, partner.ID)
	partner.Partner = "Legal clinic"
	c, err := r.OpenCase(t.Context(), partner, casework.CaseInput{Name: "Ana Canary"}, nil)
	require.NoError(t, err)
	partner.Partner = "Food bank"
	_, err = r.Correct(t.Context(), partner, c.ID, right(1, casework.CorrectionInput{Name: new("Anna Canary")}), nil)
	require.NoError(t, err)
}

// Of fifty who set right the same version one wins, and the others are told; the same request again gets the same answer.
func TestTwoPeopleDoNotOverwriteOneAnother(t *testing.T) {
	t.Parallel()
	r := open(t)
	in := r.intake(r.services[0])
	var wait sync.WaitGroup
	errs := make([]error, 50)
	for i := range errs {
		wait.Go(func() {
			_, errs[i] = r.Correct(t.Context(), []casework.Actor{r.navigator, r.colleague}[i%2], in.CaseID,
				right(1, casework.CorrectionInput{Phone: new("705 555 01" + string(rune('0'+i/10)) + string(rune('0'+i%10)))}), nil)
		})
	}
	wait.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
			continue
		}
		refused(t, err, referral.CodeStale, "If-Match")
	}
	assert.Equal(t, 1, won)
	assert.Equal(t, 2, one[int](r, `SELECT version FROM cases WHERE id = $1`, in.CaseID))
	assert.Equal(t, 1, one[int](r, `SELECT count(*) FROM corrections`))

	key := &casework.Key{Key: uuid.NewString(), Body: []byte("x")}
	change := right(2, casework.CorrectionInput{Name: new("Anna Canary")})
	first, err := r.Correct(t.Context(), r.navigator, in.CaseID, change, key)
	require.NoError(t, err)
	again, err := r.Correct(t.Context(), r.navigator, in.CaseID, change, key)
	require.NoError(t, err)
	assert.Equal(t, first.Version, again.Version)
	assert.Equal(t, 2, one[int](r, `SELECT count(*) FROM corrections`))
}

func TestEveryFieldCanBeSetRight(t *testing.T) {
	t.Parallel()
	r := open(t)
	c, err := r.OpenCase(t.Context(), r.navigator, casework.CaseInput{}, nil)
	require.NoError(t, err)
	want := casework.CaseInput{Name: "Ana Canary", Phone: "+17055550123", Email: "ana@example.org", ContactTimes: "mornings", SafeToCall: true,
		SafeToLeaveMessage: true, Municipality: "Peterborough", PostalCode: "K9J 1A1", BirthYear: 1971, Language: "fr", Notes: "none"}
	all := casework.CorrectAll(want)
	all.Reason, all.IfVersion = "the first call was cut off", 1
	c, err = r.Correct(t.Context(), r.navigator, c.ID, all, nil)
	require.NoError(t, err)
	assert.Equal(t, want, c.CaseInput)
	h, err := r.CaseHistory(t.Context(), r.navigator, c.ID)
	require.NoError(t, err)
	var fields []string
	for _, f := range h.Corrections[0].Changes {
		fields = append(fields, f.Field)
	}
	assert.Equal(t, casework.CaseFields, fields)
	assert.ElementsMatch(t, casework.CaseFields, slices.Collect(maps.Keys(want.Texts())))
}
