package server

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"throughline/casework"
	"throughline/referral"
)

// Temporal's UI shows what workflows were given and answered, which is sealed. It asks here for it to be opened, from the
// browser of someone who is signed in to us: with their session, so it must be served from an address of the same site.

const codecPath = "/temporal/codec"

// codecRoutes exist only where someone may ask.
func (s *Server) codecRoutes(e *echo.Echo) {
	for _, do := range []string{"/encode", "/decode"} {
		e.OPTIONS(codecPath+do, s.codecAllowed, s.fromTemporalUI)
		e.POST(codecPath+do, s.codecAsked, s.fromTemporalUI, s.session, s.maybeSignedIn)
	}
}

// fromTemporalUI lets the one origin in that a deployment names, and tells browsers so. A request without an origin comes
// from no page.
func (s *Server) fromTemporalUI(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		h := c.Response().Header()
		h.Add("Vary", "Origin")
		if c.Request().Header.Get("Origin") != s.cfg.TemporalUIOrigin {
			return &referral.Error{Code: referral.CodeForbidden, Message: "this is for the Temporal UI"}
		}
		h.Set("Access-Control-Allow-Origin", s.cfg.TemporalUIOrigin)
		h.Set("Access-Control-Allow-Credentials", "true")
		return next(c)
	}
}

// codecAllowed answers the question that a browser asks first.
func (s *Server) codecAllowed(c echo.Context) error {
	h := c.Response().Header()
	h.Set("Access-Control-Allow-Methods", "POST")
	h.Set("Access-Control-Allow-Headers", "Content-Type, X-Namespace")
	h.Set("Access-Control-Max-Age", "600")
	return c.NoContent(http.StatusNoContent)
}

func (s *Server) codecAsked(c echo.Context) error {
	who := accountOf(c)
	if who == nil {
		return &referral.Error{Code: referral.CodeUnauthenticated, Message: "sign in first"}
	}
	if !casework.May(who.Role, casework.OpenPayloads) || visitorOf(c).MustEnrol {
		return &referral.Error{Code: referral.CodeForbidden, Message: "your role does not open workflows"}
	}
	s.codec.ServeHTTP(c.Response(), c.Request())
	return nil
}

// ofCodec reports a request that says itself where it comes from; fromTemporalUI holds it to that.
func ofCodec(c echo.Context) bool {
	return c.Path() == codecPath+"/encode" || c.Path() == codecPath+"/decode"
}
