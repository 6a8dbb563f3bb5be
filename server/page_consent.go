package server

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"throughline/casework"
	"throughline/referral"
)

// consentTyped is what a form says of the client's consent, as it was typed. Of a page without the choice of groups it is
// the usual ones.
type consentTyped struct {
	Answer               string // the client's: yes, draft, no; "" not said yet
	How, Script          string
	Groups               []referral.Group // what agencies may know beside the need
	Without              []string         // what one agency may not: its service's id, a colon, a group
	Until                string           // the last day, as a date; "" for as long as the policy says
	Substitute, Capacity string
}

// usualConsent is how a form begins.
func usualConsent() consentTyped {
	return consentTyped{How: "verbal", Script: casework.ConsentScript, Groups: referral.UsualGroups}
}

func readConsent(form url.Values) consentTyped {
	t := consentTyped{Answer: form.Get("consent"), How: form.Get("consent_how"), Script: form.Get("consent_script"), Groups: referral.UsualGroups,
		Without: form["consent_without"], Until: form.Get("consent_until"), Substitute: strings.TrimSpace(form.Get("consent_substitute")),
		Capacity: form.Get("consent_capacity")}
	if form.Has("consent_asked") {
		t.Groups = nil
		for _, g := range form["consent_groups"] {
			t.Groups = append(t.Groups, referral.Group(g))
		}
	}
	// The version that is kept is that of the page from which the words were read.
	if !slices.Contains(casework.ConsentScripts, t.Script) {
		t.Script = casework.ConsentScript
	}
	return t
}

// Choices are the groups that a client can leave out.
func (consentTyped) Choices() []referral.Group { return besideNeed(referral.Groups) }

func besideNeed(groups []referral.Group) []referral.Group {
	return slices.DeleteFunc(slices.Clone(groups), func(g referral.Group) bool { return g == referral.NeedGroup })
}

// Has reports a group that agencies may know.
func (t consentTyped) Has(g referral.Group) bool { return slices.Contains(t.Groups, g) }

// Leaves reports a group that one agency may not know.
func (t consentTyped) Leaves(service uuid.UUID, g referral.Group) bool {
	return slices.Contains(t.Without, leftOut(service, g))
}

// Less reports an agency that may know less than the others.
func (t consentTyped) Less(service uuid.UUID) bool {
	return slices.ContainsFunc(t.Choices(), func(g referral.Group) bool { return t.Leaves(service, g) })
}

func leftOut(service uuid.UUID, g referral.Group) string { return service.String() + ":" + string(g) }

// Unusual reports that there is more to see than the client's answer.
func (t consentTyped) Unusual() bool {
	chosen := slices.DeleteFunc(t.Choices(), func(g referral.Group) bool { return !t.Has(g) })
	return !slices.Equal(besideNeed(referral.UsualGroups), chosen) || t.How == "substitute" || t.Until != "" || t.Substitute != "" || t.Capacity != ""
}

// Ways are the ways to give consent, and Capacities in what right someone else gives it.
func (consentTyped) Ways() []string { return casework.ConsentWays }

// Capacities are in what right someone else may agree for the client.
func (consentTyped) Capacities() []string { return referral.Capacities }

// input makes the desk's words of what was typed about these services, or says what the page itself can tell is wrong.
func (t consentTyped) input(s *Server, c echo.Context, services []uuid.UUID) (casework.ConsentInput, []wrong) {
	in := casework.ConsentInput{Given: t.Answer == "yes", How: t.How, Script: t.Script}
	if !in.Given {
		return in, nil
	}
	var wrongs []wrong
	say := func(field string) { wrongs = append(wrongs, wrong{field, s.locale(c).T("field." + field)}) }
	in.Groups = append([]referral.Group{referral.NeedGroup}, t.Groups...)
	for _, id := range services {
		if less := slices.DeleteFunc(slices.Clone(in.Groups), func(g referral.Group) bool { return t.Leaves(id, g) }); len(less) < len(in.Groups) {
			in.Services = append(in.Services, casework.ServiceConsent{ServiceID: id, Groups: less})
		}
	}
	if t.Until != "" {
		last, err := time.ParseInLocation(time.DateOnly, t.Until, zoneOf(c))
		if in.ExpiresAt = last.AddDate(0, 0, 1); err != nil || !in.ExpiresAt.After(s.clock.Now()) {
			say("consent_until")
			in.ExpiresAt = time.Time{}
		}
	}
	if t.How == "substitute" {
		if in.Substitute, in.Capacity = t.Substitute, t.Capacity; in.Substitute == "" {
			say("consent_substitute")
		}
		if in.Capacity == "" {
			say("consent_capacity")
		}
	}
	return in, wrongs
}

// agencyChoice is an agency that a page asks consent for, where none can be chosen on it.
type agencyChoice struct {
	ID   uuid.UUID
	Name string
}

// agenciesOf are those of a referral whose turn is not over, each service once.
func agenciesOf(r casework.Referral, lang string) []agencyChoice {
	var list []agencyChoice
	for _, o := range r.Offers {
		if !o.State.Ended() && !slices.ContainsFunc(list, func(a agencyChoice) bool { return a.ID == o.ServiceID }) {
			list = append(list, agencyChoice{o.ServiceID, inLanguage(lang, o.Service, o.ServiceFR)})
		}
	}
	return list
}

// extentTyped is what a client takes back, as it was typed.
type extentTyped struct {
	Extent string // all, some; "" not said yet
	Groups []referral.Group
}

func readExtent(form url.Values) extentTyped {
	t := extentTyped{Extent: form.Get("extent")}
	for _, g := range form["groups"] {
		t.Groups = append(t.Groups, referral.Group(g))
	}
	return t
}

// Has reports a group that is taken back.
func (t extentTyped) Has(g referral.Group) bool { return slices.Contains(t.Groups, g) }

// input says what is taken back; none of the groups means all.
func (t extentTyped) input() (groups []referral.Group, fault string) {
	switch {
	case t.Extent == "all":
		return nil, ""
	case t.Extent != "some":
		return nil, "extent"
	case len(t.Groups) == 0:
		return nil, "groups"
	}
	return t.Groups, ""
}

// Takeable are the groups that can be taken back on the page, beside all of it.
func (v commandView) Takeable() []referral.Group {
	return slices.DeleteFunc(consentTyped{}.Choices(), func(g referral.Group) bool {
		return !slices.ContainsFunc(v.Referral.Offers, func(o casework.Offer) bool {
			return (v.Offer == nil || v.Offer.ID == o.ID) && slices.Contains(o.Agreed, g)
		})
	})
}
