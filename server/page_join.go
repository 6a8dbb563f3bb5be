package server

import (
	"context"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"throughline/casework"
	"throughline/referral"
)

const (
	joinCookie  = "tl_join"
	joinSeconds = 60 * 60 // the link in the letter makes another
)

// keepJoin moves the token of a letter's link out of the address bar, as the agency's link does, whether it is good or not.
func (s *Server) keepJoin(c echo.Context) error {
	raw := c.Param("*")
	if len(raw) > maxLinkToken || !tokenShape.MatchString(raw) {
		raw = noSuchLink
	}
	c.SetCookie(s.cookie(joinCookie, raw, joinSeconds))
	// The mailed address is a secret: it must not be sent on as a referrer.
	c.Response().Header().Set("Referrer-Policy", "no-referrer")
	return c.Redirect(http.StatusSeeOther, "/join")
}

func (s *Server) joinToken(c echo.Context) string {
	cookie, err := c.Cookie(s.cookieName(joinCookie))
	if err != nil {
		return noSuchLink
	}
	return cookie.Value
}

// joinPage shows what the link is for. Mail scanners open links: it changes nothing.
func (s *Server) joinPage(c echo.Context) error { return s.showJoin(c, nil) }

func (s *Server) showJoin(c echo.Context, wrongs []wrong) error {
	j, err := s.desk.Joining(c.Request().Context(), s.joinToken(c))
	if referral.CodeOf(err) == referral.CodeNotFound {
		if err := tooOften(s.byAddress(c, s.limits.badLinks), "", "too many links that open nothing"); err != nil {
			return err
		}
		return s.page(c, http.StatusNotFound, "join_dead", s.locale(c).T("join.dead.title"), nil)
	}
	if err != nil {
		return err
	}
	title := "join.title"
	if j.Reset {
		title = "join.reset.title"
	}
	return s.show(c, http.StatusOK, "join", view{Title: s.locale(c).T(title), Body: j, Wrongs: wrongs})
}

func (s *Server) join(c echo.Context) error {
	pass := typedIn(c, "password")
	if pass != typedIn(c, "again") {
		return s.showJoin(c, []wrong{{"again", s.locale(c).T("field.again")}})
	}
	err := s.signIns.enter(c.Request().Context(), func(ctx context.Context) error {
		return s.desk.Join(ctx, s.joinToken(c), pass, s.joiningFrom(c))
	})
	if wrongs := s.wrongs(c, err); len(wrongs) > 0 {
		return s.showJoin(c, wrongs)
	}
	if referral.CodeOf(err) == referral.CodeNotFound {
		return s.showJoin(c, nil)
	}
	if err != nil {
		return err
	}
	c.SetCookie(s.cookie(joinCookie, "", -1))
	return c.Redirect(http.StatusSeeOther, "/sign-in?joined=1")
}

// joiningFrom makes the browser known: whoever reads the mailbox is its owner, and others' guesses must not keep them out.
func (s *Server) joiningFrom(c echo.Context) casework.From {
	from := s.from(c)
	from.Device = s.keepDevice(c)
	return from
}

// forgotView is the page for someone who does not know their password.
type forgotView struct{ Asked bool }

func (s *Server) forgotPage(c echo.Context) error { return s.showForgot(c, forgotView{}) }

func (s *Server) showForgot(c echo.Context, v forgotView) error {
	return s.page(c, http.StatusOK, "forgot", s.locale(c).T("forgot.title"), v)
}

// forgot answers alike whether the address has an account or not.
func (s *Server) forgot(c echo.Context) error {
	email := strings.TrimSpace(typedIn(c, "email"))
	if email != "" && len(email) <= maxEmail {
		if err := s.desk.ForgotPassword(c.Request().Context(), email, s.from(c)); err != nil {
			return err
		}
	}
	return s.showForgot(c, forgotView{Asked: true})
}
