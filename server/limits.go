package server

import (
	"time"

	"github.com/labstack/echo/v4"

	"throughline/casework"
	"throughline/referral"
)

// limits are all that is counted here; signing in has a pace of its own (docs/operations.md lists them). What is counted by
// address is only what is wrong, or has proved nothing yet: neighbours behind one address do not hold each other up.
type limits struct {
	badLinks  *throttle // by address: links that open nothing
	linkViews *throttle // by the link's token
	linkPosts *throttle // by the link's token, whatever came of them; a scanner that looks too often leaves these to the agency
	cases     *throttle // by account: looking for people
	services  *throttle // by account: looking in the directory
	calls     *throttle // by API key
	badKeys   *throttle // by address: API keys that are none
	batches   *throttle // by address: what the mail provider reports, before its signature is looked at
}

const (
	badLinks     = 30
	badLinksIn   = 10 * time.Minute
	linkViews    = 60
	linkPosts    = 60
	linkUsesIn   = time.Hour
	caseSearches = 120
	searches     = 600
	searchesIn   = 10 * time.Minute
	// apiCalls and webhookPosts are 200 a second, more than a helpline has to say: they stop a program that has run wild.
	apiCalls, webhookPosts = 12_000, 12_000
	badKeys                = 60
	callsIn                = time.Minute
)

func (s *Server) newLimits() limits {
	b := &book{db: s.db, log: s.log}
	of := func(what string, most int, in time.Duration) *throttle {
		return newThrottle(s.clock, b, what, most, in)
	}
	return limits{badLinks: of("bad links", badLinks, badLinksIn), linkViews: of("link views", linkViews, linkUsesIn),
		linkPosts: of("link posts", linkPosts, linkUsesIn),
		cases:     of("cases", caseSearches, searchesIn), services: of("services", searches, searchesIn),
		calls: of("calls", apiCalls, callsIn), badKeys: of("bad keys", badKeys, callsIn), batches: of("batches", webhookPosts, callsIn)}
}

// tooOften is the answer to who must wait; nil when the wait is none.
func tooOften(wait time.Duration, field, why string) error {
	if wait <= 0 {
		return nil
	}
	return &referral.Error{Code: referral.CodeRateLimited, Field: field, Message: why, Err: &casework.Slow{Wait: wait}}
}

// byAddress counts a use of whoever calls; of an address that is not known, nobody's.
func (s *Server) byAddress(c echo.Context, t *throttle) time.Duration {
	address := s.addressOf(c)
	if address == "" {
		return 0
	}
	return t.wait(c.Request().Context(), address)
}

// searching counts a search of who is signed in, behind signedIn or keyed.
func (s *Server) searching(t *throttle) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			wait := t.wait(c.Request().Context(), accountOf(c).ID.String())
			if err := tooOften(wait, "search", "too many searches"); err != nil {
				return err
			}
			return next(c)
		}
	}
}
