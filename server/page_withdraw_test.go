package server

import (
	"net/http"
	"strings"
	"testing"

	"throughline/casework"
	"throughline/referral"
)

func TestConsentIsWithdrawnAfterTheEnd(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	v.signInAs("nav@kawartha.example")
	made, token := v.offered()
	v.do(made.ReferralID, casework.CommandInput{Do: referral.Accept, ToldBy: "Priya"})
	r := v.do(made.ReferralID, casework.CommandInput{Do: referral.Confirm, Outcome: "received_in_full"})
	v.agencyOf(token).look("GET", "/r", nil).is(http.StatusOK)

	to := v.button(r, referral.Withdraw)
	page := v.get(to).is(http.StatusOK)
	if got := page.Find(`input[name="reason"]`); got.Length() != 1 || got.AttrOr("value", "") != "consent_withdrawn" {
		t.Errorf("%d reasons are offered", got.Length())
	}
	page = v.record(to, nil).is(http.StatusOK)
	if got := page.says("[role=status]"); got != "Recorded: The client withdrew consent." {
		t.Errorf("the page says %q", got)
	}
	folder := page.says(".tl-referral")
	for _, want := range []string{"Received all the help needed", "Consentwithdrawn"} {
		if !strings.Contains(folder, want) {
			t.Errorf("the folder does not say %q: %s", want, folder)
		}
	}
	if n := page.Find(`a[href$="/withdraw"]`).Length(); n != 0 {
		t.Error("what was withdrawn can be withdrawn again")
	}
	v.agencyOf(token).look("GET", "/r", nil).is(http.StatusNotFound)
}

func TestADraftIsHandedOverOrGivenUp(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	v.signInAs("nav@kawartha.example")
	r, err := v.desk.Referral(t.Context(), v.account.Actor(casework.ViaPage), v.draft(v.services[0]))
	v.must(err)
	page := v.record(v.button(r, referral.Reassign), map[string]string{"person_id": v.lead.ID.String()}).is(http.StatusOK)
	if !strings.Contains(page.says(".tl-referral dl"), "Camille") {
		t.Errorf("the draft is %s", page.says(".tl-referral dl"))
	}
	to := "/referrals/" + r.ID.String() + "/withdraw"
	if page.Find(`.tl-commands a[href="`+to+`"]`).Length() != 1 {
		t.Error("the folder does not offer to give up the draft")
	}
	if n := v.get(to).is(http.StatusOK).Find(`input[value="consent_withdrawn"]`).Length(); n != 0 {
		t.Error("a consent that was never given can be withdrawn")
	}
	page = v.record(to, map[string]string{"reason": "moved"}).is(http.StatusOK)
	if got := page.says(".tl-referral h2 .tl-state"); got != "Closed" {
		t.Errorf("the draft is %s", got)
	}
	if n := page.Find(`a[href$="/withdraw"]`).Length(); n != 0 {
		t.Error("a draft that was given up has no consent to withdraw")
	}
}
