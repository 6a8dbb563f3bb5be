package server

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"throughline/casework"
)

// retentionView is the schedule, and what it would do now.
type retentionView struct {
	Schedule []casework.Kept
	Due      []casework.DueKind
	typed    map[string]string
}

// Value is what stands in the field of a kind.
func (v retentionView) Value(k casework.Kept) string {
	if text, ok := v.typed[k.Kind]; ok {
		return text
	}
	return strconv.Itoa(k.InForce)
}

// retentionPage shows the schedule with a dry run of it, which changes nothing and is in the audit.
func (s *Server) retentionPage(c echo.Context) error { return s.showRetention(c, nil, nil) }

func (s *Server) showRetention(c echo.Context, typed map[string]string, wrongs []wrong) error {
	v := retentionView{typed: typed}
	var err error
	if v.Schedule, err = s.desk.RetentionSchedule(c.Request().Context(), staff(c)); err != nil {
		return err
	}
	if v.Due, err = s.desk.RetentionDue(c.Request().Context(), staff(c)); err != nil {
		return err
	}
	return s.show(c, http.StatusOK, "retention", view{Title: s.locale(c).T("retention.title"), Body: v, Wrongs: wrongs, Done: done(c)})
}

func (s *Server) changeRetention(c echo.Context) error {
	days, typed := map[string]int{}, map[string]string{}
	for _, k := range casework.Retentions {
		text := strings.TrimSpace(typedIn(c, "days_"+k.Kind))
		if text == "" {
			continue // it stays as it is
		}
		n, err := strconv.Atoi(text)
		if err != nil {
			n = 0 // out of every bound
		}
		days[k.Kind], typed[k.Kind] = n, text
	}
	err := s.desk.SetRetention(c.Request().Context(), staff(c), days)
	if wrongs := s.wrongs(c, err); wrongs != nil {
		for i := range wrongs {
			wrongs[i].Text = s.locale(c).T("kept."+strings.TrimPrefix(wrongs[i].Field, "days_")) + s.locale(c).T("page.colon") + " " + wrongs[i].Text
		}
		return s.showRetention(c, typed, wrongs)
	}
	if err != nil {
		return err
	}
	return s.seeOther(c, "/retention", "set_retention")
}
