package server

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"throughline/casework"
	"throughline/locale"
	"throughline/referral"
)

// exportView is all that is kept of a client, to be read by them.
type exportView struct {
	casework.Everything
	Zone *time.Location
	l    *locale.Localizer
}

// Who says who looked, as the access report does: by role, and not by name.
func (v exportView) Who(a casework.ReportedAccess) string {
	return accessView{AccessReport: casework.AccessReport{}, l: v.l}.Who(casework.AccessLine{Role: a.Role, Agency: a.Agency, Organisation: v.Helpline})
}

// Said says what was looked at.
func (v exportView) Said(a casework.ReportedAccess) string {
	return accessView{l: v.l}.Said(casework.AccessLine{Kind: a.Kind, Role: a.Role, For: a.For, Agency: a.Agency, Organisation: v.Helpline, Audit: a.Audit})
}

// Held says what a field of the case held.
func (v exportView) Held(field, text string) string { return fieldWords(v.l, field, text) }

// Told is a referral's timeline as the pages of staff tell it, oldest first.
func (v exportView) Told(r casework.KeptReferral) []eventView {
	told := toldOf(r.Referral, r.Timeline)
	for i, j := 0, len(told)-1; i < j; i, j = i+1, j-1 {
		told[i], told[j] = told[j], told[i]
	}
	return told
}

// fetchExport hands an export over, as a page in the client's language or as data. It is posted, since each is handed over
// once, and browsers ask for pages again as they like.
func (s *Server) fetchExport(c echo.Context) error {
	id, err := idParam(c, "id")
	if err != nil {
		return err
	}
	form := typedIn(c, "form")
	all, raw, lang, err := s.desk.FetchExport(c.Request().Context(), staff(c), id, form)
	if err != nil {
		return err
	}
	c.Response().Header().Set("Cache-Control", "no-store")
	if form == casework.ExportData {
		c.Response().Header().Set(echo.HeaderContentDisposition, `attachment; filename="`+all.Case.Reference+`.json"`)
		return c.Blob(http.StatusOK, "application/json", raw)
	}
	zone, err := referral.ZoneNamed(all.Zone)
	if err != nil {
		return err
	}
	l := locale.For(lang)
	c.Set(languageKey, l) // the client reads it, whatever language whoever fetches it reads
	return s.page(c, http.StatusOK, "export", l.T("export.title"), exportView{all, zone, l})
}
