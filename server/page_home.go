package server

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"throughline/referral"
)

// home sends each role to where its day begins.
func (s *Server) home(c echo.Context) error {
	switch accountOf(c).Role {
	case referral.Coordinator:
		return c.Redirect(http.StatusSeeOther, "/queue")
	case referral.Auditor:
		return c.Redirect(http.StatusSeeOther, "/audit")
	}
	return c.Redirect(http.StatusSeeOther, "/work")
}
