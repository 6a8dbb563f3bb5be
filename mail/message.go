// Package mail writes the emails that agencies receive and hands them to a provider: SendGrid, SMTP, or the local
// mailbox of the development binary (package mailbox).
//
// No email carries personal data of a client: the types here have no field for it.
package mail

import (
	"fmt"
	netmail "net/mail"
	"strings"
	"unicode"

	"github.com/google/uuid"
)

// Message is one email, ready to go. It carries no personal data of a client.
type Message struct {
	ID       uuid.UUID // the message row: all that a provider is told about it ("mid"), and the Message-ID's left side
	From, To Address
	Locale   string // "en" or "fr"
	Subject  string
	Text     string
	HTML     string
}

// Address is a mailbox with the name shown beside it; Name may be empty.
type Address struct{ Name, Email string }

// Validate says what is wrong with the address: not a single plain mailbox, or a character that could add a header.
// The error names the fault and never the address.
func (a Address) Validate() error {
	if strings.ContainsFunc(a.Name, unicode.IsControl) {
		return fmt.Errorf("the name beside the address holds a line break or control character")
	}
	if strings.ContainsFunc(a.Email, unicode.IsControl) {
		return fmt.Errorf("the address holds a line break or control character")
	}
	parsed, err := netmail.ParseAddress(a.Email)
	if err != nil || parsed.Address != a.Email {
		return fmt.Errorf("not one plain email address")
	}
	return nil
}

// Check is what each Sender asks before it talks to anyone. nil, or Rejected with class "bad_address" (an address or the
// subject could smuggle in a header) or "bad_message" (nothing to send).
func (m Message) Check() error {
	for _, part := range []struct {
		name    string
		address Address
	}{{"from", m.From}, {"to", m.To}} {
		if err := part.address.Validate(); err != nil {
			return &Error{Outcome: Rejected, Class: "bad_address", Err: fmt.Errorf("%s: %w", part.name, err)}
		}
	}
	if strings.ContainsFunc(m.Subject, unicode.IsControl) {
		return &Error{Outcome: Rejected, Class: "bad_address",
			Err: fmt.Errorf("subject: it holds a line break or control character")}
	}
	if m.ID == uuid.Nil || m.Subject == "" || m.Text == "" || m.HTML == "" {
		return &Error{Outcome: Rejected, Class: "bad_message",
			Err: fmt.Errorf("a message needs an id, a subject, a text and an HTML body")}
	}
	return nil
}
