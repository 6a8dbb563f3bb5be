package server

import (
	"errors"
	"net/http"
	"time"

	"github.com/alexedwards/scs/postgresstore"
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
	sessionCookie  = "tl_session"
	sessionAccount = "account"
	sessionMark    = "password" // of which password it is
	sessionZone    = "zone"     // of the account's helpline
	accountKey     = "account"
	zoneKey        = "zone"
	idleTimeout    = 30 * time.Minute // a navigator who left the desk
	lifetime       = 12 * time.Hour   // a long shift
	sweepEvery     = 5 * time.Minute
)

// sessionStore reads and writes within the time of a request; the library's store sweeps out what has ended.
type sessionStore struct {
	*postgresstore.PostgresStore
	db.Sessions
}

// newSessions keeps sessions in Postgres under the digest of their token, so that who reads the table can't use them.
func newSessions(pool *sqlx.DB, secure bool) *scs.SessionManager {
	m := scs.New()
	m.Store = sessionStore{postgresstore.NewWithCleanupInterval(pool.DB, sweepEvery), db.Sessions{DB: pool}}
	m.HashTokenInStore = true
	m.IdleTimeout, m.Lifetime = idleTimeout, lifetime
	m.Cookie = scs.SessionCookie{Name: sessionCookie, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: secure}
	if secure {
		m.Cookie.Name = "__Host-" + sessionCookie
	}
	return m
}

func stopSessions(m *scs.SessionManager) {
	if store, ok := m.Store.(sessionStore); ok {
		store.StopCleanup()
	}
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
// nothing typed during a call is lost.
func (s *Server) signedIn(next echo.HandlerFunc) echo.HandlerFunc {
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

// findAccount puts the session's account and zone, and its language unless another was chosen, with the request. An account that
// was taken away is not found, nor is one whose password has changed since: who else had it must not stay.
func (s *Server) findAccount(c echo.Context) (bool, error) {
	ctx := c.Request().Context()
	id, err := uuid.Parse(s.sessions.GetString(ctx, sessionAccount))
	if err != nil {
		return false, nil
	}
	account, err := s.desk.Account(ctx, id)
	if errors.Is(err, referral.ErrNotFound) || (err == nil && account.PasswordMark != s.sessions.GetString(ctx, sessionMark)) {
		return false, s.sessions.Destroy(ctx)
	}
	if err != nil {
		return false, err
	}
	zone, err := referral.ZoneNamed(s.sessions.GetString(ctx, sessionZone))
	if err != nil {
		return false, err
	}
	c.Set(accountKey, &account)
	c.Set(zoneKey, zone)
	if c.Get(languageKey) == nil {
		c.Set(languageKey, locale.For(account.Locale))
	}
	return true, nil
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
