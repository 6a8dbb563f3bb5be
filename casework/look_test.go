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

// looks is every way that staff read personal data, with the audit entry it leaves.
func (r *room) looks(s scene) map[string]func() (any, error) {
	ctx := r.t.Context()
	return map[string]func() (any, error){
		"view case " + s.CaseID.String(): func() (any, error) {
			c, list, err := r.Case(ctx, r.navigator, s.CaseID)
			return [2]any{c, len(list)}, err
		},
		"view referral " + s.ReferralID.String(): func() (any, error) { return r.Referral(ctx, r.navigator, s.ReferralID) },
		"view timeline " + s.ReferralID.String(): func() (any, error) { return r.Timeline(ctx, r.navigator, s.ReferralID) },
		"view task " + s.task.String():           func() (any, error) { return r.Task(ctx, r.navigator, s.task) },
		"view corrections " + s.CaseID.String():  func() (any, error) { return r.CaseHistory(ctx, r.navigator, s.CaseID) },
		"view queue ": func() (any, error) {
			list, _, err := r.Queue(ctx, r.navigator, casework.QueueFilter{})
			return list, err
		},
		"view tasks ": func() (any, error) {
			list, _, err := r.Tasks(ctx, r.navigator, casework.TaskFilter{})
			return list, err
		},
	}
}

func TestEachLookIsAudited(t *testing.T) {
	t.Parallel()
	r := open(t)
	s := r.at(referral.InfoRequested)
	r.tick(s.ReferralID)
	s.task = r.holding(s.ReferralID, referral.AnswerAgency)[0].ID
	for entry, look := range r.looks(s) {
		r.watchNothing(func() { _, err := look(); require.NoError(t, err) }, "audit")
		assert.Equal(t, entry+" by navigator "+r.navigator.ID.String()+" via page", one[string](r, `SELECT action || ' ' || subject || ' ' ||
			coalesce(subject_id::text, '') || ' by ' || actor_role || ' ' || actor_id || ' via ' || via FROM audit ORDER BY id DESC LIMIT 1`))
	}
}

// Without the audit entry there is nothing to see.
func TestNothingIsShownUnaudited(t *testing.T) {
	t.Parallel()
	r := open(t)
	s, accepted := r.at(referral.InfoRequested), r.at(referral.Accepted)
	r.tick(s.ReferralID)
	s.task = r.holding(s.ReferralID, referral.AnswerAgency)[0].ID
	r.exec(`CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'full' USING ERRCODE = '53100'; END $$`)
	r.exec(`CREATE TRIGGER full_disk BEFORE INSERT ON audit FOR EACH ROW EXECUTE FUNCTION full_disk()`)
	for entry, look := range r.looks(s) {
		_, err := look()
		assert.Equal(t, referral.CodeUnavailable, referral.CodeOf(err), entry)
	}
	_, err := r.OpenLink(t.Context(), accepted.token)
	assert.Equal(t, referral.CodeUnavailable, referral.CodeOf(err))
	_, err = r.Do(t.Context(), r.navigator, accepted.ReferralID, said(referral.Contact), nil)
	assert.Equal(t, referral.CodeUnavailable, referral.CodeOf(err))
	_, err = r.Enter(t.Context(), casework.Account{ID: r.navigator.ID, OrganisationID: r.organisation, Role: referral.Navigator}, casework.ByPassword, here)
	assert.Equal(t, referral.CodeUnavailable, referral.CodeOf(err))
}

// A list of names is a look at each person.
func TestEachCaseOfAListIsAudited(t *testing.T) {
	t.Parallel()
	r := open(t)
	const entries = `SELECT unnest(whose) FROM audit WHERE kind = 'list' AND subject = 'cases' AND actor_id = $1`
	cases := func() []uuid.UUID { return all[uuid.UUID](r, entries, r.colleague.ID) }
	_, err := r.Cases(t.Context(), r.colleague, 10)
	require.NoError(t, err)
	assert.Empty(t, cases(), "nobody to see")
	first, second, third := r.at("draft"), r.at("draft"), r.at("draft")
	r.exec(`UPDATE cases SET created_at = created_at - interval '1 hour' WHERE id = $1`, first.CaseID)
	r.watchNothing(func() { _, err = r.Cases(t.Context(), r.colleague, 2) }, "audit")
	require.NoError(t, err)
	assert.ElementsMatch(t, []uuid.UUID{second.CaseID, third.CaseID}, cases(), "those that were shown")
	r.exec(`CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'full' USING ERRCODE = '53100'; END $$`)
	r.exec(`CREATE TRIGGER full_disk BEFORE INSERT ON audit FOR EACH ROW EXECUTE FUNCTION full_disk()`)
	list, err := r.Cases(t.Context(), r.colleague, 2)
	assert.Equal(t, referral.CodeUnavailable, referral.CodeOf(err))
	assert.Empty(t, list, "unaudited nothing is shown")
}

func TestTheQueueHasTheMostPressingFirst(t *testing.T) {
	t.Parallel()
	r := open(t)
	waiting := r.at(referral.Sent) // until tomorrow, for the agency
	draft := r.at("draft")         // by tomorrow
	urgent := food(r.services[0])
	urgent.Urgency, urgent.CaseID = referral.Urgent, waiting.CaseID
	ref, err := r.Refer(t.Context(), r.colleague, urgent, nil)
	require.NoError(t, err)
	closed := r.at(referral.Sent)
	r.do(closed.ReferralID, casework.CommandInput{Do: referral.Withdraw, Reason: "moved"})
	last := r.at(referral.Sent)
	r.clock.Advance(time.Minute)
	r.do(last.ReferralID, casework.CommandInput{Do: referral.Withdraw, Reason: "deceased"})

	ids := func(f casework.QueueFilter) (ids []uuid.UUID, total int, list []casework.QueueItem) {
		list, total, err := r.Queue(t.Context(), r.navigator, f)
		require.NoError(t, err)
		for _, q := range list {
			ids = append(ids, q.ID)
		}
		return ids, total, list
	}
	open, total, list := ids(casework.QueueFilter{})
	assert.Equal(t, 3, total)
	assert.Equal(t, ref.ID, open[0], "what is due now comes first")
	assert.ElementsMatch(t, []uuid.UUID{waiting.ReferralID, draft.ReferralID}, open[1:])
	assert.True(t, list[0].Overdue)
	assert.False(t, list[1].Overdue)
	assert.Equal(t, "Kim", list[0].OwnerName)
	for _, q := range list {
		if q.ID == waiting.ReferralID {
			assert.Equal(t, referral.Sent, q.OfferState)
			assert.Equal(t, "Pantry", q.Agency)
			assert.Equal(t, referral.Remind, q.Step.Do)
		}
	}
	mine, total, _ := ids(casework.QueueFilter{Owner: r.navigator.ID})
	assert.Len(t, mine, 2)
	assert.Equal(t, 2, total)
	ended, total, list := ids(casework.QueueFilter{Closed: true})
	assert.Equal(t, []uuid.UUID{last.ReferralID, closed.ReferralID}, ended, "last closed first")
	assert.Equal(t, 2, total)
	assert.Equal(t, "deceased", list[0].Outcome)
	page, total, _ := ids(casework.QueueFilter{Limit: 1, Offset: 1})
	assert.Equal(t, open[1:2], page)
	assert.Equal(t, 3, total)
	page, total, _ = ids(casework.QueueFilter{Offset: 3})
	assert.Empty(t, page)
	assert.Equal(t, 3, total, "beyond the last page too")
	_, total, _ = ids(casework.QueueFilter{Closed: true, Offset: 50})
	assert.Equal(t, 2, total)
	all, _, _ := ids(casework.QueueFilter{Limit: -5, Offset: -5})
	assert.Equal(t, open, all, "bounds that make no sense are the usual ones")
}

func TestAnEscalatedReferralShows(t *testing.T) {
	t.Parallel()
	r := open(t)
	s := r.at(referral.Sent)
	r.until(s.ReferralID, referral.Lapse)
	list, _, err := r.Queue(t.Context(), r.navigator, casework.QueueFilter{})
	require.NoError(t, err)
	assert.True(t, list[0].Escalated)
	assert.NotZero(t, list[0].OpenTasks)
}

func TestWhoseTasks(t *testing.T) {
	t.Parallel()
	r := open(t)
	silent := r.at(referral.Sent)
	r.until(silent.ReferralID, referral.Lapse) // the coordinators have a call to make
	asked := r.at(referral.InfoRequested)
	r.tick(asked.ReferralID) // Noor has a question to answer
	answered := r.at(referral.InfoRequested)
	r.tick(answered.ReferralID)
	r.do(answered.ReferralID, casework.CommandInput{Do: referral.Answer, Note: "The second."})
	kinds := func(who casework.Actor, f casework.TaskFilter) (kinds []string) {
		list, total, err := r.Tasks(t.Context(), who, f)
		require.NoError(t, err)
		assert.Len(t, list, total)
		for i, task := range list {
			assert.Equal(t, referral.TaskOpen, task.State)
			assert.False(t, i > 0 && task.DueAt.Before(list[i-1].DueAt), "those due first come first")
			kinds = append(kinds, string(task.Kind)+" for "+string(task.Role)+" "+task.AssigneeName)
		}
		return kinds
	}
	call, answer := "call_agency for coordinator ", "answer_agency for navigator Noor"
	assert.ElementsMatch(t, []string{call, answer}, kinds(r.navigator, casework.TaskFilter{}))
	assert.Equal(t, []string{answer}, kinds(r.navigator, casework.TaskFilter{Mine: true}))
	assert.Empty(t, kinds(r.colleague, casework.TaskFilter{Mine: true}))
	assert.Equal(t, []string{call}, kinds(r.coordinator, casework.TaskFilter{Mine: true}))

	beyond, total, err := r.Tasks(t.Context(), r.navigator, casework.TaskFilter{Mine: true, Offset: 7})
	require.NoError(t, err)
	assert.Equal(t, []casework.Task{}, beyond)
	assert.Equal(t, 1, total, "beyond the last page too")

	task, err := r.Task(t.Context(), r.colleague, r.holding(asked.ReferralID, referral.AnswerAgency)[0].ID)
	require.NoError(t, err)
	assert.Equal(t, asked.CaseID, task.CaseID)
	assert.Equal(t, "Pantry boxes", task.Service)
	assert.Equal(t, "food", task.Need)
}

func TestCasesCountTheirReferrals(t *testing.T) {
	t.Parallel()
	r := open(t)
	s := r.at(referral.Sent)
	r.do(s.ReferralID, casework.CommandInput{Do: referral.Withdraw, Reason: "moved"})
	again := food(r.services[1])
	again.CaseID = s.CaseID
	_, err := r.Refer(t.Context(), r.navigator, again, nil)
	require.NoError(t, err)
	r.clock.Advance(time.Second)
	_, err = r.OpenCase(t.Context(), r.navigator, casework.CaseInput{}, nil)
	require.NoError(t, err)
	list, err := r.Cases(t.Context(), r.navigator, 0)
	require.NoError(t, err)
	require.Len(t, list, 2)
	assert.True(t, list[0].Anonymous, "the newest first")
	assert.Equal(t, [2]int{2, 1}, [2]int{list[1].Referrals, list[1].Open})
	assert.Equal(t, "Ana Canary", list[1].Name)
}
