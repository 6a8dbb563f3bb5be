package server

import (
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"throughline/casework"
	"throughline/db"
	"throughline/referral"
)

// glassForm asks why someone must see a restricted case that they are not named on.
type glassForm struct{ Reference, Reason string }

// glassPage is found by the whole reference of a case that is kept from whoever asks; any other reference is no page.
func (s *Server) glassPage(c echo.Context) error {
	f := glassForm{Reference: c.Param("reference")}
	there, err := s.desk.Behind(c.Request().Context(), staff(c), f.Reference)
	if err == nil && !there {
		err = referral.NotFound("page")
	}
	if err != nil {
		return err
	}
	return s.showGlass(c, f, nil)
}

func (s *Server) showGlass(c echo.Context, f glassForm, wrongs []wrong) error {
	f.Reference = casework.WholeReference(f.Reference)
	return s.show(c, http.StatusOK, "glass", view{Title: s.locale(c).T("glass.title"), Body: f, Wrongs: wrongs})
}

func (s *Server) breakGlass(c echo.Context) error {
	f := glassForm{Reference: c.Param("reference"), Reason: typedIn(c, "why")}
	id, err := s.desk.BreakGlass(c.Request().Context(), staff(c), f.Reference, f.Reason)
	if wrongs := s.wrongs(c, err); wrongs != nil {
		return s.showGlass(c, f, wrongs)
	}
	if err != nil {
		return err
	}
	return s.seeOther(c, "/cases/"+id.String(), "break_glass")
}

// restrictedView is what a supervisor looks after: the glass that was broken, and who is named where. A coordinator looks at
// the glass alone.
type restrictedView struct {
	Glass    []casework.GlassToReview
	Oversees bool
	Cases    []db.RestrictedCase
	Now      time.Time
	sent     reviewForm
}

// reviewForm is what was typed of one review that is not right yet.
type reviewForm struct {
	Glass            uuid.UUID
	Decision, Remark string
}

// Typed is what was typed into the form of one of them.
func (v restrictedView) Typed(glass uuid.UUID) reviewForm {
	if v.sent.Glass != glass {
		return reviewForm{}
	}
	return v.sent
}

// Decisions are what can be found of broken glass.
func (restrictedView) Decisions() []string { return casework.GlassDecisions }

func (s *Server) restrictedPage(c echo.Context) error { return s.showRestricted(c, reviewForm{}, nil) }

func (s *Server) showRestricted(c echo.Context, sent reviewForm, wrongs []wrong) error {
	v := restrictedView{sent: sent, Oversees: casework.May(accountOf(c).Role, casework.OverseePeople), Now: s.clock.Now()}
	var err error
	if v.Glass, err = s.desk.GlassToReview(c.Request().Context(), staff(c)); err != nil {
		return err
	}
	if v.Oversees {
		if v.Cases, err = s.desk.RestrictedCases(c.Request().Context(), staff(c)); err != nil {
			return err
		}
	}
	return s.show(c, http.StatusOK, "restricted", view{Title: s.locale(c).T("restricted.title"), Body: v, Wrongs: wrongs, Done: done(c)})
}

// reviewGlass records what a second person finds of a time that a restricted case was opened.
func (s *Server) reviewGlass(c echo.Context) error {
	id, err := idParam(c, "id")
	if err != nil {
		return err
	}
	f := reviewForm{id, typedIn(c, "decision"), typedIn(c, "remark")}
	err = s.desk.ReviewGlass(c.Request().Context(), staff(c), id, f.Decision, f.Remark)
	if wrongs := s.wrongs(c, err); wrongs != nil {
		for i := range wrongs { // of one form among several
			wrongs[i].Field += "-" + id.String()
		}
		return s.showRestricted(c, f, wrongs)
	}
	if err != nil {
		return err
	}
	return s.seeOther(c, "/restricted", "review_glass")
}
