package mail_test

import (
	"bytes"
	"fmt"
	netmail "net/mail"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"throughline/locale"
	"throughline/mail"
)

// breakers are what a line of a header ends with, or what some program takes for that.
var breakers = []string{"\r\n", "\n", "\r", "\x00", "\v", "\f", "\u0085", "\u2028", "\u2029", "\r\n ", "%0d%0a", "=0D=0A", "=?utf-8?q?=0d=0a?="}

// Whatever the names of services, agencies and helplines hold, no letter has a header more than the others have, nor another
// recipient, in any kind and language, as it arrives.
func TestNamesAddNoHeaders(t *testing.T) {
	t.Parallel()
	p := startPeer(t, peerFaults{noTLS: true})
	sender := p.sender(t)
	plain := aMessage()
	_, err := sender.Send(t.Context(), plain)
	require.NoError(t, err)
	usual := headersOf(t, p.messages()[0])
	sent := 1
	for n, breaker := range breakers {
		evil := "Food" + breaker + "Bcc: all@agency.example" + breaker + breaker + "body"
		for _, e := range examples(t) {
			d := e.data
			d.Service, d.Agency, d.Reference, d.HelplineName, d.HelplinePhone = evil, evil, evil, evil, evil
			lang := locale.Languages[n%len(locale.Languages)]
			r, err := mail.Render(e.kind, lang, d)
			require.NoError(t, err, "%s with %q", e.name, breaker)
			m := aMessage()
			m.Subject, m.Text, m.HTML, m.Locale = r.Subject, r.Text, r.HTML, lang
			assert.False(t, strings.ContainsFunc(m.Subject, func(c rune) bool { return unicode.IsControl(c) || c == '\u2028' || c == '\u2029' }),
				"%s: the subject breaks: %q", e.name, m.Subject)
			if e.kind != mail.KindOffer {
				continue // one kind goes all the way
			}
			_, err = sender.Send(t.Context(), m)
			require.NoError(t, err)
			sent++
			require.Len(t, p.messages(), sent)
			got := p.messages()[sent-1]
			assert.Equal(t, usual, headersOf(t, got), "with %q: %s", breaker, got)
		}
	}
	assert.Greater(t, sent, len(breakers))
}

func headersOf(t *testing.T, raw []byte) (names []string) {
	t.Helper()
	m, err := netmail.ReadMessage(bytes.NewReader(raw))
	require.NoError(t, err)
	for name, values := range m.Header {
		names = append(names, fmt.Sprint(name, " ", len(values)))
	}
	to, err := m.Header.AddressList("To")
	require.NoError(t, err)
	require.Len(t, to, 1)
	slices.Sort(names)
	return names
}

// An invitation has the helpline's name in its subject.
func TestAHelplinesNameAddsNoHeaderToAnInvitation(t *testing.T) {
	t.Parallel()
	for _, breaker := range breakers {
		r, err := mail.RenderJoin(mail.KindInvitation, "en", mail.JoinMail{HelplineName: "211" + breaker + "Bcc: all@agency.example", Link: "https://x.example/join/t"})
		require.NoError(t, err)
		m := aMessage()
		m.Subject, m.Text, m.HTML = r.Subject, r.Text, r.HTML
		assert.NoError(t, m.Check(), "%q", breaker)
		assert.NotContains(t, m.Subject, "\u2028")
		assert.NotContains(t, m.Subject, "\u2029")
	}
}
