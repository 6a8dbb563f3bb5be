package server

import (
	"context"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"throughline/casework"
	"throughline/referral"
)

// referPage is a further need of a case that exists. With ?again= it takes a closed referral up again.
func (s *Server) referPage(c echo.Context) error {
	folder, referrals, err := s.folder(c)
	if err != nil {
		return err
	}
	f := intakeForm{Key: uuid.NewString(), CaseID: folder.ID, Reference: folder.Reference, Consent: usualConsent(),
		Urgency: string(referral.Routine), callerForm: callerForm{Caller: folder.CaseInput}}
	for _, r := range referrals {
		if r.ID.String() == c.QueryParam("again") && r.State == referral.Closed {
			f.Episode, f.Need, f.Details, f.Urgency = r.ID.String(), r.Need, r.Details, string(r.Urgency)
		}
	}
	f.Pick, err = s.pick(c.Request().Context(), s.locale(c).Lang, nil, f.Need, folder.PostalCode, folder.Municipality)
	if err != nil {
		return err
	}
	return s.showRefer(c, f, nil)
}

func (s *Server) showRefer(c echo.Context, f intakeForm, wrongs []wrong) error {
	return s.formPage(c, "refer", s.locale(c).T("refer.title"), wrongs, f)
}

func (s *Server) refer(c echo.Context) error {
	folder, _, err := s.folder(c)
	if err != nil {
		return err
	}
	f, err := s.readIntake(c)
	if err != nil {
		return err
	}
	f.CaseID, f.Reference, f.Caller, f.BirthYear = folder.ID, folder.Reference, folder.CaseInput, ""
	f.Pick, err = s.pick(c.Request().Context(), s.locale(c).Lang, c.Request().PostForm, f.Need, folder.PostalCode, folder.Municipality)
	if err != nil {
		return err
	}
	if again, err := s.formAgain(c); again || err != nil {
		return orShow(err, func() error { return s.showRefer(c, f, nil) })
	}
	in, wrongs := f.input(s, c)
	if wrongs != nil {
		return s.showRefer(c, f, wrongs)
	}
	out, err := patiently(c, func(ctx context.Context) (casework.Referral, error) {
		return s.desk.Refer(ctx, staff(c), in, keyOf(c, f.Key))
	})
	if f.Consent.Answer == "no" && referral.CodeOf(err) == referral.CodeConsentRequired {
		return s.refusedPage(c, f)
	}
	if wrongs := s.wrongs(c, err); wrongs != nil {
		f.Key = nextKey(err, f.Key)
		return s.showRefer(c, f, wrongs)
	}
	if err != nil {
		return err
	}
	return s.seeOther(c, "/cases/"+folder.ID.String()+"#r-"+out.ID.String(), "refer")
}
