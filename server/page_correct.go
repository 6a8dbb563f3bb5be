package server

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"throughline/casework"
	"throughline/locale"
	"throughline/referral"
)

// correctForm sets right what was written of a client.
type correctForm struct {
	callerForm
	Key       string // makes a double click one correction
	ID        uuid.UUID
	Reference string
	Version   int // of the case that whoever writes has seen
	Reason    string
}

// correctPage shows what the case says, to be changed.
func (s *Server) correctPage(c echo.Context) error {
	folder, _, err := s.folder(c)
	if err != nil {
		return err
	}
	if folder.ErasedAt != nil {
		return c.Redirect(http.StatusSeeOther, "/cases/"+folder.ID.String())
	}
	f := correctForm{Key: uuid.NewString(), ID: folder.ID, Reference: folder.Reference, Version: folder.Version, callerForm: callerFormOf(folder.CaseInput)}
	return s.showCorrect(c, http.StatusOK, f, nil)
}

func (s *Server) showCorrect(c echo.Context, status int, f correctForm, wrongs []wrong) error {
	for i, w := range wrongs {
		if w.Field == "reason" && w.Text == s.locale(c).T("field.reason") {
			wrongs[i].Text = s.locale(c).T("field.correct_reason")
		}
	}
	title := s.locale(c).T("correct.title", map[string]any{"Reference": f.Reference})
	return s.show(c, status, "correct", view{Title: title, Body: f, Wrongs: wrongs, Form: "correct-form"})
}

// correct keeps what was set right. When someone else was faster, the form comes back with all that was typed, and with
// what the case says now.
func (s *Server) correct(c echo.Context) error {
	folder, _, err := s.folder(c)
	if err != nil {
		return err
	}
	f := readCorrection(c, folder)
	if verb, _ := pressed(c.Request().PostForm); verb == "language" {
		_, err := s.formAgain(c)
		return orShow(err, func() error { return s.showCorrect(c, http.StatusOK, f, nil) })
	}
	if wrongs := f.wrongs(s, c); wrongs != nil {
		return s.showCorrect(c, http.StatusUnprocessableEntity, f, wrongs)
	}
	in := casework.CorrectAll(f.Caller)
	in.Reason, in.IfVersion = f.Reason, f.Version
	_, err = patiently(c, func(ctx context.Context) (casework.Case, error) {
		return s.desk.Correct(ctx, staff(c), f.ID, in, keyOf(c, f.Key))
	})
	if referral.CodeOf(err) == referral.CodeStale {
		return s.correctedMeanwhile(c, f)
	}
	if wrongs := s.wrongs(c, err); wrongs != nil {
		f.Key = nextKey(err, f.Key)
		return s.showCorrect(c, http.StatusUnprocessableEntity, f, wrongs)
	}
	if err != nil {
		c.Set(backKey, "/cases/"+f.ID.String())
		return err
	}
	return s.seeOther(c, "/cases/"+f.ID.String(), "correct_case")
}

// readCorrection reads the form as it was typed.
func readCorrection(c echo.Context, folder casework.Case) correctForm {
	form := c.Request().PostForm
	f := correctForm{callerForm: readCallerForm(form), Key: form.Get("key"), ID: folder.ID, Reference: folder.Reference, Reason: strings.TrimSpace(form.Get("reason"))}
	f.Version, _ = strconv.Atoi(form.Get("version")) // none is no version of any case
	return f
}

// wrongs says all that is wrong with the form.
func (f *correctForm) wrongs(s *Server, c echo.Context) []wrong {
	year := f.readYear(s, c)
	wrongs := append(s.wrongs(c, s.desk.CheckCorrection(f.Caller, f.Reason)), year...)
	wrongs = append(wrongs, f.warn(s, c, "notes", f.Caller.Notes)...)
	return append(wrongs, f.warn(s, c, "reason", f.Reason)...)
}

// correctedMeanwhile gives the form back to who was overtaken. What they changed stays as they typed it, with what the case
// says now beside it where that is something else; what they left alone becomes what it says now.
func (s *Server) correctedMeanwhile(c echo.Context, f correctForm) error {
	h, err := s.desk.CaseHistory(c.Request().Context(), staff(c), f.ID)
	if err != nil {
		return err
	}
	l, seen, now, typed := s.locale(c), h.At(f.Version), h.Texts(), f.Caller.Texts()
	wrongs := []wrong{{"", l.T("correct.meanwhile")}}
	merged := h.CaseInput
	for _, field := range casework.CaseFields {
		words := map[string]any{"Field": l.T("correct.field." + field), "Now": fieldWords(l, field, now[field])}
		changed, touched := !casework.SameText(now[field], seen[field]), !casework.SameText(typed[field], seen[field])
		if touched {
			merged.Take(field, f.Caller)
		}
		switch {
		case changed && touched && typed[field] != now[field]:
			wrongs = append(wrongs, wrong{field, l.T("correct.now", words)})
		case changed && !touched:
			wrongs = append(wrongs, wrong{field, l.T("correct.took", words)})
		}
	}
	f.callerForm, f.Version, f.Key = callerFormOf(merged), h.Version, uuid.NewString()
	return s.showCorrect(c, http.StatusPreconditionFailed, f, wrongs)
}

// fieldWords says in words what a field of a case holds.
func fieldWords(l *locale.Localizer, field, text string) string {
	switch {
	case text == "":
		return l.T("correct.empty")
	case text == "true", text == "false":
		return l.T("correct." + text)
	case field == "language":
		return languageName(l, text)
	case field == "phone":
		return l.Phone(text)
	}
	return text
}

// historyView is what was set right of a case.
type historyView struct {
	casework.CaseHistory
	l *locale.Localizer
}

// Says is what a field held.
func (v historyView) Says(field, text string) string { return fieldWords(v.l, field, text) }

func (s *Server) historyPage(c echo.Context) error {
	id, err := idParam(c, "id")
	if err != nil {
		return err
	}
	h, err := s.desk.CaseHistory(c.Request().Context(), staff(c), id)
	if err != nil {
		return err
	}
	return s.page(c, http.StatusOK, "case_history", s.locale(c).T("history.title", map[string]any{"Reference": h.Reference}), historyView{h, s.locale(c)})
}
