package server

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"throughline/casework"
	"throughline/referral"
)

// keyOf makes a form's hidden key an idempotency key, which stands for this form of this page; nil for a form without.
func keyOf(c echo.Context, key string) *casework.Key {
	if _, err := uuid.Parse(key); err != nil {
		return nil
	}
	return &casework.Key{Key: key, Body: []byte(c.Request().URL.RequestURI() + "\n" + c.Request().PostForm.Encode())}
}

// typedIn is what was typed into a field of the form that was sent, and never what its address says: a link must not fill in
// what a person should.
func typedIn(c echo.Context, field string) string { return c.Request().PostForm.Get(field) }

// nextKey is the key that a form which came back with an error is sent with again. One that was used up by another
// content of the form would be refused for ever: whoever was told so, and sends it all the same, means something new.
func nextKey(err error, key string) string {
	var answer *referral.Error
	if errors.As(err, &answer) && answer.Field == idempotencyKey {
		return uuid.NewString()
	}
	return key
}

// A form sent twice waits for the first of the two this long, and then shows what that one did.
const (
	twiceWait = 5 * time.Second
	twiceLook = 50 * time.Millisecond
)

// patiently repeats work whose key is at work already: of a double click, the browser shows the second answer.
func patiently[T any](c echo.Context, work func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(c.Request().Context(), twiceWait)
	defer cancel()
	for {
		out, err := work(c.Request().Context())
		if !errors.Is(err, casework.ErrInFlight) {
			return out, err
		}
		select {
		case <-ctx.Done():
			return out, err
		case <-time.After(twiceLook):
		}
	}
}

// formAgain reports a button that only wants the form back: a search, a choice, the other language.
func (s *Server) formAgain(c echo.Context) (bool, error) {
	verb, about := pressed(c.Request().PostForm)
	switch verb {
	case "save", "caller":
		return false, nil
	case "language":
		if about == "en" || about == "fr" {
			s.keepLanguage(c, about)
			return true, s.rememberLanguage(c, about)
		}
	}
	return true, nil
}

// idParam reads an id of the address. One that is not an id is not found, like one that does not exist.
func idParam(c echo.Context, name string) (uuid.UUID, error) {
	id, err := uuid.Parse(c.Param(name))
	if err != nil {
		return uuid.Nil, referral.NotFound("page")
	}
	return id, nil
}

func orShow(err error, show func() error) error {
	if err != nil {
		return err
	}
	return show()
}
