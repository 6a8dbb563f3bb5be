package mail

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"

	gomail "github.com/wneessen/go-mail"
)

// greetingError maps a failure before the message was begun: connecting, TLS, sign-in.
func greetingError(ctx context.Context, err error) *Error {
	var answer *textproto.Error
	var network net.Error
	switch {
	case errors.As(err, &answer):
		return smtpAnswer(answer.Code, "before the message")
	case ctx.Err() != nil:
		return &Error{Outcome: NotSent, Class: networkClass(ctx, err), Err: ctx.Err()}
	case errors.As(err, &network), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return &Error{Outcome: NotSent, Class: "unreachable", Err: err}
	}
	return &Error{Outcome: Rejected, Class: "not_secure", Err: fmt.Errorf("the server offers no TLS or no sign-in that we may use")}
}

// deliveryError maps a failure from MAIL FROM on. go-mail's text is dropped: it quotes the recipient and the server.
func deliveryError(ctx context.Context, err error) *Error {
	var failed *gomail.SendError
	if !errors.As(err, &failed) {
		return &Error{Outcome: Ambiguous, Class: networkClass(ctx, err)}
	}
	phase := failed.Reason.String()
	if code := failed.ErrorCode(); code != 0 {
		return smtpAnswer(code, phase)
	}
	e := &Error{Outcome: NotSent, Class: networkClass(ctx, err), Err: fmt.Errorf("no answer while %s", phase)}
	// Only the final dot hands a message over: without it, a server has to drop what it has (RFC 5321, 4.1.1.4).
	if failed.Reason == gomail.ErrSMTPDataClose {
		e.Outcome = Ambiguous
	}
	return e
}

// smtpAnswer maps a reply code. It is definite in each phase: after a 4xx or 5xx to the final dot, the server must not
// deliver (RFC 5321, 4.2.5).
func smtpAnswer(code int, phase string) *Error {
	e := &Error{Outcome: Rejected, Class: "bounced_5xx", Status: code, Err: fmt.Errorf("refused %s", phase)}
	switch {
	case code < 500:
		e.Outcome, e.Class = NotSent, "deferred_4xx"
	case code == 530 || code == 534 || code == 535 || code == 538:
		e.Class = "unauthorized"
	}
	return e
}
