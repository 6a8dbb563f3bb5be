package server

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"throughline/casework"
	"throughline/referral"
)

// keysView is every API key of the helpline, and the form to make one.
type keysView struct {
	Keys   []casework.HouseKey
	People []casework.Person
	In     casework.KeyInput
	Proof  proof
}

// Scopes are what a key can be for.
func (keysView) Scopes() []casework.Scope { return casework.Scopes }

// Has reports a scope that was chosen.
func (v keysView) Has(s casework.Scope) bool { return slices.Contains(v.In.Scopes, s) }

func (s *Server) keysPage(c echo.Context) error {
	return s.showKeys(c, casework.KeyInput{Days: casework.KeyDays}, nil)
}

func (s *Server) showKeys(c echo.Context, in casework.KeyInput, wrongs []wrong) error {
	ctx, who, v := c.Request().Context(), staff(c), keysView{In: in, Proof: s.proofOf(c, "/keys")}
	var err error
	if v.Keys, err = s.desk.KeysOf(ctx, who); err != nil {
		return err
	}
	people, err := s.desk.People(ctx, who)
	if err != nil {
		return err
	}
	for _, p := range people {
		if p.Active {
			v.People = append(v.People, p)
		}
	}
	return s.show(c, http.StatusOK, "keys", view{Title: s.locale(c).T("keys.title"), Body: v, Wrongs: wrongs, Done: done(c)})
}

// changeKeys does what a button of the page says.
func (s *Server) changeKeys(c echo.Context) error {
	switch do, about := pressed(c.Request().PostForm); do {
	case "make":
		return s.makeKey(c)
	case "revoke":
		id, err := uuid.Parse(about)
		if err != nil {
			return referral.NotFound("API key")
		}
		if err := s.desk.EndKey(c.Request().Context(), staff(c), id); err != nil {
			return err
		}
		return s.seeOther(c, "/keys", "key_revoked")
	}
	return referral.Invalid("do", "must be one of the page's buttons")
}

func (s *Server) makeKey(c echo.Context) error {
	in := keyInput(c)
	in.Email, in.Scopes = strings.TrimSpace(typedIn(c, "email")), []casework.Scope{casework.ScopeDirectory}
	var key string
	err := s.proved(c, "proof")
	if err == nil {
		_, key, err = s.desk.MakeKey(c.Request().Context(), staff(c), in)
	}
	if wrongs := s.unproved(c, err, "proof"); len(wrongs) > 0 {
		return s.showKeys(c, in, wrongs)
	}
	if err != nil {
		return err
	}
	return s.showKey(c, in.Name, key, "/keys")
}

// keyInput is what every form of a new key says.
func keyInput(c echo.Context) casework.KeyInput {
	in := casework.KeyInput{Name: typedIn(c, "name")}
	in.Days, _ = strconv.Atoi(typedIn(c, "days"))
	return in
}
