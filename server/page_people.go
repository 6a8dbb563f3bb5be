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
	Proof   proof
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
	return s.show(c, http.StatusOK, "people", view{Title: s.locale(c).T("people.title"), Body: peopleView{people, in, regions, s.proofOf(c, "/people")}, Wrongs: wrongs, Done: done(c)})
}

// invite takes these fields of the form and no others: whose helpline it is comes from who is signed in.
func (s *Server) invite(c echo.Context) error {
	in := casework.NewColleague{Email: strings.TrimSpace(typedIn(c, "email")), Name: typedIn(c, "name"), Language: typedIn(c, "language"),
		Role: referral.Role(typedIn(c, "role")), Belongs: belongs(c)}
	err := s.proved(c, "proof")
	if err == nil {
		_, err = s.desk.Invite(c.Request().Context(), staff(c), in)
	}
	if answer, _ := answerOf(err); err != nil && answer.Code == referral.CodeConflict && answer.Field == "accounts_email" {
		return s.showPeople(c, in, []wrong{{"email", s.locale(c).T("field.email_taken")}})
	}
	if wrongs := s.unproved(c, err, "proof"); len(wrongs) > 0 {
		return s.showPeople(c, in, wrongs)
	}
	if err != nil {
		return err
	}
	return s.seeOther(c, "/people", "invited")
}

// belongs is where the form says that someone works.
func belongs(c echo.Context) casework.Belongs {
	return casework.Belongs{Region: typedIn(c, "region"), Partner: typedIn(c, "partner")}
}

// personView is someone's account as those see it who look after it.
type personView struct {
	casework.Person
	Self    bool
	Regions []string         // that there are
	Place   casework.Belongs // as it is, or as it was typed
	Proof   proof
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
	return s.show(c, http.StatusOK, "colleague", view{Title: p.Name, Body: personView{p, id == accountOf(c).ID, regions, place, s.proofOf(c, "/people/"+id.String())}, Wrongs: wrongs, Done: done(c)})
}

// letsIn are the buttons of someone's page that let people in, or let them do more: for these one proves again that one is
// oneself, by a field of the same form.
var letsIn = map[string]string{"role": "proof_role", "place": "proof_place", "invite": "proof_access", "reset": "proof_access"}

// changePerson does what a button of the page says.
func (s *Server) changePerson(c echo.Context) error {
	id, err := idParam(c, "id")
	if err != nil {
		return err
	}
	do, _ := pressed(c.Request().PostForm)
	field, asked := letsIn[do]
	if asked {
		err = s.proved(c, field)
	}
	told := ""
	if err == nil {
		told, err = s.pressedFor(c, id, do)
	}
	if wrongs := s.unproved(c, err, field); len(wrongs) > 0 {
		var typed *casework.Belongs
		if place := belongs(c); do == "place" {
			typed = &place
		}
		return s.showPerson(c, id, typed, wrongs)
	}
	if err != nil {
		c.Set(backKey, "/people")
		return err
	}
	return s.seeOther(c, "/people/"+id.String(), told)
}

// pressedFor does to someone's account what a button says, and gives what is then confirmed.
func (s *Server) pressedFor(c echo.Context, id uuid.UUID, do string) (told string, err error) {
	ctx, who := c.Request().Context(), staff(c)
	switch do {
	case "role":
		return "role", s.desk.ChangeRole(ctx, who, id, referral.Role(typedIn(c, "role")))
	case "place":
		return "place", s.desk.ChangePlace(ctx, who, id, belongs(c))
	case "invite":
		return "invited", s.desk.InviteAgain(ctx, who, id)
	case "sign_out":
		return "signed_out", s.desk.SignOutPerson(ctx, who, id)
	case "reset":
		return "second_factor_reset", s.desk.ResetSecondFactor(ctx, who, id)
	case "close":
		return "closed_account", s.desk.ClosePerson(ctx, who, id)
	}
	return "", referral.Invalid("do", "must be one of the page's buttons")
}
