package server

import (
	"net/http"

	"github.com/labstack/echo/v4"
)

// apiKeeping answers GET /cases/{id}/keeping: whether a case must be kept or is to be erased.
func (s *Server) apiKeeping(c echo.Context) error {
	id, err := pathID(c, "case")
	if err != nil {
		return err
	}
	k, err := s.desk.Keeping(c.Request().Context(), apiActor(c), id)
	if err != nil {
		return err
	}
	return answer(c, http.StatusOK, k)
}

// erasureWanted is that a client wants what is kept of them erased, and why.
type erasureWanted struct {
	Why string `json:"why"`
}

// apiErase answers POST /cases/{id}/erasure. A request that is repeated finds that one waits: there is never a second.
func (s *Server) apiErase(c echo.Context) error {
	id, err := pathID(c, "case")
	if err != nil {
		return err
	}
	var in erasureWanted
	if _, err := change(c, &in); err != nil {
		return err
	}
	if _, err := s.desk.AskErasure(c.Request().Context(), apiActor(c), id, in.Why); err != nil {
		return err
	}
	k, err := s.desk.Keeping(c.Request().Context(), apiActor(c), id)
	if err != nil {
		return err
	}
	return answer(c, http.StatusAccepted, k)
}

// apiRetention answers GET /retention: what the schedule would do now, which does nothing.
func (s *Server) apiRetention(c echo.Context) error {
	due, err := s.desk.RetentionDue(c.Request().Context(), apiActor(c))
	if err != nil {
		return err
	}
	return answer(c, http.StatusOK, map[string]any{"kinds": due})
}
