package server

import (
	"context"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"throughline/casework"
	"throughline/internal/clock"
	"throughline/referral"
)

// Bounds of signing in. Ten tries in ten minutes for one account from one address: enough for a forgotten password, too
// few for a guess. A hundred from one address for all accounts: a helpline's whole shift comes from one office.
const (
	signInTries   = 10
	signInsFrom   = 100
	signInWindow  = 10 * time.Minute
	signInsAtOnce = 4   // each takes 19 MiB and a processor for a while: a crowd waits its turn
	maxEmail      = 254 // RFC 5321, 4.5.3.1.3, without the angle brackets
	maxPassword   = 4_000
)

// gate keeps guessing slow and cheap for us.
type gate struct {
	byAccount *throttle // and address
	byAddress *throttle
	room      chan struct{}
}

func newGate(c clock.Clock) gate {
	return gate{byAccount: newThrottle(c, signInTries, signInWindow), byAddress: newThrottle(c, signInsFrom, signInWindow),
		room: make(chan struct{}, signInsAtOnce)}
}

// enter checks a password in its turn. Errors: rate_limited after too many tries; the end of the request, when it comes
// first; and those of the check.
func (g gate) enter(c echo.Context, email string, check func(context.Context) (casework.Account, error)) (casework.Account, error) {
	address := neighbourhood(c.RealIP())
	key := strings.ToLower(email) + " " + address
	// The address first: one that is refused must not fill the other table.
	if !g.byAddress.allow(address) || !g.byAccount.allow(key) {
		return casework.Account{}, &referral.Error{Code: referral.CodeRateLimited, Message: "too many tries to sign in"}
	}
	ctx := c.Request().Context()
	select {
	case g.room <- struct{}{}:
		defer func() { <-g.room }()
	case <-ctx.Done():
		return casework.Account{}, ctx.Err()
	}
	account, err := check(ctx)
	if err == nil {
		g.byAccount.forget(key)
	}
	return account, err
}
