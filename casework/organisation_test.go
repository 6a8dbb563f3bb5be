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

func long(n int) string { return strings.Repeat("x", n) }

// methods is every method of the desk that staff call about a referral, a case or a task.
func (r *room) methods(who casework.Actor, s scene) map[string]func() error {
	ctx := r.t.Context()
	calls := map[string]func() error{
		"Referral":   func() error { _, err := r.Referral(ctx, who, s.ReferralID); return err },
		"Timeline":   func() error { _, err := r.Timeline(ctx, who, s.ReferralID); return err },
		"Case":       func() error { _, _, err := r.Case(ctx, who, s.CaseID); return err },
		"Task":       func() error { _, err := r.Task(ctx, who, s.task); return err },
		"Keeping":    func() error { _, err := r.Keeping(ctx, who, s.CaseID); return err },
		"AskErasure": func() error { _, err := r.AskErasure(ctx, who, s.CaseID, "she asks"); return err },
		"Refer": func() error {
			in := food(r.services[0])
			in.CaseID = s.CaseID
			_, err := r.Refer(ctx, who, in, nil)
			return err
		},
		"Refer, refused": func() error {
			in := food(r.services[0])
			in.CaseID, in.Consent = s.CaseID, casework.ConsentInput{}
			_, err := r.Refer(ctx, who, in, nil)
			return err
		},
	}
	for _, do := range referral.CommandNames() {
		if do.ByClock() {
			continue
		}
		in := said(do)
		in.OfferID, in.TaskID, in.Note, in.PersonID = s.offer, s.task, "something", who.ID
		calls["Do "+string(do)] = func() error { _, err := r.Do(ctx, who, s.ReferralID, in, nil); return err }
	}
	return calls
}

// What belongs to another helpline is answered like what does not exist, to the letter.
func TestAnotherHelplineFindsNothing(t *testing.T) {
	t.Parallel()
	r := open(t)
	s := r.at(referral.InfoRequested)
	r.tick(s.ReferralID)
	s.task = r.holding(s.ReferralID, referral.AnswerAgency)[0].ID
	stranger := r.person(r.helpline("Another 211"), "Ola", referral.Coordinator)
	missing := scene{Intake: casework.Intake{CaseID: uuid.New(), ReferralID: uuid.New()}, offer: uuid.New(), task: uuid.New()}

	before := r.contents()
	absent := r.methods(stranger, missing)
	for name, call := range r.methods(stranger, s) {
		err := call()
		require.Equal(t, referral.CodeNotFound, referral.CodeOf(err), "%s: %v", name, err)
		assert.Equal(t, absent[name](), err, name)
	}
	assert.Equal(t, before, r.contents(), "nothing was written, not even that someone looked")

	queue, total, err := r.Queue(t.Context(), stranger, casework.QueueFilter{})
	require.NoError(t, err)
	assert.Empty(t, queue)
	assert.Zero(t, total)
	tasks, total, err := r.Tasks(t.Context(), stranger, casework.TaskFilter{})
	require.NoError(t, err)
	assert.Empty(t, tasks)
	assert.Zero(t, total)
	cases, err := r.Cases(t.Context(), stranger, 100)
	require.NoError(t, err)
	assert.Empty(t, cases)
	people, err := r.Accounts(t.Context(), stranger)
	require.NoError(t, err)
	assert.Len(t, people, 1)
}

// An episode of another helpline's referral can't be opened in one's own case.
func TestAnotherHelplinesEpisode(t *testing.T) {
	t.Parallel()
	r := open(t)
	theirs := r.at(referral.Sent)
	r.do(theirs.ReferralID, casework.CommandInput{Do: referral.Withdraw, Reason: "moved"})
	stranger := r.person(r.helpline("Another 211"), "Ola", referral.Navigator)
	own, err := r.OpenCase(t.Context(), stranger, casework.CaseInput{}, nil)
	require.NoError(t, err)
	in := food(r.services[0])
	in.CaseID, in.EpisodeOf = own.ID, theirs.ReferralID
	_, err = r.Refer(t.Context(), stranger, in, nil)
	refused(t, err, referral.CodeNotFound, "episode_of")
	in.EpisodeOf = uuid.New()
	_, missing := r.Refer(t.Context(), stranger, in, nil)
	assert.Equal(t, missing, err)
}
