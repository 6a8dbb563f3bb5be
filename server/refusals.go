package server

import (
	"errors"
	"net/http"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"throughline/casework"
	"throughline/referral"
)

const refusedKey = "refused" // the permission that was lacking

// keepRefusal has the audit keep that somebody who is known asked for what is not theirs, and the log that somebody who is not
// known sent a form from elsewhere. The answer does not wait for it to succeed: it is no either way.
func (s *Server) keepRefusal(c echo.Context, err error, status int) {
	ctx, account := c.Request().Context(), accountOf(c)
	// This very one: by its code alone each thing that a role may not do would be one.
	if answer := new(referral.Error); errors.As(err, &answer) && answer == errForeignForm {
		s.log.WarnContext(ctx, "a form from elsewhere was refused", "route", c.Path())
	}
	if account == nil {
		return
	}
	who := account.Actor(casework.ViaPage)
	if isAPI(c) {
		who = apiActor(c)
	}
	var kept error
	switch p, lacking := c.Get(refusedKey).(casework.Permission); {
	case lacking:
		kept = s.desk.Refused(ctx, who, p)
	case status == http.StatusNotFound:
		if id, err := uuid.Parse(c.Param("id")); err == nil {
			kept = s.desk.OutOfReach(ctx, who, id)
		}
	}
	if kept != nil {
		s.log.ErrorContext(ctx, "a refusal was not kept", "route", c.Path(), "err", kept)
	}
}
