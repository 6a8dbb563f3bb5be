package e2e

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
)

// api is a helpline's own system, with a key.
type api struct {
	t         testing.TB
	base, key string
}

func (d *dev) api(role string) *api {
	return &api{t: d.t, base: d.BaseURL, key: d.Accounts[role].APIKey}
}

var web = &http.Client{Timeout: 30 * time.Second}

// ask sends a request and gives the status; out, when not nil, takes the JSON of a good answer.
func (a *api) ask(method, path string, body, out any) int {
	a.t.Helper()
	raw, err := json.Marshal(body)
	must(a.t, err)
	request, err := http.NewRequestWithContext(a.t.Context(), method, a.base+path, bytes.NewReader(raw))
	must(a.t, err)
	request.Header.Set("Authorization", "Bearer "+a.key)
	if method == http.MethodPost {
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("Idempotency-Key", uuid.NewString())
	}
	answer, err := web.Do(request)
	must(a.t, err)
	defer answer.Body.Close()
	said, err := io.ReadAll(answer.Body)
	must(a.t, err)
	if out != nil {
		if answer.StatusCode >= 300 {
			a.t.Fatalf("%s %s: %s\n%s", method, path, answer.Status, said)
		}
		must(a.t, json.Unmarshal(said, out))
	}
	return answer.StatusCode
}

// made is a referral that was just made.
type made struct {
	ID        string `json:"id"`
	CaseID    string `json:"case_id"`
	Reference string `json:"case_reference"`
}

// refer takes a call and refers the caller to services, in this order.
func (a *api) refer(client, need, urgency string, services ...string) made {
	a.t.Helper()
	var m made
	a.ask(http.MethodPost, "/api/v1/referrals", map[string]any{
		"case": map[string]any{"name": client, "phone": "705-555-0133", "safe_to_call": true, "municipality": "Peterborough"},
		"need": need, "urgency": urgency, "details": "Canary in the details.", "service_ids": services,
		"consent": map[string]any{"given": true, "how": "verbal"}}, &m)
	return m
}

// service finds the id of a service by its name.
func (a *api) service(name string) string {
	a.t.Helper()
	var found struct {
		Items []struct {
			ID   string `json:"id"`
			Name string `json:"name"`
		} `json:"items"`
	}
	a.ask(http.MethodGet, "/api/v1/services?q="+url.QueryEscape(name), nil, &found)
	for _, s := range found.Items {
		if s.Name == name {
			return s.ID
		}
	}
	a.t.Fatalf("no service %q among %v", name, found.Items)
	return ""
}

// standing is where a referral is.
type standing struct {
	State    string `json:"state"`
	Evidence string `json:"evidence"`
	Version  int    `json:"version"`
	Offers   []struct {
		ID    string `json:"id"`
		State string `json:"state"`
		Mail  string `json:"mail"`
	} `json:"offers"`
	Tasks []struct {
		Kind  string `json:"kind"`
		State string `json:"state"`
	} `json:"tasks"`
}

func (a *api) referral(id string) standing {
	a.t.Helper()
	var s standing
	a.ask(http.MethodGet, "/api/v1/referrals/"+id, nil, &s)
	return s
}

// hasTask reports an open task of a kind.
func (s standing) hasTask(kind string) bool {
	for _, t := range s.Tasks {
		if t.Kind == kind && t.State == "open" {
			return true
		}
	}
	return false
}

// told is what a referral's timeline tells, the oldest first.
func (a *api) told(id string) []string {
	a.t.Helper()
	var line struct {
		Items []struct {
			What string `json:"what"`
		} `json:"items"`
	}
	a.ask(http.MethodGet, "/api/v1/referrals/"+id+"/timeline", nil, &line)
	var told []string
	for _, e := range line.Items {
		told = append(told, e.What)
	}
	return told
}

// letter is one email of the mailbox.
type letter struct {
	ID      string `json:"id"`
	To      string `json:"to"`
	Subject string `json:"subject"`
	Text    string `json:"text"`
}

// letters are those of the mailbox, the newest first.
func (a *api) letters() []letter {
	a.t.Helper()
	var all []letter
	for {
		var page struct {
			Items []letter `json:"items"`
			Total int      `json:"total"`
		}
		a.ask(http.MethodGet, "/api/v1/mailbox?limit=100&offset="+itoa(len(all)), nil, &page)
		all = append(all, page.Items...)
		if len(page.Items) == 0 || len(all) >= page.Total {
			return all
		}
	}
}

func (a *api) subjects() []string {
	a.t.Helper()
	var subjects []string
	for _, l := range a.letters() {
		subjects = append(subjects, l.Subject)
	}
	return subjects
}

func contains(part string) func(string) bool {
	return func(s string) bool { return strings.Contains(s, part) }
}

var linkForm = regexp.MustCompile(`https?://[^\s/]+/r/([A-Za-z0-9_-]+)`)

// token waits for the offer to a service, and gives the token of the link in it.
func (a *api) token(service string, since map[string]bool) string {
	a.t.Helper()
	var token string
	until(a.t, "no letter about "+service, 2*time.Minute, func() bool {
		for _, l := range a.letters() {
			if found := linkForm.FindStringSubmatch(l.Text); found != nil && !since[l.ID] && strings.Contains(l.Subject, service) {
				token = found[1]
				return true
			}
		}
		return false
	})
	return token
}

// command records something on someone's word.
func (a *api) command(id, do string, in map[string]any) standing {
	a.t.Helper()
	var s standing
	a.ask(http.MethodPost, "/api/v1/referrals/"+id+"/"+do, in, &s)
	return s
}
