package server

import (
	"bytes"
	"crypto/ecdsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"throughline/casework"
	"throughline/internal/seal/sealtest"
	"throughline/mail/mailtest"
)

// listening is a helpline that SendGrid reports to.
type listening struct {
	*helpline
	key    *ecdsa.PrivateKey
	letter uuid.UUID      // that SendGrid has
	told   map[string]int // what became of batches, as it is counted
}

func listen(t *testing.T, former ...*ecdsa.PublicKey) *listening {
	t.Helper()
	key, _ := mailtest.NewEventKey()
	l := &listening{helpline: newHelpline(t, Config{SendGridKeys: append([]*ecdsa.PublicKey{&key.PublicKey}, former...)}), key: key, told: map[string]int{}}
	l.server.told = func(answer string) { l.told[answer]++ }
	l.desk.Reports = "test"
	made, _ := l.offered()
	l.must(l.db.Get(&l.letter, `SELECT id FROM messages WHERE referral_id = $1`, made.ReferralID))
	return l
}

// event is one as SendGrid writes it, about the letter, with some fields changed; nil takes a field out.
func (l *listening) event(change map[string]any) map[string]any {
	e := map[string]any{"email": "canary@pantry.example", "event": "bounce", "sg_event_id": uuid.NewString(), "mid": l.letter.String(),
		"timestamp": l.clock.Now().Unix(), "reason": "550 no such user canary@pantry.example", "sg_message_id": "x.y"}
	for k, v := range change {
		if e[k] = v; v == nil {
			delete(e, k)
		}
	}
	return e
}

func batch(events ...any) []byte {
	raw, err := json.Marshal(events)
	if err != nil {
		panic(err)
	}
	return append(raw, '\r', '\n')
}

func (l *listening) now() string { return strconv.FormatInt(l.clock.Now().Unix(), 10) }

// post sends a body as it is.
func (l *listening) post(body []byte, timestamp, signature string) int {
	l.t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/webhooks/sendgrid", bytes.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "SendGrid Event API")
	r.Header.Set("X-Twilio-Email-Event-Webhook-Timestamp", timestamp)
	r.Header.Set("X-Twilio-Email-Event-Webhook-Signature", signature)
	w := httptest.NewRecorder()
	l.server.ServeHTTP(w, r)
	if strings.Contains(w.Body.String(), "anary") {
		l.t.Errorf("the answer repeats what was sent: %s", w.Body)
	}
	return w.Code
}

// say sends events as SendGrid does.
func (l *listening) say(events ...any) int {
	l.t.Helper()
	body := batch(events...)
	return l.post(body, l.now(), mailtest.Sign(l.key, l.now(), body))
}

func (l *listening) is(got, want int, what string) {
	l.t.Helper()
	if got != want {
		l.t.Errorf("%s: answered %d, want %d", what, got, want)
	}
}

// logs demands a line of the log with all of these in it.
func (l *listening) logs(parts ...string) {
	l.t.Helper()
	for line := range strings.Lines(l.log.String()) {
		has := true
		for _, p := range parts {
			has = has && strings.Contains(line, p)
		}
		if has {
			return
		}
	}
	l.t.Errorf("no line of the log has %q:\n%s", parts, l.log)
}

func (l *listening) counts(answer string, want int) {
	l.t.Helper()
	if l.told[answer] != want {
		l.t.Errorf("%d batches are counted as %s, want %d: %v", l.told[answer], answer, want, l.told)
	}
}

func (l *listening) logsNot(part string) {
	l.t.Helper()
	if strings.Contains(l.log.String(), part) {
		l.t.Errorf("the log has %q", part)
	}
}

// apply does what was heard, as the dispatcher does.
func (l *listening) apply() {
	l.t.Helper()
	letters, err := l.desk.LettersWithEvents(l.t.Context(), 100)
	l.must(err)
	for _, id := range letters {
		l.must(l.desk.ApplyEvents(l.t.Context(), id))
	}
}

func TestABounceBecomesACall(t *testing.T) {
	t.Parallel()
	l := listen(t)
	e := l.event(nil)
	l.is(l.say(e), 200, "a bounce")
	l.count(1, `SELECT count(*) FROM provider_events WHERE outcome = '' AND kind = 'bounce' AND message_id = $1`, l.letter)
	var raw []byte
	l.must(l.db.Get(&raw, `SELECT raw FROM provider_events`))
	if want, _ := json.Marshal(e); !bytes.Equal(raw, want) {
		t.Errorf("kept as %s, want %s", raw, want)
	}
	l.apply()
	var id uuid.UUID
	l.must(l.db.Get(&id, `SELECT referral_id FROM messages WHERE id = $1`, l.letter))
	got := l.ask("GET", "/referrals/"+id.String(), l.navigator, "").is(200)
	if step := got.Body["step"].(map[string]any); step["cause"] != "mail_failed" || step["task_kind"] != "call_agency" {
		t.Errorf("next is %v", step)
	}
	l.is(l.say(e), 200, "the same again")
	l.count(1, `SELECT count(*) FROM provider_events`)
	l.logsNot("canary")
	l.logsNot("alarm")
}

func TestEventsThatAreNotSendGrids(t *testing.T) {
	t.Parallel()
	l := listen(t)
	body, stranger := batch(l.event(nil)), func() *ecdsa.PrivateKey { k, _ := mailtest.NewEventKey(); return k }()
	good := mailtest.Sign(l.key, l.now(), body)
	later := strconv.FormatInt(l.clock.Now().Unix()+1, 10)
	for name, c := range map[string]struct {
		body                 []byte
		timestamp, signature string
	}{
		"unsigned":            {body, l.now(), ""},
		"no time":             {body, "", good},
		"nothing":             {body, "", ""},
		"another's key":       {body, l.now(), mailtest.Sign(stranger, l.now(), body)},
		"another body":        {batch(l.event(nil)), l.now(), good},
		"written anew":        {bytes.TrimSpace(body), l.now(), good},
		"written more widely": {bytes.Replace(body, []byte(`","`), []byte(`", "`), 1), l.now(), good},
		"another time":        {body, later, good},
		"no base64":           {body, l.now(), "!" + good},
		"half of it":          {body, l.now(), good[:40]},
		"zeros":               {body, l.now(), base64.StdEncoding.EncodeToString(make([]byte, 70))},
		"signed in words":     {body, "now", mailtest.Sign(l.key, "now", body)},
		"signed minus":        {body, "-5", mailtest.Sign(l.key, "-5", body)},
		"signed for ever":     {body, "99999999999999999999", mailtest.Sign(l.key, "99999999999999999999", body)},
		"an empty body":       {nil, l.now(), good},
	} {
		l.is(l.post(c.body, c.timestamp, c.signature), 403, name)
	}
	l.logs("events of the mail provider were refused", "class=bad_signature")
	l.logsNot("alarm")
	l.count(0, `SELECT count(*) FROM provider_events`)
	l.is(l.post(body, l.now(), good), 200, "none of it kept the good one out")
	l.counts("bad_signature", 15)
	l.counts("taken", 1)
}

func TestTheTimeOfABatch(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		age    time.Duration
		status int
		log    string // "" for none
	}{
		"of now":               {0, 200, ""},
		"a clock ahead":        {-5 * time.Minute, 200, ""},
		"from the future":      {-5*time.Minute - time.Second, 403, "class=in_the_future"},
		"on its way for long":  {5 * time.Minute, 200, ""},
		"late":                 {5*time.Minute + time.Second, 200, "class=late"},
		"tried for a day":      {25 * time.Hour, 200, "class=late"},
		"from another day":     {25*time.Hour + time.Second, 403, "class=too_old"},
		"a replay of long ago": {26 * time.Hour, 403, "class=too_old"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := listen(t)
			at := strconv.FormatInt(l.clock.Now().Add(-c.age).Unix(), 10)
			body := batch(l.event(nil))
			l.is(l.post(body, at, mailtest.Sign(l.key, at, body)), c.status, name)
			l.count(map[int]int{200: 1, 403: 0}[c.status], `SELECT count(*) FROM provider_events`)
			if c.log == "" {
				l.logsNot("alarm")
				l.counts("taken", 1)
				return
			}
			l.counts(strings.TrimPrefix(c.log, "class="), 1)
			l.logs("level=ERROR", "alarm=true", c.log)
		})
	}
}

func TestBatchesOfAnySize(t *testing.T) {
	t.Parallel()
	l := listen(t)
	var many []any
	for range 1000 {
		many = append(many, l.event(map[string]any{"response": strings.Repeat("x", 400)}))
	}
	l.is(l.say(many...), 200, "more than a form may hold")
	l.count(1000, `SELECT count(*) FROM provider_events`)
	huge := batch(l.event(map[string]any{"reason": strings.Repeat("x", 4<<20)}))
	l.is(l.post(huge, l.now(), mailtest.Sign(l.key, l.now(), huge)), 413, "too long")
	l.logs("level=ERROR", "alarm=true", "class=too_large")
	r := httptest.NewRequest(http.MethodPost, "/webhooks/sendgrid", struct{ *bytes.Reader }{bytes.NewReader(huge)})
	r.ContentLength = -1
	w := httptest.NewRecorder()
	l.server.ServeHTTP(w, r)
	l.is(w.Code, 413, "too long without saying so")
	l.is(l.say(make([]any, maxEvents+1)...), 413, "too many")
	l.logs("alarm=true", "class=too_many")
	for _, body := range []string{"", "{}", "null", "[", "7", `"events"`, "[1,]", string(batch(l.event(nil))) + "[]", "mid=1"} {
		l.is(l.post([]byte(body), l.now(), mailtest.Sign(l.key, l.now(), []byte(body))), 400, body)
	}
	l.logs("alarm=true", "class=malformed")
	l.counts("too_large", 2)
	l.counts("too_many", 1)
	l.counts("malformed", 9)
	l.is(l.post([]byte("[]"), l.now(), mailtest.Sign(l.key, l.now(), []byte("[]"))), 200, "none")
	l.count(1000, `SELECT count(*) FROM provider_events`)
}

// One event that can't be understood keeps none of the others from being heard, and is kept aside once.
func TestABadEventAmongGoodOnes(t *testing.T) {
	t.Parallel()
	l := listen(t)
	old, future := l.clock.Now().AddDate(0, 0, -31).Unix(), l.clock.Now().AddDate(0, 0, 2).Unix()
	bad := map[string][]any{
		"not_an_object":  {nil, 7, "bounce", []any{}, true},
		"no_event_id":    {l.event(map[string]any{"sg_event_id": nil}), l.event(map[string]any{"sg_event_id": 7}), l.event(map[string]any{"sg_event_id": ""}), l.event(map[string]any{"sg_event_id": "a\x00b"}), l.event(map[string]any{"sg_event_id": strings.Repeat("x", 201)})},
		"bad_message_id": {l.event(map[string]any{"mid": "canary"}), l.event(map[string]any{"mid": 7}), l.event(map[string]any{"mid": "{" + l.letter.String() + "}"}), l.event(map[string]any{"mid": ""})},
		"no_message_id":  {l.event(map[string]any{"mid": nil})},
		"bad_time": {l.event(map[string]any{"timestamp": nil}), l.event(map[string]any{"timestamp": "soon"}), l.event(map[string]any{"timestamp": old}),
			l.event(map[string]any{"timestamp": future}), l.event(map[string]any{"timestamp": 1.5}), l.event(map[string]any{"timestamp": 1 << 60}), l.event(map[string]any{"timestamp": -1})},
		"no_message": {l.event(map[string]any{"mid": uuid.NewString()})},
		"unknown_kind": {l.event(map[string]any{"event": "machine_opened"}), l.event(map[string]any{"event": nil}), l.event(map[string]any{"event": 7}),
			l.event(map[string]any{"event": "canary <script>"})},
	}
	events := []any{l.event(map[string]any{"event": "processed"})}
	for _, list := range bad {
		events = append(events, list...)
	}
	events = append(events, l.event(map[string]any{"event": "delivered"}), l.event(map[string]any{"event": "open"}))
	for range 2 {
		l.is(l.say(events...), 200, "a mixed batch")
		l.count(len(events), `SELECT count(*) FROM provider_events`)
	}
	for class, list := range bad {
		l.count(len(list), `SELECT count(*) FROM provider_events WHERE outcome = '`+class+`'`)
		l.logs("level=WARN", "kept aside", "class="+class, fmt.Sprintf("events=%d", len(list)))
	}
	l.logsNot("canary")
	l.apply()
	l.count(2, `SELECT count(*) FROM provider_events WHERE outcome = 'applied'`)
	l.count(1, `SELECT count(*) FROM provider_events WHERE outcome = 'no_effect'`)
	l.count(1, `SELECT count(*) FROM messages WHERE final = 'delivered'`)
}

func TestABlockIsNoBounce(t *testing.T) {
	t.Parallel()
	l := listen(t)
	l.is(l.say(l.event(map[string]any{"type": "blocked"}), l.event(map[string]any{"type": "blocked", "event": "delivered"}), l.event(map[string]any{"type": 7})), 200, "a block")
	l.count(1, `SELECT count(*) FROM provider_events WHERE kind = 'blocked'`)
	l.count(1, `SELECT count(*) FROM provider_events WHERE kind = 'delivered'`)
	l.count(1, `SELECT count(*) FROM provider_events WHERE kind = 'bounce'`)
}

func TestWithoutAKeyNobodyIsListenedTo(t *testing.T) {
	t.Parallel()
	l := &listening{helpline: newHelpline(t, Config{})}
	l.key, _ = mailtest.NewEventKey()
	l.is(l.say(l.event(nil)), 404, "no key is set")
	l.count(0, `SELECT count(*) FROM provider_events`)
	w := httptest.NewRecorder()
	listen(t).server.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/webhooks/sendgrid", nil))
	l.is(w.Code, 405, "it is looked at")
}

// The record is away: SendGrid is told to come back, and nothing was half kept.
func TestTheRecordIsAwayWhenEventsCome(t *testing.T) {
	t.Parallel()
	l := listen(t)
	good, bad := l.event(nil), l.event(map[string]any{"mid": nil})
	l.must(func() error {
		_, err := l.db.Exec(`ALTER TABLE provider_events ADD CONSTRAINT full_disk CHECK (outcome <> 'no_message_id')`)
		return err
	}())
	if status := l.say(good, bad); status/100 == 2 {
		t.Errorf("answered %d, and not all of it is kept", status)
	}
	l.count(0, `SELECT count(*) FROM provider_events`)
	l.server.deadline = 300 * time.Millisecond
	held, err := l.db.Beginx()
	l.must(err)
	defer held.Rollback() //nolint:errcheck // it ends with the database
	_, err = held.Exec(`LOCK TABLE provider_events IN ACCESS EXCLUSIVE MODE`)
	l.must(err)
	l.is(l.say(good), 503, "the record does not answer")

	away, err := sqlx.Open("postgres", "postgres://nobody@127.0.0.1:1/nothing?sslmode=disable")
	l.must(err)
	defer away.Close()
	l.server.desk = casework.New(away, l.clock, sealtest.Keyring(), nil)
	l.is(l.say(good), 503, "the record can't be reached")
	l.counts("unavailable", 3)
}
