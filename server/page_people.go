package server

import (
	"net/http"
	"strings"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"throughline/casework"
	"throughline/referral"
)

// peopleView is everyone who has an account, and the form to invite someone.
type peopleView struct {
	People  []casework.Person
	In      casework.NewColleague
	Regions []string // that there are
}

// Roles are those that an account can have.
func (peopleView) Roles() []referral.Role { return referral.AccountRoles }

func (s *Server) peoplePage(c echo.Context) error {
	return s.showPeople(c, casework.NewColleague{Role: referral.Navigator}, nil)
}

func (s *Server) showPeople(c echo.Context, in casework.NewColleague, wrongs []wrong) error {
	people, err := s.desk.People(c.Request().Context(), staff(c))
	if err != nil {
		return err
	}
	regions, err := s.desk.Regions(c.Request().Context(), staff(c))
	if err != nil {
		return err
	}
	return s.show(c, http.StatusOK, "people", view{Title: s.locale(c).T("people.title"), Body: peopleView{people, in, regions}, Wrongs: wrongs, Done: done(c)})
}

// invite takes these fields of the form and no others: whose helpline it is comes from who is signed in.
func (s *Server) invite(c echo.Context) error {
	in := casework.NewColleague{Email: strings.TrimSpace(c.FormValue("email")), Name: c.FormValue("name"), Language: c.FormValue("language"),
		Role: referral.Role(c.FormValue("role")), Belongs: belongs(c)}
	_, err := s.desk.Invite(c.Request().Context(), staff(c), in)
	if answer, _ := answerOf(err); err != nil && answer.Code == referral.CodeConflict && answer.Field == "accounts_email" {
		return s.showPeople(c, in, []wrong{{"email", s.locale(c).T("field.email_taken")}})
	}
	if wrongs := s.wrongs(c, err); len(wrongs) > 0 {
		return s.showPeople(c, in, wrongs)
	}
	if err != nil {
		return err
	}
	return s.seeOther(c, "/people", "invited")
}

// belongs is where the form says that someone works.
func belongs(c echo.Context) casework.Belongs {
	return casework.Belongs{Region: c.FormValue("region"), Partner: c.FormValue("partner")}
}

// personView is someone's account as those see it who look after it.
type personView struct {
	casework.Person
	Self    bool
	Regions []string         // that there are
	Place   casework.Belongs // as it is, or as it was typed
}

// Roles are those that an account can have.
func (personView) Roles() []referral.Role { return referral.AccountRoles }

func (s *Server) personPage(c echo.Context) error {
	id, err := idParam(c, "id")
	if err != nil {
		return err
	}
	return s.showPerson(c, id, nil, nil)
}

func (s *Server) showPerson(c echo.Context, id uuid.UUID, typed *casework.Belongs, wrongs []wrong) error {
	p, err := s.desk.Person(c.Request().Context(), staff(c), id)
	if err != nil {
		return err
	}
	regions, err := s.desk.Regions(c.Request().Context(), staff(c))
	if err != nil {
		return err
	}
	place := casework.Belongs{Region: p.RegionName, Partner: p.Partner}
	if typed != nil {
		place = *typed
	}
	return s.show(c, http.StatusOK, "colleague", view{Title: p.Name, Body: personView{p, id == accountOf(c).ID, regions, place}, Wrongs: wrongs, Done: done(c)})
}

// changePerson does what a button of the page says.
func (s *Server) changePerson(c echo.Context) error {
	id, err := idParam(c, "id")
	if err != nil {
		return err
	}
	ctx, who, told := c.Request().Context(), staff(c), ""
	var typed *casework.Belongs
	switch do, _ := pressed(c.Request().PostForm); do {
	case "role":
		told, err = "role", s.desk.ChangeRole(ctx, who, id, referral.Role(c.FormValue("role")))
	case "place":
		place := belongs(c)
		typed = &place
		told, err = "place", s.desk.ChangePlace(ctx, who, id, place)
	case "invite":
		told, err = "invited", s.desk.InviteAgain(ctx, who, id)
	case "sign_out":
		told, err = "signed_out", s.desk.SignOutPerson(ctx, who, id)
	case "reset":
		told, err = "second_factor_reset", s.desk.ResetSecondFactor(ctx, who, id)
	case "close":
		told, err = "closed_account", s.desk.ClosePerson(ctx, who, id)
	default:
		err = referral.Invalid("do", "must be one of the page's buttons")
	}
	if wrongs := s.wrongs(c, err); len(wrongs) > 0 {
		return s.showPerson(c, id, typed, wrongs)
	}
	if err != nil {
		c.Set(backKey, "/people")
		return err
	}
	return s.seeOther(c, "/people/"+id.String(), told)
}
