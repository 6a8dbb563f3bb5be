package server

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"throughline/referral"
)

// home sends each role to where its day begins.
func (s *Server) home(c echo.Context) error {
	if accountOf(c).Role == referral.Coordinator {
		return c.Redirect(http.StatusSeeOther, "/queue")
	}
	return c.Redirect(http.StatusSeeOther, "/work")
}
