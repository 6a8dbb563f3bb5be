package server

import (
	"net/http"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"throughline/casework"
	"throughline/referral"
)

// referRequest is a referral of a case that exists, or of the caller in Case.
type referRequest struct {
	casework.ReferralInput
	Case *casework.CaseInput `json:"case"`
}

// referred is what a new referral is answered with, however its case came about.
type referred struct {
	ID        uuid.UUID      `json:"id"`
	CaseID    uuid.UUID      `json:"case_id"`
	Reference string         `json:"case_reference"`
	State     referral.State `json:"state"`
	Version   int            `json:"version"`
}

// apiRefer answers POST /referrals. With an embedded case both are kept, or neither.
func (s *Server) apiRefer(c echo.Context) error {
	var in referRequest
	key, err := change(c, &in)
	if err != nil {
		return err
	}
	made, err := s.referOne(c, in, key)
	if err != nil {
		return err
	}
	c.Response().Header().Set("ETag", etag(made.Version))
	return created(c, "/api/v1/referrals/"+made.ID.String(), made)
}

func (s *Server) referOne(c echo.Context, in referRequest, key *casework.Key) (referred, error) {
	ctx := c.Request().Context()
	switch {
	case in.Case != nil && in.CaseID != uuid.Nil:
		return referred{}, referral.Invalid("case", "send case or case_id, not both")
	case in.Case != nil:
		i, err := s.desk.Intake(ctx, apiActor(c), casework.IntakeInput{Case: *in.Case, Referral: in.ReferralInput}, key)
		return referred{i.ReferralID, i.CaseID, i.Reference, i.State, i.Version}, err
	case in.CaseID != uuid.Nil:
		r, err := s.desk.Refer(ctx, apiActor(c), in.ReferralInput, key)
		return referred{r.ID, r.CaseID, r.Reference, r.State, r.Version}, err
	}
	return referred{}, referral.Invalid("case_id", "name the case, or send it in case")
}

// apiReferral answers GET /referrals/{id}.
func (s *Server) apiReferral(c echo.Context) error {
	id, err := pathID(c, "referral")
	if err != nil {
		return err
	}
	found, err := s.desk.Referral(c.Request().Context(), apiActor(c), id)
	if err != nil {
		return err
	}
	return answerReferral(c, found)
}

func answerReferral(c echo.Context, r casework.Referral) error {
	c.Response().Header().Set("ETag", etag(r.Version))
	return answer(c, http.StatusOK, r)
}

// apiTimeline answers GET /referrals/{id}/timeline, oldest entry first.
func (s *Server) apiTimeline(c echo.Context) error {
	id, err := pathID(c, "referral")
	if err != nil {
		return err
	}
	entries, err := s.desk.Timeline(c.Request().Context(), apiActor(c), id)
	if err != nil {
		return err
	}
	return answer(c, http.StatusOK, struct {
		Items []casework.TimelineEntry `json:"items"`
	}{entries})
}
