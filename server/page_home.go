package server

import (
	"net/http"

	"github.com/google/uuid"
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

// rememberLanguage keeps the choice with the account of who is signed in; without an account it does nothing.
func (s *Server) rememberLanguage(c echo.Context, lang string) error {
	ctx := c.Request().Context()
	id, err := uuid.Parse(s.sessions.GetString(ctx, sessionAccount))
	if err != nil {
		return nil
	}
	return s.desk.SetLocale(ctx, id, lang)
}

// idParam reads an id of the address. One that is not an id is not found, like one that does not exist.
func idParam(c echo.Context, name string) (uuid.UUID, error) {
	id, err := uuid.Parse(c.Param(name))
	if err != nil {
		return uuid.Nil, referral.NotFound("page")
	}
	return id, nil
}
