package server

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"throughline/referral"
)

// home sends each role to where its day begins.
func (s *Server) home(c echo.Context) error {
	to := "/work"
	switch role := accountOf(c).Role; {
	case role == referral.Coordinator:
		to = "/queue"
	case role == referral.Admin:
		to = "/people"
	case role == referral.Auditor:
		to = "/audit"
	case !role.Staff():
		to = "/account"
	}
	return c.Redirect(http.StatusSeeOther, to)
}
