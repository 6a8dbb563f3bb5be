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

// refusals are the entries of what was refused since a moment, each with who tried.
func (r *room) refusals() []string {
	r.t.Helper()
	return all[string](r, `SELECT action || ' ' || why || ' ' || coalesce(actor_id::text, '') || ' of ' || coalesce(whose[1]::text, '') FROM audit
		WHERE kind = 'refused' ORDER BY id`)
}

// Who was not let in is kept, as far as it is known, and nothing of what they typed.
func TestFailedSignInsAreKept(t *testing.T) {
	t.Parallel()
	r := open(t)
	a := r.account("zoe@helpline.example")
	for _, try := range [][2]string{{"zoe@helpline.example", "canary battery staple"}, {"canary@helpline.example", password}, {"canary battery staple", password}} {
		_, _, err := r.SignIn(t.Context(), try[0], try[1], here)
		refused(t, err, referral.CodeUnauthenticated, "")
	}
	r.enrolled(r.visitor(a, casework.ByPassword))
	refused(t, r.CheckCode(t.Context(), a.ID, "canary", here), referral.CodeUnauthenticated, "code")
	r.exec(`UPDATE accounts SET active = false WHERE id = $1`, a.ID)
	_, _, err := r.SignIn(t.Context(), "zoe@helpline.example", password, here)
	refused(t, err, referral.CodeUnauthenticated, "")
	assert.Equal(t, []string{"sign_in_refused password " + a.ID.String() + " of ", "sign_in_refused code " + a.ID.String() + " of ", "sign_in_refused closed " + a.ID.String() + " of "}, r.refusals())
	for table, text := range r.dump() {
		assert.NotContains(t, text, "canary", table)
	}
}

func TestSigningOutIsKept(t *testing.T) {
	t.Parallel()
	r := open(t)
	v := r.visitor(r.account("zoe@helpline.example"), casework.ByPassword)
	require.NoError(t, r.Leave(t.Context(), v))
	require.NoError(t, r.Leave(t.Context(), v), "twice is once")
	assert.Equal(t, 1, one[int](r, `SELECT count(*) FROM audit WHERE action = 'sign_out' AND actor_id = $1`, v.ID))
}

func TestWhatIsOutOfReachIsKept(t *testing.T) {
	t.Parallel()
	r := open(t)
	restricted := r.intakeBy(r.navigator, "violence")
	stranger := r.person(r.helpline("Lakehead 211"), "Sam", referral.Coordinator)
	require.NoError(t, r.OutOfReach(t.Context(), r.colleague, restricted.CaseID))
	require.NoError(t, r.OutOfReach(t.Context(), r.colleague, restricted.ReferralID))
	require.NoError(t, r.OutOfReach(t.Context(), r.navigator, restricted.CaseID), "what they see is no refusal")
	require.NoError(t, r.OutOfReach(t.Context(), r.colleague, uuid.New()))
	require.NoError(t, r.OutOfReach(t.Context(), stranger, restricted.CaseID), "nothing of one helpline's is told to another")
	want := "out_of_reach  " + r.colleague.ID.String() + " of " + restricted.CaseID.String()
	assert.Equal(t, []string{want, want}, r.refusals())
}

// What lets people in changes only for who proves again that they are they, once a sign-in is a while ago.
func TestProvingAgain(t *testing.T) {
	t.Parallel()
	r := open(t)
	a := r.account("zoe@helpline.example")
	v, other := r.visitor(a, casework.ByPassword), r.visitor(a, casework.ByPassword)
	require.NoError(t, r.EndVisit(t.Context(), v, other.Visit, "", here), "just signed in")
	other = r.visitor(a, casework.BySingleSignOn)
	r.clock.Advance(10 * time.Minute)
	for name, do := range map[string]func(who casework.Visitor, pass string) error{
		"a second factor": func(who casework.Visitor, pass string) error {
			return r.ProposeSecondFactor(t.Context(), who, pass, here)
		},
		"another session": func(who casework.Visitor, pass string) error {
			return r.EndVisit(t.Context(), who, uuid.New(), pass, here)
		},
	} {
		refused(t, do(v, ""), referral.CodeInvalid, "proof")
		refused(t, do(v, "wrong horse battery"), referral.CodeInvalid, "proof")
		refused(t, do(other, password), referral.CodeInvalid, "proof") // the provider must say so, and not we
		if err := do(v, password); referral.CodeOf(err) != referral.CodeNotFound {
			require.NoError(t, err, name)
		}
	}
	refused(t, r.SignOutEverywhere(t.Context(), v, "", here), referral.CodeInvalid, "proof")
	require.NoError(t, r.EndVisit(t.Context(), v, v.Visit, "", here), "one's own can always be ended")
	assert.Len(t, r.refusals(), 2, "each wrong password")
}
