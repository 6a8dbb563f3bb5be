package server

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/uuid"

	"throughline/casework"
	"throughline/db"
	"throughline/referral"
)

// TestALetterThatDidNotGoOutIsSaid: what became of a letter reaches the API's clients and the people on the phone in the
// same few words, whatever the record calls it, and the contract knows what the mail system itself wrote.
func TestALetterThatDidNotGoOutIsSaid(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	v.signInAs("nav@kawartha.example")
	for _, c := range []struct {
		settled string // "" leaves the letter claimed: its attempt is under way
		mail    referral.MailState
		words   string
	}{
		{"", referral.MailPending, "waiting to go out"},
		{db.MessageAccepted, referral.MailAccepted, "sent"},
		{db.MessageRejected, referral.MailFailed, "did not arrive"},
		{db.MessageAmbiguous, referral.MailUnknown, "may not have gone out"},
	} {
		r := v.sent()
		var message uuid.UUID
		v.must(v.db.Get(&message, `SELECT id FROM messages WHERE referral_id = $1`, r.ID))
		if _, ok, err := v.desk.TakeLetter(t.Context(), message, "test"); !ok || err != nil {
			t.Fatalf("the letter could not be taken: %v", err)
		}
		if c.settled != "" {
			v.must(v.desk.SettleLetter(t.Context(), message, casework.Settled{State: c.settled, Class: "refused"}))
		}
		got := v.ask("GET", "/referrals/"+r.ID.String(), v.navigator, "").is(http.StatusOK)
		if offer := got.Body["offers"].([]any)[0].(map[string]any); offer["mail"] != string(c.mail) {
			t.Errorf("%s: the API says %v, want %s", c.settled, offer["mail"], c.mail)
		}
		v.ask("GET", "/referrals/"+r.ID.String()+"/timeline", v.navigator, "").is(http.StatusOK)
		page := v.get("/cases/" + r.CaseID.String()).is(http.StatusOK)
		if says := page.says("#o-" + r.Offers[0].ID.String() + " dl"); !strings.Contains(says, "Email"+c.words) {
			t.Errorf("%s: the folder says %q, want Email %s", c.settled, says, c.words)
		}
	}
}

// TestWhatBecomesOfALetterIsSaid: the provider's word reaches the people on the phone, in words and in their language.
func TestWhatBecomesOfALetterIsSaid(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	v.desk.Reports = "test"
	v.signInAs("nav@kawartha.example")
	for _, c := range []struct {
		word     referral.MailWord
		mail     referral.MailState
		en, fr   string
		timeline string
	}{
		{"", referral.MailUnheard, "sent; not yet confirmed", "envoyé; pas encore confirmé", ""},
		{referral.WordDeferred, referral.MailDeferred, "sent; the agency’s mail server is putting it off", "envoyé; le serveur de l’organisme le remet à plus tard",
			"The agency’s mail server is putting an email off; it is tried again"},
		{referral.WordDelivered, referral.MailDelivered, "arrived", "arrivé", "An email reached the agency’s mail server"},
		{referral.WordSpamReport, referral.MailFailed, "did not arrive", "non parvenu",
			"did not arrive (Long Table Kitchen): The agency marked it as spam, so later emails will not go out"},
	} {
		r := v.sent()
		v.letter(r.ID, referral.OfferLetter)
		if c.word != "" {
			var letter uuid.UUID
			v.must(v.db.Get(&letter, `SELECT id FROM messages WHERE referral_id = $1`, r.ID))
			_, err := v.desk.Hear(t.Context(), []casework.ProviderEvent{{ID: uuid.NewString(), Letter: letter, Word: c.word, At: v.clock.Now(), Raw: []byte("{}")}})
			v.must(err)
			v.must(v.desk.ApplyEvents(t.Context(), letter))
		}
		got := v.ask("GET", "/referrals/"+r.ID.String(), v.navigator, "").is(http.StatusOK)
		if offer := got.Body["offers"].([]any)[0].(map[string]any); offer["mail"] != string(c.mail) {
			t.Errorf("%s: the API says %v, want %s", c.word, offer["mail"], c.mail)
		}
		for lang, words := range map[string]string{"en": "Email" + c.en, "fr": "Courriel" + c.fr} {
			page := v.get("/cases/" + r.CaseID.String() + "?lang=" + lang).is(http.StatusOK)
			if says := page.says("#o-" + r.Offers[0].ID.String() + " dl"); !strings.Contains(says, words) {
				t.Errorf("%s: the folder says %q, want %q", c.word, says, words)
			}
			if lang == "en" && !strings.Contains(page.says(".tl-events"), c.timeline) {
				t.Errorf("%s: the timeline says %q, want %q", c.word, page.says(".tl-events"), c.timeline)
			}
		}
	}
}

// TestALetterIsSettledOnThePage: without scripts, a navigator says that a letter arrived, or has it sent again.
func TestALetterIsSettledOnThePage(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	v.signInAs("nav@kawartha.example")
	unknown := func() (casework.Referral, string) {
		r := v.sent()
		var message uuid.UUID
		v.must(v.db.Get(&message, `SELECT id FROM messages WHERE referral_id = $1`, r.ID))
		_, _, err := v.desk.TakeLetter(t.Context(), message, "test")
		v.must(err)
		v.must(v.desk.SettleLetter(t.Context(), message, casework.Settled{State: db.MessageAmbiguous, Class: "timeout"}))
		return r, "#o-" + r.Offers[0].ID.String() + " dl"
	}
	press := func(r casework.Referral, place, button string, fill func(url.Values)) shown {
		t.Helper()
		link := v.get("/cases/" + r.CaseID.String()).is(http.StatusOK).Find(place + " a:contains('" + button + "')")
		page := v.get(link.AttrOr("href", "/nowhere")).is(http.StatusOK)
		form := page.form("#command-form")
		form.Set("do", "save")
		fill(form)
		return v.post(page.Path, form)
	}
	r, place := unknown()
	page := press(r, place, "It arrived", func(url.Values) {}).is(http.StatusOK)
	if says := page.says(place); !strings.Contains(says, "Emailarrived") || strings.Contains(says, "It arrived") || !strings.Contains(says, "Send it again") {
		t.Errorf("afterwards the folder says %q", says)
	}
	if says := page.says(".tl-alert--done"); says != "Recorded: The agency has the email." {
		t.Errorf("it is answered %q", says)
	}

	r, place = unknown()
	page = press(r, place, "Send it again", func(url.Values) {})
	if says := page.says("#wrongs"); !strings.Contains(says, "Choose a reason.") {
		t.Errorf("without a reason: %q", says)
	}
	page = press(r, place, "Send it again", func(form url.Values) { form.Set("reason", "not_received") }).is(http.StatusOK)
	if says := page.says(place); !strings.Contains(says, "Emailwaiting to go out") || strings.Contains(says, "Send it again") {
		t.Errorf("afterwards the folder says %q", says)
	}
	if says := page.says(".tl-events"); !strings.Contains(says, "The email is sent again") || !strings.Contains(says, "The agency did not get it") {
		t.Errorf("the timeline says %q", says)
	}
	v.helpline.count(1, `SELECT count(*) FROM messages WHERE referral_id = '`+r.ID.String()+`' AND generation = 2 AND reason = 'not_received'`)
	late := v.post("/referrals/"+r.ID.String()+"/resend?offer="+r.Offers[0].ID.String(), url.Values{"key": {uuid.NewString()}, "reason": {"other"}, "do": {"save"}})
	if late.is(http.StatusConflict); !strings.Contains(late.says("main"), "waiting to go out") {
		t.Errorf("who was second is told %q", late.says("main"))
	}
	v.ask("POST", "/referrals/"+r.ID.String()+"/resend", v.navigator, `{"reason":"other"}`).is(http.StatusConflict, "conflict")
	v.ask("POST", "/referrals/"+r.ID.String()+"/resend", v.navigator, `{"reason":"moved"}`).is(http.StatusUnprocessableEntity, "invalid", "/reason")
	v.ask("POST", "/referrals/"+r.ID.String()+"/arrived", v.navigator, `{"reason":"other"}`).is(http.StatusUnprocessableEntity, "invalid", "/reason")
}
