package mailtest

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	randv2 "math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"
)

// Events say how a stand-in reports what becomes of the emails it takes, as SendGrid's Event Webhook does: signed, in
// batches, again until it is answered 2xx. The zero value of each share and of Delay is none.
type Events struct {
	URL string            // of the webhook
	Key *ecdsa.PrivateKey // NewEventKey makes one
	// Fate gives the events of an email in their order; nil: processed, then delivered. "blocked" is a bounce of that type.
	Fate func(Received) []string
	// Shares of the events, from 0 to 1, that are never told, told twice, and told after later ones.
	Drop, Duplicate, Reorder float64
	Delay                    time.Duration // the longest before an event is told
	Seed                     uint64        // the same seed gives the same choices for the same emails in the same order
}

// NewEventKey makes a key, and what SendGrid would show of it: the setting SENDGRID_WEBHOOK_KEY.
func NewEventKey() (key *ecdsa.PrivateKey, public string) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err) // the system gives no random bytes
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		panic(err) // the curve is a known one
	}
	return key, base64.StdEncoding.EncodeToString(der)
}

// Headers of a signed request.
const (
	SignatureHeader = "X-Twilio-Email-Event-Webhook-Signature"
	TimestampHeader = "X-Twilio-Email-Event-Webhook-Timestamp"
)

// Sign signs a body as SendGrid does: ECDSA over the SHA-256 of timestamp and body.
func Sign(key *ecdsa.PrivateKey, timestamp string, body []byte) string {
	sum := sha256.Sum256(append([]byte(timestamp), body...))
	signature, err := ecdsa.SignASN1(rand.Reader, key, sum[:])
	if err != nil {
		panic(err) // the system gives no random bytes
	}
	return base64.StdEncoding.EncodeToString(signature)
}

// Event is one that the stand-in tells, or keeps to itself.
type Event struct {
	ID, MID, Word string
	At            time.Time
	Dropped       bool
	Told          int // how often the webhook answered it with 2xx
}

// telling is an event on its way.
type telling struct {
	of  int // index in the reporter's events
	raw json.RawMessage
	due time.Time
}

// reporter tells the events of a stand-in.
type reporter struct {
	Events
	dice   *randv2.Rand
	client *http.Client
	all    []Event
	queue  []telling
	flying int // batches under way
}

// maxBatch is how many events go in one request.
const maxBatch = 50

// Report has the stand-in tell the events of the emails that it takes from now on. It may be called again, to report
// elsewhere or otherwise; what has not been told yet goes by the new way too.
func (s *StandIn) Report(e Events) {
	s.mu.Lock()
	defer s.mu.Unlock()
	dice := randv2.New(randv2.NewPCG(e.Seed, e.Seed))
	if s.reporter != nil {
		s.reporter.Events, s.reporter.dice = e, dice
		return
	}
	s.reporter = &reporter{Events: e, dice: dice, client: &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{}}}
	go s.tell()
}

// Say has the stand-in tell further events of an email, after those it has told of it: a complaint, say.
func (s *StandIn) Say(m Received, words ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.reporter != nil {
		s.reporter.plan(m, words, time.Now())
	}
}

// Events are all events so far, told or not, in the order they happened.
func (s *StandIn) Events() []Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.reporter == nil {
		return nil
	}
	return slices.Clone(s.reporter.all)
}

// WaitForEvents returns nil as soon as nothing is left to be told, and the context's error when that ends first.
func (s *StandIn) WaitForEvents(ctx context.Context) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		s.mu.Lock()
		r := s.reporter
		done := r == nil || (len(r.queue) == 0 && r.flying == 0)
		s.mu.Unlock()
		if done {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("wait for events: %w", ctx.Err())
		}
	}
}

// took plans the events of an email. The lock is held.
func (r *reporter) took(m Received) {
	words := []string{"processed", "delivered"}
	if r.Fate != nil {
		words = r.Fate(m)
	}
	r.plan(m, words, m.At)
}

func (r *reporter) plan(m Received, words []string, at time.Time) {
	for i, word := range words {
		e := Event{ID: base64.RawURLEncoding.EncodeToString([]byte(uuid.NewString())), MID: m.MID, Word: word, At: at, Dropped: r.dice.Float64() < r.Drop}
		r.all = append(r.all, e)
		// In their order, unless this one is to come late.
		due := at.Add(time.Duration(r.dice.Float64() * float64(r.Delay) * float64(i+1) / float64(len(words))))
		if r.dice.Float64() < r.Reorder {
			due = due.Add(r.Delay + 50*time.Millisecond)
		}
		twice := r.dice.Float64() < r.Duplicate
		if e.Dropped {
			continue
		}
		t := telling{of: len(r.all) - 1, raw: e.json(m), due: due}
		r.queue = append(r.queue, t)
		if twice {
			t.due = due.Add(time.Duration(r.dice.Float64() * float64(r.Delay)))
			r.queue = append(r.queue, t)
		}
	}
}

// json is the event as SendGrid writes it: the custom arguments stand among its own fields.
func (e Event) json(m Received) json.RawMessage {
	fields := map[string]any{"email": m.To, "timestamp": e.At.Unix(), "event": e.Word, "sg_event_id": e.ID, "mid": e.MID,
		"sg_message_id": m.ProviderID + ".filterdrecv-stand-in-1", "smtp-id": "<" + m.ProviderID + "@stand-in.example>"}
	switch e.Word {
	case "blocked":
		fields["event"], fields["type"], fields["reason"] = "bounce", "blocked", "450 try later"
	case "bounce":
		fields["type"], fields["status"], fields["reason"] = "bounce", "5.1.1", "550 no such user "+m.To
	case "dropped":
		fields["reason"] = "Bounced Address"
	case "deferred":
		fields["response"], fields["attempt"] = "451 busy", "1"
	case "delivered":
		fields["response"] = "250 OK"
	}
	raw, err := json.Marshal(fields)
	if err != nil {
		panic(err) // texts and a number
	}
	return raw
}

// tell sends what is due until the stand-in is closed. A batch that is refused holds up no other.
func (s *StandIn) tell() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	defer s.reporter.client.CloseIdleConnections()
	for {
		select {
		case <-s.closed:
			return
		case <-tick.C:
		}
		s.mu.Lock()
		batch := s.reporter.due(time.Now())
		s.mu.Unlock()
		if len(batch) > 0 {
			go s.deliver(ctx, batch)
		}
	}
}

// due takes out of the queue what is to be told now.
func (r *reporter) due(now time.Time) (batch []telling) {
	slices.SortStableFunc(r.queue, func(a, b telling) int { return a.due.Compare(b.due) })
	n := 0
	for n < len(r.queue) && n < maxBatch && !r.queue[n].due.After(now) {
		n++
	}
	batch = slices.Clone(r.queue[:n])
	r.queue = slices.Delete(r.queue, 0, n)
	if n > 0 {
		r.flying++
	}
	return batch
}

// deliver posts one batch until it is answered 2xx, pausing longer each time. Body, timestamp and signature stay as they
// were first: SendGrid does not say that it signs anew.
func (s *StandIn) deliver(ctx context.Context, batch []telling) {
	raws := make([]json.RawMessage, len(batch))
	for i, t := range batch {
		raws[i] = t.raw
	}
	body, err := json.Marshal(raws)
	if err != nil {
		panic(err) // each is JSON
	}
	timestamp := strconv.FormatInt(time.Now().Unix(), 10)
	pause := 20 * time.Millisecond
	for !s.post(ctx, timestamp, body) {
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
			pause = min(2*pause, 2*time.Second)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range batch {
		s.reporter.all[t.of].Told++
	}
	s.reporter.flying--
}

func (s *StandIn) post(ctx context.Context, timestamp string, body []byte) bool {
	s.mu.Lock()
	url, key, client := s.reporter.URL, s.reporter.Key, s.reporter.client
	s.mu.Unlock()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return false
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "SendGrid Event API")
	r.Header.Set(TimestampHeader, timestamp)
	r.Header.Set(SignatureHeader, Sign(key, timestamp, body))
	answer, err := client.Do(r)
	if err != nil {
		return false
	}
	_ = answer.Body.Close()
	return answer.StatusCode/100 == 2
}
