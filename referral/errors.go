package referral

import (
	"errors"
	"fmt"
)

// Code says what kind of answer an error is. Each boundary (HTTP, Temporal, Postgres) translates codes, never texts.
type Code string

// The codes an answer can carry, with the HTTP status the server gives each.
const (
	CodeInvalid         Code = "invalid"          // 422: a field is wrong; Field says which
	CodeMalformed       Code = "malformed"        // 400: the request can't be read at all
	CodeUnauthenticated Code = "unauthenticated"  // 401
	CodeForbidden       Code = "forbidden"        // 403
	CodeNotFound        Code = "not_found"        // 404: also what belongs to another organisation
	CodeConflict        Code = "conflict"         // 409: legal, but not in this state
	CodeStale           Code = "stale"            // 412: the version named is no longer the current one
	CodeTooLarge        Code = "too_large"        // 413
	CodeUnsupported     Code = "unsupported_type" // 415
	CodeConsentRequired Code = "consent_required" // 422: nothing but the refusal was stored
	CodeRateLimited     Code = "rate_limited"     // 429
	CodeInternal        Code = "internal"         // 500
	CodeUnavailable     Code = "unavailable"      // 503: try again later; nothing was stored
)

// Error is an answer to a caller: a code to act on, the path of the field at fault, and a sentence in English for
// developers. Pages show a translated text chosen by Code and Field. It never holds the value that was refused.
type Error struct {
	Code    Code
	Field   string
	Message string
	// Outcome is the state that a conflict ran into ("accepted", "closed"), so that the loser is told who won.
	Outcome string
	Err     error
}

func (e *Error) Error() string {
	text := e.Message
	if text == "" {
		text = string(e.Code)
	}
	if e.Field != "" {
		text = e.Field + ": " + text
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

func (e *Error) Unwrap() error { return e.Err }

// Is reports equal codes, so that errors.Is(err, referral.ErrNotFound) holds for every not-found answer.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code && (t.Field == "" || t.Field == e.Field)
}

// Targets for errors.Is.
var (
	ErrNotFound    = &Error{Code: CodeNotFound}
	ErrConflict    = &Error{Code: CodeConflict}
	ErrInvalid     = &Error{Code: CodeInvalid}
	ErrUnavailable = &Error{Code: CodeUnavailable}
)

// Invalid names the field at fault and what is wrong with it.
func Invalid(field, format string, args ...any) *Error {
	return &Error{Code: CodeInvalid, Field: field, Message: fmt.Sprintf(format, args...)}
}

// NotFound is the same answer for what does not exist and for what belongs to someone else.
func NotFound(what string) *Error {
	return &Error{Code: CodeNotFound, Message: what + " not found"}
}

// CodeOf finds the code anywhere in err's chain; CodeInternal when there is none.
func CodeOf(err error) Code {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return CodeInternal
}

// All finds every Error of err, which may be several joined: a form with three wrong fields has three. errors.As finds
// the first of them.
func All(err error) []*Error {
	switch e := err.(type) {
	case nil:
		return nil
	case *Error:
		return []*Error{e}
	case interface{ Unwrap() []error }:
		var all []*Error
		for _, one := range e.Unwrap() {
			all = append(all, All(one)...)
		}
		return all
	}
	return All(errors.Unwrap(err))
}
