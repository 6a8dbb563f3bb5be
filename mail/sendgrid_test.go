package mail_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"throughline/mail"
	"throughline/mail/mailtest"
)

const apiKey = "SG.a-key-that-no-error-may-show"

func aMessage() mail.Message {
	return mail.Message{
		ID:      uuid.New(),
		From:    mail.Address{Name: "211 Démo", Email: "aiguillage@helpline.example"},
		To:      mail.Address{Name: "Food Bank, Intake", Email: "intake@agency.example"},
		Locale:  "fr",
		Subject: "Nouvel aiguillage vers l’épicerie",
		Text:    "Bonjour,\n.\nUne ligne qui commence par un point.\n",
		HTML:    "<p>Bonjour — <b>été</b></p>\n",
	}
}

// failure sends and returns the *mail.Error that has to come back.
func failure(t *testing.T, ctx context.Context, s mail.Sender, m mail.Message) *mail.Error {
	t.Helper()
	_, err := s.Send(ctx, m)
	var failed *mail.Error
	require.ErrorAs(t, err, &failed)
	for _, secret := range []string{apiKey, m.To.Email, m.From.Email} {
		assert.NotContains(t, err.Error(), secret)
	}
	return failed
}

func toSendGrid(url string) mail.Sender {
	return mail.NewSendGrid(mail.SendGridConfig{APIKey: apiKey, BaseURL: url, Timeout: 5 * time.Second})
}

func TestSendGridTakesAMessage(t *testing.T) {
	t.Parallel()
	sendgrid := mailtest.New(t)
	m := aMessage()
	receipt, err := toSendGrid(sendgrid.URL+"/").Send(t.Context(), m)
	require.NoError(t, err)
	assert.NotEmpty(t, receipt.ProviderID)
	assert.Empty(t, sendgrid.Problems())
	taken := sendgrid.Messages()
	require.Len(t, taken, 1)
	taken[0].At = time.Time{}
	assert.Equal(t, mailtest.Received{
		MID: m.ID.String(), ProviderID: receipt.ProviderID, From: m.From.Email, To: m.To.Email, Subject: m.Subject, Text: m.Text, HTML: m.HTML,
	}, taken[0])
}

// The stand-in refuses more than this, but it is ours; here the bytes themselves are compared.
func TestSendGridIsToldTheMessageIdAndNoMore(t *testing.T) {
	t.Parallel()
	var body map[string]any
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		assert.Equal(t, "/v3/mail/send", r.URL.Path)
		assert.Equal(t, "Bearer "+apiKey, r.Header.Get("Authorization"))
		assert.NoError(t, json.NewDecoder(r.Body).Decode(&body))
		w.WriteHeader(http.StatusAccepted)
	}))
	defer server.Close()
	m := aMessage()
	_, err := toSendGrid(server.URL).Send(t.Context(), m)
	require.NoError(t, err)
	off := map[string]any{"enable": false}
	assert.Equal(t, map[string]any{
		"from":    map[string]any{"name": m.From.Name, "email": m.From.Email},
		"subject": m.Subject,
		"personalizations": []any{map[string]any{
			"to":          []any{map[string]any{"name": m.To.Name, "email": m.To.Email}},
			"custom_args": map[string]any{"mid": m.ID.String()},
		}},
		"content": []any{
			map[string]any{"type": "text/plain", "value": m.Text},
			map[string]any{"type": "text/html", "value": m.HTML},
		},
		"tracking_settings": map[string]any{
			"click_tracking": map[string]any{"enable": false, "enable_text": false},
			"open_tracking":  off, "subscription_tracking": off, "ganalytics": off,
		},
	}, body)
}

func TestSendGridFailures(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault   mailtest.Fault
		outcome mail.Outcome
		class   string
		status  int
		taken   int // emails SendGrid has, whatever it told us
	}{
		"400":                {mailtest.Status(400), mail.Rejected, "bad_request", 400, 0},
		"401":                {mailtest.Status(401), mail.Rejected, "unauthorized", 401, 0},
		"403":                {mailtest.Status(403), mail.Rejected, "forbidden", 403, 0},
		"404":                {mailtest.Status(404), mail.Rejected, "bad_request", 404, 0},
		"413":                {mailtest.Status(413), mail.Rejected, "too_large", 413, 0},
		"429":                {mailtest.RateLimited(30 * time.Second), mail.NotSent, "rate_limited", 429, 0},
		"500":                {mailtest.Status(500), mail.Ambiguous, "server_error", 500, 0},
		"503":                {mailtest.Status(503), mail.Ambiguous, "server_error", 503, 0},
		"200 is not 202":     {mailtest.Status(200), mail.Ambiguous, "unexpected_status", 200, 0},
		"reset":              {mailtest.Reset, mail.Ambiguous, "connection_reset", 0, 0},
		"taken, then reset":  {mailtest.AcceptThenReset, mail.Ambiguous, "connection_reset", 0, 1},
		"taken, then silent": {mailtest.AcceptThenTimeout, mail.Ambiguous, "timeout", 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sendgrid := mailtest.New(t)
			sendgrid.FailNext(1, c.fault)
			// Short, because one case runs into it.
			sender := mail.NewSendGrid(mail.SendGridConfig{APIKey: apiKey, BaseURL: sendgrid.URL, Timeout: 2 * time.Second})
			failed := failure(t, t.Context(), sender, aMessage())
			assert.Equal(t, c.outcome, failed.Outcome)
			assert.Equal(t, c.class, failed.Class)
			assert.Equal(t, c.status, failed.Status)
			assert.Len(t, sendgrid.Messages(), c.taken)
			assert.Equal(t, 1, sendgrid.Requests(), "one send is one request, whatever comes back")
			assert.Empty(t, sendgrid.Problems())
			if failed.Status == 429 {
				assert.InDelta(t, 30, failed.RetryAfter.Seconds(), 2)
			} else {
				assert.Zero(t, failed.RetryAfter)
			}

			_, err := sender.Send(t.Context(), aMessage())
			assert.NoError(t, err, "the next message goes out")
		})
	}
}

func TestSendGridRetryAfter(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		header, value string
		want          time.Duration
	}{
		"seconds":            {"Retry-After", "7", 7 * time.Second},
		"nothing":            {"X-Other", "7", 0},
		"nonsense":           {"Retry-After", "soon", 0},
		"already lifted":     {"X-RateLimit-Reset", "1000000000", time.Second},
		"never, by mistake":  {"X-RateLimit-Reset", "99999999999", time.Hour},
		"beyond what counts": {"Retry-After", "9223372036854775807", time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set(c.header, c.value)
				w.WriteHeader(http.StatusTooManyRequests)
			}))
			defer server.Close()
			assert.Equal(t, c.want, failure(t, t.Context(), toSendGrid(server.URL), aMessage()).RetryAfter)
		})
	}
}

// A clock of ours that is wrong by an hour must not hold every letter up for an hour.
func TestSendGridRetryAfterByItsOwnClock(t *testing.T) {
	t.Parallel()
	for _, ahead := range []time.Duration{-time.Hour, time.Hour} {
		theirs := time.Now().Add(ahead)
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Date", theirs.UTC().Format(http.TimeFormat))
			w.Header().Set("X-RateLimit-Reset", strconv.FormatInt(theirs.Unix()+7, 10))
			w.WriteHeader(http.StatusTooManyRequests)
		}))
		assert.Equal(t, 7*time.Second, failure(t, t.Context(), toSendGrid(server.URL), aMessage()).RetryAfter)
		server.Close()
	}
}

func TestSendGridOutOfReachIsNotSent(t *testing.T) {
	t.Parallel()
	t.Run("nobody listens", func(t *testing.T) {
		t.Parallel()
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		require.NoError(t, listener.Close())
		failed := failure(t, t.Context(), toSendGrid("http://"+listener.Addr().String()), aMessage())
		assert.Equal(t, mail.NotSent, failed.Outcome)
		assert.Equal(t, "unreachable", failed.Class)
	})
	t.Run("no such name", func(t *testing.T) {
		t.Parallel()
		failed := failure(t, t.Context(), toSendGrid("http://nowhere.invalid"), aMessage())
		assert.Equal(t, mail.NotSent, failed.Outcome)
	})
	t.Run("TLS never answers", func(t *testing.T) {
		t.Parallel()
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer listener.Close()
		sender := mail.NewSendGrid(mail.SendGridConfig{APIKey: apiKey, BaseURL: "https://" + listener.Addr().String(), Timeout: 300 * time.Millisecond})
		failed := failure(t, t.Context(), sender, aMessage())
		assert.Equal(t, mail.NotSent, failed.Outcome)
		assert.Equal(t, "timeout", failed.Class)
	})
	t.Run("we stopped before it began", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		failed := failure(t, ctx, toSendGrid("http://127.0.0.1:1"), aMessage())
		assert.Equal(t, mail.NotSent, failed.Outcome)
		assert.Equal(t, "cancelled", failed.Class)
	})
}

func TestSendGridStoppedHalfwayIsAmbiguous(t *testing.T) {
	t.Parallel()
	sendgrid := mailtest.New(t)
	sendgrid.FailNext(1, mailtest.AcceptThenTimeout)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		_ = sendgrid.WaitFor(t.Context(), func(taken []mailtest.Received) bool { return len(taken) == 1 })
		cancel()
	}()
	failed := failure(t, ctx, toSendGrid(sendgrid.URL), aMessage())
	assert.Equal(t, mail.Ambiguous, failed.Outcome)
	assert.Equal(t, "cancelled", failed.Class)
}

func TestSendGridAcceptedThoughTheAnswerIsCutOff(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("X-Message-Id", "theirs")
		w.Header().Set("Content-Length", "100")
		w.WriteHeader(http.StatusAccepted)
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}))
	defer server.Close()
	receipt, err := toSendGrid(server.URL).Send(t.Context(), aMessage())
	require.NoError(t, err)
	assert.Equal(t, "theirs", receipt.ProviderID)
}

func TestSendGridNeverFollowsARedirect(t *testing.T) {
	t.Parallel()
	elsewhere := mailtest.New(t)
	server := httptest.NewServer(http.RedirectHandler(elsewhere.URL+"/v3/mail/send", http.StatusTemporaryRedirect))
	defer server.Close()
	failed := failure(t, t.Context(), toSendGrid(server.URL), aMessage())
	assert.Equal(t, mail.Rejected, failed.Outcome)
	assert.Equal(t, "unexpected_status", failed.Class)
	assert.Zero(t, elsewhere.Requests())
}

func TestSendGridNamesTheFieldAndNeverQuotesIt(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"errors":[{"message":"intake@agency.example is no address","field":"personalizations.0.to.0.email"},
			{"message":"x","field":"intake@agency.example"}]}`)
	}))
	defer server.Close()
	failed := failure(t, t.Context(), toSendGrid(server.URL), aMessage())
	assert.Contains(t, failed.Error(), "personalizations.0.to.0.email")
}

func TestAMessageThatCouldAddAHeaderIsRefused(t *testing.T) {
	t.Parallel()
	sendgrid, smtp := mailtest.New(t), startPeer(t, peerFaults{})
	senders := []mail.Sender{toSendGrid(sendgrid.URL), smtp.sender(t)}
	for name, spoil := range map[string]func(*mail.Message){
		"line break in the address":   func(m *mail.Message) { m.To.Email = "intake@agency.example\r\nBcc: all@agency.example" },
		"line break in the name":      func(m *mail.Message) { m.To.Name = "Intake\nBcc: all@agency.example" },
		"line break in the sender":    func(m *mail.Message) { m.From.Name = "211\r\nReply-To: x@y.example" },
		"line break in the subject":   func(m *mail.Message) { m.Subject = "Hello\r\nBcc: all@agency.example" },
		"NUL in the subject":          func(m *mail.Message) { m.Subject = "Hello\x00" },
		"two addresses":               func(m *mail.Message) { m.To.Email = "one@agency.example, two@agency.example" },
		"a name inside the address":   func(m *mail.Message) { m.To.Email = "Intake <intake@agency.example>" },
		"no address":                  func(m *mail.Message) { m.To.Email = "" },
		"an SMTP command as argument": func(m *mail.Message) { m.To.Email = "intake@agency.example> NOTIFY=SUCCESS" },
	} {
		t.Run(name, func(t *testing.T) {
			for _, sender := range senders {
				m := aMessage()
				spoil(&m)
				_, err := sender.Send(t.Context(), m)
				var failed *mail.Error
				require.ErrorAs(t, err, &failed, sender.Name())
				assert.Equal(t, mail.Rejected, failed.Outcome)
				assert.Equal(t, "bad_address", failed.Class)
				assert.NotContains(t, strings.ToLower(err.Error()), "agency.example")
			}
		})
	}
	assert.Zero(t, sendgrid.Requests())
	assert.Empty(t, smtp.messages())
}

func TestAMessageWithoutABodyIsRefused(t *testing.T) {
	t.Parallel()
	m := aMessage()
	m.HTML = ""
	var failed *mail.Error
	require.True(t, errors.As(m.Check(), &failed))
	assert.Equal(t, "bad_message", failed.Class)
}
