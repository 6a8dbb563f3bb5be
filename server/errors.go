package server

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"throughline/casework"
	"throughline/db"
	"throughline/internal/trace"
	"throughline/locale"
	"throughline/referral"
)

// statuses gives each code of an answer its HTTP status.
var statuses = map[referral.Code]int{
	referral.CodeInvalid:         http.StatusUnprocessableEntity,
	referral.CodeMalformed:       http.StatusBadRequest,
	referral.CodeUnauthenticated: http.StatusUnauthorized,
	referral.CodeForbidden:       http.StatusForbidden,
	referral.CodeNotFound:        http.StatusNotFound,
	referral.CodeConflict:        http.StatusConflict,
	referral.CodeStale:           http.StatusPreconditionFailed,
	referral.CodeTooLarge:        http.StatusRequestEntityTooLarge,
	referral.CodeUnsupported:     http.StatusUnsupportedMediaType,
	referral.CodeConsentRequired: http.StatusUnprocessableEntity,
	referral.CodeRateLimited:     http.StatusTooManyRequests,
	referral.CodeInternal:        http.StatusInternalServerError,
	referral.CodeUnavailable:     http.StatusServiceUnavailable,
}

// answerOf turns any error into the answer it stands for and its status. What is nobody's answer is internal.
func answerOf(err error) (*referral.Error, int) {
	answer := &referral.Error{Code: referral.CodeInternal, Message: "something went wrong here"}
	var tooLong *http.MaxBytesError
	var refused *echo.HTTPError
	err = db.Translate(err)
	switch {
	case errors.As(err, &answer):
	case errors.As(err, &tooLong):
		answer.Code, answer.Message = referral.CodeTooLarge, "the body is over 256 KiB"
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		answer.Code, answer.Message = referral.CodeUnavailable, "it took too long"
	case errors.As(err, &refused):
		return routing(refused)
	}
	return answer, statuses[answer.Code]
}

// routing translates what the router says: no such page, or no such method for it.
func routing(refused *echo.HTTPError) (*referral.Error, int) {
	answer := &referral.Error{Code: referral.CodeMalformed, Message: http.StatusText(refused.Code)}
	switch {
	case refused.Code == http.StatusNotFound:
		answer.Code = referral.CodeNotFound
	case refused.Code >= http.StatusInternalServerError:
		answer.Code = referral.CodeInternal
	}
	return answer, refused.Code
}

// fail answers with an error: problem+json to programs, else a page in the reader's language. What went wrong on our
// side is logged here, once, and so is what our own pages don't send.
func (s *Server) fail(c echo.Context, err error) error {
	answer, status := answerOf(err)
	if status >= http.StatusInternalServerError {
		s.log.ErrorContext(c.Request().Context(), "request failed", "method", trace.Method(c.Request().Method), "route", c.Path(), "err", err)
	}
	if slices.Contains(unheardOf, status) {
		s.log.WarnContext(c.Request().Context(), "refused", append([]any{"class", string(answer.Code), "route", c.Path()}, whoAsked(c)...)...)
	}
	s.keepRefusal(c, err, status)
	if c.Response().Committed {
		return nil
	}
	if isAPI(c) || ofWebhook(c) {
		return s.problem(c, answer, referral.All(err), status)
	}
	return s.errorPage(c, answer, status)
}

// unheardOf are answers to what comes from no page of ours, as it is used: too much, too often, or what can't be read.
// Someone may try to get around something.
var unheardOf = []int{http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusTooManyRequests}

// answerError is Echo's last resort: every error that a handler returns comes here.
func (s *Server) answerError(err error, c echo.Context) {
	if err := s.fail(c, err); err != nil && !errors.Is(err, context.Canceled) {
		s.log.ErrorContext(c.Request().Context(), "answer failed", "route", c.Path(), "err", err)
	}
}

// errorPage says in the reader's language what happened and what to do now. Its words are chosen by code.
func (s *Server) errorPage(c echo.Context, answer *referral.Error, status int) error {
	kind := string(answer.Code)
	if status == http.StatusMethodNotAllowed {
		kind = "method"
	}
	if status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests {
		c.Response().Header().Set("Retry-After", retryAfter(answer))
	}
	if status == http.StatusNotFound && !ofLink(c.Request().URL.Path) {
		s.keepMenu(c)
	}
	l := s.locale(c)
	if of := kind + "." + answer.Field; l.Has("error." + of + ".title") {
		kind = of
	}
	if !l.Has("error." + kind + ".title") {
		kind = string(referral.CodeInternal)
	}
	return s.page(c, status, "error", l.T("error."+kind+".title"), errorView{Kind: kind, Outcome: answer.Outcome, Back: backOf(c)})
}

// retryAfter is how many seconds to wait, a minute when nobody says.
func retryAfter(answer *referral.Error) string {
	wait := time.Minute
	var slow *casework.Slow
	if errors.As(answer, &slow) {
		wait = slow.Wait
	}
	return strconv.Itoa(int((wait + time.Second - 1) / time.Second))
}

// keepMenu finds who is signed in where no route did, so that an address that is no page still leads back to one. When
// that fails the page does without.
func (s *Server) keepMenu(c echo.Context) {
	if accountOf(c) != nil {
		return
	}
	_ = s.session(func(c echo.Context) error {
		_, err := s.findAccount(c)
		return err
	})(c)
}

type errorView struct {
	Kind    string
	Outcome string // the state a conflict ran into
	Back    string // where it stands now can be seen there; "" when there is no such page
}

const backKey = "back"

func backOf(c echo.Context) string {
	back, _ := c.Get(backKey).(string)
	return back
}

// wrong is one field of a form at fault, in words for the person who filled it in.
type wrong struct{ Field, Text string }

// wrongs gives what to say beside which fields, when err is about the form and not about the record. The words are
// "field.<name>" for a field that has its own, else those of the code.
func (s *Server) wrongs(c echo.Context, err error) []wrong {
	var wrongs []wrong
	for _, answer := range referral.All(err) {
		if statuses[answer.Code] != http.StatusUnprocessableEntity && !ofService(answer.Field) {
			return nil
		}
		w := wrongOf(s.locale(c), answer)
		if !slices.ContainsFunc(wrongs, func(said wrong) bool { return said.Field == w.Field }) {
			wrongs = append(wrongs, w)
		}
	}
	return wrongs
}

func wrongOf(l *locale.Localizer, answer *referral.Error) wrong {
	field := formField(answer.Field)
	for _, key := range []string{"field." + field + "." + string(answer.Code), "field." + field, "field." + string(answer.Code)} {
		if l.Has(key) {
			if answer.Field == idempotencyKey {
				field = "" // of the form as a whole
			}
			return wrong{field, l.T(key)}
		}
	}
	return wrong{field, l.T("field.invalid")}
}

// formField is the name on the page of a field of the desk: "case.phone" is "phone", "service_ids.2" "service_ids".
func formField(path string) string {
	switch {
	case ofService(path):
		return "service_ids"
	case path == "consent.expires_at":
		return "consent_until"
	case path == "consent.substitute", path == "consent.capacity":
		return strings.Replace(path, ".", "_", 1)
	case strings.HasPrefix(path, "consent.groups"), strings.HasPrefix(path, "consent.services."):
		return "consent_groups"
	case strings.HasPrefix(path, "groups."):
		return "groups"
	case strings.HasPrefix(path, "consent"):
		return "consent"
	}
	path = strings.TrimPrefix(path, "case.")
	return strings.NewReplacer(".", "_", "-", "_").Replace(strings.ToLower(path))
}

func ofService(path string) bool { return strings.HasPrefix(path, "service_ids") }
