package mail_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	"github.com/stretchr/testify/require"

	"throughline/mail"
)

// peer is a real SMTP server on this machine that fails on demand.
type peer struct {
	address string
	roots   *tls.Config
	faults  peerFaults

	mu     sync.Mutex
	taken  [][]byte // whole messages, ended by the client's dot
	broken int      // messages whose dot never came
}

type peerFaults struct {
	mail, rcpt, afterData error         // answered in that phase; nil lets it pass
	dropAfterDot          bool          // the message is taken, and the connection closed without an answer
	silentAfterDot        bool          // the message is taken, and no answer ever comes
	stallInBody           chan struct{} // closed by the server once the body began; it then reads no further
	implicitTLS, noTLS    bool
	password              string // wanted from "helpline"; "" for an open server
}

func startPeer(t *testing.T, faults peerFaults) *peer {
	t.Helper()
	// httptest has a certificate for 127.0.0.1 and the root to trust.
	https := httptest.NewTLSServer(nil)
	roots := x509.NewCertPool()
	roots.AddCert(https.Certificate())
	certificates := https.TLS.Certificates
	https.Close()

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p := &peer{address: listener.Addr().String(), roots: &tls.Config{RootCAs: roots}, faults: faults}
	served := make(chan struct{})
	server := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		return &peerSession{peer: p, conn: c}, nil
	}))
	server.Domain = "peer.example"
	server.ErrorLog = silent{}
	if !faults.noTLS {
		server.TLSConfig = &tls.Config{Certificates: certificates}
	}
	if faults.implicitTLS {
		listener = tls.NewListener(listener, server.TLSConfig)
	}
	go func() {
		defer close(served)
		_ = server.Serve(listener)
	}()
	t.Cleanup(func() {
		// Both: a server closed before it began to serve would serve on.
		_ = listener.Close()
		_ = server.Close()
		<-served
	})
	return p
}

// sender talks to the peer with the right password, if any is wanted.
func (p *peer) sender(t *testing.T) mail.Sender {
	t.Helper()
	url := "smtp://" + p.address
	if p.faults.implicitTLS {
		url = "smtps://" + p.address
	}
	if p.faults.password != "" {
		url = "smtp://helpline:" + p.faults.password + "@" + p.address
	}
	return p.senderFor(t, url)
}

func (p *peer) senderFor(t *testing.T, url string) mail.Sender {
	t.Helper()
	s, err := mail.NewSMTP(mail.SMTPConfig{URL: url, Timeout: 2 * time.Second, TLS: p.roots})
	require.NoError(t, err)
	return s
}

func (p *peer) messages() [][]byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.taken
}

func (p *peer) brokenOff() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.broken
}

type peerSession struct {
	peer *peer
	conn *smtp.Conn
}

func (s *peerSession) Reset()                               {}
func (s *peerSession) Logout() error                        { return nil }
func (s *peerSession) Mail(string, *smtp.MailOptions) error { return s.peer.faults.mail }
func (s *peerSession) Rcpt(string, *smtp.RcptOptions) error { return s.peer.faults.rcpt }

func (s *peerSession) AuthMechanisms() []string {
	if s.peer.faults.password == "" {
		return nil
	}
	return []string{sasl.Plain}
}

func (s *peerSession) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != "helpline" || password != s.peer.faults.password {
			return smtp.ErrAuthFailed
		}
		return nil
	}), nil
}

func (s *peerSession) Data(r io.Reader) error {
	f := s.peer.faults
	if f.stallInBody != nil {
		close(f.stallInBody)
	}
	raw, err := io.ReadAll(r)
	s.peer.mu.Lock()
	defer s.peer.mu.Unlock()
	if err != nil {
		s.peer.broken++
		return err
	}
	if f.afterData != nil {
		return f.afterData
	}
	s.peer.taken = append(s.peer.taken, raw)
	switch {
	case f.dropAfterDot:
		_ = s.conn.Conn().Close()
		return errors.New("gone")
	case f.silentAfterDot:
		// Until the client hangs up.
		_, _ = s.conn.Conn().Read(make([]byte, 1))
	}
	return nil
}

type silent struct{}

func (silent) Printf(string, ...any) {}
func (silent) Println(...any)        {}
