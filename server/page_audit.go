package server

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"throughline/casework"
	"throughline/locale"
)

// auditRoutes are the auditor's pages, and the report that a client can ask for.
func (s *Server) auditRoutes(get, post func(path string, p casework.Permission, h echo.HandlerFunc)) {
	get("/audit", casework.ReadAudit, s.auditPage)
	post("/audit", casework.ReadAudit, s.searching(s.limits.cases)(s.auditFind))
	get("/audit/cases/:id", casework.ReadAudit, s.auditCase)
	get("/audit/cases/:id/csv", casework.ReadAudit, s.auditCase)
	get("/audit/people/:id", casework.ReadAudit, s.auditPerson)
	get("/audit/people/:id/csv", casework.ReadAudit, s.auditPerson)
	get("/audit/unusual", casework.ReadAudit, s.auditUnusual)
	get("/audit/unusual/csv", casework.ReadAudit, s.auditUnusual)
	get("/cases/:id/access", casework.ReportAccess, s.accessReport)
}

// auditView is where an auditor begins.
type auditView struct {
	Reference string
	Missing   bool // no case has the reference that was typed
	People    []casework.Account
}

func (s *Server) auditPage(c echo.Context) error { return s.showAudit(c, auditView{}) }

func (s *Server) showAudit(c echo.Context, v auditView) error {
	var err error
	if v.People, err = s.desk.AuditPeople(c.Request().Context(), staff(c)); err != nil {
		return err
	}
	status := http.StatusOK
	if v.Missing {
		status = http.StatusUnprocessableEntity
	}
	return s.page(c, status, "audit", s.locale(c).T("audit.title"), v)
}

// auditFind leads to the entries of the case or the person that were asked for. It is posted: what was typed may be a
// name by mistake, and belongs in no address.
func (s *Server) auditFind(c echo.Context) error {
	if person, err := uuid.Parse(typedIn(c, "person")); err == nil {
		return c.Redirect(http.StatusSeeOther, "/audit/people/"+person.String())
	}
	v := auditView{Reference: typedIn(c, "reference")}
	id, err := s.desk.CaseOfReference(c.Request().Context(), staff(c), v.Reference)
	switch _, status := answerOf(err); {
	case err != nil && status == http.StatusNotFound:
		v.Missing = true
		return s.showAudit(c, v)
	case err != nil:
		return err
	}
	return c.Redirect(http.StatusSeeOther, "/audit/cases/"+id.String())
}

// trailView is a page of entries.
type trailView struct {
	Title   string
	Here    string // the page's own path
	OfCase  bool
	Entries []casework.AuditEntry
	More    int64 // before which entry the next page begins; 0: there is none
}

// asFile reports a request for a file rather than a page.
func asFile(c echo.Context) bool { return strings.HasSuffix(c.Path(), "/csv") }

func trailQuery(c echo.Context) casework.TrailQuery {
	before, err := strconv.ParseInt(c.QueryParam("before"), 10, 64)
	if err != nil || before < 0 {
		before = 0
	}
	return casework.TrailQuery{Before: before, Export: asFile(c)}
}

func (s *Server) auditCase(c echo.Context) error {
	id, err := idParam(c, "id")
	if err != nil {
		return err
	}
	reference, entries, err := s.desk.AuditOfCase(c.Request().Context(), staff(c), id, trailQuery(c))
	if err != nil {
		return err
	}
	return s.showTrail(c, trailView{Title: s.locale(c).T("audit.of_case", map[string]any{"Reference": reference}), Here: "/audit/cases/" + id.String(),
		OfCase: true, Entries: entries})
}

func (s *Server) auditPerson(c echo.Context) error {
	id, err := idParam(c, "id")
	if err != nil {
		return err
	}
	name, entries, err := s.desk.AuditOfPerson(c.Request().Context(), staff(c), id, trailQuery(c))
	if err != nil {
		return err
	}
	return s.showTrail(c, trailView{Title: s.locale(c).T("audit.of_person", map[string]any{"Name": name}), Here: "/audit/people/" + id.String(),
		Entries: entries})
}

func (s *Server) showTrail(c echo.Context, v trailView) error {
	if asFile(c) {
		return s.trailFile(c, v.Entries)
	}
	if n := len(v.Entries); n == casework.TrailPage {
		v.More = v.Entries[n-1].ID
	}
	return s.page(c, http.StatusOK, "audit_trail", v.Title, v)
}

func (s *Server) auditUnusual(c echo.Context) error {
	list, err := s.desk.UnusualAccess(c.Request().Context(), staff(c), asFile(c))
	if err != nil {
		return err
	}
	if asFile(c) {
		return s.unusualFile(c, list)
	}
	return s.page(c, http.StatusOK, "audit_unusual", s.locale(c).T("audit.unusual"), unusualView{Items: list, l: s.locale(c), zone: zoneOf(c)})
}

// unusualView is what someone should ask about.
type unusualView struct {
	Items []casework.Unusual
	l     *locale.Localizer
	zone  *time.Location
}

// Why says in words what is unusual.
func (v unusualView) Why(u casework.Unusual) string { return oddity(v.l, v.zone, u) }

func oddity(l *locale.Localizer, zone *time.Location, u casework.Unusual) string {
	data := map[string]any{"Name": u.Name, "From": l.Clock(u.From.In(zone)), "To": l.Clock(u.To.In(zone)), "Usual": u.Usual}
	key := "audit.odd." + string(u.Oddity)
	if u.Usual == 0 && (u.Oddity == casework.ManyInHour || u.Oddity == casework.ManyInDay) {
		key += ".new"
	}
	if u.Oddity == casework.ManyRefused {
		return l.N(key, u.Tries, data)
	}
	return l.N(key, len(u.Cases), data)
}

// accessView is what a client is told.
type accessView struct {
	casework.AccessReport
	Made time.Time
	l    *locale.Localizer
}

// Said tells one line in plain words.
func (v accessView) Said(a casework.AccessLine) string {
	agency := inLanguage(v.l.Lang, a.Agency, a.AgencyFR)
	if agency == "" {
		agency = v.l.T("access.an_agency")
	}
	key := "access." + string(a.Kind)
	if a.Role == "agency" {
		key = "access.agency." + string(a.Kind)
	}
	if a.Audit {
		key = "access.audit"
	}
	if !v.l.Has(key) {
		key = "access.other"
	}
	return v.l.T(key, map[string]any{"Agency": agency})
}

// Who says who it was: a role, and whose.
func (v accessView) Who(a casework.AccessLine) string {
	if a.Role == "agency" {
		if name := inLanguage(v.l.Lang, a.Agency, a.AgencyFR); name != "" {
			return name
		}
		return v.l.T("access.an_agency")
	}
	if !slices.Contains([]string{"system", "client"}, string(a.Role)) {
		return v.l.T("access.staff", map[string]any{"Role": v.l.T("access.role." + string(a.Role)), "Organisation": a.Organisation})
	}
	return a.Organisation
}

// When says at what times of its day.
func (v accessView) When(a casework.AccessLine) string {
	if from := v.l.Clock(a.First); from == v.l.Clock(a.Last) {
		return v.l.T("access.once", map[string]any{"At": from})
	}
	return v.l.N("access.times", a.Times, map[string]any{"From": v.l.Clock(a.First), "To": v.l.Clock(a.Last)})
}

// Date is the day.
func (v accessView) Date(a casework.AccessLine) string {
	day := strconv.Itoa(a.Day.Day())
	if v.l.Lang == "fr" && day == "1" {
		day = "1er"
	}
	return v.l.T("access.date", map[string]any{"Day": day, "Month": v.l.T("date.month." + strconv.Itoa(int(a.Day.Month()))), "Year": a.Day.Year()})
}

func (s *Server) accessReport(c echo.Context) error {
	id, err := idParam(c, "id")
	if err != nil {
		return err
	}
	report, err := s.desk.AccessReport(c.Request().Context(), staff(c), id)
	if err != nil {
		return err
	}
	return s.page(c, http.StatusOK, "access", s.locale(c).T("access.title"), accessView{AccessReport: report, Made: s.clock.Now(), l: s.locale(c)})
}
