package server

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"throughline/casework"
	"throughline/referral"
)

// commandForm says what the page of a command asks for.
type commandForm struct {
	Reasons  []referral.Reason
	Area     string // of the reasons' words
	ToldBy   bool   // on the word of someone at the agency
	Outcome  bool
	At       bool
	Note     bool // a note may be added; NoteMust: it is the point
	NoteMust bool
	Consent  bool
	Extent   bool // what the client takes back
	Services bool
	Person   bool
	Again    bool
	ByClient bool // may be on the client's word
	Whole    bool // of the referral, not of one offer
	Client   bool // the client is spoken with, so the page tells how to reach them
}

var commandForms = map[referral.Name]commandForm{
	referral.Accept:          {ToldBy: true, Note: true},
	referral.Decline:         {ToldBy: true, Note: true, Reasons: referral.DeclineReasons, Area: "decline"},
	referral.Ask:             {ToldBy: true, NoteMust: true},
	referral.Waitlist:        {ToldBy: true, Note: true},
	referral.Contact:         {ToldBy: true, Note: true},
	referral.Schedule:        {ToldBy: true, Note: true, At: true},
	referral.StartService:    {ToldBy: true, Note: true},
	referral.Continue:        {ToldBy: true, Note: true},
	referral.ReportOutcome:   {ToldBy: true, Note: true, Outcome: true},
	referral.Fail:            {ToldBy: true, Note: true, Reasons: referral.AgencyFailReasons, Area: "fail"},
	referral.Answer:          {NoteMust: true},
	referral.Confirm:         {Outcome: true, Note: true, Client: true},
	referral.Dispute:         {Note: true, Client: true},
	referral.Withdraw:        {Reasons: referral.WithdrawReasons, Area: "withdraw", Note: true, ByClient: true, Client: true},
	referral.MarkInError:     {Again: true, Note: true},
	referral.OpenDraft:       {Consent: true, Whole: true},
	referral.AddOffer:        {Consent: true, Services: true, Whole: true},
	referral.Agree:           {Consent: true, Note: true, Whole: true, Client: true},
	referral.WithdrawConsent: {Extent: true, Note: true, Client: true},
	referral.Close:           {Outcome: true, Note: true, ByClient: true, Whole: true, Client: true},
	referral.Reassign:        {Person: true, Note: true, Whole: true},
	referral.Arrived:         {Note: true},
	referral.Resend:          {Reasons: referral.ResendReasons, Area: "resend", Note: true},
}

// commandView is the page of one command.
type commandView struct {
	commandForm
	Do         referral.Name
	Words      string // that name the page's texts: the command's name, or a variant of it
	Referral   casework.Referral
	Offer      *casework.Offer // nil: the referral as a whole
	Client     *casework.Case  // nil: the page does not need them
	Colleagues []casework.Account
	Zone       *time.Location // of an appointment's date and time
	Repeated   []clockChoice  // the two moments of a repeated hour, to choose from
	Pick       picker
	Agencies   []agencyChoice // that consent is asked for
	In         commandTyped
}

// commandTyped is what was typed, as it was typed.
type commandTyped struct {
	Key, Reason, Outcome, Unmet, Date, Time, Offset, Note, ToldBy, Person, ByClient, Again string

	Consent consentTyped
	Extent  extentTyped
}

// Outcomes are the list that the page offers. What no client can say of themselves is a reason to close, not their word.
func (v commandView) Outcomes() []referral.Reason {
	if v.Do != referral.Confirm {
		return referral.Outcomes
	}
	return slices.DeleteFunc(slices.Clone(referral.Outcomes), func(r referral.Reason) bool {
		return r.Code == "unreachable" || r.Code == "deceased"
	})
}

// UnmetReasons are why a need stayed unmet.
func (commandView) UnmetReasons() []referral.Reason { return referral.UnmetReasons }

func (s *Server) commandPage(c echo.Context) error {
	v, err := s.readCommand(c, url.Values{})
	if err != nil {
		return err
	}
	if v.Referral.Erased {
		return c.Redirect(http.StatusSeeOther, placeOf(v.Referral))
	}
	v.In.Key, v.In.Consent = uuid.NewString(), usualConsent()
	if said := v.Referral.Consent; v.Do == referral.Agree && said != nil && said.Given {
		v.In.Consent.Groups = said.Groups
	}
	if len(v.Reasons) == 1 {
		v.In.Reason = v.Reasons[0].Code
	}
	return s.showCommand(c, v, nil)
}

func (s *Server) showCommand(c echo.Context, v commandView, wrongs []wrong) error {
	title := "say." + v.Words
	if v.ToldBy {
		title = "event." + v.Words
	}
	return s.formPage(c, "command", s.locale(c).T(title), wrongs, v)
}

// command carries out what staff ask of a referral, on their own or on someone's word.
func (s *Server) command(c echo.Context) error {
	v, err := s.readCommand(c, c.Request().PostForm)
	if err != nil {
		return err
	}
	if again, err := s.formAgain(c); again || err != nil {
		return orShow(err, func() error { return s.showCommand(c, v, nil) })
	}
	in, wrongs := v.input(s, c)
	if wrongs != nil {
		return s.showCommand(c, v, wrongs)
	}
	_, err = patiently(c, func(ctx context.Context) (casework.Referral, error) {
		return s.desk.Do(ctx, staff(c), v.Referral.ID, in, keyOf(c, v.In.Key))
	})
	if v.In.Consent.Answer == "no" && referral.CodeOf(err) == referral.CodeConsentRequired {
		return s.page(c, 200, "refused", s.locale(c).T("refused.title"), v.Pick)
	}
	if wrongs := s.wrongs(c, err); wrongs != nil {
		v.In.Key = nextKey(err, v.In.Key)
		return s.showCommand(c, v, wrongs)
	}
	if err != nil {
		c.Set(backKey, placeOf(v.Referral))
		return err
	}
	done := v.Do
	if v.Referral.State == referral.Closed || v.Do == referral.WithdrawConsent {
		done = referral.ConsentWithdrawn // of a closed referral the one thing that can still be recorded
	}
	return s.seeOther(c, placeOf(v.Referral), string(done))
}

// placeOf is where a referral is in its folder.
func placeOf(r casework.Referral) string {
	return "/cases/" + r.CaseID.String() + "#r-" + r.ID.String()
}

// readCommand reads the referral that a command is about, and what was typed. A command that no page has is not found.
func (s *Server) readCommand(c echo.Context, form url.Values) (commandView, error) {
	do := referral.Name(c.Param("command"))
	asks, ok := commandForms[do]
	id, err := idParam(c, "id")
	if err != nil || !ok {
		return commandView{}, referral.NotFound("page")
	}
	v := commandView{commandForm: asks, Do: do, Words: string(do), Zone: zoneOf(c), In: readTyped(form)}
	ctx := c.Request().Context()
	if v.Referral, err = s.desk.Referral(ctx, staff(c), id); err != nil {
		return v, err
	}
	if offer := c.QueryParam("offer"); offer != "" && !asks.Whole {
		i := slices.IndexFunc(v.Referral.Offers, func(o casework.Offer) bool { return o.ID.String() == offer })
		if i < 0 {
			return v, referral.NotFound("offer")
		}
		v.Offer = &v.Referral.Offers[i]
	}
	if do == referral.Withdraw {
		v.withdrawing()
	}
	// A draft asks for consent once, when it is opened.
	v.Consent = asks.Consent && (do == referral.OpenDraft || v.Referral.State == referral.Open)
	if v.Consent && !asks.Services {
		v.Agencies = agenciesOf(v.Referral, s.locale(c).Lang)
	}
	if asks.Client {
		folder, _, err := s.desk.Case(ctx, staff(c), v.Referral.CaseID)
		if err != nil {
			return v, err
		}
		v.Client = &folder
	}
	if asks.Person {
		if v.Colleagues, err = s.desk.Accounts(ctx, staff(c)); err != nil {
			return v, err
		}
	}
	if asks.Services {
		err = s.pickFurther(c, &v, form)
	}
	return v, err
}

// withdrawing fits the page to what taking back means where the referral stands: of a draft no agency knows and no consent
// was given; of a closed one the consent is all that can be taken back; and only an agency that was asked is told.
func (v *commandView) withdrawing() {
	consent := func(r referral.Reason) bool { return r.Code == "consent_withdrawn" }
	asked := func(o casework.Offer) bool { return o.State.Awaiting() || o.State.Taken() }
	switch {
	case v.Offer != nil:
		if !asked(*v.Offer) {
			v.Words += ".unasked"
		}
		return
	case v.Referral.State == referral.Open && !slices.ContainsFunc(v.Referral.Offers, asked):
		v.Words += ".nobody"
	}
	switch v.Referral.State {
	case referral.Draft:
		v.Words += ".draft"
		v.Reasons = slices.DeleteFunc(slices.Clone(v.Reasons), consent)
	case referral.Closed:
		v.Words += ".closed"
		v.Reasons = slices.DeleteFunc(slices.Clone(v.Reasons), func(r referral.Reason) bool { return !consent(r) })
		v.ByClient = false // nobody else can take it back
	}
}

// pickFurther finds services for a referral that has asked some already.
func (s *Server) pickFurther(c echo.Context, v *commandView, form url.Values) error {
	ctx := c.Request().Context()
	folder, _, err := s.desk.Case(ctx, staff(c), v.Referral.CaseID)
	if err != nil {
		return err
	}
	v.Pick, err = s.pick(ctx, s.locale(c).Lang, form, v.Referral.Need, folder.PostalCode, folder.Municipality)
	for _, o := range v.Referral.Offers {
		if o.State != referral.InError {
			v.Pick.Tried = append(v.Pick.Tried, o.ServiceID)
		}
	}
	return err
}

func readTyped(form url.Values) commandTyped {
	return commandTyped{Key: form.Get("key"), Reason: form.Get("reason"), Outcome: form.Get("outcome"),
		Unmet: form.Get("unmet_reason"), Date: form.Get("date"), Time: form.Get("time"), Offset: form.Get("offset"), Note: form.Get("note"),
		ToldBy: form.Get("told_by"), Person: form.Get("person_id"),
		Consent: readConsent(form), Extent: readExtent(form), ByClient: form.Get("by_client"), Again: form.Get("again")}
}

// input makes the desk's words of what was typed, or says what the page itself can tell is wrong.
func (v *commandView) input(s *Server, c echo.Context) (casework.CommandInput, []wrong) {
	var wrongs []wrong
	say := func(field string) { wrongs = append(wrongs, wrong{field, s.locale(c).T("field." + field)}) }
	in := casework.CommandInput{Do: v.Do, Reason: v.In.Reason, Outcome: v.In.Outcome, Note: v.In.Note, ToldBy: v.In.ToldBy,
		ServiceIDs: v.Pick.IDs(), Again: v.In.Again == "yes"}
	if v.In.Outcome == referral.Unmet {
		in.Unmet = v.In.Unmet
	}
	if v.Offer != nil {
		in.OfferID = v.Offer.ID
	}
	if v.ByClient && v.In.ByClient == "yes" {
		in.For = referral.Client
	}
	if v.At {
		var fault string
		in.At, v.Repeated, fault = appointment(s.locale(c), v.In.Date, v.In.Time, v.In.Offset, v.Zone)
		switch fault {
		case "":
		case "gap":
			wrongs = append(wrongs, wrong{"time", s.locale(c).T("field.gap")})
		default:
			say(fault)
		}
	}
	// What the desk would say next, in one go.
	missing := map[string]bool{"reason": v.Reasons != nil && v.In.Reason == "", "outcome": v.Outcome && v.In.Outcome == "",
		"note": v.NoteMust && strings.TrimSpace(v.In.Note) == "", "told_by": v.ToldBy && strings.TrimSpace(v.In.ToldBy) == "",
		"service_ids": v.Services && len(in.ServiceIDs) == 0}
	for _, field := range slices.Sorted(maps.Keys(missing)) {
		if missing[field] {
			say(field)
		}
	}
	if v.Person {
		id, err := uuid.Parse(v.In.Person)
		if err != nil {
			say("person_id")
		}
		in.PersonID = id
	}
	if v.Consent {
		if a := v.In.Consent.Answer; a != "yes" && a != "no" {
			say("consent")
		}
		services := in.ServiceIDs
		for _, a := range v.Agencies {
			services = append(services, a.ID)
		}
		given, unclear := v.In.Consent.input(s, c, services)
		in.Consent, wrongs = &given, append(wrongs, unclear...)
	}
	if v.Extent {
		var fault string
		if in.Groups, fault = v.In.Extent.input(); fault != "" {
			say(fault)
		}
	}
	return in, wrongs
}
