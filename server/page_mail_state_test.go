package server

import (
	"net/http"
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
		{db.MessageRejected, referral.MailFailed, "did not go out"},
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
