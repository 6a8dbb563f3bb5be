package server

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"throughline/casework"
	"throughline/referral"
)

// apiOpenCase answers POST /cases: a caller's folder, before there is anything to refer.
func (s *Server) apiOpenCase(c echo.Context) error {
	var in casework.CaseInput
	key, err := change(c, &in)
	if err != nil {
		return err
	}
	made, err := s.desk.OpenCase(c.Request().Context(), apiActor(c), in, key)
	if err != nil {
		return err
	}
	c.Response().Header().Set("ETag", etag(made.Version))
	return created(c, "/api/v1/cases/"+made.ID.String(), made)
}

// folder is a case with its referrals.
type folder struct {
	Case      casework.Case       `json:"case"`
	Referrals []casework.Referral `json:"referrals"`
}

// apiCase answers GET /cases/{id}.
func (s *Server) apiCase(c echo.Context) error {
	id, err := pathID(c, "case")
	if err != nil {
		return err
	}
	found, referrals, err := s.desk.Case(c.Request().Context(), apiActor(c), id)
	if err != nil {
		return err
	}
	c.Response().Header().Set("ETag", etag(found.Version))
	return answer(c, http.StatusOK, folder{found, referrals})
}

// apiCorrect answers PATCH /cases/{id}: what is wrong of a case is set right, and no other field touched.
func (s *Server) apiCorrect(c echo.Context) error {
	id, err := pathID(c, "case")
	if err != nil {
		return err
	}
	var in casework.CorrectionInput
	key, err := change(c, &in)
	if err != nil {
		return err
	}
	if in.IfVersion, err = versionWanted(c.Request().Header); err != nil {
		return err
	}
	if in.IfVersion == 0 {
		return &referral.Error{Code: referral.CodeMalformed, Field: ifMatch, Message: "send the ETag of the case as you read it"}
	}
	after, err := s.desk.Correct(c.Request().Context(), apiActor(c), id, in, key)
	if err != nil {
		return err
	}
	c.Response().Header().Set("ETag", etag(after.Version))
	return answer(c, http.StatusOK, after)
}
