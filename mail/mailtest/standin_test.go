package mailtest_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"throughline/mail"
	"throughline/mail/mailtest"
)

var _ mailtest.TB = (testing.TB)(nil)

const good = `{
	"from": {"email": "refer@helpline.example"}, "subject": "New referral",
	"personalizations": [{"to": [{"email": "intake@agency.example"}], "custom_args": {"mid": "7f2c1b34-9d5e-4c7a-8f10-2b3c4d5e6f70"}}],
	"content": [{"type": "text/plain", "value": "Hello"}, {"type": "text/html", "value": "<p>Hello</p>"}],
	"tracking_settings": {
		"click_tracking": {"enable": false, "enable_text": false}, "open_tracking": {"enable": false},
		"subscription_tracking": {"enable": false}, "ganalytics": {"enable": false}
	}
}`

func post(t *testing.T, s *mailtest.StandIn, authorization, body string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/v3/mail/send", strings.NewReader(body))
	require.NoError(t, err)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", authorization)
	response, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	t.Cleanup(func() { _ = response.Body.Close() })
	return response
}

func TestItTakesAGoodRequest(t *testing.T) {
	t.Parallel()
	s := mailtest.New(t)
	response := post(t, s, "Bearer SG.key", good)
	assert.Equal(t, http.StatusAccepted, response.StatusCode)
	assert.NotEmpty(t, response.Header.Get("X-Message-Id"))
	assert.Len(t, s.Messages(), 1)
}

func TestItWantsAKey(t *testing.T) {
	t.Parallel()
	s := mailtest.New(t)
	for _, authorization := range []string{"", "Bearer ", "Basic c2c6a2V5"} {
		assert.Equal(t, http.StatusUnauthorized, post(t, s, authorization, good).StatusCode, authorization)
	}
	assert.Empty(t, s.Messages())
}

func TestItRefusesWhatSendGridOrWeWouldNot(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]struct{ old, new string }{
		"click tracking on":       {`"click_tracking": {"enable": false`, `"click_tracking": {"enable": true`},
		"text click tracking on":  {`"enable_text": false`, `"enable_text": true`},
		"open tracking unsaid":    {`"open_tracking": {"enable": false},`, ``},
		"another custom argument": {`"custom_args": {`, `"custom_args": {"referral": "1", `},
		"an id that is none":      {`7f2c1b34-9d5e`, `Jane-Doe`},
		"categories":              {`"subject":`, `"categories": ["food"], "subject":`},
		"two recipients":          {`"to": [`, `"to": [{"email": "b@agency.example"}, `},
		"no subject":              {`"New referral"`, `""`},
		"HTML first":              {`text/plain`, `text/html`},
		"half a body":             {good[100:], ``},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := mailtest.New(t)
			body := strings.Replace(good, change.old, change.new, 1)
			require.NotEqual(t, good, body)
			response := post(t, s, "Bearer SG.key", body)
			assert.Equal(t, http.StatusBadRequest, response.StatusCode)
			assert.Len(t, s.Problems(), 1)
			assert.Empty(t, s.Messages())
			var answer struct{ Errors []struct{ Message string } }
			require.NoError(t, json.NewDecoder(response.Body).Decode(&answer))
			assert.NotEmpty(t, answer.Errors)
		})
	}
}

// Our own checks would refuse this too, but later and in other words.
func TestItChecksTheOpenAPI(t *testing.T) {
	t.Parallel()
	s := mailtest.New(t)
	if !s.ChecksSchema() {
		t.Skip("SendGrid's OpenAPI file is not here; put it at ../shared/data/sendgrid/tsg_mail_v3.json beside the repository")
	}
	post(t, s, "Bearer SG.key", strings.Replace(good, `"New referral"`, `5`, 1))
	require.Len(t, s.Problems(), 1)
	assert.Contains(t, s.Problems()[0], "OpenAPI")
}

func TestFaultsComeInOrderThenEnd(t *testing.T) {
	t.Parallel()
	s := mailtest.New(t)
	s.FailNext(2, mailtest.Status(500))
	s.FailNext(1, mailtest.RateLimited(time.Minute))
	var got []int
	for range 4 {
		got = append(got, post(t, s, "Bearer SG.key", good).StatusCode)
	}
	assert.Equal(t, []int{500, 500, 429, 202}, got)
}

func TestFaultsByRate(t *testing.T) {
	t.Parallel()
	count := func(rate float64) int {
		s := mailtest.New(t)
		s.FailRate(rate, 1, mailtest.Status(500))
		for range 100 {
			post(t, s, "Bearer SG.key", good)
		}
		return 100 - len(s.Messages())
	}
	assert.Zero(t, count(0))
	assert.Equal(t, 100, count(1))
	assert.InDelta(t, 30, count(0.3), 20)
}

func TestDuplicatesAreCounted(t *testing.T) {
	t.Parallel()
	s := mailtest.New(t)
	sender := mail.NewSendGrid(mail.SendGridConfig{APIKey: "SG.key", BaseURL: s.URL})
	once, twice := aMessage(), aMessage()
	for _, m := range []mail.Message{once, twice, twice} {
		_, err := sender.Send(t.Context(), m)
		require.NoError(t, err)
	}
	assert.Equal(t, map[string]int{twice.ID.String(): 2}, s.Duplicates())
}

func aMessage() mail.Message {
	return mail.Message{
		ID: uuid.New(), From: mail.Address{Email: "refer@helpline.example"}, To: mail.Address{Email: "intake@agency.example"},
		Locale: "en", Subject: "New referral", Text: "Hello", HTML: "<p>Hello</p>",
	}
}

func TestWaitFor(t *testing.T) {
	t.Parallel()
	s := mailtest.New(t)
	go func() {
		_, _ = mail.NewSendGrid(mail.SendGridConfig{APIKey: "SG.key", BaseURL: s.URL}).Send(t.Context(), aMessage())
	}()
	require.NoError(t, s.WaitFor(t.Context(), func(taken []mailtest.Received) bool { return len(taken) == 1 }))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	err := s.WaitFor(ctx, func(taken []mailtest.Received) bool { return len(taken) == 2 })
	assert.ErrorIs(t, err, context.DeadlineExceeded)
}

func TestItRunsOutsideTests(t *testing.T) {
	t.Parallel()
	s, err := mailtest.Start()
	require.NoError(t, err)
	s.Close()
	s.Close()
	nobody := mailtest.New(nil)
	nobody.Close()
	_, err = http.Get(nobody.URL)
	assert.Error(t, err)
}
