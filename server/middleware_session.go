package server

import (
	"errors"
	"net/http"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"github.com/labstack/echo/v4"

	"throughline/casework"
	"throughline/db"
	"throughline/locale"
	"throughline/referral"
)

const (
	sessionCookie = "tl_session"
	sessionVisit  = "visit" // whose it is and whether it goes on is in the record
	sessionZone   = "zone"  // of the account's helpline
	accountKey    = "account"
	holderKey     = "key_holder"
	visitorKey    = "visitor"
	zoneKey       = "zone"
)

// newSessions keeps sessions in Postgres under the digest of their token, so that who reads the table can't use them. The dispatcher
// forgets those that have ended.
func newSessions(pool *sqlx.DB, secure bool) *scs.SessionManager {
	m := scs.New()
	m.Store = db.Sessions{DB: pool}
	m.HashTokenInStore = true
	m.IdleTimeout, m.Lifetime = casework.IdleTimeout, casework.VisitTime
	m.Cookie = scs.SessionCookie{Name: sessionCookie, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: secure}
	if secure {
		m.Cookie.Name = "__Host-" + sessionCookie
	}
	return m
}

// session loads the visitor's session and saves it before the answer begins.
func (s *Server) session(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		token := ""
		if cookie, err := c.Cookie(s.sessions.Cookie.Name); err == nil {
			token = cookie.Value
		}
		ctx, err := s.sessions.Load(c.Request().Context(), token)
		if err != nil {
			return &referral.Error{Code: referral.CodeUnavailable, Message: "the sessions can't be read", Err: err}
		}
		c.SetRequest(c.Request().WithContext(ctx))
		c.Response().Before(func() { s.saveSession(c) })
		return next(c)
	}
}

func (s *Server) saveSession(c echo.Context) {
	ctx := c.Request().Context()
	switch s.sessions.Status(ctx) {
	case scs.Modified:
		token, expiry, err := s.sessions.Commit(ctx)
		if err != nil {
			s.log.ErrorContext(ctx, "session not saved", "route", c.Path(), "err", err)
			return
		}
		s.sessions.WriteSessionCookie(ctx, c.Response(), token, expiry)
	case scs.Destroyed:
		s.sessions.WriteSessionCookie(ctx, c.Response(), "", time.Time{})
	}
}

// signedIn lets staff in and sends everyone else to sign in. A form sent after the session ended goes along, so that
// nothing typed during a call is lost. Who must have a second factor and has none is sent to make one.
func (s *Server) signedIn(next echo.HandlerFunc) echo.HandlerFunc {
	return s.ofAccount(func(c echo.Context) error {
		if visitorOf(c).MustEnrol {
			return c.Redirect(http.StatusSeeOther, "/account")
		}
		return next(c)
	})
}

// ofAccount is signedIn for the pages of one's own account, where a second factor is made.
func (s *Server) ofAccount(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		found, err := s.findAccount(c)
		if err != nil {
			return err
		}
		if !found {
			return s.askToSignIn(c)
		}
		return next(c)
	}
}

// maybeSignedIn knows who is signed in and lets everyone through.
func (s *Server) maybeSignedIn(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if _, err := s.findAccount(c); err != nil {
			return err
		}
		return next(c)
	}
}

// findAccount puts the session's account and zone, and its language unless another was chosen, with the request. A visit
// that was ended, here or elsewhere, is not found, nor is one whose account was taken away.
func (s *Server) findAccount(c echo.Context) (bool, error) {
	ctx := c.Request().Context()
	id, err := uuid.Parse(s.sessions.GetString(ctx, sessionVisit))
	if err != nil {
		return false, nil
	}
	visitor, err := s.desk.Visitor(ctx, id)
	if errors.Is(err, referral.ErrNotFound) {
		return false, s.sessions.Destroy(ctx)
	}
	if err != nil {
		return false, err
	}
	zone, err := referral.ZoneNamed(s.sessions.GetString(ctx, sessionZone))
	if err != nil {
		return false, err
	}
	c.Set(visitorKey, visitor)
	c.Set(accountKey, &visitor.Account)
	c.Set(zoneKey, zone)
	if c.Get(languageKey) == nil {
		c.Set(languageKey, locale.For(visitor.Locale))
	}
	return true, nil
}

// visitorOf is who is signed in, behind signedIn or ofAccount.
func visitorOf(c echo.Context) casework.Visitor {
	v, _ := c.Get(visitorKey).(casework.Visitor)
	return v
}

// accountOf is who is signed in; nil when nobody is.
func accountOf(c echo.Context) *casework.Account {
	a, _ := c.Get(accountKey).(*casework.Account)
	return a
}

// zoneOf is the zone of the dates on a page: that of the helpline of who is signed in, else Toronto's.
func zoneOf(c echo.Context) *time.Location {
	if zone, ok := c.Get(zoneKey).(*time.Location); ok {
		return zone
	}
	return referral.Toronto
}

// staff is the actor of a page behind signedIn.
func staff(c echo.Context) casework.Actor { return accountOf(c).Actor(casework.ViaPage) }
