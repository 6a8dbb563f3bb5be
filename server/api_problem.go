package server

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"throughline/referral"
)

// problem is an error answer of the API (RFC 9457). It never repeats a value that was sent.
type problem struct {
	Type    string         `json:"type"`
	Title   string         `json:"title"`
	Status  int            `json:"status"`
	Detail  string         `json:"detail,omitzero"`
	Code    string         `json:"code"`
	Outcome string         `json:"outcome,omitzero"`
	Errors  []problemField `json:"errors,omitempty"`
}

// problemField points at what is wrong: a JSON Pointer into the body, or the name of a header or a query parameter.
type problemField struct {
	Field   string `json:"field"`
	Code    string `json:"code"`
	Message string `json:"message"`
}

const methodNotAllowed = "method_not_allowed"

// problem answers with what is to be said, and with all the faults where there are several.
func (s *Server) problem(c echo.Context, answer *referral.Error, faults []*referral.Error, status int) error {
	code := string(answer.Code)
	switch status {
	case http.StatusMethodNotAllowed:
		code = methodNotAllowed
	case http.StatusUnauthorized:
		c.Response().Header().Set("WWW-Authenticate", "Bearer")
	case http.StatusServiceUnavailable:
		c.Response().Header().Set("Retry-After", "10")
	case http.StatusTooManyRequests:
		c.Response().Header().Set("Retry-After", retryAfter(answer))
	case http.StatusConflict:
		if answer.Field == idempotencyKey {
			c.Response().Header().Set("Retry-After", "1")
		}
	}
	p := problem{Type: "urn:throughline:" + code, Title: http.StatusText(status), Status: status, Detail: answer.Message,
		Code: code, Outcome: answer.Outcome}
	if answer.Code == referral.CodeNotFound && answer.Field == "" {
		p.Detail = "there is nothing here" // in the same words for what is missing and for what is someone else's
	}
	if len(faults) < 2 {
		faults = []*referral.Error{answer}
	}
	for _, f := range faults {
		if f.Field != "" {
			p.Errors = append(p.Errors, problemField{Field: pointer(c.Request().Method, f.Field), Code: string(f.Code), Message: f.Message})
		}
	}
	return reply(c, status, "application/problem+json", p)
}

// pointer turns the path of a body's field, "consent.given", into a JSON Pointer. Headers and query parameters keep
// their names.
func pointer(method, field string) string {
	if (method != http.MethodPost && method != http.MethodPatch) || strings.HasPrefix(field, "/") || field == idempotencyKey || field == ifMatch {
		return field
	}
	return "/" + strings.ReplaceAll(field, ".", "/")
}
