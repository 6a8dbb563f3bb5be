package mail

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/sendgrid/rest"
	"github.com/sendgrid/sendgrid-go"
	sg "github.com/sendgrid/sendgrid-go/helpers/mail"
)

// SendGridConfig says how to reach SendGrid.
type SendGridConfig struct {
	APIKey  string
	BaseURL string        // default https://api.sendgrid.com; https://api.eu.sendgrid.com for an EU subuser
	Timeout time.Duration // for one whole send, default 10 s
}

type sendGrid struct {
	key, host string
	timeout   time.Duration
	http      *http.Client
}

// NewSendGrid gives a Sender over SendGrid's v3 mail/send.
func NewSendGrid(c SendGridConfig) Sender {
	if c.BaseURL == "" {
		c.BaseURL = "https://api.sendgrid.com"
	}
	if c.Timeout <= 0 {
		c.Timeout = 10 * time.Second
	}
	return &sendGrid{
		key:     c.APIKey,
		host:    strings.TrimRight(c.BaseURL, "/"),
		timeout: c.Timeout,
		http: &http.Client{
			Transport: http.DefaultTransport.(*http.Transport).Clone(),
			// A redirect would post the message a second time, elsewhere.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

func (s *sendGrid) Name() string { return "sendgrid" }

// Send posts the message once. Outcomes: Rejected for 3xx and 4xx, NotSent for 429 and whenever the request cannot have
// arrived whole, Ambiguous for 5xx and for no answer.
func (s *sendGrid) Send(ctx context.Context, m Message) (Receipt, error) {
	if err := m.Check(); err != nil {
		return Receipt{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	var wire handover
	// sendgrid-go's own Client keeps the body in a shared field, so each send has a request of its own.
	request := sendgrid.GetRequest(s.key, "/v3/mail/send", s.host)
	request.Method = rest.Post
	request.Body = sg.GetRequestBody(sendGridMail(m))
	client := rest.Client{HTTPClient: s.http}
	response, err := client.SendWithContext(wire.watch(ctx), request)
	if response == nil {
		return Receipt{}, wire.noAnswer(ctx, err)
	}
	// With a status in hand, an error can only be a cut-off response body, which says nothing we need.
	if response.StatusCode == http.StatusAccepted {
		return Receipt{ProviderID: http.Header(response.Headers).Get("X-Message-Id")}, nil
	}
	return Receipt{}, sendGridError(response, time.Now())
}

// sendGridMail is the request body. All tracking is off: it would rewrite the link to pass its token through a third
// host. The message id is the only custom argument, since those are kept by SendGrid and cannot be erased.
func sendGridMail(m Message) *sg.SGMailV3 {
	to := sg.NewPersonalization()
	to.AddTos(sg.NewEmail(m.To.Name, m.To.Email))
	to.SetCustomArg("mid", m.ID.String())

	off := sg.NewTrackingSettings()
	off.SetClickTracking(sg.NewClickTrackingSetting().SetEnable(false).SetEnableText(false))
	off.SetOpenTracking(sg.NewOpenTrackingSetting().SetEnable(false))
	off.SetSubscriptionTracking(sg.NewSubscriptionTrackingSetting().SetEnable(false))
	off.SetGoogleAnalytics(sg.NewGaSetting().SetEnable(false))

	v3 := sg.NewV3Mail()
	v3.SetFrom(sg.NewEmail(m.From.Name, m.From.Email))
	v3.Subject = m.Subject
	v3.AddPersonalizations(to)
	v3.AddContent(sg.NewContent("text/plain", m.Text), sg.NewContent("text/html", m.HTML))
	v3.SetTrackingSettings(off)
	return v3
}
