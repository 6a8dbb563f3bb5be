package server

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"throughline/directory"
	"throughline/locale"
	"throughline/referral"
)

// foundService is what the API tells of a service that was found. Where an offer would go is the directory's own.
type foundService struct {
	ID                 uuid.UUID  `json:"id"`
	Name               string     `json:"name"`
	AlternateName      string     `json:"alternate_name"`
	Description        string     `json:"description"`
	AgencyID           *uuid.UUID `json:"agency_id"`
	Agency             string     `json:"agency"`
	URL                string     `json:"url"`
	Phone              string     `json:"phone"`
	HasEmail           bool       `json:"has_email"`
	Status             string     `json:"status"`
	Alert              string     `json:"alert"`
	Eligibility        string     `json:"eligibility"`
	ApplicationProcess string     `json:"application_process"`
	Fees               string     `json:"fees"`
	WaitTime           string     `json:"wait_time"`
	Needs              []string   `json:"needs"`
	AcceptsReferrals   bool       `json:"accepts_referrals"`
	FullUntil          *time.Time `json:"full_until"`
	ClosedUntil        *time.Time `json:"closed_until"`
	Distance           *float64   `json:"distance_km"`
	Rank               float64    `json:"rank"`
	Reasons            []string   `json:"reasons"`
}

// apiServices answers GET /services, the best fit first, in the language asked for by lang, else by Accept-Language, else in
// English: what someone chose for the pages changes no answer to a program.
func (s *Server) apiServices(c echo.Context) error {
	w, err := windowOf(c)
	if err != nil {
		return err
	}
	lang := c.QueryParam("lang")
	switch {
	case lang == "":
		lang = locale.Match(c.Request().Header.Get("Accept-Language"))
		c.Response().Header().Add(echo.HeaderVary, "Accept-Language")
	case !slices.Contains(locale.Languages, lang):
		return badQuery("lang", "must be en or fr")
	}
	if wholePostalCode(c.QueryParam("near")) {
		return referral.Invalid("near", "send the first three characters of a postal code: addresses are kept, and the rest changes no answer")
	}
	found, total, err := directory.Search(c.Request().Context(), s.db, directory.Query{Text: c.QueryParam("q"), Lang: lang,
		Need: c.QueryParam("need"), Near: c.QueryParam("near"), Limit: w.limit, Offset: w.offset})
	if err != nil {
		return err
	}
	items := make([]foundService, len(found))
	for i, f := range found {
		items[i] = tellService(f)
	}
	return answer(c, http.StatusOK, w.of(items, total))
}

// wholePostalCode reports a postal code that says more than the part of a town.
func wholePostalCode(near string) bool {
	code := strings.ToUpper(strings.NewReplacer(" ", "", "-", "").Replace(near))
	return len(code) == 6 && postalCode.MatchString(code)
}

var postalCode = regexp.MustCompile(`^[A-Z][0-9][A-Z][0-9][A-Z][0-9]$`)

func tellService(f directory.Found) foundService {
	v := f.Service
	return foundService{ID: v.ID, Name: v.Name, AlternateName: v.AlternateName, Description: v.Description, AgencyID: v.AgencyID,
		Agency: f.AgencyName, URL: v.URL, Phone: v.Phone, HasEmail: v.Email != "", Status: v.Status, Alert: v.Alert,
		Eligibility: v.Eligibility, ApplicationProcess: v.ApplicationProcess, Fees: v.Fees, WaitTime: v.WaitTime, Needs: v.Needs,
		AcceptsReferrals: v.AcceptsReferrals, FullUntil: v.FullUntil, ClosedUntil: v.ClosedUntil, Distance: f.Distance,
		Rank: f.Rank, Reasons: f.Reasons}
}
