package server

import (
	"net/http"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"throughline/casework"
)

// restrict closes a case to all but named people, or opens it again.
func (s *Server) restrict(c echo.Context) error {
	id, err := idParam(c, "id")
	if err != nil {
		return err
	}
	kind := typedIn(c, "restricted")
	if err := s.desk.Restrict(c.Request().Context(), staff(c), id, kind); err != nil {
		return err
	}
	if kind == "" {
		return s.seeOther(c, "/cases/"+id.String(), "lift_restriction")
	}
	return s.seeOther(c, "/cases/"+id.String()+"/people", "restrict_case")
}

// casePeoplePage shows who may see a restricted case.
func (s *Server) casePeoplePage(c echo.Context) error { return s.showCasePeople(c, nil) }

func (s *Server) showCasePeople(c echo.Context, wrongs []wrong) error {
	id, err := idParam(c, "id")
	if err != nil {
		return err
	}
	v, err := s.desk.CasePeople(c.Request().Context(), staff(c), id)
	if err != nil {
		return err
	}
	return s.show(c, http.StatusOK, "named", view{Title: s.locale(c).T("named.title"), Body: v, Wrongs: wrongs, Done: done(c)})
}

// changeCasePeople puts someone on the list, or takes someone off it.
func (s *Server) changeCasePeople(c echo.Context) error {
	id, err := idParam(c, "id")
	if err != nil {
		return err
	}
	// Nobody's id is invalid, not malformed: the list was sent without a choice.
	person, _ := uuid.Parse(typedIn(c, "person_id"))
	change, said := s.desk.NamePerson, "name_person"
	if verb, about := pressed(c.Request().PostForm); verb == "unname" {
		change, said = s.desk.UnnamePerson, "unname_person"
		person, _ = uuid.Parse(about)
	}
	err = change(c.Request().Context(), staff(c), id, person)
	if wrongs := s.wrongs(c, err); wrongs != nil {
		return s.showCasePeople(c, wrongs)
	}
	if err != nil {
		return err
	}
	return s.seeOther(c, "/cases/"+id.String()+"/people", said)
}

// RestrictionKinds are why the case may be restricted.
func (folderView) RestrictionKinds() []string { return casework.RestrictionKinds }

// RestrictionKinds are why a new case may be restricted.
func (intakeForm) RestrictionKinds() []string { return casework.RestrictionKinds }
