package mail

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/sendgrid/rest"
)

// handover watches whether a request can have reached the provider whole. The transport may use more than one
// connection for a request, so it counts.
type handover struct {
	connections atomic.Int32 // connections the request was given to
	cutShort    atomic.Int32 // of those, where writing it failed: the provider has a part at most, and drops it
}

func (h *handover) watch(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { h.connections.Add(1) },
		WroteRequest: func(info httptrace.WroteRequestInfo) {
			if info.Err != nil {
				h.cutShort.Add(1)
			}
		},
	})
}

// mayHaveArrived errs on the side of true: a write that succeeded into a buffer, or was never reported, counts.
func (h *handover) mayHaveArrived() bool {
	return h.connections.Load() > h.cutShort.Load()
}

// noAnswer is the error of a request that got no status.
func (h *handover) noAnswer(ctx context.Context, err error) *Error {
	e := &Error{Outcome: NotSent, Class: networkClass(ctx, err), Err: err}
	if h.mayHaveArrived() {
		e.Outcome = Ambiguous
	} else if h.connections.Load() == 0 && e.Class == "connection_reset" {
		e.Class = "unreachable"
	}
	return e
}

// sendGridError maps an answer other than 202.
// Source: https://www.twilio.com/docs/sendgrid/api-reference/how-to-use-the-sendgrid-v3-api/responses
func sendGridError(r *rest.Response, now time.Time) *Error {
	e := &Error{Outcome: Rejected, Status: r.StatusCode, Err: faultyFields(r.Body)}
	switch {
	case r.StatusCode == http.StatusTooManyRequests:
		e.Outcome, e.Class = NotSent, "rate_limited"
		e.RetryAfter = retryAfter(r.Headers, now)
	case r.StatusCode == http.StatusUnauthorized:
		e.Class = "unauthorized"
	case r.StatusCode == http.StatusForbidden:
		e.Class = "forbidden"
	case r.StatusCode == http.StatusRequestEntityTooLarge:
		e.Class = "too_large"
	case r.StatusCode >= 500:
		e.Outcome, e.Class = Ambiguous, "server_error"
	case r.StatusCode >= 400:
		e.Class = "bad_request"
	case r.StatusCode >= 300:
		e.Class = "unexpected_status"
	default:
		e.Outcome, e.Class = Ambiguous, "unexpected_status"
	}
	return e
}

var fieldPath = regexp.MustCompile(`^[a-z0-9_.]{1,80}$`)

// faultyFields names the fields SendGrid objects to. Its message texts are left out: they quote values.
func faultyFields(body string) error {
	var answer struct {
		Errors []struct {
			Field string `json:"field"`
		} `json:"errors"`
	}
	// A body that is not SendGrid's JSON has no field to name.
	if json.Unmarshal([]byte(body), &answer) != nil {
		return nil
	}
	var fields []string
	for _, fault := range answer.Errors {
		if fault.Field != "null" && fieldPath.MatchString(fault.Field) {
			fields = append(fields, fault.Field)
		}
	}
	if len(fields) == 0 {
		return nil
	}
	return fmt.Errorf("fields %s", strings.Join(fields, ", "))
}

// retryAfter reads when the limit is lifted: X-RateLimit-Reset (Unix seconds, by the clock of the answer's Date, since
// ours may be wrong by hours), else Retry-After (seconds). At least a second, at most an hour; 0 when neither is given.
func retryAfter(headers http.Header, now time.Time) time.Duration {
	var wait time.Duration
	if theirs, err := http.ParseTime(headers.Get("Date")); err == nil {
		now = theirs
	}
	if reset, err := strconv.ParseInt(headers.Get("X-RateLimit-Reset"), 10, 64); err == nil {
		wait = time.Unix(reset, 0).Sub(now)
	} else if seconds, err := strconv.ParseInt(headers.Get("Retry-After"), 10, 64); err == nil {
		wait = time.Duration(min(seconds, 3600)) * time.Second
	} else {
		return 0
	}
	return min(max(wait, time.Second), time.Hour)
}
