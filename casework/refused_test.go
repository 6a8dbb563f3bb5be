package casework_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"throughline/casework"
	"throughline/referral"
)

// What is refused names the field or the outcome, and leaves no trace.
func TestRefusedCommands(t *testing.T) {
	t.Parallel()
	r := open(t)
	stranger := r.person(r.helpline("Another 211"), "Ola", referral.Navigator)
	yes, badly := agreed(), casework.ConsentInput{Given: true, How: "by pigeon"}
	sent, accepted, closed := r.at(referral.Sent), r.at(referral.Accepted), r.at(referral.Sent)
	r.do(closed.ReferralID, casework.CommandInput{Do: referral.Withdraw, Reason: "moved"})
	draft := r.at("draft")
	asked := r.at(referral.InfoRequested)
	r.tick(asked.ReferralID)
	answer := r.holding(asked.ReferralID, referral.AnswerAgency)
	require.Len(t, answer, 1)
	with := func(in casework.CommandInput, change func(*casework.CommandInput)) casework.CommandInput {
		change(&in)
		return in
	}
	for name, c := range map[string]struct {
		on      scene
		in      casework.CommandInput
		code    referral.Code
		field   string
		outcome string
	}{
		"unknown command":           {sent, casework.CommandInput{Do: "dance"}, referral.CodeInvalid, "command", ""},
		"the clock's":               {sent, casework.CommandInput{Do: referral.Lapse}, referral.CodeInvalid, "command", ""},
		"the mail's":                {sent, casework.CommandInput{Do: referral.Undelivered}, referral.CodeInvalid, "command", ""},
		"nobody said so":            {sent, casework.CommandInput{Do: referral.Accept}, referral.CodeInvalid, "told_by", ""},
		"only spaces said so":       {sent, casework.CommandInput{Do: referral.Accept, ToldBy: " \t"}, referral.CodeInvalid, "told_by", ""},
		"no reason":                 {sent, casework.CommandInput{Do: referral.Decline, ToldBy: "Sam"}, referral.CodeInvalid, "reason", ""},
		"unknown reason":            {sent, casework.CommandInput{Do: referral.Withdraw, Reason: "canary"}, referral.CodeInvalid, "reason", ""},
		"no question":               {sent, casework.CommandInput{Do: referral.Ask, ToldBy: "Sam", Note: " "}, referral.CodeInvalid, "note", ""},
		"no answer":                 {asked, casework.CommandInput{Do: referral.Answer}, referral.CodeInvalid, "note", ""},
		"NUL in a note":             {sent, with(said(referral.Accept), func(in *casework.CommandInput) { in.Note = "a\x00b" }), referral.CodeInvalid, "note", ""},
		"note beyond bounds":        {sent, with(said(referral.Accept), func(in *casework.CommandInput) { in.Note = long(10_001) }), referral.CodeInvalid, "note", ""},
		"someone unseen said so":    {sent, casework.CommandInput{Do: referral.Accept, ToldBy: "\u200b\u2060"}, referral.CodeInvalid, "told_by", ""},
		"name beyond bounds":        {sent, with(said(referral.Accept), func(in *casework.CommandInput) { in.ToldBy = long(201) }), referral.CodeInvalid, "told_by", ""},
		"an odd role":               {sent, casework.CommandInput{Do: referral.Withdraw, Reason: "moved", For: "system"}, referral.CodeInvalid, "for", ""},
		"no such offer":             {sent, with(said(referral.Accept), func(in *casework.CommandInput) { in.OfferID = uuid.New() }), referral.CodeNotFound, "offer_id", ""},
		"another referral's offer":  {sent, with(said(referral.Accept), func(in *casework.CommandInput) { in.OfferID = accepted.offer }), referral.CodeNotFound, "offer_id", ""},
		"decline after acceptance":  {accepted, with(said(referral.Decline), func(in *casework.CommandInput) { in.OfferID = accepted.offer }), referral.CodeConflict, "", "accepted"},
		"the same without an offer": {accepted, said(referral.Decline), referral.CodeConflict, "", "accepted"},
		"on a closed referral":      {closed, casework.CommandInput{Do: referral.AddOffer, ServiceIDs: r.services[1:], Consent: &yes}, referral.CodeConflict, "", "closed"},
		"reopening":                 {closed, casework.CommandInput{Do: referral.OpenDraft, Consent: &yes}, referral.CodeConflict, "", "closed"},
		"another outcome":           {closed, casework.CommandInput{Do: referral.Close, Outcome: "deceased"}, referral.CodeConflict, "", "closed"},
		"stale":                     {sent, casework.CommandInput{Do: referral.Reassign, PersonID: r.colleague.ID, IfVersion: 1}, referral.CodeStale, "", ""},
		"to a stranger":             {sent, casework.CommandInput{Do: referral.Reassign, PersonID: stranger.ID}, referral.CodeInvalid, "person_id", ""},
		"to nobody":                 {sent, casework.CommandInput{Do: referral.Reassign}, referral.CodeInvalid, "person_id", ""},
		"no consent":                {draft, casework.CommandInput{Do: referral.OpenDraft}, referral.CodeInvalid, "consent", ""},
		"consent by pigeon":         {draft, casework.CommandInput{Do: referral.OpenDraft, Consent: &badly}, referral.CodeInvalid, "consent.how", ""},
		"further without consent":   {sent, casework.CommandInput{Do: referral.AddOffer, ServiceIDs: r.services[1:]}, referral.CodeInvalid, "consent", ""},
		"the same agency":           {sent, casework.CommandInput{Do: referral.AddOffer, ServiceIDs: r.services[:1], Consent: &yes}, referral.CodeInvalid, "service_ids", ""},
		"no agency":                 {sent, casework.CommandInput{Do: referral.AddOffer, Consent: &yes}, referral.CodeInvalid, "service_ids", ""},
		"unknown agency":            {sent, casework.CommandInput{Do: referral.AddOffer, ServiceIDs: []uuid.UUID{uuid.New()}, Consent: &yes}, referral.CodeNotFound, "service_ids.0", ""},
		"no appointment":            {accepted, casework.CommandInput{Do: referral.Schedule, ToldBy: "Sam"}, referral.CodeInvalid, "at", ""},
		"long ago":                  {accepted, with(said(referral.Schedule), func(in *casework.CommandInput) { in.At = monday.AddDate(-1, 0, 0) }), referral.CodeInvalid, "at", ""},
		"no outcome":                {accepted, casework.CommandInput{Do: referral.Close}, referral.CodeInvalid, "outcome", ""},
		"unmet without a reason":    {accepted, casework.CommandInput{Do: referral.Close, Outcome: "unmet"}, referral.CodeInvalid, "unmet_reason", ""},
		"no such task":              {accepted, casework.CommandInput{Do: referral.FinishTask, TaskID: uuid.New()}, referral.CodeNotFound, "task_id", ""},
		"a question ticked off":     {asked, casework.CommandInput{Do: referral.FinishTask, TaskID: answer[0].ID}, referral.CodeInvalid, "task_id", ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := r.in(t)
			before := r.contents()
			out, err := r.Do(t.Context(), r.navigator, c.on.ReferralID, c.in, nil)
			e := refused(t, err, c.code, c.field)
			assert.Equal(t, c.outcome, e.Outcome)
			assert.Zero(t, out, "a refusal shows nothing")
			assert.Equal(t, before, r.contents())
		})
	}
}

func TestOnlyStaffGiveCommands(t *testing.T) {
	t.Parallel()
	r := open(t)
	s := r.at(referral.Sent)
	before := r.contents()
	for name, who := range map[string]casework.Actor{
		"an agency":           {Actor: referral.Actor{Role: referral.Agency}, Organisation: r.organisation},
		"the clock":           casework.ClockActor(r.organisation),
		"a client":            {Actor: referral.Actor{Role: referral.Client, ID: uuid.New()}, Organisation: r.organisation},
		"staff of no account": {Actor: referral.Actor{Role: referral.Navigator}, Organisation: r.organisation},
		"nobody":              {},
	} {
		for method, call := range r.methods(who, s) {
			assert.Equal(t, referral.CodeForbidden, referral.CodeOf(call()), "%s: %s", name, method)
		}
	}
	assert.Equal(t, before, r.contents())
}
