package server

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

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

// servicesPage shows a search that an address can hold: the kind of help alone. What was typed is in no address, which browsers
// and proxies keep and people pass on: it may be where a client lives, or a client's name by mistake.
func (s *Server) servicesPage(c echo.Context) error {
	return s.showServices(c, servicesView{Need: c.QueryParam("need")}, nil)
}

// findServices searches by what was typed. Where nothing was, the answer has an address of its own.
func (s *Server) findServices(c echo.Context) error {
	form := c.Request().PostForm
	v := servicesView{Need: form.Get("need"), Sent: true}
	if _, err := s.formAgain(c); err != nil {
		return err
	}
	if strings.TrimSpace(form.Get("q")+form.Get("near")) == "" && slices.Contains(referral.Needs, v.Need) {
		return c.Redirect(http.StatusSeeOther, "/services?need="+v.Need)
	}
	return s.showServices(c, v, form)
}

func (s *Server) showServices(c echo.Context, v servicesView, form url.Values) (err error) {
	v.Pick, err = s.pick(c.Request().Context(), s.locale(c).Lang, form, v.Need, form.Get("near"))
	if err != nil && !errors.Is(err, referral.ErrInvalid) {
		return err
	}
	return s.show(c, http.StatusOK, "services", view{Title: s.locale(c).T("services.title"), Body: v, Form: "services-form"})
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
