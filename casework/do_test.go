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

func TestACallBecomesAConfirmedOutcome(t *testing.T) {
	t.Parallel()
	r := open(t)
	in := r.intake(r.services[0])
	step := r.tick(in.ReferralID)
	assert.Equal(t, "mail_pending", step.Cause, "while the letter has not gone out, a call about it comes next")
	token := r.letter(in.ReferralID, referral.OfferLetter)
	assert.Equal(t, referral.Remind, r.referral(in.ReferralID).Step.Do)

	page, err := r.OpenLink(t.Context(), token)
	require.NoError(t, err)
	assert.Equal(t, referral.Sent, page.State)
	assert.Nil(t, page.Client, "before acceptance nobody is named")
	page = r.replied(token, referral.Accept)
	require.NotNil(t, page.Client)
	assert.Equal(t, "Ana Canary", page.Client.Name)
	page = r.replied(token, referral.ReportOutcome)
	assert.Nil(t, page.Client, "nor after the end of its turn")

	done := r.do(in.ReferralID, casework.CommandInput{Do: referral.Confirm, Outcome: "received_in_full"})
	assert.Equal(t, referral.Closed, done.State)
	assert.Equal(t, referral.ByBoth, done.Evidence)
	assert.Nil(t, done.Step)
	assert.True(t, r.tick(in.ReferralID).None())
}

// scene is a referral brought to some state.
type scene struct {
	casework.Intake
	token string
	offer uuid.UUID
	task  uuid.UUID
}

// at brings a referral to a state of its first offer; "draft" and "" are states of the referral.
func (r *room) at(state referral.OfferState) scene {
	r.t.Helper()
	switch state {
	case "draft":
		in := r.draft(r.services[0])
		return scene{Intake: in, offer: r.referral(in.ReferralID).Offers[0].ID}
	case referral.Queued:
		in := r.intake(r.services[0])
		return scene{Intake: in, offer: r.referral(in.ReferralID).Offers[0].ID}
	}
	in, token := r.sent(r.services[0])
	s := scene{Intake: in, token: token, offer: r.referral(in.ReferralID).Offers[0].ID}
	for _, do := range map[referral.OfferState][]referral.Name{
		referral.Sent: {}, referral.InfoRequested: {referral.Ask}, referral.Accepted: {referral.Accept},
		referral.Contacting: {referral.Accept, referral.Contact}, referral.Scheduled: {referral.Accept, referral.Schedule},
		referral.InService: {referral.Accept, referral.StartService}, referral.Waitlisted: {referral.Waitlist},
		referral.OutcomeReported: {referral.Accept, referral.ReportOutcome}, referral.Declined: {referral.Decline},
		referral.Failed: {referral.Accept, referral.Fail},
	}[state] {
		command := said(do)
		command.OfferID = s.offer
		r.do(in.ReferralID, command)
	}
	return s
}

func TestEachCommandOfStaff(t *testing.T) {
	t.Parallel()
	r := open(t)
	list := func(s ...string) []string { return append([]string{}, s...) }
	yes := agreed()
	for name, c := range map[string]struct {
		at      referral.OfferState
		in      casework.CommandInput
		offer   referral.OfferState // afterwards, of the first offer
		state   referral.State
		events  []string
		letters []string
		outbox  []string
	}{
		"open":         {"draft", casework.CommandInput{Do: referral.OpenDraft, Consent: &yes}, referral.Queued, referral.Open, list("open"), list(), list("start")},
		"add_offer":    {referral.Declined, casework.CommandInput{Do: referral.AddOffer, ServiceIDs: r.services[1:2], Consent: &yes}, referral.Declined, referral.Open, list("add_offer"), list(), list("changed")},
		"accept":       {referral.Sent, said(referral.Accept), referral.Accepted, referral.Open, list("accept"), list(), list("changed")},
		"decline":      {referral.Sent, said(referral.Decline), referral.Declined, referral.Open, list("decline"), list(), list("changed")},
		"ask":          {referral.Sent, said(referral.Ask), referral.InfoRequested, referral.Open, list("ask"), list(), list("changed")},
		"answer":       {referral.InfoRequested, casework.CommandInput{Do: referral.Answer, Note: "The second."}, referral.Sent, referral.Open, list("answer"), list("answered"), list("changed", "deliver")},
		"waitlist":     {referral.Sent, said(referral.Waitlist), referral.Waitlisted, referral.Open, list("accept", "waitlist"), list(), list("changed")},
		"contact":      {referral.Accepted, said(referral.Contact), referral.Contacting, referral.Open, list("contact"), list(), list("changed")},
		"schedule":     {referral.Contacting, said(referral.Schedule), referral.Scheduled, referral.Open, list("schedule"), list(), list("changed")},
		"service":      {referral.Scheduled, said(referral.StartService), referral.InService, referral.Open, list("start_service"), list(), list("changed")},
		"continue":     {referral.InService, said(referral.Continue), referral.InService, referral.Open, list("continue"), list(), list("changed")},
		"outcome":      {referral.InService, said(referral.ReportOutcome), referral.OutcomeReported, referral.Open, list("report_outcome"), list(), list("changed")},
		"fail":         {referral.Accepted, said(referral.Fail), referral.Failed, referral.Open, list("fail"), list(), list("changed")},
		"confirm":      {referral.OutcomeReported, casework.CommandInput{Do: referral.Confirm, Outcome: "received_in_full"}, referral.Confirmed, referral.Closed, list("confirm", "close"), list(), list("changed")},
		"dispute":      {referral.OutcomeReported, casework.CommandInput{Do: referral.Dispute}, referral.Failed, referral.Open, list("dispute"), list(), list("changed")},
		"withdraw":     {referral.Accepted, casework.CommandInput{Do: referral.Withdraw, Reason: "moved", For: referral.Client}, referral.Withdrawn, referral.Closed, list("withdraw", "close"), list("withdrawn"), list("changed", "deliver")},
		"mark error":   {referral.Accepted, casework.CommandInput{Do: referral.MarkInError}, referral.InError, referral.Open, list("mark_in_error"), list(), list("changed")},
		"undo":         {referral.Declined, casework.CommandInput{Do: referral.MarkInError, Again: true}, referral.InError, referral.Open, list("mark_in_error", "add_offer"), list(), list("changed")},
		"close":        {referral.Sent, casework.CommandInput{Do: referral.Close, Outcome: "unmet", Unmet: "transport"}, referral.Withdrawn, referral.Closed, list("withdraw", "close"), list("withdrawn"), list("changed", "deliver")},
		"close draft":  {"draft", casework.CommandInput{Do: referral.Close, Outcome: "met_elsewhere"}, referral.Withdrawn, referral.Closed, list("withdraw", "close"), list(), list()},
		"reassign":     {referral.Sent, casework.CommandInput{Do: referral.Reassign, PersonID: r.colleague.ID}, referral.Sent, referral.Open, list("reassign"), list(), list("changed")},
		"withdraw one": {referral.Queued, casework.CommandInput{Do: referral.Withdraw, Reason: "other"}, referral.Withdrawn, referral.Open, list("withdraw"), list(), list("changed")},
	} {
		t.Run(name, func(t *testing.T) {
			r := r.in(t)
			s := r.at(c.at)
			if name == "mark error" || name == "undo" || name == "withdraw one" {
				c.in.OfferID = s.offer
			}
			c.in.Note += " canary"
			var after casework.Referral
			w := r.watch(s.ReferralID, func() { after = r.do(s.ReferralID, c.in) })
			assert.Equal(t, c.state, after.State)
			offers := map[uuid.UUID]referral.OfferState{}
			for _, o := range after.Offers {
				offers[o.ID] = o.State
			}
			assert.Equal(t, c.offer, offers[s.offer])
			assert.Equal(t, written{Events: c.events, Letters: c.letters, Outbox: c.outbox,
				Audit: []string{c.events[0] + " referral"}}, w)
			if after.State != referral.Closed {
				require.NotNil(t, after.Step)
				assert.NotZero(t, after.Step.Due)
			}

			again := r.contents()
			repeat, err := r.Do(t.Context(), r.navigator, s.ReferralID, c.in, nil)
			if err != nil {
				e := refused(t, err, referral.CodeOf(err), fieldOf(err))
				assert.Contains(t, []referral.Code{referral.CodeConflict, referral.CodeInvalid}, e.Code)
				assert.Equal(t, again, r.contents(), "what is refused leaves no trace")
			} else if repeat.Version == after.Version {
				assert.Equal(t, after, repeat, "the same again is answered alike")
			}
		})
	}
}

// in is the same room in a subtest.
func (r *room) in(t testing.TB) *room {
	sub := *r
	sub.t = t
	return &sub
}

func fieldOf(err error) string {
	e, _ := err.(*referral.Error)
	if e == nil {
		return ""
	}
	return e.Field
}

func TestATaskIsDoneOnceWithItsResult(t *testing.T) {
	t.Parallel()
	r := open(t)
	in := r.intake(r.phoneOnly)
	r.tick(in.ReferralID)
	calls := r.holding(in.ReferralID, referral.CallAgency)
	require.Len(t, calls, 1, "an agency without an address is called at once")
	assert.Equal(t, "mail_failed", calls[0].Cause)

	finish := casework.CommandInput{Do: referral.FinishTask, TaskID: calls[0].ID, Note: "They will call back."}
	w := r.watch(in.ReferralID, func() { r.do(in.ReferralID, finish) })
	assert.Equal(t, []string{"finish_task"}, w.Events)
	task, err := r.Task(t.Context(), r.navigator, calls[0].ID)
	require.NoError(t, err)
	assert.Equal(t, referral.TaskDone, task.State)
	assert.Equal(t, "They will call back.", task.Result)
	assert.Equal(t, r.navigator.ID, one[uuid.UUID](r, `SELECT done_by FROM tasks WHERE id = $1`, task.ID))

	version := r.referral(in.ReferralID).Version
	assert.Equal(t, version, r.do(in.ReferralID, finish).Version, "done twice is done once")
}

// A coordinator may do what a navigator may.
func TestACoordinatorMayStepIn(t *testing.T) {
	t.Parallel()
	r := open(t)
	s := r.at(referral.Sent)
	ref, err := r.Do(t.Context(), r.coordinator, s.ReferralID, casework.CommandInput{Do: referral.Reassign, PersonID: r.colleague.ID}, nil)
	require.NoError(t, err)
	assert.Equal(t, "Kim", ref.OwnerName)
	assert.Equal(t, r.colleague.ID, *ref.Step.PersonID, "the step is the new owner's")
}

// Without an offer named, the one that the command can mean is found; when it could be two, it is asked for.
func TestWhichOfferIsMeant(t *testing.T) {
	t.Parallel()
	r := open(t)
	in, _ := r.sent(r.services[0], r.services[1])
	r.do(in.ReferralID, said(referral.Decline))
	r.tick(in.ReferralID)
	r.letter(in.ReferralID, referral.OfferLetter)
	// A click that comes twice must not decline for the next agency.
	_, err := r.Do(t.Context(), r.navigator, in.ReferralID, said(referral.Decline), nil)
	refused(t, err, referral.CodeInvalid, "offer_id")
	after := r.do(in.ReferralID, said(referral.Accept))
	assert.Equal(t, referral.Accepted, after.Offers[1].State)
}

// What a command ran into is told of the agency whose turn it is, not of one that still waits for its own.
func TestAConflictIsWithTheAgencyWhoseTurnItIs(t *testing.T) {
	t.Parallel()
	for do, outcome := range map[referral.Name]referral.OfferState{referral.Accept: referral.Accepted, referral.Decline: referral.Declined} {
		r := open(t)
		in, _ := r.sent(r.services[0], r.services[1])
		r.do(in.ReferralID, said(do))
		_, err := r.Do(t.Context(), r.navigator, in.ReferralID, said(referral.Ask), nil)
		refused(t, err, referral.CodeConflict, "")
		var conflict *referral.Error
		require.ErrorAs(t, err, &conflict)
		assert.Equal(t, string(outcome), conflict.Outcome)
	}
}

// A referral that was closed is taken up again as a new episode of the same case.
func TestANewEpisode(t *testing.T) {
	t.Parallel()
	r := open(t)
	s := r.at(referral.Sent)
	again := food(r.services[0])
	again.CaseID, again.EpisodeOf = s.CaseID, s.ReferralID
	_, err := r.Refer(t.Context(), r.navigator, again, nil)
	assert.Equal(t, "open", refused(t, err, referral.CodeConflict, "episode_of").Outcome)
	r.do(s.ReferralID, casework.CommandInput{Do: referral.Withdraw, Reason: "moved"})
	ref, err := r.Refer(t.Context(), r.navigator, again, nil)
	require.NoError(t, err)
	assert.Equal(t, s.ReferralID, *ref.EpisodeOf)
	assert.Equal(t, referral.Closed, r.referral(s.ReferralID).State, "the first stays as it was")

	other := r.at(referral.Sent)
	again.CaseID = other.CaseID
	_, err = r.Refer(t.Context(), r.navigator, again, nil)
	refused(t, err, referral.CodeNotFound, "episode_of")
}

func TestTheWholeLifeIsOnTheTimeline(t *testing.T) {
	t.Parallel()
	r := open(t)
	in, token := r.sent(r.services[0])
	r.replied(token, referral.Accept)
	r.clock.Advance(time.Hour)
	r.do(in.ReferralID, casework.CommandInput{Do: referral.Withdraw, Reason: "moved", For: referral.Client, Note: "Called to say so."})
	lines, err := r.Timeline(t.Context(), r.coordinator, in.ReferralID)
	require.NoError(t, err)
	var story []string
	for _, l := range lines {
		story = append(story, string(l.What)+" by "+string(l.ActorRole)+" "+l.ActorName+" for "+string(l.ActorFor)+" via "+string(l.Via))
	}
	assert.Equal(t, []string{"refer by navigator Noor for  via page", "send by system  for  via clock", "accept by agency Sam for  via link",
		"withdraw by navigator Noor for client via page", "close by navigator Noor for client via page"}, story)
	assert.Equal(t, "Called to say so.", lines[3].Note)
	assert.Empty(t, lines[4].Note, "a note stands once")
	assert.Equal(t, "client", lines[3].Attribution)
	assert.Equal(t, "Pantry", lines[3].Agency)
}

// Staff speak with this one and that one at an agency: each thing they write down keeps who said it.
func TestWhoSaidItStandsBesideEachThing(t *testing.T) {
	t.Parallel()
	r := open(t)
	in, _ := r.sent(r.services[0])
	for _, c := range []struct {
		do  referral.Name
		who string
	}{{referral.Waitlist, "Ada"}, {referral.Accept, "Ben"}, {referral.Fail, "I\avy\n"}} {
		word := said(c.do)
		word.ToldBy = c.who
		r.do(in.ReferralID, word)
	}
	r.tick(in.ReferralID)
	r.do(in.ReferralID, casework.CommandInput{Do: referral.Close, Outcome: referral.Unmet, Unmet: "full"})
	lines, err := r.Timeline(t.Context(), r.navigator, in.ReferralID)
	require.NoError(t, err)
	var story []string
	for _, l := range lines {
		story = append(story, string(l.What)+" "+l.ToldBy)
	}
	assert.Equal(t, []string{"refer ", "send ", "accept Ada", "waitlist Ada", "accept Ben", "fail Ivy", "raise_task ", "close "}, story)
	assert.Equal(t, "Ivy", r.referral(in.ReferralID).Offers[0].AnsweredBy, "the last one, as the agency's page shows")
}
