package casework_test

import (
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"throughline/casework"
	"throughline/db"
	"throughline/internal/token"
	"throughline/referral"
)

// boss is an administrator.
func (r *room) boss(email string) casework.Account {
	r.t.Helper()
	a, err := r.AddAccount(r.t.Context(), r.organisation, email, "Ada", referral.Admin, "en", password)
	require.NoError(r.t, err)
	return a
}

// invitation takes the letter that waits, as the dispatcher does.
func (r *room) invitation() casework.Inviting {
	r.t.Helper()
	out, ok, err := r.TakeInvitation(r.t.Context())
	require.NoError(r.t, err)
	require.True(r.t, ok, "a letter waits")
	require.NoError(r.t, r.SettleInvitation(r.t.Context(), out, casework.Settled{State: db.MessageAccepted}))
	return out
}

func TestSomeoneInvitedJoins(t *testing.T) {
	t.Parallel()
	r := open(t)
	who := r.boss("ada@helpline.example").Actor(casework.ViaPage)
	id, err := r.Invite(t.Context(), who, casework.NewColleague{Email: "new@helpline.example", Name: "Bea", Language: "fr", Role: referral.Coordinator})
	require.NoError(t, err)
	_, err = r.signIn("new@helpline.example", password)
	refused(t, err, referral.CodeUnauthenticated, "")
	out := r.invitation()
	assert.Equal(t, "fr", out.Locale)
	assert.Equal(t, "new@helpline.example", out.Email)
	assert.Zero(t, one[int](r, `SELECT count(*) FROM invitations i WHERE i::text LIKE '%' || $1 || '%'`, out.Token), "the token is kept nowhere")
	j, err := r.Joining(t.Context(), out.Token)
	require.NoError(t, err)
	assert.Equal(t, casework.Joining{Email: "new@helpline.example", Until: monday.Add(casework.InvitationTime)}, j)
	refused(t, r.Join(t.Context(), out.Token, "short", here), referral.CodeInvalid, "password")
	require.NoError(t, r.Join(t.Context(), out.Token, "yet another horse battery", here))
	refused(t, r.Join(t.Context(), out.Token, "yet another horse batterie", here), referral.CodeNotFound, "")
	a, err := r.signIn("new@helpline.example", "yet another horse battery")
	require.NoError(t, err)
	assert.Equal(t, id, a.ID)
	p, err := r.Person(t.Context(), who, id)
	require.NoError(t, err)
	assert.Equal(t, "active", p.State)
	assert.Equal(t, []string{"invite", "sign_in_refused", "join"}, all[string](r, `SELECT action FROM audit WHERE subject_id = $1 ORDER BY id`, id))
}

func TestALinkOfALetterIsGoodOnceAndNotForLong(t *testing.T) {
	t.Parallel()
	r := open(t)
	who := r.boss("ada@helpline.example").Actor(casework.ViaPage)
	id, err := r.Invite(t.Context(), who, casework.NewColleague{Email: "new@helpline.example", Name: "Bea", Role: referral.Navigator})
	require.NoError(t, err)
	first := r.invitation()
	require.NoError(t, r.InviteAgain(t.Context(), who, id))
	second := r.invitation()
	refused(t, r.Join(t.Context(), first.Token, "yet another horse battery", here), referral.CodeNotFound, "")
	r.clock.Advance(casework.InvitationTime)
	refused(t, r.Join(t.Context(), second.Token, "yet another horse battery", here), referral.CodeNotFound, "")
	p, err := r.Person(t.Context(), who, id)
	require.NoError(t, err)
	assert.Equal(t, "invitation_over", p.State)
	require.NoError(t, r.InviteAgain(t.Context(), who, id))
	third := r.invitation()
	var joins sync.WaitGroup
	won := make(chan bool, 5)
	for range 5 {
		joins.Go(func() { won <- r.Join(t.Context(), third.Token, "yet another horse battery", here) == nil })
	}
	joins.Wait()
	close(won)
	n := 0
	for w := range won {
		if w {
			n++
		}
	}
	assert.Equal(t, 1, n, "five at once: one joins")
	require.Equal(t, referral.CodeConflict, referral.CodeOf(r.InviteAgain(t.Context(), who, id)))
	require.NoError(t, r.ClosePerson(t.Context(), who, id))
	require.NoError(t, r.InviteAgain(t.Context(), who, id))
	fourth := r.invitation()
	require.NoError(t, r.ClosePerson(t.Context(), who, id))
	refused(t, r.Join(t.Context(), fourth.Token, "yet another horse battery", here), referral.CodeNotFound, "")
}

func TestAForgottenPassword(t *testing.T) {
	t.Parallel()
	r := open(t)
	a := r.account("zoe@helpline.example")
	v := r.visitor(a, casework.ByPassword)
	r.enrolled(v)
	r.account("gone@helpline.example")
	require.NoError(t, r.CloseAccount(t.Context(), "gone@helpline.example"))
	for _, email := range []string{"nobody@helpline.example", "gone@helpline.example", ""} {
		require.NoError(t, r.ForgotPassword(t.Context(), email, here))
	}
	_, ok, err := r.TakeInvitation(t.Context())
	require.NoError(t, err)
	require.False(t, ok, "nobody is written to")
	for range 3 {
		require.NoError(t, r.ForgotPassword(t.Context(), "zoe@helpline.example", here))
	}
	assert.Equal(t, time.Second, wait(r.ForgotPassword(t.Context(), "zoe@helpline.example", casework.From{Address: "203.0.113.99"})),
		"nobody's mailbox is filled from anywhere")
	out := r.invitation()
	j, err := r.Joining(t.Context(), out.Token)
	require.NoError(t, err)
	assert.True(t, j.Reset)
	device := casework.From{Address: "203.0.113.50", Device: token.New()}
	require.NoError(t, r.Join(t.Context(), out.Token, "yet another horse battery", device))
	_, err = r.Visitor(t.Context(), v.Visit)
	refused(t, err, referral.CodeNotFound, "")
	for i := range 40 {
		_ = r.guess("zoe@helpline.example", casework.From{Address: "203.0.113." + string(rune('0'+i%10))})
	}
	_, needed, err := r.SignIn(t.Context(), "zoe@helpline.example", "yet another horse battery", device)
	require.NoError(t, err, "the browser with the mailbox is not kept out by anyone's guesses")
	assert.True(t, needed, "a mailbox alone does not open an account")

	require.NoError(t, r.SetPassword(t.Context(), "zoe@helpline.example", password))
	r.clock.Advance(24 * time.Hour)
	require.NoError(t, r.ForgotPassword(t.Context(), "zoe@helpline.example", here))
	out = r.invitation()
	r.clock.Advance(casework.ResetTime)
	refused(t, r.Join(t.Context(), out.Token, "yet another horse battery", here), referral.CodeNotFound, "")
}

// Who asks for a letter learns nothing from how long it takes: an address without an account, or with a closed one, writes
// and commits as often as one that is written to.
func TestAskingForALetterTakesAsLongWithoutAnAccount(t *testing.T) {
	t.Parallel()
	for name, email := range map[string]string{"in use": "zoe@helpline.example", "closed": "gone@helpline.example", "nobody's": "nobody@helpline.example"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := open(t)
			r.account("zoe@helpline.example")
			r.account("gone@helpline.example")
			require.NoError(t, r.CloseAccount(t.Context(), "gone@helpline.example"))
			require.NoError(t, r.ForgotPassword(t.Context(), email, here))
			assert.Equal(t, 2, one[int](r, `SELECT count(DISTINCT x) FROM (SELECT xmin::text AS x FROM sign_in_tries UNION ALL SELECT xmin::text FROM invitations) w`),
				"transactions that left something")
			assert.Equal(t, name == "in use", one[bool](r, `SELECT EXISTS (SELECT FROM invitations)`))
		})
	}
}

func TestALetterThatDidNotGoOut(t *testing.T) {
	t.Parallel()
	r := open(t)
	who := r.boss("ada@helpline.example").Actor(casework.ViaPage)
	id, err := r.Invite(t.Context(), who, casework.NewColleague{Email: "new@helpline.example", Name: "Bea", Role: referral.Navigator})
	require.NoError(t, err)
	out, ok, err := r.TakeInvitation(t.Context())
	require.NoError(t, err)
	require.True(t, ok)
	_, ok, err = r.TakeInvitation(t.Context())
	require.NoError(t, err)
	require.False(t, ok, "it is under way")
	require.NoError(t, r.SettleInvitation(t.Context(), out, casework.Settled{State: db.MessagePending, Class: "unreachable"}))
	r.clock.Advance(time.Minute)
	again, ok, err := r.TakeInvitation(t.Context())
	require.NoError(t, err)
	require.True(t, ok, "what surely did not go out is tried again")
	assert.NotEqual(t, out.Token, again.Token)
	_, err = r.Joining(t.Context(), out.Token)
	refused(t, err, referral.CodeNotFound, "")
	r.clock.Advance(time.Hour)
	_, ok, err = r.TakeInvitation(t.Context())
	require.NoError(t, err)
	require.False(t, ok, "what was cut off is not sent again in silence")
	p, err := r.Person(t.Context(), who, id)
	require.NoError(t, err)
	assert.Equal(t, "ambiguous", p.LetterState)
	_, err = r.Hear(t.Context(), []casework.ProviderEvent{{ID: "e1", Letter: out.ID, Word: referral.WordBounce, At: r.clock.Now(), Raw: []byte("{}")}})
	require.NoError(t, err)
	p, err = r.Person(t.Context(), who, id)
	require.NoError(t, err)
	assert.Equal(t, "rejected", p.LetterState, "what the provider says later is heard")
	assert.Zero(t, one[int](r, `SELECT count(*) FROM provider_events WHERE outcome = 'no_message'`), "and is no alarm")
}

func TestAnotherRoleEndsWhatTheFormerOneOpened(t *testing.T) {
	t.Parallel()
	r := open(t)
	boss := r.boss("ada@helpline.example")
	who, zoe := boss.Actor(casework.ViaPage), r.account("zoe@helpline.example")
	v := r.visitor(zoe, casework.ByPassword)
	in, err := r.Intake(t.Context(), zoe.Actor(casework.ViaPage), casework.IntakeInput{Case: ana(), Referral: food(r.services[0])}, nil)
	require.NoError(t, err)
	refused(t, r.ChangeRole(t.Context(), who, zoe.ID, "system"), referral.CodeInvalid, "role")
	require.NoError(t, r.ChangeRole(t.Context(), who, zoe.ID, referral.Coordinator))
	_, err = r.Visitor(t.Context(), v.Visit)
	refused(t, err, referral.CodeNotFound, "")
	assert.Equal(t, zoe.ID, one[uuid.UUID](r, `SELECT owner_id FROM referrals WHERE id = $1`, in.ReferralID))
	require.NoError(t, r.ChangeRole(t.Context(), who, zoe.ID, referral.Auditor))
	assert.Equal(t, r.coordinator.ID, one[uuid.UUID](r, `SELECT owner_id FROM referrals WHERE id = $1`, in.ReferralID), "no one is left with work they may not do")
	refused(t, r.ClosePerson(t.Context(), who, boss.ID), referral.CodeConflict, "last_admin")
	second := r.boss("second@helpline.example")
	refused(t, r.ChangeRole(t.Context(), who, boss.ID, referral.Navigator), referral.CodeForbidden, "") // not even with another administrator
	refused(t, r.ResetSecondFactor(t.Context(), who, boss.ID), referral.CodeForbidden, "")
	require.NoError(t, r.ResetSecondFactor(t.Context(), who, second.ID))
	require.NoError(t, r.ClosePerson(t.Context(), who, boss.ID))
	assert.Equal(t, []string{"change_role", "change_role"}, all[string](r, `SELECT action FROM audit WHERE subject_id = $1 AND action = 'change_role'`, zoe.ID))
}

// Everything that only an administrator may do, tried by others and on others' accounts.
func TestOnlyAdministratorsLookAfterAccounts(t *testing.T) {
	t.Parallel()
	r := open(t)
	zoe := r.account("zoe@helpline.example")
	elsewhere := r.helpline("Lakehead 211")
	stranger, err := r.AddAccount(t.Context(), elsewhere, "boss@lakehead.example", "Lou", referral.Admin, "en", password)
	require.NoError(t, err)
	key, _, err := r.AddKey(t.Context(), "zoe@helpline.example", "theirs")
	require.NoError(t, err)
	tries := map[string]func(who casework.Actor) error{
		"people": func(who casework.Actor) error { _, err := r.People(t.Context(), who); return err },
		"person": func(who casework.Actor) error { _, err := r.Person(t.Context(), who, zoe.ID); return err },
		"invite": func(who casework.Actor) error {
			_, err := r.Invite(t.Context(), who, casework.NewColleague{Email: "x@helpline.example", Name: "X", Role: referral.Admin})
			return err
		},
		"invite again": func(who casework.Actor) error { return r.InviteAgain(t.Context(), who, zoe.ID) },
		"role":         func(who casework.Actor) error { return r.ChangeRole(t.Context(), who, zoe.ID, referral.Admin) },
		"close":        func(who casework.Actor) error { return r.ClosePerson(t.Context(), who, zoe.ID) },
		"sign out":     func(who casework.Actor) error { return r.SignOutPerson(t.Context(), who, zoe.ID) },
		"reset":        func(who casework.Actor) error { return r.ResetSecondFactor(t.Context(), who, zoe.ID) },
		"keys":         func(who casework.Actor) error { _, err := r.KeysOf(t.Context(), who); return err },
		"make key": func(who casework.Actor) error {
			_, _, err := r.MakeKey(t.Context(), who, casework.KeyInput{Email: "zoe@helpline.example", Scopes: casework.Scopes, Days: 1})
			return err
		},
		"end key": func(who casework.Actor) error { return r.EndKey(t.Context(), who, key) },
	}
	before := r.contents()
	for _, who := range []casework.Actor{r.navigator, r.coordinator, {Actor: referral.Actor{Role: referral.Admin}, Organisation: r.organisation}} {
		for name, try := range tries {
			assert.Equal(t, referral.CodeForbidden, referral.CodeOf(try(who)), "%s as %s", name, who.Role)
		}
	}
	for name, try := range tries {
		switch err := try(stranger.Actor(casework.ViaPage)); name {
		case "people", "keys", "invite":
		case "make key":
			refused(t, err, referral.CodeInvalid, "email")
		default:
			assert.Equal(t, referral.CodeNotFound, referral.CodeOf(err), "%s of another helpline", name)
		}
	}
	after := r.contents()
	for _, table := range []string{"accounts", "invitations", "audit"} { // the stranger has invited someone of their own
		delete(before, table)
		delete(after, table)
	}
	assert.Equal(t, before, after)
	assert.Zero(t, one[int](r, `SELECT count(*) FROM accounts WHERE organisation_id = $1 AND email = 'x@helpline.example'`, r.organisation))
}

func TestKeysEnd(t *testing.T) {
	t.Parallel()
	r := open(t)
	who := r.boss("ada@helpline.example").Actor(casework.ViaPage)
	finds := []casework.Scope{casework.ScopeDirectory}
	for field, in := range map[string]casework.KeyInput{"days": {Scopes: finds, Days: 731}, "scopes": {Scopes: []casework.Scope{"admin"}, Days: 1},
		"name": {Name: long(201), Scopes: finds, Days: 1}} {
		in.Email = "ada@helpline.example"
		_, _, err := r.MakeKey(t.Context(), who, in)
		refused(t, err, referral.CodeInvalid, field)
	}
	id, key, err := r.MakeKey(t.Context(), who, casework.KeyInput{Email: "ada@helpline.example", Name: "site", Scopes: finds, Days: 2})
	require.NoError(t, err)
	h, err := r.ByKey(t.Context(), key)
	require.NoError(t, err)
	assert.Equal(t, finds, h.Scopes)
	keys, err := r.KeysOf(t.Context(), who)
	require.NoError(t, err)
	require.Len(t, keys, 1)
	assert.True(t, keys[0].Good && keys[0].LastUsed != nil && keys[0].Account == "Ada")
	r.clock.Advance(48 * time.Hour)
	_, err = r.ByKey(t.Context(), key)
	refused(t, err, referral.CodeUnauthenticated, "")
	require.NoError(t, r.EndKey(t.Context(), who, id))
	assert.Equal(t, []string{"add_key", "revoke_key"}, all[string](r, `SELECT action FROM audit WHERE subject_id = $1 AND actor_id = $2 ORDER BY id`, id, who.ID))
}

func TestSingleSignOnBindsAnAccountToAnIdentity(t *testing.T) {
	t.Parallel()
	r := open(t)
	zoe := r.account("zoe@helpline.example")
	as := func(subject, email string, role referral.Role) (casework.Account, error) {
		return r.SignInBy(t.Context(), casework.Identity{Issuer: "https://id.example", Subject: subject, Email: email, Role: role})
	}
	_, err := as("1", "", referral.Navigator)
	refused(t, err, referral.CodeForbidden, "no_account")
	_, err = as("1", "nobody@helpline.example", referral.Navigator)
	refused(t, err, referral.CodeForbidden, "no_account")
	a, err := as("1", "ZOE@helpline.example", referral.Navigator)
	require.NoError(t, err)
	assert.Equal(t, zoe, a)
	a, err = as("1", "", referral.Navigator)
	require.NoError(t, err, "from then on the address does not matter")
	assert.Equal(t, zoe, a)
	_, err = as("2", "zoe@helpline.example", referral.Navigator)
	refused(t, err, referral.CodeForbidden, "no_account") // someone else got the address
	v := r.visitor(zoe, casework.BySingleSignOn)
	a, err = as("1", "", referral.Coordinator)
	require.NoError(t, err)
	assert.Equal(t, referral.Coordinator, a.Role)
	_, err = r.Visitor(t.Context(), v.Visit)
	refused(t, err, referral.CodeNotFound, "")
	assert.Equal(t, 1, one[int](r, `SELECT count(*) FROM audit WHERE action = 'change_role' AND subject_id = $1`, zoe.ID))
	_, err = as("1", "", "system")
	refused(t, err, referral.CodeForbidden, "no_account")

	boss := r.boss("ada@helpline.example").Actor(casework.ViaPage)
	id, err := r.Invite(t.Context(), boss, casework.NewColleague{Email: "new@helpline.example", Name: "Bea", Role: referral.Navigator})
	require.NoError(t, err)
	out := r.invitation()
	a, err = as("3", "new@helpline.example", referral.Navigator)
	require.NoError(t, err, "someone invited joins")
	assert.Equal(t, id, a.ID)
	refused(t, r.Join(t.Context(), out.Token, "yet another horse battery", here), referral.CodeNotFound, "")
	require.NoError(t, r.ClosePerson(t.Context(), boss, id))
	_, err = as("3", "new@helpline.example", referral.Navigator)
	refused(t, err, referral.CodeForbidden, "no_account") // closed stays closed
}
