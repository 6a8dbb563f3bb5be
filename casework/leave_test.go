package casework_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"throughline/casework"
	"throughline/db"
	"throughline/referral"
)

func (r *room) address(who casework.Actor) string {
	r.t.Helper()
	return one[string](r, `SELECT email FROM accounts WHERE id = $1`, who.ID)
}

// leftBehind says what is wrong with the steps of open referrals.
func (r *room) leftBehind() []string {
	r.t.Helper()
	findings, err := r.Check(r.t.Context(), nil)
	require.NoError(r.t, err)
	what := []string{}
	for _, f := range findings {
		for _, v := range f.Violations {
			if f.Invariant == "I2" {
				what = append(what, v.What)
			}
		}
	}
	return what
}

// Whoever leaves takes nothing along: what they had to do is someone's who is there.
func TestWhoLeavesHandsOver(t *testing.T) {
	t.Parallel()
	r := open(t)
	r.clock.Advance(time.Hour)
	later := r.person(r.organisation, "Carl", referral.Coordinator)
	r.exec(`UPDATE accounts SET created_at = $2 WHERE id = $1`, later.ID, r.clock.Now())
	asked, draft, ended := r.at(referral.InfoRequested), r.at("draft"), r.at(referral.Sent)
	r.tick(asked.ReferralID)
	// The agency of an ended referral still has to be called off.
	r.do(ended.ReferralID, casework.CommandInput{Do: referral.Withdraw, Reason: "moved"})
	notice := r.pending(ended.ReferralID, referral.WithdrawnLetter)
	r.take(notice)
	r.settle(notice, casework.Settled{State: db.MessageRejected, Class: "bounced_5xx"})
	closed := r.at(referral.Sent)
	r.do(closed.ReferralID, casework.CommandInput{Do: referral.Withdraw, Reason: "moved"})
	r.exec(`DELETE FROM outbox`)

	require.NoError(t, r.CloseAccount(t.Context(), r.address(r.navigator)))
	for _, s := range []scene{asked, draft} {
		assert.Equal(t, r.coordinator.ID, one[uuid.UUID](r, `SELECT owner_id FROM referrals WHERE id = $1`, s.ReferralID), "the oldest coordinator")
		assert.Equal(t, r.coordinator.ID, one[uuid.UUID](r, `SELECT step_person FROM referrals WHERE id = $1`, s.ReferralID))
		assert.Equal(t, "reassign system cli", one[string](r, `SELECT what || ' ' || actor_role || ' ' || via FROM timeline
			WHERE referral_id = $1 ORDER BY id DESC LIMIT 1`, s.ReferralID))
		r.oneLine(s.ReferralID)
	}
	for _, s := range []scene{ended, closed} {
		assert.Equal(t, r.navigator.ID, one[uuid.UUID](r, `SELECT owner_id FROM referrals WHERE id = $1`, s.ReferralID), "what has ended keeps its owner")
		r.oneLine(s.ReferralID)
	}
	assert.Equal(t, []uuid.UUID{r.coordinator.ID, r.coordinator.ID}, all[uuid.UUID](r, `SELECT assignee_id FROM tasks WHERE state = 'open'`))
	assert.Equal(t, []string{"changed"}, all[string](r, `SELECT kind FROM outbox`), "the workflow of the open one is told")
	assert.Equal(t, "close_account account system cli", one[string](r, `SELECT action || ' ' || subject || ' ' || actor_role || ' ' || via
		FROM audit WHERE subject_id = $1`, r.navigator.ID))
	assert.Empty(t, r.leftBehind())

	// The heir leaves too: the work goes on to the next.
	require.NoError(t, r.CloseAccount(t.Context(), r.address(r.coordinator)))
	assert.Equal(t, []uuid.UUID{later.ID, later.ID}, all[uuid.UUID](r, `SELECT assignee_id FROM tasks WHERE state = 'open'`))
	assert.Empty(t, r.leftBehind())
}

// A letter about a referral that was closed long ago comes back: its owner has left, so that the call is the coordinators'.
func TestACallForWhoHasLeftIsTheCoordinators(t *testing.T) {
	t.Parallel()
	r := open(t)
	s := r.at(referral.Sent)
	r.do(s.ReferralID, casework.CommandInput{Do: referral.Withdraw, Reason: "moved"})
	require.NoError(t, r.CloseAccount(t.Context(), r.address(r.navigator)))
	notice := r.pending(s.ReferralID, referral.WithdrawnLetter)
	r.take(notice)
	r.settle(notice, casework.Settled{State: db.MessageRejected, Class: "bounced_5xx"})
	assert.Equal(t, []string{"coordinator nobody"}, all[string](r, `SELECT role || ' ' || coalesce(assignee_id::text, 'nobody') FROM tasks
		WHERE referral_id = $1 AND state = 'open'`, s.ReferralID))
}

func TestNobodyLeavesWorkToNobody(t *testing.T) {
	t.Parallel()
	r := open(t)
	r.at(referral.Sent)
	require.NoError(t, r.CloseAccount(t.Context(), r.address(r.coordinator)), "who has no work can go")
	r.person(r.helpline("Another 211"), "Ola", referral.Coordinator)
	before := r.contents()
	refused(t, r.CloseAccount(t.Context(), r.address(r.navigator)), referral.CodeConflict, "email")
	assert.Equal(t, before, r.contents())
	require.NoError(t, r.CloseAccount(t.Context(), r.address(r.colleague)))

	// The check sees what should not be.
	r.exec(`UPDATE accounts SET active = false WHERE id = $1`, r.navigator.ID)
	assert.Equal(t, []string{"its step is for someone who has left"}, r.leftBehind())
}

// Two coordinators who leave at once do not leave their work to one another.
func TestTwoLeaveAtOnce(t *testing.T) {
	t.Parallel()
	r := open(t)
	for range 5 {
		one, other := r.person(r.organisation, "One", referral.Coordinator), r.person(r.organisation, "Other", referral.Coordinator)
		addresses := []string{r.address(one), r.address(other)}
		for _, who := range []casework.Actor{one, other} {
			_, err := r.Intake(t.Context(), who, casework.IntakeInput{Case: ana(), Referral: food(r.services[0])}, nil)
			require.NoError(t, err)
		}
		for _, err := range atOnce(2, map[string]func(int) error{"leave": func(i int) error {
			return r.CloseAccount(context.Background(), addresses[i])
		}})["leave"] {
			require.NoError(t, err)
		}
		require.NotContains(t, r.leftBehind(), "its step is for someone who has left")
	}
	require.Zero(t, one[int](r, `SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()`), "they wait for one another in one direction")
}

// Whoever is given work, or takes it in, at the moment at which they leave, has left already.
func TestNobodyIsGivenWorkWhileTheyLeave(t *testing.T) {
	t.Parallel()
	r := open(t)
	theirs, other := r.at(referral.Sent), r.at(referral.Sent)
	_, err := r.Do(t.Context(), r.coordinator, other.ReferralID, casework.CommandInput{Do: referral.Reassign, PersonID: r.colleague.ID}, nil)
	require.NoError(t, err)
	var given, taken error
	r.behind(theirs,
		func() { assert.NoError(t, r.CloseAccount(context.Background(), r.address(r.navigator))) },
		func() {
			_, given = r.Do(context.Background(), r.colleague, other.ReferralID,
				casework.CommandInput{Do: referral.Reassign, PersonID: r.navigator.ID}, nil)
		},
		func() {
			_, taken = r.Intake(context.Background(), r.navigator, casework.IntakeInput{Case: ana(), Referral: food(r.services[0])}, nil)
		})
	refused(t, given, referral.CodeInvalid, "person_id")
	refused(t, taken, referral.CodeUnauthenticated, "")
	assert.Equal(t, "Kim", r.referral(other.ReferralID).OwnerName)
	assert.Empty(t, r.leftBehind())
}

// What is given to another, or ends, before it can be handed over stays as it is, and keeps nobody from leaving.
func TestWhoLeavesHandsOverOnlyWhatIsTheirs(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		first casework.CommandInput
		owner string
	}{
		"given to a colleague": {casework.CommandInput{Do: referral.Reassign}, "Kim"},
		"ended":                {casework.CommandInput{Do: referral.Withdraw, Reason: "moved"}, "Noor"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := open(t)
			s := r.at(referral.Sent)
			if c.first.Do == referral.Reassign {
				c.first.PersonID = r.colleague.ID
			}
			r.behind(s,
				func() {
					_, err := r.Do(context.Background(), r.colleague, s.ReferralID, c.first, nil)
					assert.NoError(t, err)
				},
				func() { assert.NoError(t, r.CloseAccount(context.Background(), r.address(r.navigator))) })
			assert.Equal(t, c.owner, r.referral(s.ReferralID).OwnerName)
			r.oneLine(s.ReferralID)
		})
	}
}

// What is changed of an account is that and no more.
func TestChangesOfAnAccountDoNotUndoEachOther(t *testing.T) {
	t.Parallel()
	r := open(t)
	for range 10 {
		a := r.account(uuid.NewString() + "@helpline.example")
		for name, errs := range atOnce(1, map[string]func(int) error{
			"language": func(int) error { return r.SetLocale(context.Background(), a.ID, "en") },
			"password": func(int) error { return r.SetPassword(context.Background(), a.Email, "another correct horse battery") },
			"close":    func(int) error { return r.CloseAccount(context.Background(), a.Email) },
		}) {
			require.NoError(t, errs[0], name)
		}
		found, err := db.FindAccount(t.Context(), r.db, a.ID)
		require.NoError(t, err)
		require.Equal(t, "en", found.Locale)
		require.False(t, found.Active)
	}
}

func TestWhoMayComeInIsAudited(t *testing.T) {
	t.Parallel()
	r := open(t)
	a := r.account("zoe@helpline.example")
	require.NoError(t, r.SetPassword(t.Context(), a.Email, "another correct horse battery"))
	key, _, err := r.AddKey(t.Context(), a.Email, "their own system")
	require.NoError(t, err)
	require.NoError(t, r.RevokeKey(t.Context(), key))
	require.NoError(t, r.CloseAccount(t.Context(), a.Email))
	assert.Equal(t, []string{"add_account account", "set_password account", "add_key api_key", "revoke_key api_key", "close_account account"},
		all[string](r, `SELECT action || ' ' || subject FROM audit WHERE subject_id IN ($1, $2) AND organisation_id = $3 ORDER BY id`, a.ID, key, r.organisation))
}
