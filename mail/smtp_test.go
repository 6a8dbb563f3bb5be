package mail_test

import (
	"bytes"
	"context"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	netmail "net/mail"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"throughline/mail"
)

func TestSMTPDeliversTextAndHTML(t *testing.T) {
	t.Parallel()
	for name, faults := range map[string]peerFaults{
		"STARTTLS":            {},
		"TLS from the start":  {implicitTLS: true},
		"signed in":           {password: "s3cret"},
		"plain, this machine": {noTLS: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := startPeer(t, faults)
			m := aMessage()
			receipt, err := p.sender(t).Send(t.Context(), m)
			require.NoError(t, err)
			assert.Equal(t, "<"+m.ID.String()+"@helpline.example>", receipt.ProviderID)
			require.Len(t, p.messages(), 1)
			assertArrived(t, m, p.messages()[0])
		})
	}
}

// assertArrived reads the raw message as a mail program does.
func assertArrived(t *testing.T, want mail.Message, raw []byte) {
	t.Helper()
	got, err := netmail.ReadMessage(bytes.NewReader(raw))
	require.NoError(t, err)
	var words mime.WordDecoder
	subject, err := words.DecodeHeader(got.Header.Get("Subject"))
	require.NoError(t, err)
	assert.Equal(t, want.Subject, subject)
	to, err := got.Header.AddressList("To")
	require.NoError(t, err)
	assert.Equal(t, []*netmail.Address{{Name: want.To.Name, Address: want.To.Email}}, to)
	assert.Equal(t, "<"+want.ID.String()+"@helpline.example>", got.Header.Get("Message-ID"))
	assert.Equal(t, "auto-generated", got.Header.Get("Auto-Submitted"))
	assert.Equal(t, want.Locale, got.Header.Get("Content-Language"))

	kind, parameters, err := mime.ParseMediaType(got.Header.Get("Content-Type"))
	require.NoError(t, err)
	require.Equal(t, "multipart/alternative", kind)
	parts := multipart.NewReader(got.Body, parameters["boundary"])
	for _, expected := range []struct{ kind, body string }{{"text/plain", want.Text}, {"text/html", want.HTML}} {
		part, err := parts.NextRawPart()
		require.NoError(t, err)
		kind, _, err := mime.ParseMediaType(part.Header.Get("Content-Type"))
		require.NoError(t, err)
		assert.Equal(t, expected.kind, kind)
		require.Equal(t, "quoted-printable", part.Header.Get("Content-Transfer-Encoding"))
		body, err := io.ReadAll(quotedprintable.NewReader(part))
		require.NoError(t, err)
		assert.Equal(t, expected.body, strings.ReplaceAll(string(body), "\r\n", "\n"))
	}
	_, err = parts.NextRawPart()
	assert.ErrorIs(t, err, io.EOF)
}

func TestSMTPFailures(t *testing.T) {
	t.Parallel()
	full := &smtp.SMTPError{Code: 452, EnhancedCode: smtp.EnhancedCode{4, 2, 2}, Message: "intake@agency.example is full"}
	gone := &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no intake@agency.example here"}
	for name, c := range map[string]struct {
		faults  peerFaults
		outcome mail.Outcome
		class   string
		status  int
		taken   int // messages the server has, whatever it told us
	}{
		"4xx to the sender":     {peerFaults{mail: full}, mail.NotSent, "deferred_4xx", 452, 0},
		"5xx to the sender":     {peerFaults{mail: gone}, mail.Rejected, "bounced_5xx", 550, 0},
		"4xx to the recipient":  {peerFaults{rcpt: full}, mail.NotSent, "deferred_4xx", 452, 0},
		"5xx to the recipient":  {peerFaults{rcpt: gone}, mail.Rejected, "bounced_5xx", 550, 0},
		"4xx to the message":    {peerFaults{afterData: full}, mail.NotSent, "deferred_4xx", 452, 0},
		"5xx to the message":    {peerFaults{afterData: gone}, mail.Rejected, "bounced_5xx", 550, 0},
		"dropped after the dot": {peerFaults{dropAfterDot: true}, mail.Ambiguous, "connection_reset", 0, 1},
		"silent after the dot":  {peerFaults{silentAfterDot: true}, mail.Ambiguous, "timeout", 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := startPeer(t, c.faults)
			failed := failure(t, t.Context(), p.sender(t), aMessage())
			assert.Equal(t, c.outcome, failed.Outcome)
			assert.Equal(t, c.class, failed.Class)
			assert.Equal(t, c.status, failed.Status)
			assert.Len(t, p.messages(), c.taken)
		})
	}
}

func TestSMTPBeforeTheMessage(t *testing.T) {
	t.Parallel()
	t.Run("wrong password", func(t *testing.T) {
		t.Parallel()
		p := startPeer(t, peerFaults{password: "s3cret"})
		failed := failure(t, t.Context(), p.senderFor(t, "smtp://helpline:guess@"+p.address), aMessage())
		assert.Equal(t, mail.Rejected, failed.Outcome)
		assert.Equal(t, "unauthorized", failed.Class)
		assert.NotContains(t, failed.Error(), "guess")
	})
	t.Run("a server that wants no sign-in", func(t *testing.T) {
		t.Parallel()
		p := startPeer(t, peerFaults{})
		failed := failure(t, t.Context(), p.senderFor(t, "smtp://helpline:guess@"+p.address), aMessage())
		assert.Equal(t, mail.Rejected, failed.Outcome)
		assert.Equal(t, "not_secure", failed.Class)
	})
	t.Run("a certificate nobody vouches for", func(t *testing.T) {
		t.Parallel()
		p := startPeer(t, peerFaults{implicitTLS: true})
		s, err := mail.NewSMTP(mail.SMTPConfig{URL: "smtps://" + p.address})
		require.NoError(t, err)
		failed := failure(t, t.Context(), s, aMessage())
		assert.Equal(t, mail.Rejected, failed.Outcome)
		assert.Equal(t, "not_secure", failed.Class)
	})
	t.Run("nobody listens", func(t *testing.T) {
		t.Parallel()
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		require.NoError(t, listener.Close())
		s, err := mail.NewSMTP(mail.SMTPConfig{URL: "smtp://" + listener.Addr().String()})
		require.NoError(t, err)
		failed := failure(t, t.Context(), s, aMessage())
		assert.Equal(t, mail.NotSent, failed.Outcome)
		assert.Equal(t, "unreachable", failed.Class)
	})
	t.Run("connected, and never a greeting", func(t *testing.T) {
		t.Parallel()
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer listener.Close()
		s, err := mail.NewSMTP(mail.SMTPConfig{URL: "smtp://" + listener.Addr().String(), Timeout: 300 * time.Millisecond})
		require.NoError(t, err)
		failed := failure(t, t.Context(), s, aMessage())
		assert.Equal(t, mail.NotSent, failed.Outcome)
		assert.Equal(t, "timeout", failed.Class)
	})
}

// Stopping in the middle of the body must not end it with a dot: the server would deliver half a message.
func TestSMTPStoppedInTheBodyDeliversNothing(t *testing.T) {
	t.Parallel()
	begun := make(chan struct{})
	p := startPeer(t, peerFaults{stallInBody: begun})
	m := aMessage()
	m.Text = strings.Repeat("A line of an email that is far too long to be sent at once.\n", 1<<19)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-begun
		cancel()
	}()
	s, err := mail.NewSMTP(mail.SMTPConfig{URL: "smtp://" + p.address, TLS: p.roots})
	require.NoError(t, err)
	failed := failure(t, ctx, s, m)
	assert.Equal(t, mail.NotSent, failed.Outcome)
	assert.Equal(t, "cancelled", failed.Class)
	require.Eventually(t, func() bool { return p.brokenOff() == 1 }, 10*time.Second, 5*time.Millisecond)
	assert.Empty(t, p.messages())
}

func TestSMTPSettingsAreCheckedAtOnce(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"", "mail.example", "http://mail.example", "smtp://", "smtp://u:hunter2@mail.example:port", "smtp://u:hunter2@mail.example:70000"} {
		_, err := mail.NewSMTP(mail.SMTPConfig{URL: url})
		require.Error(t, err, url)
		assert.NotContains(t, err.Error(), "hunter2")
	}
}

func TestSMTPAwayFromThisMachineWantsTLS(t *testing.T) {
	t.Parallel()
	p := startPeer(t, peerFaults{noTLS: true})
	_, port, err := net.SplitHostPort(p.address)
	require.NoError(t, err)
	// 0.0.0.0 leads to this machine without being known as such.
	failed := failure(t, t.Context(), p.senderFor(t, "smtp://0.0.0.0:"+port), aMessage())
	assert.Equal(t, mail.Rejected, failed.Outcome)
	assert.Equal(t, "not_secure", failed.Class)
	_, err = p.senderFor(t, "smtp://0.0.0.0:"+port+"?tls=optional").Send(t.Context(), aMessage())
	assert.NoError(t, err)
}
