package server

import (
	"context"

	"github.com/labstack/echo/v4"

	"throughline/casework"
)

// proof is how whoever looks at a page must show again that it is they, before its forms change what lets people in.
type proof struct {
	Password bool   // in the form
	SignOn   bool   // by signing in again at the provider
	Back     string // to the page, from there
}

func (s *Server) proofOf(c echo.Context, back string) proof {
	who := visitorOf(c)
	if s.desk.Fresh(who) {
		return proof{}
	}
	sso := who.By == casework.BySingleSignOn
	return proof{Password: !sso, SignOn: sso, Back: back}
}

// proved has whoever sent a form show again that it is they, by the password in one of its fields.
func (s *Server) proved(c echo.Context, field string) error {
	return s.proving(c, func(ctx context.Context) error {
		return s.desk.ProveAgain(ctx, visitorOf(c), shortOf(typedIn(c, field)), s.from(c))
	})
}

// unproved is wrongs, with what is wrong with a proof beside the field of the form that was sent.
func (s *Server) unproved(c echo.Context, err error, field string) []wrong {
	wrongs := s.wrongs(c, err)
	for i, w := range wrongs {
		if w.Field == "proof" {
			wrongs[i].Field = field
		}
		if w.Field == "proof" && visitorOf(c).By == casework.BySingleSignOn {
			wrongs[i] = wrong{"sign_in_again", s.locale(c).T("account.prove.sign_on")}
		}
	}
	return wrongs
}
