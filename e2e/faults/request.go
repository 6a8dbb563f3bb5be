package faults

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"time"

	"github.com/google/uuid"
)

// answer is what came back. Status 0 is no answer.
type answer struct {
	status   int
	location string
	body     []byte
}

// known reports that it is certain what became of the request. After no answer, or one from the 500s, it may have been
// carried out all the same: the reply to a commit can be lost. A program that is told to wait has not been answered yet; an
// agency whose link opens nothing has.
func (a answer) known() bool {
	code, outcome := a.refusal()
	return a.status != 0 && a.status < 500 && code != "rate_limited" && !(code == "conflict" && outcome == "in_flight")
}

func (a answer) good() bool { return a.status >= 200 && a.status < 400 }

// refusal is what a problem document of the API says.
func (a answer) refusal() (code, outcome string) {
	if a.good() {
		return "", ""
	}
	var p struct{ Code, Outcome string }
	if json.Unmarshal(a.body, &p) != nil {
		return "", "" // a page
	}
	return p.Code, p.Outcome
}

func (a answer) digest() string {
	if !a.good() {
		return ""
	}
	sum := sha256.Sum256(a.body)
	return hex.EncodeToString(sum[:8])
}

// impatience is how long a client waits for an answer: less than a frozen process takes, so that many requests end
// without one.
const impatience = 5 * time.Second

// newWeb is the clients' side of HTTP. Redirects are answers here.
func newWeb() *http.Client {
	dial := &net.Dialer{Timeout: 2 * time.Second}
	return &http.Client{Timeout: impatience,
		Transport:     &http.Transport{DialContext: dial.DialContext, MaxIdleConnsPerHost: 100, IdleConnTimeout: 30 * time.Second},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// send makes one attempt.
func (o *office) send(ctx context.Context, method, url string, header map[string]string, body []byte) answer {
	request, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return answer{}
	}
	for name, value := range header {
		request.Header.Set(name, value)
	}
	response, err := o.web.Do(request)
	if err != nil {
		return answer{}
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return answer{}
	}
	return answer{response.StatusCode, response.Header.Get("Location"), text}
}

// errUnanswered says that no certain answer came in the time there was.
var errUnanswered = errors.New("no certain answer")

// insist sends until it is known what became of the request, and tells of each certain answer and of giving up. Each
// attempt goes to either process.
func (l *life) insist(ctx context.Context, e Entry, send func(ctx context.Context, base string) answer) (answer, error) {
	for {
		e.Try++
		a := send(ctx, l.base())
		if a.known() {
			return a, l.note(e, a)
		}
		select {
		case <-ctx.Done():
			return answer{}, errors.Join(errUnanswered, l.note(e, answer{}))
		case <-time.After(time.Duration(100+rand.IntN(400)) * time.Millisecond):
		}
	}
}

// base is the process that this request goes to. Which one is not of the plan, so it does not use up its dice.
func (l *life) base() string { return l.bases[rand.IntN(len(l.bases))] }

// note writes an answer into the outside log.
func (l *life) note(e Entry, a answer) error {
	e.Status, e.Digest = a.status, a.digest()
	e.Code, e.Outcome = a.refusal()
	if a.good() && e.Via == "api" {
		var said struct {
			ID      uuid.UUID
			Version int
			State   string
		}
		if err := json.Unmarshal(a.body, &said); err != nil {
			return fmt.Errorf("read a good answer: %w", err)
		}
		e.Referral, e.Version, e.State = said.ID, said.Version, said.State
	}
	l.count(e)
	return l.ledger.Note(e)
}
