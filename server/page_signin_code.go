package server

import (
	"context"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"throughline/casework"
	"throughline/referral"
)

const (
	sessionPending   = "pending"    // the account whose password was right
	sessionPendingAt = "pending_at" // and when
	// codeTime is how long someone may look for their code.
	codeTime = 5 * time.Minute
	maxCode  = 100
)

// askForCode keeps in the session whose password was right. Nobody is signed in yet.
func (s *Server) askForCode(c echo.Context, account casework.Account, f signInForm) error {
	ctx := c.Request().Context()
	if _, err := s.leave(ctx); err != nil {
		return err
	}
	if err := s.sessions.RenewToken(ctx); err != nil {
		return err
	}
	s.sessions.Remove(ctx, sessionVisit)
	s.sessions.Put(ctx, sessionPending, account.ID.String())
	s.sessions.Put(ctx, sessionPendingAt, s.clock.Now().Unix())
	if len(f.Held) > 0 {
		return s.showCode(c, http.StatusOK, f)
	}
	return c.Redirect(http.StatusSeeOther, withNext("/sign-in/code", f.Next))
}

// pending is the account whose password was right a moment ago; ok is false when there is none.
func (s *Server) pending(ctx context.Context) (id uuid.UUID, ok bool) {
	id, err := uuid.Parse(s.sessions.GetString(ctx, sessionPending))
	at := time.Unix(s.sessions.GetInt64(ctx, sessionPendingAt), 0)
	return id, err == nil && s.clock.Now().Sub(at) < codeTime
}

func (s *Server) codePage(c echo.Context) error {
	next := localPath(c.QueryParam("next"))
	if _, ok := s.pending(c.Request().Context()); !ok {
		return c.Redirect(http.StatusSeeOther, withNext("/sign-in", next))
	}
	return s.showCode(c, http.StatusOK, signInForm{Next: next})
}

func (s *Server) showCode(c echo.Context, status int, f signInForm) error {
	return s.page(c, status, "signin_code", s.locale(c).T("signin.code.title"), f)
}

func (s *Server) checkCode(c echo.Context) error {
	ctx := c.Request().Context()
	f := signInForm{Next: localPath(typedIn(c, "next")), Held: heldFields(c.Request().PostForm)}
	id, ok := s.pending(ctx)
	if !ok {
		return s.showSignIn(c, http.StatusUnauthorized, f)
	}
	code := typedIn(c, "code")
	if len(code) > maxCode {
		code = ""
	}
	err := s.desk.CheckCode(ctx, id, code, s.from(c))
	if referral.CodeOf(err) == referral.CodeUnauthenticated {
		s.log.WarnContext(ctx, "a sign-in was refused", "class", "code")
		f.Failed = true
		return s.showCode(c, http.StatusUnauthorized, f)
	}
	if err != nil {
		return err
	}
	account, err := s.desk.Account(ctx, id)
	if err != nil {
		return err
	}
	s.sessions.Remove(ctx, sessionPending)
	s.sessions.Remove(ctx, sessionPendingAt)
	return s.admit(c, account, casework.BySecondFactor, f)
}
