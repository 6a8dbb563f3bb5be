package server

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"throughline/directory"
	"throughline/referral"
)

// servicesView is a search of the directory.
type servicesView struct {
	Need string
	Sent bool // the form was sent, be it empty
	Pick picker
}

// Needs are the kinds of help.
func (servicesView) Needs() []string { return referral.Needs }

func (s *Server) servicesPage(c echo.Context) error {
	v := servicesView{Need: c.QueryParam("need"), Sent: c.QueryParams().Has("q")}
	var err error
	v.Pick, err = s.pick(c.Request().Context(), s.locale(c).Lang, c.QueryParams(), v.Need, c.QueryParam("near"))
	if err != nil && !errors.Is(err, referral.ErrInvalid) {
		return err
	}
	return s.page(c, http.StatusOK, "services", s.locale(c).T("services.title"), v)
}

// servicePage shows all that the directory knows of one service.
func (s *Server) servicePage(c echo.Context) error {
	id, err := idParam(c, "id")
	if err != nil {
		return err
	}
	service, err := directory.Get(c.Request().Context(), s.db, id, s.locale(c).Lang)
	if err != nil {
		return err
	}
	return s.page(c, http.StatusOK, "service", service.Name, service)
}
