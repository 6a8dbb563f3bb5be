package mailtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"
)

// maxBody is SendGrid's limit for one request.
const maxBody = 30 << 20

func (s *StandIn) send(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		answerError(w, http.StatusRequestEntityTooLarge, "content too large", "")
		return
	}
	email, broken := s.check(r, body)
	var headers strings.Builder
	_ = r.Header.Write(&headers) // a Builder takes all
	s.mu.Lock()
	s.requests++
	s.heard = append(s.heard, headers.String()+string(body))
	var fault Fault
	switch {
	case !authorized(r):
	case broken != nil:
		s.problems = append(s.problems, broken.Error())
	default:
		fault = s.nextFault()
		if fault == (Fault{}) || fault.take {
			email.ProviderID = uuid.NewString()
			s.taken = append(s.taken, email)
			if s.reporter != nil {
				s.reporter.took(email)
			}
		}
	}
	close(s.changed)
	s.changed = make(chan struct{})
	s.mu.Unlock()

	switch {
	case !authorized(r):
		answerError(w, http.StatusUnauthorized, "authorization required", "")
	case broken != nil:
		answerError(w, http.StatusBadRequest, broken.Error(), "")
	case s.fail(w, r, fault):
	default:
		w.Header().Set("X-Message-Id", email.ProviderID)
		w.WriteHeader(http.StatusAccepted)
	}
}

func authorized(r *http.Request) bool {
	key, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	return ok && strings.TrimSpace(key) != ""
}

// sendRequest is all that our emails may say to SendGrid. A field that is not here (categories, headers, a second
// recipient) is a leak or a surprise, and is refused.
type sendRequest struct {
	From             mailbox `json:"from"`
	Subject          string  `json:"subject"`
	Personalizations []struct {
		To         []mailbox         `json:"to"`
		CustomArgs map[string]string `json:"custom_args"`
	} `json:"personalizations"`
	Content []struct {
		Type  string `json:"type"`
		Value string `json:"value"`
	} `json:"content"`
	Tracking struct {
		Click struct {
			Enable     *bool `json:"enable"`
			EnableText *bool `json:"enable_text"`
		} `json:"click_tracking"`
		Open         enabled `json:"open_tracking"`
		Subscription enabled `json:"subscription_tracking"`
		Analytics    enabled `json:"ganalytics"`
	} `json:"tracking_settings"`
}

type mailbox struct {
	Name  string `json:"name"`
	Email string `json:"email"`
}

type enabled struct {
	Enable *bool `json:"enable"`
}

// check holds a request against SendGrid's OpenAPI and against what we allow ourselves.
func (s *StandIn) check(r *http.Request, body []byte) (Received, error) {
	if kind := r.Header.Get("Content-Type"); kind != "application/json" {
		return Received{}, fmt.Errorf("Content-Type is %q, not application/json", kind)
	}
	if s.schema != nil {
		if err := s.schema.check(body); err != nil {
			return Received{}, fmt.Errorf("against SendGrid's OpenAPI: %w", err)
		}
	}
	var q sendRequest
	strict := json.NewDecoder(bytes.NewReader(body))
	strict.DisallowUnknownFields()
	if err := strict.Decode(&q); err != nil {
		return Received{}, fmt.Errorf("request body: %w", err)
	}
	if len(q.Personalizations) != 1 || len(q.Personalizations[0].To) != 1 {
		return Received{}, fmt.Errorf("want one personalization with one recipient")
	}
	args := q.Personalizations[0].CustomArgs
	if _, err := uuid.Parse(args["mid"]); err != nil || len(args) != 1 {
		return Received{}, fmt.Errorf("want custom_args of one entry, mid, a UUID")
	}
	if len(q.Content) != 2 || q.Content[0].Type != "text/plain" || q.Content[1].Type != "text/html" {
		return Received{}, fmt.Errorf("want content text/plain, then text/html")
	}
	if q.Subject == "" || q.From.Email == "" || q.Content[0].Value == "" || q.Content[1].Value == "" {
		return Received{}, fmt.Errorf("want a sender, a subject and two bodies")
	}
	t := q.Tracking
	for _, setting := range []*bool{t.Click.Enable, t.Click.EnableText, t.Open.Enable, t.Subscription.Enable, t.Analytics.Enable} {
		if setting == nil || *setting {
			return Received{}, fmt.Errorf("want click (HTML and text), open, subscription and analytics tracking each set to off")
		}
	}
	return Received{
		MID: args["mid"], At: time.Now(), From: q.From.Email, To: q.Personalizations[0].To[0].Email,
		Subject: q.Subject, Text: q.Content[0].Value, HTML: q.Content[1].Value,
	}, nil
}

// answerError writes SendGrid's error body.
func answerError(w http.ResponseWriter, status int, message, field string) {
	type fault struct {
		Message string `json:"message"`
		Field   string `json:"field,omitempty"`
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// The client may be gone; there is nobody else to tell.
	_ = json.NewEncoder(w).Encode(map[string][]fault{"errors": {{Message: message, Field: field}}})
}
