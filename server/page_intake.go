package server

import (
	"context"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"throughline/casework"
	"throughline/referral"
)

// intakeForm is the one page of a call: the caller, the need, the services and the client's word.
type intakeForm struct {
	Key       string // makes a double click one referral
	CaseID    uuid.UUID
	Reference string // of the case, when it exists already
	callerForm
	Need    string
	Details string
	Urgency string
	Consent consentTyped
	Episode string // a closed referral that is taken up again
	Pick    picker
}

// Needs are the kinds of help.
func (intakeForm) Needs() []string { return referral.Needs }

func (s *Server) intakePage(c echo.Context) error {
	f := intakeForm{Key: uuid.NewString(), Urgency: string(referral.Routine), Consent: usualConsent(),
		callerForm: callerForm{Caller: casework.CaseInput{Language: s.locale(c).Lang}}}
	return s.showIntake(c, f, nil)
}

func (s *Server) showIntake(c echo.Context, f intakeForm, wrongs []wrong) error {
	return s.formPage(c, "intake", s.locale(c).T("intake.title"), wrongs, f)
}

// intake keeps a call: a case with its first referral. Every other button of the page gives the page back.
func (s *Server) intake(c echo.Context) error {
	f, err := s.readIntake(c)
	if err != nil {
		return err
	}
	if again, err := s.formAgain(c); again || err != nil {
		return orShow(err, func() error { return s.showIntake(c, f, nil) })
	}
	if verb, _ := pressed(c.Request().PostForm); verb == "caller" {
		return s.saveCaller(c, f)
	}
	in, wrongs := f.input(s, c)
	if wrongs != nil {
		return s.showIntake(c, f, wrongs)
	}
	out, err := patiently(c, func(ctx context.Context) (casework.Intake, error) {
		return s.desk.Intake(ctx, staff(c), casework.IntakeInput{Case: f.Caller, Referral: in}, keyOf(c, f.Key))
	})
	if f.Consent.Answer == "no" && referral.CodeOf(err) == referral.CodeConsentRequired {
		return s.refusedPage(c, f)
	}
	if wrongs := s.wrongs(c, err); wrongs != nil {
		f.Key = nextKey(err, f.Key)
		return s.showIntake(c, f, wrongs)
	}
	if err != nil {
		return err
	}
	return s.seeOther(c, "/cases/"+out.CaseID.String()+"#r-"+out.ReferralID.String(), "refer")
}

// saveCaller keeps the caller's folder when there is nothing to refer yet.
func (s *Server) saveCaller(c echo.Context, f intakeForm) error {
	if wrongs := f.wrongCaller(s, c); wrongs != nil {
		return s.showIntake(c, f, wrongs)
	}
	out, err := patiently(c, func(ctx context.Context) (casework.Case, error) {
		return s.desk.OpenCase(ctx, staff(c), f.Caller, keyOf(c, f.Key))
	})
	if wrongs := s.wrongs(c, err); wrongs != nil {
		f.Key = nextKey(err, f.Key)
		return s.showIntake(c, f, wrongs)
	}
	if err != nil {
		return err
	}
	return s.seeOther(c, "/cases/"+out.ID.String(), "case")
}

// refusedPage says that a no was kept and nothing else. The client may still want the numbers of the services.
func (s *Server) refusedPage(c echo.Context, f intakeForm) error {
	return s.page(c, 200, "refused", s.locale(c).T("refused.title"), f.Pick)
}

// readIntake reads the form with what its search finds; the numbers stay as typed until they are checked.
func (s *Server) readIntake(c echo.Context) (intakeForm, error) {
	form := c.Request().PostForm
	f := intakeForm{callerForm: readCallerForm(form), Key: form.Get("key"), Need: form.Get("need"), Details: form.Get("details"),
		Urgency: form.Get("urgency"), Consent: readConsent(form), Episode: form.Get("episode_of")}
	var err error
	f.Pick, err = s.pick(c.Request().Context(), s.locale(c).Lang, form, f.Need, f.Caller.PostalCode, f.Caller.Municipality)
	return f, err
}

// input makes the desk's words of the form, or says all that is wrong with it: a navigator on the phone should not be
// sent back field by field.
func (f *intakeForm) input(s *Server, c echo.Context) (casework.ReferralInput, []wrong) {
	var wrongs []wrong
	if f.CaseID == uuid.Nil {
		wrongs = f.wrongCaller(s, c)
	}
	in := casework.ReferralInput{CaseID: f.CaseID, Need: f.Need, Details: f.Details, Urgency: referral.Urgency(f.Urgency),
		ServiceIDs: f.Pick.IDs(), Draft: f.Consent.Answer == "draft"}
	var unclear []wrong
	in.Consent, unclear = f.Consent.input(s, c, in.ServiceIDs)
	if id, err := uuid.Parse(f.Episode); err == nil {
		in.EpisodeOf = id
	}
	for _, w := range s.wrongs(c, in.Check()) {
		if w.Field == "service_ids" && len(in.ServiceIDs) == 0 {
			w.Text = s.locale(c).T("field.service_ids.none")
		}
		wrongs = append(wrongs, w)
	}
	wrongs = append(wrongs, unclear...)
	if a := f.Consent.Answer; a != "yes" && a != "draft" && a != "no" {
		wrongs = append(wrongs, wrong{"consent", s.locale(c).T("field.consent")})
	}
	return in, append(wrongs, f.warn(s, c, "details", f.Details)...)
}

// wrongCaller says all that is wrong with what was typed of the caller.
func (f *intakeForm) wrongCaller(s *Server, c echo.Context) []wrong {
	year := f.readYear(s, c)
	wrongs := append(s.wrongs(c, f.Caller.Check(s.clock.Now())), year...)
	return append(wrongs, f.warn(s, c, "notes", f.Caller.Notes)...)
}
