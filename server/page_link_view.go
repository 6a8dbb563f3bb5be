package server

import (
	"slices"

	"github.com/labstack/echo/v4"

	"throughline/casework"
	"throughline/locale"
	"throughline/referral"
)

// linkCommands are what an agency can do on its page, in the order of the forms.
var linkCommands = []referral.Name{referral.Accept, referral.Contact, referral.Schedule, referral.StartService, referral.Continue,
	referral.ReportOutcome, referral.Decline, referral.Ask, referral.Waitlist, referral.Fail}

// linkView is the agency's page.
type linkView struct {
	casework.LinkPage
	Typed     linkTyped
	Done      referral.Name // what was just recorded
	OtherLink bool          // the form was of another referral, whose link this browser opened before
	Conflict  string        // the state that a decision ran into, in words
	Repeated  []clockChoice // the two moments of a repeated hour, to choose from
	// The names of the clock that the dates on the page are in: EST, HNE.
	ReplyZone, VisitZone string
}

// showLink answers with the page and what is wrong with the form that was sent.
func (d *linkDesk) showLink(c echo.Context, status int, v linkView, wrongs []wrong) error {
	l := d.locale(c)
	v.ReplyZone = l.ZoneName(v.ReplyBy.In(v.Zone))
	if v.VisitAt != nil {
		v.VisitZone = l.ZoneName(v.VisitAt.In(v.Zone))
	}
	page := view{Title: l.T("agency.title", map[string]any{"Service": inLanguage(l.Lang, v.Service, v.ServiceFR)}), Wrongs: wrongs, Body: v}
	if v.CanDo(v.Typed.Do) {
		page.Form = "link-" + string(v.Typed.Do)
	}
	return d.show(c, status, "link", page)
}

// stateInWords names a state of an offer, or of its referral.
func stateInWords(l *locale.Localizer, state string) string {
	for _, key := range []string{"offer_state." + state, "referral_state." + state} {
		if l.Has(key) {
			return l.T(key)
		}
	}
	return state
}

// Reference is what the letters call the referral.
func (v linkView) Reference() string { return referral.ShortName(v.ReferralID) }

// Deciding reports that the agency has not said yes or no.
func (v linkView) Deciding() bool { return v.State.Awaiting() && len(v.Can) > 0 }

// Forms are the commands that the page offers now, in order.
func (v linkView) Forms() []linkForm {
	var forms []linkForm
	for _, do := range linkCommands {
		if v.CanDo(do) {
			forms = append(forms, linkForm{linkView: v, Do: do, Open: do == v.Typed.Do})
		}
	}
	return forms
}

// linkForm is one form of the page.
type linkForm struct {
	linkView
	Do   referral.Name
	Open bool // it was sent and came back
}

// Input is what was typed into this form before it came back.
func (f linkForm) Input() linkTyped {
	if f.Open {
		return f.Typed
	}
	return linkTyped{}
}

// Reasons are the codes that this form's command chooses from. Whoever has not accepted knows no client to reach or to ask,
// so of a no the page leaves out what only contact can show.
func (f linkForm) Reasons() []referral.Reason {
	switch f.Do {
	case referral.Decline:
		return slices.DeleteFunc(slices.Clone(referral.DeclineReasons), func(r referral.Reason) bool {
			return r.Code == "could_not_reach_client" || r.Code == "client_declined"
		})
	case referral.Fail:
		return referral.AgencyFailReasons
	}
	return nil
}

// Outcomes are what an agency can report.
func (linkForm) Outcomes() []referral.Reason { return referral.Outcomes }

// UnmetReasons are why a need stayed unmet.
func (linkForm) UnmetReasons() []referral.Reason { return referral.UnmetReasons }
