package server

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"throughline/casework"
)

// callerForm is what forms hold of a caller: the numbers stay as typed until they are checked.
type callerForm struct {
	Caller     casework.CaseInput
	BirthYear  string
	SafeToCall string // yes, no; "" not asked, which keeps everyone from calling
	Warned     bool   // that a health number may be among the text: sent again all the same, it is kept
}

// Languages are the languages that the page offers. One that is kept already stays among them.
func (f callerForm) Languages() []string {
	if f.Caller.Language == "" || slices.Contains(clientLanguages, f.Caller.Language) {
		return clientLanguages
	}
	return append(slices.Clone(clientLanguages), f.Caller.Language)
}

// clientLanguages are offered by name; any other BCP 47 tag can come by the API.
var clientLanguages = []string{"en", "fr", "ar", "bn", "zh", "cr", "tl", "de", "gu", "hi", "iu", "it", "ko", "oj", "fa",
	"pl", "pt", "pa", "ru", "so", "es", "ta", "ti", "tr", "uk", "ur", "vi", "ase", "fcs"}

// callerFormOf shows what is kept of someone.
func callerFormOf(c casework.CaseInput) callerForm {
	f := callerForm{Caller: c, SafeToCall: "no"}
	if c.SafeToCall {
		f.SafeToCall = "yes"
	}
	if c.BirthYear != 0 {
		f.BirthYear = strconv.Itoa(c.BirthYear)
	}
	return f
}

func readCallerForm(form url.Values) callerForm {
	return callerForm{Caller: readCaller(form), BirthYear: strings.TrimSpace(form.Get("birth_year")), SafeToCall: form.Get("safe_to_call"),
		Warned: form.Get("warned") == "yes"}
}

func readCaller(form url.Values) casework.CaseInput {
	caller := casework.CaseInput{Name: form.Get("name"), Phone: form.Get("phone"), Email: form.Get("email"),
		ContactTimes: form.Get("contact_times"), SafeToCall: form.Get("safe_to_call") == "yes",
		SafeToLeaveMessage: form.Get("safe_to_leave_message") == "yes", Municipality: form.Get("municipality"),
		PostalCode: form.Get("postal_code"), Language: form.Get("language"), Notes: form.Get("notes"),
		Restricted: form.Get("restricted")}
	caller.Anonymous = strings.TrimSpace(caller.Name) == ""
	return caller
}

// warn asks for a second look at a text that may hold a health number, once for each form.
func (f *callerForm) warn(s *Server, c echo.Context, field, text string) []wrong {
	if c.Request().PostForm.Get("warned") == "yes" || !holdsHealthNumber(text) {
		return nil
	}
	f.Warned = true
	return []wrong{{field, s.locale(c).T("field.health_number")}}
}

// readYear takes the year of birth as a number, when there is one.
func (f *callerForm) readYear(s *Server, c echo.Context) []wrong {
	if f.BirthYear == "" {
		return nil
	}
	year, err := strconv.Atoi(f.BirthYear)
	if err != nil || year == 0 {
		return []wrong{{"birth_year", s.locale(c).T("field.birth_year")}}
	}
	f.Caller.BirthYear = year
	return nil
}
