package casework_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"throughline/casework"
	"throughline/db"
	"throughline/referral"
)

// takenBack is a withdrawal from one agency, or from all.
func takenBack(offer uuid.UUID, groups ...referral.Group) casework.CommandInput {
	return casework.CommandInput{Do: referral.WithdrawConsent, OfferID: offer, Groups: groups}
}

// One agency's link dies at once, what waits to go out stays here, and it is told to stop; the next agency is asked as before.
func TestConsentIsTakenBackFromOneAgency(t *testing.T) {
	t.Parallel()
	r := open(t)
	for _, state := range []referral.OfferState{referral.Sent, referral.InfoRequested, referral.Accepted, referral.Waitlisted, referral.OutcomeReported,
		referral.Declined, referral.Lapsed} {
		t.Run(string(state), func(t *testing.T) {
			r := r.in(t)
			s := r.at(state)
			ref := r.do(s.ReferralID, takenBack(s.offer))
			assert.Equal(t, referral.Open, ref.State)
			assert.Empty(t, ref.Offers[0].Agreed)
			assert.Zero(t, one[int](r, `SELECT count(*) FROM links WHERE offer_id = $1 AND revoked_at IS NULL`, s.offer))
			_, err := r.OpenLink(t.Context(), s.token)
			refused(t, err, referral.CodeNotFound, "")
			refused(t, r.Reply(t.Context(), s.token, posted(referral.Accept)), referral.CodeNotFound, "")
			// However a link came to be left alive, it opens nothing.
			r.exec(`UPDATE links SET revoked_at = NULL WHERE offer_id = $1`, s.offer)
			_, err = r.OpenLink(t.Context(), s.token)
			refused(t, err, referral.CodeNotFound, "")
			for _, m := range all[uuid.UUID](r, `SELECT id FROM messages WHERE offer_id = $1 AND state = 'pending' AND letter <> 'withdrawn'`, s.offer) {
				_, ok, err := r.TakeLetter(t.Context(), m, "test")
				require.NoError(t, err)
				assert.False(t, ok, "a letter with a link goes out")
			}
			told := r.take(r.pending(s.ReferralID, referral.WithdrawnLetter))
			assert.Equal(t, []any{"", "", (*casework.LinkClient)(nil)}, []any{told.Token, told.Told.Need, told.Told.Client}, "the notice says nothing of the client")

			before := r.contents()
			r.do(s.ReferralID, takenBack(s.offer))
			assert.Subset(t, []string{"audit"}, changed(before, r.contents()), "twice is once")
		})
	}
}

// With no agency left, the navigator has the task to find another; one that the client does not agree to is never asked.
func TestTheCascadeKeepsToTheConsent(t *testing.T) {
	t.Parallel()
	r := open(t)
	in, _ := r.sent(r.services...)
	offers := r.referral(in.ReferralID).Offers
	r.do(in.ReferralID, takenBack(offers[1].ID))
	r.do(in.ReferralID, takenBack(offers[0].ID))
	r.tick(in.ReferralID)
	got := r.referral(in.ReferralID).Offers
	assert.Equal(t, []referral.OfferState{referral.Withdrawn, referral.Withdrawn, referral.Sent}, []referral.OfferState{got[0].State, got[1].State, got[2].State})
	r.do(in.ReferralID, takenBack(offers[2].ID))
	r.tick(in.ReferralID)
	search := r.holding(in.ReferralID, referral.FindAlternative)
	require.Len(t, search, 1)
	assert.Equal(t, []any{"consent_withdrawn", referral.Navigator, r.navigator.ID}, []any{search[0].Cause, search[0].Role, *search[0].AssigneeID})
}

func TestAnAgencyMayKnowLess(t *testing.T) {
	t.Parallel()
	r := open(t)
	s := r.at(referral.Accepted)
	w := r.watch(s.ReferralID, func() { r.do(s.ReferralID, takenBack(uuid.Nil, referral.ContactGroup, referral.PlaceGroup)) })
	assert.Equal(t, []string{"consent_withdrawn", "consent_withdrawn"}, w.Events)
	assert.Equal(t, []string{"narrowed"}, w.Letters)
	page, err := r.OpenLink(t.Context(), s.token)
	require.NoError(t, err)
	assert.Equal(t, "Ana Canary", page.Client.Name)
	assert.Equal(t, casework.LinkClient{Name: "Ana Canary", Details: "canary in the details", Language: "en"}, *page.Client)
	assert.NotEmpty(t, r.letter(s.ReferralID, referral.NarrowedLetter), "it has a link, to see what may still be used")
	last := r.referral(s.ReferralID).Consents[1]
	assert.Equal(t, []any{true, false, []referral.Group{referral.PlaceGroup, referral.ContactGroup}}, []any{last.TakesBack, last.Given, last.Services[0].Groups})
}

// Once it has run out, the page is closed, nothing goes out and nobody is chased, until the client agrees again.
func TestConsentRunsOut(t *testing.T) {
	t.Parallel()
	r := open(t)
	in := casework.IntakeInput{Case: ana(), Referral: food(r.services[0], r.services[1])}
	in.Referral.Consent.ExpiresAt = monday.Add(30 * time.Hour)
	made, err := r.Intake(t.Context(), r.navigator, in, nil)
	require.NoError(t, err)
	r.tick(made.ReferralID)
	token := r.letter(made.ReferralID, referral.OfferLetter)
	ask := r.until(made.ReferralID, referral.RaiseTask)
	assert.Equal(t, []any{referral.AskConsent, "consent_expires", true}, []any{ask.TaskKind, ask.Cause, ask.Due.Equal(monday.Add(15 * time.Hour))})
	r.tick(made.ReferralID)
	require.Len(t, r.holding(made.ReferralID, referral.AskConsent), 1)
	_, err = r.OpenLink(t.Context(), token)
	require.NoError(t, err, "it still holds")

	r.until(made.ReferralID, referral.Remind)
	r.tick(made.ReferralID)
	reminder := r.pending(made.ReferralID, referral.ReminderLetter)
	r.clock.Set(monday.Add(30 * time.Hour))
	_, err = r.OpenLink(t.Context(), token)
	refused(t, err, referral.CodeNotFound, "")
	_, ok, err := r.TakeLetter(t.Context(), reminder, "test")
	require.NoError(t, err)
	assert.False(t, ok, "a reminder goes out without consent")
	before := one[int](r, `SELECT count(*) FROM messages`)
	require.NoError(t, r.AskNewLink(t.Context(), token))
	for range 5 {
		r.clock.Set(r.tick(made.ReferralID).Due)
	}
	assert.Equal(t, before, one[int](r, `SELECT count(*) FROM messages`), "nothing more was written to anyone")
	offers := r.referral(made.ReferralID).Offers
	assert.Equal(t, []any{referral.Sent, referral.Queued, 0}, []any{offers[0].State, offers[1].State, len(offers[0].Agreed)})
	task := r.holding(made.ReferralID, referral.AskConsent)[0]
	_, err = r.Do(t.Context(), r.navigator, made.ReferralID, casework.CommandInput{Do: referral.FinishTask, TaskID: task.ID}, nil)
	refused(t, err, referral.CodeInvalid, "task_id")

	yes := agreed()
	r.do(made.ReferralID, casework.CommandInput{Do: referral.Agree, Consent: &yes})
	assert.Empty(t, r.holding(made.ReferralID, referral.AskConsent))
	_, err = r.OpenLink(t.Context(), token)
	require.NoError(t, err, "the client agreed again")
	assert.Equal(t, referral.Remind, r.until(made.ReferralID, referral.Remind).Do, "the agency has its whole time")
}

// An answer tells of the client, so it takes the client's yes to details.
func TestAnAnswerTakesConsentToDetails(t *testing.T) {
	t.Parallel()
	r := open(t)
	s := r.at(referral.InfoRequested)
	r.do(s.ReferralID, takenBack(s.offer, referral.DetailsGroup))
	before := r.contents()
	_, err := r.Do(t.Context(), r.navigator, s.ReferralID, casework.CommandInput{Do: referral.Answer, Note: "canary answer"}, nil)
	refused(t, err, referral.CodeConsentRequired, "note")
	assert.Equal(t, before, r.contents())
}

// Consent is kept as it was given.
func TestConsentBySomeoneElse(t *testing.T) {
	t.Parallel()
	r := open(t)
	in := casework.IntakeInput{Case: ana(), Referral: food(r.services[0], r.services[1])}
	in.Referral.Consent = casework.ConsentInput{Given: true, How: "substitute", Substitute: " Maria\nCanary ", Capacity: "attorney",
		Groups:    []referral.Group{referral.AgeGroup, referral.NeedGroup, referral.NeedGroup},
		Services:  []casework.ServiceConsent{{ServiceID: r.services[1], Groups: []referral.Group{referral.NeedGroup, referral.PlaceGroup}}},
		ExpiresAt: monday.AddDate(0, 0, 30)}
	made, err := r.Intake(t.Context(), r.navigator, in, nil)
	require.NoError(t, err)
	kept := r.referral(made.ReferralID)
	c := kept.Consent
	assert.Equal(t, []any{"substitute", "Maria Canary", "attorney", casework.ConsentScript, "Noor"}, []any{c.How, c.Substitute, c.Capacity, c.Script, c.RecordedBy})
	assert.True(t, monday.AddDate(0, 0, 30).Equal(*c.ExpiresAt))
	assert.Equal(t, []referral.Group{referral.NeedGroup, referral.AgeGroup}, kept.Offers[0].Agreed)
	assert.Equal(t, []referral.Group{referral.NeedGroup, referral.PlaceGroup}, kept.Offers[1].Agreed)
}

// Whatever is agreed to, that and no more is disclosed, and of it no more than the stage takes.
func TestDisclosureIsTheConsent(t *testing.T) {
	t.Parallel()
	c := db.CaseRow{Name: "name", Phone: "phone", Email: "email", ContactTimes: "times", SafeToCall: true, SafeToLeaveMessage: true, Anonymous: true,
		Municipality: "town", PostalCode: "code", BirthYear: "1971", Notes: "notes", Language: "fr"}
	a := casework.Asked{Need: "food", Urgency: referral.Urgent, Details: "details", Answer: "answer"}
	rapid.Check(t, func(t *rapid.T) {
		g := referral.Grant{Groups: rapid.SliceOfDistinct(rapid.SampledFrom(referral.Groups), rapid.ID).Draw(t, "groups"), Until: monday}
		now := monday.Add(time.Duration(rapid.IntRange(-1, 1).Draw(t, "when")) * time.Hour)
		state := rapid.SampledFrom(referral.States).Draw(t, "state")
		offer := rapid.SampledFrom(referral.OfferStates).Draw(t, "offer")
		d := casework.Disclosure(c, a, g, state, offer, now)
		has := func(group referral.Group) bool {
			return now.Before(monday) && slices.Contains(g.Groups, referral.NeedGroup) && slices.Contains(g.Groups, group)
		}
		taken := state == referral.Open && slices.Contains([]referral.OfferState{referral.Accepted, referral.Contacting, referral.Scheduled,
			referral.InService, referral.Waitlisted}, offer)
		want := casework.Disclosed{}
		person := casework.LinkClient{}
		for _, group := range referral.Groups {
			if !has(group) {
				continue
			}
			want.Groups = append(want.Groups, group)
			switch group {
			case referral.NeedGroup:
				want.Need, want.Urgency = "food", referral.Urgent
			case referral.LanguageGroup:
				want.Language, person.Language = "fr", "fr"
			case referral.PlaceGroup:
				want.Area, person.Municipality, person.PostalCode = "town", "town", "code"
			case referral.IdentityGroup:
				person.Name, person.Anonymous = "name", true
			case referral.AgeGroup:
				person.BirthYear = 1971
			case referral.ContactGroup:
				person.Phone, person.Email, person.ContactTimes, person.SafeToCall, person.SafeToLeaveMessage = "phone", "email", "times", true, true
			case referral.DetailsGroup:
				want.Answer, person.Details = "answer", "details"
			}
		}
		if taken && len(want.Groups) > 0 {
			want.Client = &person
		}
		if !assert.ObjectsAreEqual(want, d) {
			t.Fatalf("%+v, want %+v", d, want)
		}
	})
}
