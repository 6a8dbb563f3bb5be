package server

import (
	"context"
	"net/http"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"throughline/casework"
	"throughline/referral"
)

// accountDone are what the pages of accounts and keys confirm, beside what happens to referrals.
var accountDone = []string{"password", "visit_ended", "invited", "role", "closed_account", "signed_out", "second_factor_reset", "key_revoked"}

// accountView is one's own account.
type accountView struct {
	casework.Visitor
	Factor       casework.SecondFactor
	Picture      *qrPicture // of the secret that is to be proven
	Visits       []casework.Visit
	SingleSignOn bool
	Prove        bool // they must type their password first, or sign in again at the provider
	Keys         keysView
	MayHaveKeys  bool
}

func (s *Server) accountPage(c echo.Context) error { return s.showAccount(c, nil) }

func (s *Server) showAccount(c echo.Context, wrongs []wrong) error {
	return s.showAccountWith(c, ownKeyInput(), wrongs)
}

func (s *Server) showAccountWith(c echo.Context, in casework.KeyInput, wrongs []wrong) error {
	ctx, v := c.Request().Context(), accountView{Visitor: visitorOf(c)}
	var err error
	if v.Factor, err = s.desk.SecondFactor(ctx, v.Visitor); err != nil {
		return err
	}
	if v.Factor.URL != "" {
		if v.Picture, err = qrOf(v.Factor.URL); err != nil {
			return err
		}
	}
	if v.Visits, err = s.desk.Visits(ctx, v.Visitor); err != nil {
		return err
	}
	v.Prove = !s.desk.Fresh(v.Visitor)
	if v.MayHaveKeys = casework.May(v.Role, casework.HaveKeys) && !v.MustEnrol; v.MayHaveKeys {
		v.Keys.In, v.Keys.Proof = in, s.proofOf(c, "/account")
		if v.Keys.Keys, err = s.desk.OwnKeys(ctx, v.Visitor); err != nil {
			return err
		}
	}
	if v.SingleSignOn, err = s.desk.HasSingleSignOn(ctx, v.ID); err != nil {
		return err
	}
	return s.show(c, http.StatusOK, "account", view{Title: s.locale(c).T("account.title"), Body: v, Wrongs: wrongs, Done: done(c)})
}

// changeAccount does what a button of the page says.
func (s *Server) changeAccount(c echo.Context) error {
	who := visitorOf(c)
	var err error
	do, about := pressed(c.Request().PostForm)
	if who.MustEnrol && do != "propose" && do != "confirm" {
		return c.Redirect(http.StatusSeeOther, "/account")
	}
	switch do {
	case "password":
		return s.changePassword(c)
	case "propose":
		err = s.proving(c, func(ctx context.Context) error {
			return s.desk.ProposeSecondFactor(ctx, who, shortOf(typedIn(c, "code")+typedIn(c, "proof_factor")), s.from(c))
		})
		if err == nil {
			return c.Redirect(http.StatusSeeOther, "/account#second-factor")
		}
		return s.proveAgain(c, err, "proof_factor")
	case "confirm":
		return s.confirmSecondFactor(c)
	case "codes":
		return s.newRecoveryCodes(c)
	case "end":
		return s.endVisit(c, about)
	case "key":
		return s.makeOwnKey(c)
	case "revoke":
		return s.endOwnKey(c, about)
	case "everywhere":
		err = s.proving(c, func(ctx context.Context) error {
			return s.desk.SignOutEverywhere(ctx, who, shortOf(typedIn(c, "proof_visits")), s.from(c))
		})
		if err == nil {
			return s.signedOut(c, who.By)
		}
		return s.proveAgain(c, err, "proof_visits")
	default:
		err = referral.Invalid("do", "must be one of the page's buttons")
	}
	return s.accountAgain(c, err)
}

// proving does what may check a password, when its turn has come.
func (s *Server) proving(c echo.Context, do func(context.Context) error) error {
	return s.signIns.enter(c.Request().Context(), do)
}

// shortOf is what was typed as a password; "" for what no account has.
func shortOf(pass string) string {
	if len(pass) > maxPassword {
		return ""
	}
	return pass
}

// proveAgain shows the page with what is wrong beside the field of the form that was sent.
func (s *Server) proveAgain(c echo.Context, err error, field string) error {
	if wrongs := s.unproved(c, err, field); len(wrongs) > 0 {
		return s.showAccount(c, wrongs)
	}
	return err
}

// accountAgain shows the page with what is wrong in a form, or passes on what is no fault of a form.
func (s *Server) accountAgain(c echo.Context, err error) error {
	if wrongs := s.wrongs(c, err); len(wrongs) > 0 {
		return s.showAccount(c, wrongs)
	}
	return err
}

func (s *Server) changePassword(c echo.Context) error {
	pass := typedIn(c, "password")
	if pass != typedIn(c, "again") {
		return s.showAccount(c, []wrong{{"again", s.locale(c).T("field.again")}})
	}
	present := typedIn(c, "present")
	if len(present) > maxPassword {
		present = "" // no account has it
	}
	err := s.signIns.enter(c.Request().Context(), func(ctx context.Context) error {
		return s.desk.ChangePassword(ctx, visitorOf(c), present, pass, s.from(c))
	})
	if err != nil {
		return s.accountAgain(c, err)
	}
	if err := s.sessions.RenewToken(c.Request().Context()); err != nil {
		return err
	}
	return s.seeOther(c, "/account", "password")
}

// codesView are recovery codes, the one time they are shown.
type codesView struct{ Codes []string }

func (s *Server) confirmSecondFactor(c echo.Context) error {
	ctx := c.Request().Context()
	codes, err := s.desk.ConfirmSecondFactor(ctx, visitorOf(c), typedIn(c, "new_code"), s.from(c))
	if wrongs := s.wrongs(c, err); len(wrongs) > 0 {
		return s.showAccount(c, []wrong{{"new_code", wrongs[0].Text}})
	}
	if err != nil {
		return err
	}
	// More may be done from here on: a token that someone planted before must not do it too.
	if err := s.sessions.RenewToken(ctx); err != nil {
		return err
	}
	return s.page(c, http.StatusOK, "recovery_codes", s.locale(c).T("codes.title"), codesView{codes})
}

func (s *Server) newRecoveryCodes(c echo.Context) error {
	codes, err := s.desk.NewRecoveryCodes(c.Request().Context(), visitorOf(c), typedIn(c, "code"), s.from(c))
	if err != nil {
		return s.accountAgain(c, err)
	}
	return s.page(c, http.StatusOK, "recovery_codes", s.locale(c).T("codes.title"), codesView{codes})
}

func (s *Server) endVisit(c echo.Context, about string) error {
	id, err := uuid.Parse(about)
	if err != nil {
		return referral.NotFound("visit")
	}
	who := visitorOf(c)
	err = s.proving(c, func(ctx context.Context) error {
		return s.desk.EndVisit(ctx, who, id, shortOf(typedIn(c, "proof_visits")), s.from(c))
	})
	if err != nil {
		return s.proveAgain(c, err, "proof_visits")
	}
	if id == who.Visit {
		return s.signedOut(c, who.By)
	}
	return s.seeOther(c, "/account", "visit_ended")
}
