package server

import (
	"bytes"
	"encoding/csv"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"throughline/casework"
)

// splits is what one spreadsheet or another begins a new cell after, whatever we write between cells: in French, a semicolon.
var splits = regexp.MustCompile("([;\t\r\n\"|])([=+@-])")

// cell keeps a spreadsheet from taking what is written in it for a formula (OWASP, CSV injection).
func cell(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r\n", rune(text[0])) {
		text = "'" + text
	}
	return splits.ReplaceAllString(text, "$1'$2")
}

// file answers with a table as CSV.
func file(c echo.Context, name string, rows [][]string) error {
	var b bytes.Buffer
	b.WriteString("\ufeff") // Excel takes it for UTF-8 by this
	w := csv.NewWriter(&b)
	w.UseCRLF = true
	for _, row := range rows {
		for i := range row {
			row[i] = cell(row[i])
		}
		if err := w.Write(row); err != nil {
			return err
		}
	}
	w.Flush()
	c.Response().Header().Set("Content-Disposition", `attachment; filename="`+name+`"`)
	return c.Blob(http.StatusOK, "text/csv; charset=utf-8", b.Bytes())
}

func (s *Server) trailFile(c echo.Context, entries []casework.AuditEntry) error {
	l, zone := s.locale(c), zoneOf(c)
	rows := [][]string{{l.T("audit.at"), l.T("audit.who"), l.T("audit.role"), l.T("audit.for"), l.T("audit.kind"), l.T("audit.what"), l.T("audit.cases"), l.T("audit.why"),
		l.T("audit.entry")}}
	for _, e := range entries {
		behalf := ""
		if e.For != "" {
			behalf = l.T("role." + e.For)
		}
		rows = append(rows, []string{e.At.In(zone).Format(time.RFC3339), actorOf(l, e), l.T("role." + e.Role), behalf, l.T("audit.kind." + string(e.Kind)), whatOf(l, e),
			strings.Join(e.References, " "), whyOf(l, e), numberOf(e.ID)})
	}
	return file(c, "audit.csv", rows)
}

func (s *Server) unusualFile(c echo.Context, list []casework.Unusual) error {
	l, zone := s.locale(c), zoneOf(c)
	rows := [][]string{{l.T("audit.at"), l.T("audit.who"), l.T("audit.why"), l.T("audit.cases")}}
	for _, u := range list {
		rows = append(rows, []string{u.From.In(zone).Format(time.RFC3339), u.Name, oddity(l, zone, u), strings.Join(u.References, " ")})
	}
	return file(c, "unusual.csv", rows)
}
