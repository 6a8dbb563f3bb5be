package mail

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"
)

// Sender hands messages to one provider. It is safe for use by many goroutines at once.
type Sender interface {
	// Send hands one message to the provider. A nil error means accepted. Any error is an *Error.
	Send(ctx context.Context, m Message) (Receipt, error)
	// Name is "sendgrid", "smtp" or "mailbox".
	Name() string
}

// Receipt says that the provider took the message over (SendGrid 202, SMTP 250 after DATA).
type Receipt struct {
	ProviderID string // the provider's own id of the message; "" when it gave none
}

// Outcome is what a failed Send means for the message.
type Outcome string

const (
	// Rejected: the provider refused for good (400, 401, 403, 413, SMTP 5xx); a person must act.
	Rejected Outcome = "rejected"
	// Ambiguous: the provider may have taken it (no answer after the body went out, or a 5xx). Never sent again in
	// silence: its events or a person settle it.
	Ambiguous Outcome = "ambiguous"
	// NotSent: surely not taken (no connection, 429, SMTP 4xx); safe to try again.
	NotSent Outcome = "not_sent"
)

// Error is the only error a Sender returns.
//
// Class is a short stable code:
//
//	bad_address, bad_message, bad_settings   refused before anything was sent
//	bad_request, unauthorized, forbidden, too_large, unexpected_status, server_error, rate_limited   HTTP answers
//	bounced_5xx, deferred_4xx  SMTP answers
//	not_secure                 the SMTP server offers no TLS or no sign-in that we may use
//	unreachable, timeout, connection_reset, cancelled   the network, or our own context
//	disk                       the local mailbox could not write
type Error struct {
	Outcome    Outcome
	Class      string
	RetryAfter time.Duration // how long the provider asks us to wait; 0 when it did not say
	Status     int           // the HTTP or SMTP status; 0 when there was no answer
	Err        error         // our words or the network's, never the provider's: those may quote an address. May be nil
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("mail " + string(e.Outcome) + ": " + e.Class)
	if e.Status != 0 {
		b.WriteString(" (" + strconv.Itoa(e.Status) + ")")
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	return b.String()
}

func (e *Error) Unwrap() error { return e.Err }

// networkClass names a failure in which no answer came.
func networkClass(ctx context.Context, err error) string {
	var timeout interface{ Timeout() bool }
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return "cancelled"
	case ctx.Err() != nil, errors.As(err, &timeout) && timeout.Timeout():
		return "timeout"
	}
	return "connection_reset"
}
