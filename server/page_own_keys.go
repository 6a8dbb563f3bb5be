package server

import (
	"context"
	"net/http"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"throughline/casework"
	"throughline/referral"
)

// ownKeyInput is what the form of a new key of one's own begins with.
func ownKeyInput() casework.KeyInput {
	return casework.KeyInput{Days: casework.KeyDays, Scopes: []casework.Scope{casework.ScopeRead}}
}

// makeOwnKey makes an API key for whatever one may do oneself.
func (s *Server) makeOwnKey(c echo.Context) error {
	who, in := visitorOf(c), keyInput(c)
	for _, scope := range c.Request().PostForm["scopes"] {
		in.Scopes = append(in.Scopes, casework.Scope(scope))
	}
	var key string
	err := s.proving(c, func(ctx context.Context) (err error) {
		_, key, err = s.desk.MakeOwnKey(ctx, who, in, shortOf(typedIn(c, "proof_key")), s.from(c))
		return err
	})
	if wrongs := s.unproved(c, err, "proof_key"); len(wrongs) > 0 {
		return s.showAccountWith(c, in, wrongs)
	}
	if err != nil {
		return err
	}
	return s.showKey(c, in.Name, key, "/account#h-keys")
}

func (s *Server) endOwnKey(c echo.Context, about string) error {
	id, err := uuid.Parse(about)
	if err != nil {
		return referral.NotFound("API key")
	}
	if err := s.desk.EndOwnKey(c.Request().Context(), visitorOf(c), id); err != nil {
		return err
	}
	return s.seeOther(c, "/account", "key_revoked")
}

// keyView is a new key, the one time it is shown.
type keyView struct{ Name, Key, Back string }

func (s *Server) showKey(c echo.Context, name, key, back string) error {
	return s.page(c, http.StatusOK, "key", s.locale(c).T("keys.made.title"), keyView{name, key, back})
}
