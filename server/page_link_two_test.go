package server

import (
	"testing"

	"throughline/referral"
)

// The browser keeps the link opened last. A form of the page before it must not decide over the other client.
func TestTwoLinksInOneBrowser(t *testing.T) {
	t.Parallel()
	h := newHelpline(t, Config{})
	first, one := h.offered()
	second, two := h.offered()
	a := h.agencyOf(one)
	form := formOf(referral.Accept, []string{"name", "Ann"})
	form.Set("offer", a.look("GET", "/r", nil).is(200).Find(`input[name="offer"]`).First().AttrOr("value", ""))
	a.send("GET", "/r/"+two, nil)
	a.look("POST", "/r", form).is(409).says("another referral")
	h.stands(first.ReferralID, referral.Sent)
	h.stands(second.ReferralID, referral.Sent)

	a.send("GET", "/r/"+one, nil)
	if w := a.send("POST", "/r", form); w.Code != 303 {
		t.Fatalf("with its own link open the form answers %d", w.Code)
	}
	h.stands(first.ReferralID, referral.Accepted)
	h.stands(second.ReferralID, referral.Sent)
}
