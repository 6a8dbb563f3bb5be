package mailtest

import (
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"time"
)

// Fault is one way to fail. The request is read whole first, whichever it is.
type Fault struct {
	status int           // answer with it
	reset  time.Duration // with 429: when the limit is lifted, from now
	take   bool          // the email counts as taken before the failure
	hangUp bool          // RST instead of an answer
	hold   bool          // no answer until the client gives up
}

var (
	// Reset cuts the connection with an RST; the email was not taken, which the client cannot know.
	Reset = Fault{hangUp: true}
	// AcceptThenReset takes the email, then cuts the connection.
	AcceptThenReset = Fault{take: true, hangUp: true}
	// AcceptThenTimeout takes the email and never answers.
	AcceptThenTimeout = Fault{take: true, hold: true}
)

// Status answers with an HTTP status and SendGrid's error body: 400, 401, 403, 413, 500 …
func Status(code int) Fault { return Fault{status: code} }

// RateLimited answers 429 with X-RateLimit-Reset that far from now; SendGrid counts in whole seconds.
func RateLimited(reset time.Duration) Fault {
	return Fault{status: http.StatusTooManyRequests, reset: reset}
}

// FailNext has the next n requests fail, after those already told to.
func (s *StandIn) FailNext(n int, f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for range n {
		s.faults = append(s.faults, f)
	}
}

// FailRate has each request that no FailNext claims fail with probability rate, from 0 (off) to 1 (always). The same
// seed gives the same sequence.
func (s *StandIn) FailRate(rate float64, seed uint64, f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rate = faultRate{rate: rate, fault: f, dice: rand.New(rand.NewPCG(seed, seed))}
}

type faultRate struct {
	rate  float64
	fault Fault
	dice  *rand.Rand
}

// nextFault is called with the lock held; the zero Fault means answer 202.
func (s *StandIn) nextFault() Fault {
	if len(s.faults) > 0 {
		f := s.faults[0]
		s.faults = s.faults[1:]
		return f
	}
	if s.rate.rate > 0 && s.rate.dice.Float64() < s.rate.rate {
		return s.rate.fault
	}
	return Fault{}
}

// fail does what the fault says; false means that nothing failed and the request is to be answered 202.
func (s *StandIn) fail(w http.ResponseWriter, r *http.Request, f Fault) bool {
	switch {
	case f.hangUp:
		hangUp(w)
	case f.hold:
		select {
		case <-r.Context().Done():
		case <-s.closed:
		}
		panic(http.ErrAbortHandler)
	case f.status != 0:
		if f.status == http.StatusTooManyRequests {
			// Rounded up, as SendGrid counts whole seconds and an earlier retry would be refused.
			lifted := time.Now().Add(f.reset + time.Second - 1).Unix()
			w.Header().Set("X-RateLimit-Limit", "600")
			w.Header().Set("X-RateLimit-Remaining", "0")
			w.Header().Set("X-RateLimit-Reset", strconv.FormatInt(lifted, 10))
		}
		answerError(w, f.status, http.StatusText(f.status), "")
	default:
		return false
	}
	return true
}

// hangUp closes the connection with an RST, so that the client sees "connection reset" rather than an orderly end.
func hangUp(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}
