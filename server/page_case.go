package server

import (
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"throughline/casework"
	"throughline/referral"
)

const casesShown = 100

// casesView is the newest cases, or those that were looked for.
type casesView struct {
	Query  string
	Cases  []casework.CaseRow
	Behind string // the reference of a restricted case that whoever asks may not see; "" when there is none
}

func (s *Server) casesPage(c echo.Context) error {
	cases, err := s.desk.Cases(c.Request().Context(), staff(c), casesShown)
	if err != nil {
		return err
	}
	return s.showCases(c, casesView{Cases: cases})
}

// findCases looks for cases by name, phone or reference. It is posted, so that no name or number is in an address, which
// browsers and proxies keep.
func (s *Server) findCases(c echo.Context) error {
	v := casesView{Query: strings.TrimSpace(typedIn(c, "q"))}
	if _, err := s.formAgain(c); err != nil {
		return err
	}
	if v.Query == "" {
		return s.casesPage(c)
	}
	var err error
	if v.Cases, err = s.desk.FindCases(c.Request().Context(), staff(c), v.Query); err != nil {
		return err
	}
	// Only a whole reference, which somebody must have been told, shows that there is a case at all.
	if reference := casework.WholeReference(v.Query); reference != "" && len(v.Cases) == 0 {
		there, err := s.desk.Behind(c.Request().Context(), staff(c), reference)
		if err != nil {
			return err
		}
		if there {
			v.Behind = reference
		}
	}
	return s.showCases(c, v)
}

func (s *Server) showCases(c echo.Context, v casesView) error {
	return s.show(c, http.StatusOK, "cases", view{Title: s.locale(c).T("cases.title"), Body: v, Form: "cases-form"})
}

// folderView is a person's folder.
type folderView struct {
	Case      casework.Case
	Referrals []referralView
	Keeps     bool // whoever looks keeps the list of people of a restricted case
}

type referralView struct {
	casework.Referral
	Timeline []eventView // newest first
	Lang     string      // of the reader
}

// Commands are what staff may do to the referral as a whole.
func (r referralView) Commands() []referral.Name {
	switch r.State {
	case referral.Draft:
		return []referral.Name{referral.OpenDraft, referral.AddOffer, referral.Reassign, referral.Withdraw, referral.Close}
	case referral.Open:
		return []referral.Name{referral.AddOffer, referral.Reassign, referral.Withdraw, referral.Close}
	}
	return nil
}

// Agreed reports a closed referral whose consent stands: the agencies that had it can still open its page.
func (r referralView) Agreed() bool {
	return r.State == referral.Closed && r.OpenedAt != nil && r.Consent != nil && r.Consent.Given && r.Consent.WithdrawnAt == nil
}

// Standing reports that there is still something that the client can take back.
func (r referralView) Standing() bool {
	return r.OpenedAt != nil && r.Consent != nil && r.Consent.Given && r.Consent.WithdrawnAt == nil
}

// ServiceName is what a service that was asked is called.
func (r referralView) ServiceName(id uuid.UUID) string {
	for _, o := range r.Offers {
		if o.ServiceID == id {
			return inLanguage(r.Lang, o.Service, o.ServiceFR)
		}
	}
	return ""
}

// OpenTasks are the tasks that wait for someone.
func (r referralView) OpenTasks() []casework.Task {
	return slices.DeleteFunc(slices.Clone(r.Tasks), func(t casework.Task) bool { return t.State != referral.TaskOpen })
}

// Said splits what staff may record of an offer by whose word it is, and what is about its email.
func (r referralView) Said(o casework.Offer) (said struct{ Agency, Client, Helpline, Mail []referral.Name }) {
	for _, do := range o.Can {
		switch {
		case do == referral.Arrived || do == referral.Resend:
			said.Mail = append(said.Mail, do)
		case commandForms[do].ToldBy:
			said.Agency = append(said.Agency, do)
		case do == referral.Confirm || do == referral.Dispute:
			said.Client = append(said.Client, do)
		default:
			said.Helpline = append(said.Helpline, do)
		}
	}
	return said
}

// Hint is the key of what an offer's state means. Of one that has not gone out it depends on the others.
func (r referralView) Hint(o casework.Offer) string {
	key := "offer_state." + string(o.State)
	switch {
	case o.State == referral.Withdrawn && o.SentAt == nil && o.Reason == referral.ServiceClosed.Code:
		return key + ".passed_over"
	case o.State == referral.Withdrawn && o.SentAt == nil:
		return key + ".unasked"
	case o.State == referral.Queued && r.Step != nil && r.Step.Do == referral.Send && isOf(r.Step.OfferID, o):
		return key + ".now"
	case o.State == referral.Queued && !slices.ContainsFunc(r.Offers, func(b casework.Offer) bool { return b.Rank < o.Rank && !b.State.Ended() }):
		return key + ".next"
	}
	return key + ".hint"
}

func isOf(id *uuid.UUID, o casework.Offer) bool { return id != nil && *id == o.ID }

// Reasoned reports that an offer's reason speaks of the offer. One that was never asked ended with the others, for theirs.
func (referralView) Reasoned(o casework.Offer) bool {
	return o.State != referral.Withdrawn || o.SentAt != nil || o.Reason == referral.ServiceClosed.Code
}

// folder reads the case of the address with its referrals.
func (s *Server) folder(c echo.Context) (casework.Case, []casework.Referral, error) {
	id, err := idParam(c, "id")
	if err != nil {
		return casework.Case{}, nil, err
	}
	return s.desk.Case(c.Request().Context(), staff(c), id)
}

func (s *Server) casePage(c echo.Context) error {
	folder, referrals, err := s.folder(c)
	if err != nil {
		return err
	}
	v := folderView{Case: folder, Keeps: folder.CreatedBy == accountOf(c).ID && !folder.ByGlass || casework.May(accountOf(c).Role, casework.OverseePeople)}
	for _, r := range referrals {
		timeline, err := s.desk.Timeline(c.Request().Context(), staff(c), r.ID)
		if err != nil {
			return err
		}
		v.Referrals = append(v.Referrals, referralView{Referral: r, Timeline: toldOf(r, timeline), Lang: s.locale(c).Lang})
	}
	return s.show(c, http.StatusOK, "case", view{Title: s.locale(c).T("case.title", map[string]any{"Reference": folder.Reference}),
		Body: v, Done: done(c)})
}

// recorded is what forms record besides what is on timelines.
var recorded = []string{"case", "correct_case", "restrict_case", "lift_restriction", "name_person", "unname_person", "break_glass", "review_glass",
	"ask_erasure", "approve_erasure", "call_off_erasure", "hold_case", "lift_hold", "ask_export", "set_retention"}

// done is what was just recorded, as the address says; "" for anything that no form of ours records.
func done(c echo.Context) string {
	name := c.QueryParam("done")
	if slices.Contains(recorded, name) || slices.Contains(accountDone, name) || slices.Contains(referral.EventNames(), referral.Name(name)) {
		return name
	}
	return ""
}

// referralPage leads to the referral's place in its folder.
func (s *Server) referralPage(c echo.Context) error {
	id, err := idParam(c, "id")
	if err != nil {
		return err
	}
	r, err := s.desk.Referral(c.Request().Context(), staff(c), id)
	if err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, placeOf(r))
}
