package server

import (
	"context"
	"io/fs"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/google/uuid"

	"throughline/casework"
	"throughline/referral"
)

const password = "correct horse battery"

// visitor is a browser without scripts: it keeps cookies and shows the page it was led to.
type visitor struct {
	*helpline
	site    *httptest.Server
	client  *http.Client
	lead    casework.Account // the coordinator of the same helpline
	waiting []uuid.UUID      // referrals that scene made
}

// staffed is a helpline with a navigator and a coordinator, over HTTP.
func staffed(t *testing.T) *visitor {
	t.Helper()
	return staffedOf(newHelpline(t, Config{Dev: true, Mailbox: &letterbox{}, HelplineName: "Kawartha 211"}))
}

func staffedOf(h *helpline) *visitor {
	h.t.Helper()
	t := h.t
	v := &visitor{helpline: h, site: httptest.NewServer(h.server)}
	t.Cleanup(v.site.Close)
	var err error
	v.lead, err = h.desk.AddAccount(t.Context(), h.account.OrganisationID, "coord@kawartha.example", "Camille",
		referral.Coordinator, "fr", password)
	h.must(err)
	v.forget()
	return v
}

// forget begins as a new browser.
func (v *visitor) forget() {
	jar, err := cookiejar.New(nil)
	v.must(err)
	v.client = &http.Client{Jar: jar, Timeout: time.Minute}
}

// shown is the page that an answer ends at.
type shown struct {
	*goquery.Document
	t      *testing.T
	Status int
	Path   string
	Header http.Header
}

func (v *visitor) get(path string) shown {
	v.t.Helper()
	r, err := http.NewRequestWithContext(v.t.Context(), http.MethodGet, v.site.URL+path, nil)
	v.must(err)
	return v.send(r)
}

func (v *visitor) post(path string, form url.Values) shown {
	v.t.Helper()
	r, err := http.NewRequestWithContext(v.t.Context(), http.MethodPost, v.site.URL+path, strings.NewReader(form.Encode()))
	v.must(err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return v.send(r)
}

func (v *visitor) send(r *http.Request) shown {
	v.t.Helper()
	answer, err := v.client.Do(r)
	v.must(err)
	defer answer.Body.Close()
	page, err := goquery.NewDocumentFromReader(answer.Body)
	v.must(err)
	return shown{Document: page, t: v.t, Status: answer.StatusCode, Path: answer.Request.URL.RequestURI(), Header: answer.Header}
}

// is demands a status.
func (s shown) is(status int) shown {
	s.t.Helper()
	if s.Status != status {
		s.t.Fatalf("%s: got %d, want %d: %s", s.Path, s.Status, status, s.Find("main").Text())
	}
	return s
}

// says is the text of what a selector finds, in one line.
func (s shown) says(selector string) string {
	return strings.Join(strings.Fields(s.Find(selector).Text()), " ")
}

// form reads the form of the page with what its fields hold.
func (s shown) form(selector string) url.Values {
	s.t.Helper()
	form := s.Find(selector)
	if form.Length() != 1 {
		s.t.Fatalf("%s: %d forms %s", s.Path, form.Length(), selector)
	}
	values := url.Values{}
	form.Find("input, textarea, select").Each(func(_ int, field *goquery.Selection) {
		name := field.AttrOr("name", "")
		switch {
		case name == "":
		case goquery.NodeName(field) == "textarea":
			values.Add(name, field.Text())
		case goquery.NodeName(field) == "select":
			chosen := field.Find("option[selected]")
			if chosen.Length() == 0 {
				chosen = field.Find("option").First()
			}
			values.Add(name, chosen.AttrOr("value", ""))
		case field.Is("[type=checkbox], [type=radio]"):
			if _, on := field.Attr("checked"); on {
				values.Add(name, field.AttrOr("value", "on"))
			}
		default:
			values.Add(name, field.AttrOr("value", ""))
		}
	})
	return values
}

func (v *visitor) signInAs(email string) shown {
	v.t.Helper()
	return v.post("/sign-in", url.Values{"email": {email}, "password": {password}}).is(200)
}

// letterbox is a mailbox in memory.
type letterbox struct{ letters []Letter }

func (b *letterbox) List(context.Context) ([]Letter, error) { return b.letters, nil }

func (b *letterbox) Get(_ context.Context, id string) (Letter, error) {
	for _, l := range b.letters {
		if l.ID == id {
			return l, nil
		}
	}
	return Letter{}, fs.ErrNotExist
}

// call is an intake for some of the services, in their order.
func (v *visitor) call(name, need string, urgency referral.Urgency, services ...uuid.UUID) uuid.UUID {
	v.t.Helper()
	made, err := v.desk.Intake(v.t.Context(), v.account.Actor(casework.ViaPage), casework.IntakeInput{
		Case: casework.CaseInput{Name: name, Phone: "705 555 0123", SafeToCall: true, Municipality: "Peterborough",
			PostalCode: "K9H 1A1", ContactTimes: "After 5 p.m.", Language: "fr", Notes: "Lives with her mother.\nUses a cane."},
		Referral: casework.ReferralInput{Need: need, Details: "Two adults, nothing in the house since Friday.", Urgency: urgency,
			ServiceIDs: services, Consent: casework.ConsentInput{Given: true, How: "verbal"}},
	}, nil)
	v.must(err)
	return made.ReferralID
}

// tick lets the clock do what is due, at most some steps.
func (v *visitor) tick(id uuid.UUID, steps int) {
	v.t.Helper()
	for range steps {
		step, err := v.desk.Next(v.t.Context(), id, v.clock.Now())
		v.must(err)
		if step.None() || step.Due.After(v.clock.Now()) {
			return
		}
		_, err = v.desk.Run(v.t.Context(), id, step, v.clock.Now())
		v.must(err)
	}
}

func (v *visitor) do(id uuid.UUID, in casework.CommandInput) casework.Referral {
	v.t.Helper()
	r, err := v.desk.Do(v.t.Context(), v.account.Actor(casework.ViaPage), id, in, nil)
	v.must(err)
	return r
}
