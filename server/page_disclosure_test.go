package server

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"throughline/casework"
	"throughline/locale"
	"throughline/referral"
)

// planted is a value of a client's folder or referral, as the agency's page writes it, with its group.
type planted struct {
	group referral.Group
	text  string
	after bool // it takes a yes
}

var plants = []planted{
	{referral.NeedGroup, "Clothing", false}, {referral.NeedGroup, "Urgent", false}, {referral.LanguageGroup, "Tamil", false},
	{referral.PlaceGroup, "Plantborough", false}, {referral.PlaceGroup, "K9H 2B7", true}, {referral.IdentityGroup, "Zéphyrine Plantname", true},
	{referral.AgeGroup, "1938", true}, {referral.ContactGroup, "555-0187", true}, {referral.ContactGroup, "plant.mail@example.org", true},
	{referral.ContactGroup, "plant mornings", true}, {referral.ContactGroup, "It is safe to call this number.", true},
	{referral.ContactGroup, "You may leave a message.", true}, {referral.DetailsGroup, "planted details", true},
	{referral.DetailsGroup, "planted answer", false},
}

// planting makes a referral of such a client that an agency has asked about and was answered, and has accepted where told.
func (h *helpline) planting(accepted bool) (casework.Referral, string) {
	h.t.Helper()
	ctx, who := h.t.Context(), h.account.Actor(casework.ViaPage)
	made, err := h.desk.Intake(ctx, who, casework.IntakeInput{
		Case: casework.CaseInput{Name: "Zéphyrine Plantname", Phone: "705 555 0187", Email: "plant.mail@example.org", SafeToCall: true, SafeToLeaveMessage: true,
			Municipality: "Plantborough", PostalCode: "K9H 2B7", ContactTimes: "plant mornings", Language: "ta", BirthYear: 1938, Notes: "planted notes"},
		Referral: casework.ReferralInput{Need: "clothing", Details: "planted details", Urgency: referral.Urgent, ServiceIDs: h.services[:1],
			Consent: casework.ConsentInput{Given: true, How: "verbal", Groups: referral.Groups}},
	}, nil)
	h.must(err)
	step, err := h.desk.Next(ctx, made.ReferralID, h.clock.Now())
	h.must(err)
	_, err = h.desk.Run(ctx, made.ReferralID, step, h.clock.Now())
	h.must(err)
	token := h.letter(made.ReferralID, referral.OfferLetter)
	do := func(in casework.CommandInput) (r casework.Referral) {
		r, err := h.desk.Do(ctx, who, made.ReferralID, in, nil)
		h.must(err)
		return r
	}
	do(casework.CommandInput{Do: referral.Ask, ToldBy: "Sam", Note: "How many?"})
	r := do(casework.CommandInput{Do: referral.Answer, Note: "planted answer"})
	if accepted {
		r = do(casework.CommandInput{Do: referral.Accept, ToldBy: "Sam"})
	}
	return r, token
}

// Whatever the client agrees to, that is what the agency's page shows, of what its stage takes: no less and no more.
func TestThePageShowsWhatTheClientAgreedTo(t *testing.T) {
	t.Parallel()
	for name, accepted := range map[string]bool{"before a yes": false, "after a yes": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHelpline(t, Config{})
			r, token := h.planting(accepted)
			a := h.agencyOf(token)
			rapid.Check(t, func(rt *rapid.T) {
				groups := append([]referral.Group{referral.NeedGroup}, rapid.SliceOfDistinct(rapid.SampledFrom(referral.Groups[1:]), rapid.ID).Draw(rt, "groups")...)
				h.clock.Advance(3 * time.Minute) // links open so often only
				_, err := h.desk.Do(t.Context(), h.account.Actor(casework.ViaPage), r.ID, casework.CommandInput{Do: referral.Agree,
					Consent: &casework.ConsentInput{Given: true, How: "verbal", Groups: groups}}, nil)
				h.must(err)
				page := a.look("GET", "/r", nil).is(200)
				shown := page.Find("main").Text() + page.raw
				for _, p := range plants {
					want := slices.Contains(groups, p.group) && (accepted || !p.after)
					// The page writes each fact but the answers and the details in plain text.
					if got := strings.Contains(shown, p.text); got != want {
						rt.Errorf("agreed to %v: the page shows %q: %v", groups, p.text, got)
					}
				}
				// What the stage would show and the client does not agree to is said to be that, and not to be unknown.
				withheld := 0
				for group, after := range map[referral.Group]bool{referral.LanguageGroup: false, referral.PlaceGroup: false, referral.IdentityGroup: true} {
					if after == accepted && !slices.Contains(groups, group) {
						withheld++
					}
				}
				if got := strings.Count(page.Find("main").Text(), locale.For("en").T("agency.not_agreed")); got != withheld {
					rt.Errorf("agreed to %v: %d things are said not to be agreed to, want %d", groups, got, withheld)
				}
				if strings.Contains(shown, "planted notes") {
					rt.Errorf("the helpline's notes are on the agency's page")
				}
				throughHelpline := accepted && !slices.Contains(groups, referral.ContactGroup)
				if got := page.Find("#reach").Text(); throughHelpline != (strings.Contains(got, r.ShortName) && strings.Contains(got, h.phone(t))) {
					rt.Errorf("agreed to %v: the client is reached by %q", groups, got)
				}
			})
		})
	}
}

func (h *helpline) phone(t *testing.T) string {
	t.Helper()
	var raw string
	h.must(h.db.Get(&raw, `SELECT phone FROM organisations WHERE id = $1`, h.account.OrganisationID))
	return raw[len(raw)-4:]
}

// Taken back, it is gone with the next look; all of it, and the link opens nothing.
func TestWhatIsTakenBackIsGoneAtOnce(t *testing.T) {
	t.Parallel()
	h := newHelpline(t, Config{})
	r, token := h.planting(true)
	a := h.agencyOf(token)
	a.look("GET", "/r", nil).is(200).says("555-0187").says("Zéphyrine")
	withdraw := func(groups ...referral.Group) {
		_, err := h.desk.Do(t.Context(), h.account.Actor(casework.ViaPage), r.ID, casework.CommandInput{Do: referral.WithdrawConsent,
			OfferID: r.Offers[0].ID, Groups: groups}, nil)
		h.must(err)
	}
	withdraw(referral.ContactGroup)
	page := a.look("GET", "/r", nil).is(200).says("Zéphyrine")
	if strings.Contains(page.raw, "0187") {
		t.Error("the phone number is still shown")
	}
	withdraw()
	a.look("GET", "/r", nil).is(404)
	h.count(1, `SELECT count(*) FROM messages WHERE letter = 'narrowed'`)
	h.count(1, `SELECT count(*) FROM messages WHERE letter = 'withdrawn'`)
}

// The day it runs out the link opens nothing.
func TestTheLinkClosesWhenConsentRunsOut(t *testing.T) {
	t.Parallel()
	h := newHelpline(t, Config{})
	r, token := h.planting(true)
	_, err := h.desk.Do(t.Context(), h.account.Actor(casework.ViaPage), r.ID, casework.CommandInput{Do: referral.Agree,
		Consent: &casework.ConsentInput{Given: true, How: "verbal", ExpiresAt: h.clock.Now().Add(time.Hour)}}, nil)
	h.must(err)
	a := h.agencyOf(token)
	a.look("GET", "/r", nil).is(200)
	h.clock.Advance(time.Hour)
	a.look("GET", "/r", nil).is(404)
	a.look("POST", "/r", formOf(referral.Contact, nil)).is(404)
}
