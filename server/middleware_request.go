package server

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"throughline/internal/seeded"
	"throughline/internal/trace"
	"throughline/referral"
)

var errForeignForm = &referral.Error{Code: referral.CodeForbidden, Message: "the form came from another site"}

func isAPI(c echo.Context) bool { return strings.HasPrefix(c.Request().URL.Path, "/api/") }

// logged writes one line per request: the route's template, never the address itself, which may hold a token. Even a method
// may be any text. Who asked is told by the id of their account.
func (s *Server) logged(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		start := time.Now()
		err := next(c)
		if err != nil {
			c.Error(err)
		}
		route := c.Path()
		if route == "" {
			route = "(none)"
		}
		if seeded.Is(seeded.TokenLogged) {
			route = c.Request().URL.Path
		}
		line := []any{"method", trace.Method(c.Request().Method), "route", route, "status", c.Response().Status, "ms", time.Since(start).Milliseconds()}
		s.log.InfoContext(c.Request().Context(), "request", append(line, whoAsked(c)...)...)
		return nil
	}
}

// whoAsked is what the log says of who is known to ask: ids, and no names.
func whoAsked(c echo.Context) []any {
	a := accountOf(c)
	if a == nil {
		return nil
	}
	if v := visitorOf(c); v.ID == a.ID {
		return []any{"account", a.ID.String(), "visit", v.Visit.String()}
	}
	return []any{"account", a.ID.String()}
}

// recovered turns a panic into an internal error. The value may hold what someone typed, so only its type is logged.
func (s *Server) recovered(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) (err error) {
		defer func() {
			if v := recover(); v != nil {
				if v == http.ErrAbortHandler {
					panic(v)
				}
				err = fmt.Errorf("panic: %T", v)
			}
		}()
		return next(c)
	}
}

// requestDeadline is when a request is given up. Browsers and proxies wait longer, so the page that says so still arrives.
const requestDeadline = 15 * time.Second

// timed ends a request's work at the deadline: whoever waits is told to try again, and what it held is free.
func (s *Server) timed(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		ctx, cancel := context.WithTimeout(c.Request().Context(), s.deadline)
		defer cancel()
		c.SetRequest(c.Request().WithContext(ctx))
		return next(c)
	}
}

// bounded refuses a body over the limit, whether it says so or not. Batches of events may be longer than forms.
func (s *Server) bounded(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		if ofWebhook(c) {
			r.Body = http.MaxBytesReader(c.Response(), r.Body, maxEventBody)
			return next(c)
		}
		if r.ContentLength > maxBody {
			return &referral.Error{Code: referral.CodeTooLarge, Message: "the body is over 256 KiB"}
		}
		r.Body = http.MaxBytesReader(c.Response(), r.Body, maxBody)
		return next(c)
	}
}

// readable refuses addresses and forms that are not text Postgres can store. The API, the webhook and the
// codec read their own bodies.
func (s *Server) readable(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		query, err := url.ParseQuery(r.URL.RawQuery)
		if err != nil || !storable(r.URL.Path) || !allStorable(query) {
			return &referral.Error{Code: referral.CodeMalformed, Message: "the address is not text"}
		}
		if isAPI(c) || ofWebhook(c) || ofCodec(c) || r.Method != http.MethodPost {
			return next(c)
		}
		if err := r.ParseForm(); err != nil {
			return formError(err)
		}
		if r.PostForm == nil || (len(r.PostForm) == 0 && r.ContentLength > 0) {
			return &referral.Error{Code: referral.CodeUnsupported, Message: "send a form"}
		}
		if !allStorable(r.PostForm) {
			return referral.Invalid("", "the form holds characters that can't be stored")
		}
		return next(c)
	}
}

func formError(err error) error {
	if answer, _ := answerOf(err); answer.Code == referral.CodeTooLarge {
		return answer
	}
	return &referral.Error{Code: referral.CodeMalformed, Message: "the form can't be read"}
}

func allStorable(values url.Values) bool {
	for name, all := range values {
		if !storable(name) {
			return false
		}
		for _, v := range all {
			if !storable(v) {
				return false
			}
		}
	}
	return true
}

func storable(s string) bool { return utf8.ValidString(s) && !strings.ContainsRune(s, 0) }

// callerAddress trusts X-Forwarded-For from the named proxies only: anyone can write that header.
func callerAddress(proxies []*net.IPNet) echo.IPExtractor {
	if len(proxies) == 0 {
		return echo.ExtractIPDirect()
	}
	trust := []echo.TrustOption{echo.TrustLoopback(false), echo.TrustLinkLocal(false), echo.TrustPrivateNet(false)}
	for _, p := range proxies {
		trust = append(trust, echo.TrustIPRange(p))
	}
	return echo.ExtractIPFromXFFHeader(trust...)
}
