package casework_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"throughline/casework"
	"throughline/internal/token"
	"throughline/referral"
)

// Before it accepts, an agency sees what it needs to decide and not who it is about.
func TestWhatALinkShows(t *testing.T) {
	t.Parallel()
	r := open(t)
	for state, shows := range map[referral.OfferState]bool{referral.Sent: false, referral.InfoRequested: false, referral.Accepted: true,
		referral.Contacting: true, referral.Scheduled: true, referral.InService: true, referral.Waitlisted: true,
		referral.OutcomeReported: false, referral.Declined: false, referral.Failed: false} {
		t.Run(string(state), func(t *testing.T) {
			r := r.in(t)
			s := r.at(state)
			looks := one[int](r, `SELECT count(*) FROM audit WHERE via = 'link' AND why = 'link' AND action = 'view' AND subject = 'offer' AND subject_id = $1`, s.offer)
			var page casework.LinkPage
			r.watchNothing(func() {
				var err error
				page, err = r.OpenLink(t.Context(), s.token)
				require.NoError(t, err)
			}, "audit")
			assert.Equal(t, state, page.State)
			assert.Equal(t, "Peterborough", page.Area)
			assert.Equal(t, "Pantry boxes", page.Service)
			assert.Equal(t, referral.OfferCommands(state, referral.Agency), page.Can)
			assert.Equal(t, looks+1, one[int](r, `SELECT count(*) FROM audit WHERE via = 'link' AND why = 'link' AND action = 'view' AND subject = 'offer' AND subject_id = $1`, s.offer))
			if !shows {
				assert.Nil(t, page.Client)
				assert.NotContains(t, inJSON(t, page), "anary")
				return
			}
			require.NotNil(t, page.Client)
			assert.Equal(t, "+17055550123", page.Client.Phone)
			assert.Zero(t, page.Client.BirthYear, "the year of birth is not among what is usually agreed to")
			assert.NotContains(t, inJSON(t, page), "canary in the notes", "the helpline's notes stay with the helpline")
		})
	}
}

// A link that opens nothing says the same, whatever the reason.
func TestDeadLinksAreAlike(t *testing.T) {
	t.Parallel()
	r := open(t)
	taken, wrong, expired := r.at(referral.Sent), r.at(referral.Sent), r.at(referral.Sent)
	r.do(taken.ReferralID, casework.CommandInput{Do: referral.Withdraw, OfferID: taken.offer, Reason: "other"})
	r.do(wrong.ReferralID, casework.CommandInput{Do: referral.MarkInError, OfferID: wrong.offer})
	r.exec(`UPDATE links SET expires_at = $1 WHERE token_hash = $2`, monday, token.Hash(expired.token))
	before := r.contents()
	_, unknown := r.OpenLink(t.Context(), token.New())
	refused(t, unknown, referral.CodeNotFound, "")
	for name, raw := range map[string]string{"withdrawn": taken.token, "in error": wrong.token, "expired": expired.token, "empty": "",
		"cut off": expired.token[:42], "with a full stop": expired.token + ".", "its digest": string(token.Hash(expired.token)), "not a token": "\x00' OR 1=1"} {
		_, err := r.OpenLink(t.Context(), raw)
		assert.Equal(t, unknown, err, name)
		for _, do := range []referral.Name{referral.Accept, "dance"} {
			err = r.Reply(t.Context(), raw, posted(do))
			assert.Equal(t, unknown, err, "%s: %s", name, do)
		}
	}
	assert.Equal(t, before, r.contents())
}

func TestALinkExpires(t *testing.T) {
	t.Parallel()
	r := open(t)
	s := r.at(referral.Accepted)
	r.clock.Set(monday.AddDate(0, 0, 90).Add(-time.Second))
	_, err := r.OpenLink(t.Context(), s.token)
	require.NoError(t, err)
	r.clock.Advance(time.Second)
	_, err = r.OpenLink(t.Context(), s.token)
	refused(t, err, referral.CodeNotFound, "")
}

func TestEachCommandByLink(t *testing.T) {
	t.Parallel()
	r := open(t)
	for name, c := range map[string]struct {
		at, to  referral.OfferState
		do      referral.Name
		events  []string
		receipt bool
	}{
		"accept":         {referral.Sent, referral.Accepted, referral.Accept, []string{"accept"}, true},
		"decline":        {referral.Sent, referral.Declined, referral.Decline, []string{"decline"}, true},
		"ask":            {referral.Sent, referral.InfoRequested, referral.Ask, []string{"ask"}, true},
		"waitlist":       {referral.InfoRequested, referral.Waitlisted, referral.Waitlist, []string{"accept", "waitlist"}, true},
		"a place":        {referral.Waitlisted, referral.Accepted, referral.Accept, []string{"accept"}, true},
		"contact":        {referral.Accepted, referral.Contacting, referral.Contact, []string{"contact"}, false},
		"schedule":       {referral.Contacting, referral.Scheduled, referral.Schedule, []string{"schedule"}, false},
		"start_service":  {referral.Accepted, referral.InService, referral.StartService, []string{"start_service"}, false},
		"continue":       {referral.InService, referral.InService, referral.Continue, []string{"continue"}, false},
		"report_outcome": {referral.InService, referral.OutcomeReported, referral.ReportOutcome, []string{"report_outcome"}, true},
		"fail":           {referral.Waitlisted, referral.Failed, referral.Fail, []string{"fail"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			r := r.in(t)
			s := r.at(c.at)
			var page casework.LinkPage
			w := r.watch(s.ReferralID, func() { page = r.replied(s.token, c.do) })
			assert.Equal(t, c.to, page.State)
			want := written{Events: c.events, Letters: []string{}, Outbox: []string{"changed"}, Audit: []string{c.events[0] + " referral", "view offer"}}
			if c.receipt {
				want.Letters, want.Outbox = []string{"receipt"}, []string{"changed", "deliver"}
			}
			assert.Equal(t, want, w)
			assert.Equal(t, "Sam", r.referral(s.ReferralID).Offers[0].AnsweredBy)
		})
	}
}

func TestRefusedRepliesLeaveNoTrace(t *testing.T) {
	t.Parallel()
	r := open(t)
	s, accepted := r.at(referral.Sent), r.at(referral.Accepted)
	before := r.contents()
	for name, c := range map[string]struct {
		token   string
		in      casework.ReplyInput
		code    referral.Code
		field   string
		outcome string
	}{
		"no name":            {s.token, casework.ReplyInput{Do: referral.Accept}, referral.CodeInvalid, "name", ""},
		"an invisible name":  {s.token, casework.ReplyInput{Do: referral.Accept, Name: " \u202e\u2069 "}, referral.CodeInvalid, "name", ""},
		"a name of joiners":  {s.token, casework.ReplyInput{Do: referral.Accept, Name: "\u200b\u200d\ufe0f\u3164"}, referral.CodeInvalid, "name", ""},
		"too long a name":    {s.token, casework.ReplyInput{Do: referral.Accept, Name: long(201)}, referral.CodeInvalid, "name", ""},
		"NUL in a name":      {s.token, casework.ReplyInput{Do: referral.Accept, Name: "S\x00am"}, referral.CodeInvalid, "name", ""},
		"NUL in a note":      {s.token, casework.ReplyInput{Do: referral.Accept, Name: "Sam", Note: "\x00"}, referral.CodeInvalid, "note", ""},
		"an unseen question": {s.token, casework.ReplyInput{Do: referral.Ask, Name: "Sam", Note: "\u200b"}, referral.CodeInvalid, "note", ""},
		"an empty question":  {s.token, casework.ReplyInput{Do: referral.Ask, Name: "Sam", Note: " "}, referral.CodeInvalid, "note", ""},
		"a command of staff": {s.token, casework.ReplyInput{Do: referral.Withdraw, Name: "Sam", Reason: "moved"}, referral.CodeInvalid, "command", ""},
		"the clock's":        {s.token, casework.ReplyInput{Do: referral.Lapse, Name: "Sam"}, referral.CodeInvalid, "command", ""},
		"no reason":          {s.token, casework.ReplyInput{Do: referral.Decline, Name: "Sam"}, referral.CodeInvalid, "reason", ""},
		"not in this state":  {s.token, casework.ReplyInput{Do: referral.Contact, Name: "Sam"}, referral.CodeConflict, "", "sent"},
		"after another":      {accepted.token, casework.ReplyInput{Do: referral.Decline, Name: "Kim", Reason: "full"}, referral.CodeConflict, "", "accepted"},
		"no outcome":         {accepted.token, casework.ReplyInput{Do: referral.ReportOutcome, Name: "Sam"}, referral.CodeInvalid, "outcome", ""},
		"visit in the past":  {accepted.token, casework.ReplyInput{Do: referral.Schedule, Name: "Sam", At: monday.AddDate(0, -1, 0)}, referral.CodeInvalid, "at", ""},
		"unmet, but not why": {accepted.token, casework.ReplyInput{Do: referral.ReportOutcome, Name: "Sam", Outcome: "unmet"}, referral.CodeInvalid, "unmet_reason", ""},
	} {
		err := r.Reply(t.Context(), c.token, c.in)
		e := refused(t, err, c.code, c.field)
		assert.Equal(t, c.outcome, e.Outcome, name)
		assert.Equal(t, before, r.contents(), name)
	}
}

func TestTheSameDecisionTwiceIsAnsweredAlike(t *testing.T) {
	t.Parallel()
	r := open(t)
	s := r.at(referral.Sent)
	first := r.replied(s.token, referral.Accept)
	r.watchNothing(func() { assert.Equal(t, first, r.replied(s.token, referral.Accept)) }, "audit")
}

// A page left open still counts: what has happened meanwhile on our side does not make an agency's word a repeat of it.
func TestAWordFromAnOldPageCounts(t *testing.T) {
	t.Parallel()
	r := open(t)
	s := r.at(referral.Sent)
	page, err := r.OpenLink(t.Context(), s.token)
	require.NoError(t, err)
	r.until(s.ReferralID, referral.Remind)
	r.tick(s.ReferralID)
	question := posted(referral.Ask)
	question.Version = page.Version
	after := r.repliedWith(s.token, question)
	require.Equal(t, referral.InfoRequested, after.State, "the question is not lost to a reminder")

	// The same form sent twice is one question; another from the same page is another.
	again := r.repliedWith(s.token, question)
	assert.Equal(t, after.Version, again.Version)
	question.Note = "And is there a lift?"
	other := r.repliedWith(s.token, question)
	assert.Equal(t, after.Version+1, other.Version)
	assert.Equal(t, "And is there a lift?", other.Question)
}

func TestAnAttemptPostedTwiceCountsOnce(t *testing.T) {
	t.Parallel()
	r := open(t)
	s := r.at(referral.Accepted)
	page, err := r.OpenLink(t.Context(), s.token)
	require.NoError(t, err)
	for range 3 {
		in := posted(referral.Contact)
		in.Version = page.Version
		assert.Equal(t, 1, r.repliedWith(s.token, in).Attempts)
	}
	assert.Equal(t, 2, r.replied(s.token, referral.Contact).Attempts, "without a version each counts")
}

// A new link goes to the address on file, and nobody learns from the answer whether it did.
func TestANewLink(t *testing.T) {
	t.Parallel()
	r := open(t)
	letters := func() int { return one[int](r, `SELECT count(*) FROM messages WHERE letter = 'link'`) }
	for name, c := range map[string]struct {
		at    referral.OfferState
		spoil func(s scene) string
		mails int
	}{
		"good":            {referral.Sent, func(s scene) string { return s.token }, 1},
		"accepted":        {referral.Accepted, func(s scene) string { return s.token }, 1},
		"on the waitlist": {referral.Waitlisted, func(s scene) string { return s.token }, 1},
		"unknown":         {referral.Sent, func(scene) string { return token.New() }, 0},
		"not a token":     {referral.Sent, func(scene) string { return "\x00" }, 0},
		"expired": {referral.Sent, func(s scene) string {
			r.exec(`UPDATE links SET expires_at = created_at WHERE token_hash = $1`, token.Hash(s.token))
			return s.token
		}, 1},
		"revoked": {referral.Sent, func(s scene) string {
			r.exec(`UPDATE links SET revoked_at = created_at WHERE token_hash = $1`, token.Hash(s.token))
			return s.token
		}, 0},
		"declined": {referral.Declined, func(s scene) string { return s.token }, 0},
		"reported": {referral.OutcomeReported, func(s scene) string { return s.token }, 0},
		"closed": {referral.Accepted, func(s scene) string {
			r.do(s.ReferralID, casework.CommandInput{Do: referral.Close, Outcome: "moved"})
			return s.token
		}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := r.in(t).at(c.at)
			raw, before := c.spoil(s), letters()
			require.NoError(t, r.AskNewLink(t.Context(), raw))
			require.Equal(t, before+c.mails, letters())
			require.NoError(t, r.AskNewLink(t.Context(), raw))
			require.Equal(t, before+c.mails, letters(), "not twice within ten minutes")
			if c.mails == 0 {
				return
			}
			fresh := r.letter(s.ReferralID, referral.NewLinkLetter)
			page, err := r.OpenLink(t.Context(), fresh)
			require.NoError(t, err)
			assert.Equal(t, s.offer, page.OfferID)
		})
	}
}

// A link letter that does not go out must be seen as any other: the clock hears of it.
func TestANewLinkThatDoesNotGoOut(t *testing.T) {
	t.Parallel()
	r := open(t)
	s := r.at(referral.Accepted)
	r.tick(s.ReferralID)
	r.exec(`DELETE FROM outbox`)
	require.NoError(t, r.AskNewLink(t.Context(), s.token))
	assert.Equal(t, []string{"changed", "deliver"}, all[string](r, `SELECT kind FROM outbox ORDER BY kind`))
	step := r.referral(s.ReferralID).Step
	assert.Equal(t, "mail_pending", step.Cause)
	assert.Equal(t, monday.Add(15*time.Minute), step.Due.UTC())

	r.clock.Advance(newLinkPause)
	require.NoError(t, r.AskNewLink(t.Context(), s.token))
	assert.Equal(t, 1, one[int](r, `SELECT count(*) FROM messages WHERE letter = 'link'`), "not yet")
	r.clock.Advance(time.Microsecond)
	require.NoError(t, r.AskNewLink(t.Context(), s.token))
	assert.Equal(t, 2, one[int](r, `SELECT count(*) FROM messages WHERE letter = 'link'`))
}

const newLinkPause = 10 * time.Minute
