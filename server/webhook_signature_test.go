package server

import (
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"throughline/db"
	"throughline/internal/clock"
	"throughline/mail/mailtest"
	"throughline/referral"
)

func publicKey(t *testing.T, shown string) *ecdsa.PublicKey {
	t.Helper()
	der, err := base64.StdEncoding.DecodeString(shown)
	if err != nil {
		t.Fatal(err)
	}
	key, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		t.Fatal(err)
	}
	return key.(*ecdsa.PublicKey)
}

// While keys are changed, both are good.
func TestKeysAreChangedWithoutALoss(t *testing.T) {
	t.Parallel()
	former, _ := mailtest.NewEventKey()
	l := listen(t, &former.PublicKey)
	for name, key := range map[string]*ecdsa.PrivateKey{"present": l.key, "former": former} {
		body := batch(l.event(nil))
		l.is(l.post(body, l.now(), mailtest.Sign(key, l.now(), body)), 200, name)
	}
	l.count(2, `SELECT count(*) FROM provider_events`)
	only := listen(t)
	body := batch(only.event(nil))
	only.is(only.post(body, only.now(), mailtest.Sign(former, only.now(), body)), 403, "the former key, when it is no longer given")
}

// SendGrid's own example, as its libraries publish it.
func TestSendGridsOwnSignature(t *testing.T) {
	t.Parallel()
	const file = "../../shared/data/sendgrid/event_webhook_vector.json"
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Skipf("SendGrid's published example is not here: put it at %s", file)
	}
	var v struct {
		Key       string `json:"public_key"`
		Signature string `json:"signature"`
		Timestamp string `json:"timestamp"`
		Payload   string `json:"payload"`
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	l := &listening{helpline: newHelpline(t, Config{SendGridKeys: []*ecdsa.PublicKey{publicKey(t, v.Key)}})}
	at, err := strconv.ParseInt(v.Timestamp, 10, 64)
	l.must(err)
	h := http.Header{}
	h.Set("X-Twilio-Email-Event-Webhook-Timestamp", v.Timestamp)
	h.Set("X-Twilio-Email-Event-Webhook-Signature", v.Signature)
	if _, class, err := l.server.verified(h, []byte(v.Payload)); class != "too_old" {
		t.Errorf("six years later: %s, %v", class, err)
	}
	l.is(l.post([]byte(v.Payload), v.Timestamp, v.Signature), 403, "six years later")
	l.server.clock = clock.NewManual(time.Unix(at, 0))
	l.is(l.post([]byte(v.Payload), v.Timestamp, v.Signature), 200, "then")
	l.count(1, `SELECT count(*) FROM provider_events WHERE outcome = 'no_message_id' AND kind = 'dropped'`)
	l.is(l.post([]byte(strings.TrimSpace(v.Payload)), v.Timestamp, v.Signature), 403, "without its last line break")
}

// The stand-in of the fault tests and this server understand each other.
func TestAStandInReports(t *testing.T) {
	t.Parallel()
	l := listen(t)
	site := httptest.NewServer(l.server)
	t.Cleanup(site.Close)
	l.clock.Set(time.Now().Add(time.Minute)) // the stand-in lives in the present
	s := mailtest.New(t)
	s.Report(mailtest.Events{URL: site.URL + "/webhooks/sendgrid", Key: l.key, Duplicate: 0.5, Reorder: 0.5, Delay: 20 * time.Millisecond})
	s.Say(mailtest.Received{MID: l.letter.String(), To: "intake@pantry.example"}, "processed", "deferred", "delivered", "spamreport")
	l.must(s.WaitForEvents(t.Context()))
	l.apply()
	var state struct{ State, Final string }
	l.must(l.db.Get(&state, `SELECT state, final FROM messages WHERE id = $1`, l.letter))
	if state.State != db.MessageAccepted || state.Final != string(referral.WordSpamReport) {
		t.Errorf("the letter is %+v", state)
	}
	l.count(4, `SELECT count(*) FROM provider_events`)
}
