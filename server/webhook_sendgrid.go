package server

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"throughline/casework"
	"throughline/referral"
)

// SendGrid's signed Event Webhook.
// Source: https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/getting-started-event-webhook-security-features

const (
	sendGridPath      = "/webhooks/sendgrid"
	sendGridSignature = "X-Twilio-Email-Event-Webhook-Signature"
	sendGridTimestamp = "X-Twilio-Email-Event-Webhook-Timestamp"
	// maxEventBody is more than five times what SendGrid puts in one request, 768 KB.
	maxEventBody = 4 << 20
	// How far a request's own time may be from ours. SendGrid tries for a day, and does not say that it signs anew each
	// time: a narrower window would lose bounces. What is late is taken, and told to those who watch.
	oldestRequest, lateRequest, earlyRequest = 25 * time.Hour, 5 * time.Minute, 5 * time.Minute
)

var (
	errSignature  = &referral.Error{Code: referral.CodeForbidden, Message: "the signature is missing or not good"}
	errTimestamp  = &referral.Error{Code: referral.CodeForbidden, Message: "the timestamp is too old or in the future"}
	errEvents     = &referral.Error{Code: referral.CodeMalformed, Message: "the body is not a list of events"}
	errEventsSize = &referral.Error{Code: referral.CodeTooLarge, Message: "the body holds more than a batch of events"}
)

// ofWebhook reports a path that other services post to: no page, no form, no cookie, and a limit of its own.
func ofWebhook(c echo.Context) bool { return c.Request().URL.Path == sendGridPath }

// sendGridEvents takes in what SendGrid says of letters: 2xx as soon as all of it is kept, whatever it asks for. Answers
// other than 2xx have SendGrid send the same batch again for a day. Forbidden for a signature that is not good and for a
// request from another day; rate_limited, before anything else is looked at; too_large; malformed when it is no list;
// unavailable, with nothing kept, when the record is away.
func (s *Server) sendGridEvents(c echo.Context) error {
	if err := tooOften(s.byAddress(c, s.limits.batches), "", "too many requests"); err != nil {
		s.count("too_often")
		return err
	}
	if c.Request().ContentLength > maxEventBody {
		return s.refuseEvents(c, "too_large", errEventsSize)
	}
	body, err := io.ReadAll(c.Request().Body)
	if tooLong := (*http.MaxBytesError)(nil); errors.As(err, &tooLong) {
		return s.refuseEvents(c, "too_large", errEventsSize)
	}
	if err != nil {
		return malformed("the body could not be read to its end")
	}
	at, class, err := s.verified(c.Request().Header, body)
	if err != nil {
		return s.refuseEvents(c, class, err)
	}
	events, ok := readEvents(body, s.clock.Now())
	switch {
	case !ok:
		return s.refuseEvents(c, "malformed", errEvents)
	case len(events) > maxEvents:
		return s.refuseEvents(c, "too_many", errEventsSize)
	}
	heard, err := s.desk.Hear(c.Request().Context(), events)
	if err != nil {
		s.count("unavailable")
		return err
	}
	s.sayHeard(c, heard, s.clock.Now().Sub(at))
	return c.NoContent(http.StatusOK)
}

var unixSeconds = regexp.MustCompile(`^[0-9]{1,12}$`)

// verified holds a request to its signature and its time, in that order: what is not signed says nothing.
func (s *Server) verified(h http.Header, body []byte) (at time.Time, class string, err error) {
	timestamp := h.Get(sendGridTimestamp)
	signature, err := base64.StdEncoding.DecodeString(h.Get(sendGridSignature))
	if err != nil || !unixSeconds.MatchString(timestamp) || !s.signed(timestamp, body, signature) {
		return at, "bad_signature", errSignature
	}
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil {
		return at, "bad_signature", errSignature
	}
	at = time.Unix(seconds, 0)
	switch age := s.clock.Now().Sub(at); {
	case age > oldestRequest:
		return at, "too_old", errTimestamp
	case age < -earlyRequest:
		return at, "in_the_future", errTimestamp
	}
	return at, "", nil
}

// signed reports a signature by any of the keys: while keys are changed, requests come signed with the old one still.
func (s *Server) signed(timestamp string, body, signature []byte) bool {
	digest := sha256.New()
	digest.Write([]byte(timestamp))
	digest.Write(body)
	sum := digest.Sum(nil)
	for _, key := range s.cfg.SendGridKeys {
		if ecdsa.VerifyASN1(key, sum, signature) {
			return true
		}
	}
	return false
}

// refuseEvents says on the log why a batch was not taken. Anyone can send one without a good signature; all else means
// that events are being lost, or someone has an old batch of ours.
func (s *Server) refuseEvents(c echo.Context, class string, err error) error {
	s.count(class)
	if class == "bad_signature" {
		s.log.WarnContext(c.Request().Context(), "events of the mail provider were refused", "class", class)
		return err
	}
	s.alarm(c, "events of the mail provider were refused", class)
	return err
}

// count tells what became of a batch.
func (s *Server) count(answer string) {
	if s.told != nil {
		s.told(answer)
	}
}

// alarm writes a line that someone should be woken by; docs/operations.md says what to do about each class.
func (s *Server) alarm(c echo.Context, what, class string, more ...any) {
	s.log.ErrorContext(c.Request().Context(), what, append([]any{"alarm", true, "class", class}, more...)...)
}

// sayHeard tells those who watch what is out of the ordinary about a batch that was taken.
func (s *Server) sayHeard(c echo.Context, heard casework.Heard, age time.Duration) {
	answer := "taken"
	if age > lateRequest {
		answer = "late"
		s.alarm(c, "events of the mail provider came late", answer, "minutes", int(age.Minutes()))
	}
	s.count(answer)
	for class, n := range heard.Aside {
		s.log.WarnContext(c.Request().Context(), "events of the mail provider were kept aside", "class", class, "events", n)
	}
}
