package server

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"throughline/casework"
	"throughline/internal/signon"
	"throughline/referral"
)

// SignOnPath is where the provider of single sign-on sends people back to; the provider must be told of it.
const SignOnPath = "/sign-in/oidc/callback"

// What the session keeps while someone is at the provider. Taken out when they come back, so each is good once.
const (
	sessionState    = "oidc_state"
	sessionNonce    = "oidc_nonce"
	sessionVerifier = "oidc_verifier"
	sessionNext     = "oidc_next"
	sessionBegun    = "oidc_begun"
	sessionAgain    = "oidc_again" // they are to prove anew who they are
	// awayTime is how long someone may take at the provider.
	awayTime = 15 * time.Minute
)

// Why someone did not get in by single sign-on, as the names of the words that say so.
const (
	whyAway      = "signin.oidc.away"
	whyRefused   = "signin.oidc.refused"
	whyNoGroup   = "signin.oidc.no_group"
	whyNoAccount = "signin.oidc.no_account"
	whyWeak      = "signin.oidc.weak"
	whyNotAnew   = "signin.oidc.not_anew"
)

// elsewhere leads a browser to the provider by a page of ours. A redirect will not do: it answers a form, and our policy lets
// forms lead nowhere else.
type elsewhere struct {
	To string
	// Out says that it is to end the session there, and not to begin one.
	Out bool
}

func (s *Server) goElsewhere(c echo.Context, e elsewhere) error {
	return s.show(c, http.StatusOK, "elsewhere", view{Title: s.locale(c).T("signin.oidc.going"), Body: e, Leads: e.To})
}

// beginSignOn leads to the provider. It takes a form of our own page: else any page could sign someone in by a link, whom the
// provider remembers (OWASP ASVS 5.0, 7.6.2).
func (s *Server) beginSignOn(c echo.Context) error {
	ctx := c.Request().Context()
	next := localPath(typedIn(c, "next"))
	again := typedIn(c, "again") != ""
	address, begun, err := s.cfg.SignOn.Begin(ctx, again)
	if err != nil {
		s.log.WarnContext(ctx, "single sign-on is away", "class", "discovery")
		return s.showSignIn(c, http.StatusServiceUnavailable, signInForm{Next: next, Why: whyAway})
	}
	s.sessions.Put(ctx, sessionState, begun.State)
	s.sessions.Put(ctx, sessionNonce, begun.Nonce)
	s.sessions.Put(ctx, sessionVerifier, begun.Verifier)
	s.sessions.Put(ctx, sessionNext, next)
	s.sessions.Put(ctx, sessionBegun, s.clock.Now().Unix())
	s.sessions.Put(ctx, sessionAgain, again)
	return s.goElsewhere(c, elsewhere{To: address})
}

// finishSignOn lets in whom the provider sent back.
func (s *Server) finishSignOn(c echo.Context) error {
	ctx := c.Request().Context()
	begun := signon.Begun{State: s.sessions.PopString(ctx, sessionState), Nonce: s.sessions.PopString(ctx, sessionNonce),
		Verifier: s.sessions.PopString(ctx, sessionVerifier)}
	f := signInForm{Next: s.sessions.PopString(ctx, sessionNext), Again: s.sessions.PopBool(ctx, sessionAgain)}
	at, _ := s.sessions.Pop(ctx, sessionBegun).(int64)
	if s.clock.Now().Sub(time.Unix(at, 0)) > awayTime {
		begun = signon.Begun{}
	}
	who, err := s.cfg.SignOn.Finish(ctx, begun, c.QueryParam("state"), c.QueryParam("code"))
	switch {
	case errors.Is(err, signon.ErrAway):
		s.log.WarnContext(ctx, "single sign-on is away", "class", "exchange")
		return s.notSignedOn(c, http.StatusServiceUnavailable, f, whyAway)
	case errors.Is(err, signon.ErrWeak):
		s.log.WarnContext(ctx, "single sign-on refused", "class", "weak")
		return s.notSignedOn(c, http.StatusForbidden, f, whyWeak)
	case err != nil:
		s.log.WarnContext(ctx, "single sign-on refused", "class", "not_good")
		return s.notSignedOn(c, http.StatusUnauthorized, f, whyRefused)
	case who.Role == "":
		s.log.WarnContext(ctx, "single sign-on refused", "class", "no_group")
		return s.notSignedOn(c, http.StatusForbidden, f, whyNoGroup)
	case f.Again && (who.Ago == nil || *who.Ago >= casework.FreshFor):
		// Let in like that, they would be sent back for the same again, and not told why.
		s.log.WarnContext(ctx, "single sign-on refused", "class", "not_anew")
		return s.notSignedOn(c, http.StatusForbidden, f, whyNotAnew)
	}
	account, err := s.desk.SignInBy(ctx, casework.Identity{Issuer: who.Issuer, Subject: who.Subject, Email: strings.TrimSpace(who.Email),
		Role: referral.Role(who.Role)})
	if referral.CodeOf(err) == referral.CodeForbidden {
		s.log.WarnContext(ctx, "single sign-on refused", "class", "no_account")
		return s.notSignedOn(c, http.StatusForbidden, f, whyNoAccount)
	}
	if err != nil {
		return err
	}
	return s.admitBy(c, account, f, func(from casework.From) (uuid.UUID, error) {
		if who.Ago != nil {
			return s.desk.EnterProved(ctx, account, *who.Ago, from)
		}
		return s.desk.Enter(ctx, account, casework.BySingleSignOn, from)
	})
}

func (s *Server) notSignedOn(c echo.Context, status int, f signInForm, why string) error {
	f.Why = why
	return s.showSignIn(c, status, f)
}
