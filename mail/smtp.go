package mail

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"
)

// SMTPConfig says how to reach an SMTP server.
type SMTPConfig struct {
	// URL is smtp://user:password@host:port (STARTTLS) or smtps://… (TLS from the first byte). Default ports 587 and 465.
	// STARTTLS is required, unless the host is this machine or the URL ends in ?tls=optional.
	URL     string
	Timeout time.Duration // for one whole send, default 20 s
	TLS     *tls.Config   // nil for the system's roots; tests bring their own
}

type smtpSender struct {
	host, user, password string
	port                 int
	implicitTLS          bool
	policy               gomail.TLSPolicy
	tls                  *tls.Config
	timeout              time.Duration
}

// NewSMTP gives a Sender over SMTP. The error says what is wrong with the URL and never shows the password.
func NewSMTP(c SMTPConfig) (Sender, error) {
	u, err := url.Parse(c.URL)
	if err != nil || u.Hostname() == "" || (u.Scheme != "smtp" && u.Scheme != "smtps") {
		return nil, fmt.Errorf("smtp url: want smtp://user:password@host:port or smtps://…")
	}
	s := &smtpSender{
		host: u.Hostname(), user: u.User.Username(), port: 587,
		implicitTLS: u.Scheme == "smtps", policy: gomail.TLSMandatory, timeout: c.Timeout, tls: c.TLS.Clone(),
	}
	s.password, _ = u.User.Password()
	if s.implicitTLS {
		s.port, s.policy = 465, gomail.NoTLS
	} else if u.Query().Get("tls") == "optional" || thisMachine(s.host) {
		s.policy = gomail.TLSOpportunistic
	}
	if u.Port() != "" {
		if s.port, err = strconv.Atoi(u.Port()); err != nil || s.port < 1 || s.port > 65535 {
			return nil, fmt.Errorf("smtp url: port %q is not a port", u.Port())
		}
	}
	if s.timeout <= 0 {
		s.timeout = 20 * time.Second
	}
	if s.tls == nil {
		s.tls = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	if s.tls.ServerName == "" {
		s.tls.ServerName = s.host
	}
	return s, nil
}

func thisMachine(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func (s *smtpSender) Name() string { return "smtp" }

// Send opens a connection, hands the message over and closes. Outcomes: Rejected for 5xx, NotSent for 4xx and for
// whatever fails before the final dot, Ambiguous when no answer came to the dot.
func (s *smtpSender) Send(ctx context.Context, m Message) (Receipt, error) {
	if err := m.Check(); err != nil {
		return Receipt{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	msg, err := smtpMessage(m)
	if err != nil {
		return Receipt{}, err
	}
	// go-mail heeds the context only until it is connected, so the context closes the connection by itself. Closed,
	// never quit, after a failure too: quitting in the middle of DATA would first end the message with a dot, and the
	// server would deliver the half of it that arrived.
	hangUp := func() {}
	defer func() { hangUp() }()
	client, err := s.client(func(dialing context.Context, network, address string) (net.Conn, error) {
		conn, err := s.dial(dialing, network, address)
		if err == nil {
			stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
			hangUp = func() { stop(); _ = conn.Close() }
		}
		return conn, err
	})
	if err != nil {
		return Receipt{}, &Error{Outcome: Rejected, Class: "bad_settings", Err: fmt.Errorf("smtp settings: %w", err)}
	}
	session, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return Receipt{}, greetingError(ctx, err)
	}
	err = client.SendWithSMTPClient(session, msg)
	if err != nil {
		return Receipt{}, deliveryError(ctx, err)
	}
	// The message is the server's now; whether it says goodbye changes nothing.
	_ = client.CloseWithSMTPClient(session)
	return Receipt{ProviderID: msg.GetMessageID()}, nil
}

func (s *smtpSender) client(dial gomail.DialContextFunc) (*gomail.Client, error) {
	options := []gomail.Option{
		// Our context ends first, and says why.
		gomail.WithPort(s.port), gomail.WithTimeout(s.timeout + time.Second), gomail.WithTLSConfig(s.tls),
		gomail.WithTLSPolicy(s.policy), gomail.WithDialContextFunc(dial), gomail.WithoutNoop(), gomail.WithoutRset(),
	}
	if s.user != "" {
		// PLAIN, which go-mail gives over TLS or to this machine only.
		options = append(options, gomail.WithSMTPAuth(gomail.SMTPAuthPlain),
			gomail.WithUsername(s.user), gomail.WithPassword(s.password))
	}
	return gomail.NewClient(s.host, options...)
}

func (s *smtpSender) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if s.implicitTLS {
		return (&tls.Dialer{Config: s.tls}).DialContext(ctx, network, address)
	}
	return (&net.Dialer{}).DialContext(ctx, network, address)
}

// smtpMessage writes the message as multipart/alternative. Its Message-ID is the row's id, so that a bounce or a second
// copy can be traced to the row.
func smtpMessage(m Message) (*gomail.Msg, error) {
	msg := gomail.NewMsg()
	if msg.FromFormat(m.From.Name, m.From.Email) != nil || msg.AddToFormat(m.To.Name, m.To.Email) != nil {
		// The library's error quotes the address.
		return nil, &Error{Outcome: Rejected, Class: "bad_address", Err: fmt.Errorf("not one plain email address")}
	}
	_, domain, _ := strings.Cut(m.From.Email, "@")
	msg.SetMessageIDWithValue(m.ID.String() + "@" + domain)
	msg.SetDate()
	msg.Subject(m.Subject)
	msg.SetGenHeader(gomail.HeaderContentLang, m.Locale)
	// RFC 3834: asks out-of-office robots not to answer.
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	msg.SetBodyString(gomail.TypeTextPlain, m.Text)
	msg.AddAlternativeString(gomail.TypeTextHTML, m.HTML)
	return msg, nil
}
