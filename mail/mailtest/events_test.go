package mailtest_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"throughline/mail/mailtest"
)

// webhook remembers what it is told, and refuses the first requests.
type webhook struct {
	*httptest.Server
	mu     sync.Mutex
	refuse int
	told   []map[string]any
}

func listen(t *testing.T, public string) *webhook {
	t.Helper()
	der, err := base64.StdEncoding.DecodeString(public)
	require.NoError(t, err)
	key, err := x509.ParsePKIXPublicKey(der)
	require.NoError(t, err)
	w := &webhook{}
	w.Server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		signature, _ := base64.StdEncoding.DecodeString(r.Header.Get(mailtest.SignatureHeader))
		sum := sha256.Sum256(append([]byte(r.Header.Get(mailtest.TimestampHeader)), body...))
		w.mu.Lock()
		defer w.mu.Unlock()
		if !ecdsa.VerifyASN1(key.(*ecdsa.PublicKey), sum[:], signature) {
			t.Error("the signature is not good")
		}
		if w.refuse > 0 {
			w.refuse--
			rw.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		var batch []map[string]any
		if err := json.Unmarshal(body, &batch); err != nil {
			t.Error(err)
		}
		w.told = append(w.told, batch...)
	}))
	t.Cleanup(w.Close)
	return w
}

func (w *webhook) words(mid string) (words []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range w.told {
		if e["mid"] == mid {
			words = append(words, e["event"].(string))
		}
	}
	return words
}

func send(t *testing.T, s *mailtest.StandIn) string {
	t.Helper()
	mid := uuid.NewString()
	require.Equal(t, http.StatusAccepted, post(t, s, "Bearer SG.key", strings.Replace(good, "7f2c1b34-9d5e-4c7a-8f10-2b3c4d5e6f70", mid, 1)).StatusCode)
	return mid
}

func toldAll(t *testing.T, s *mailtest.StandIn) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	require.NoError(t, s.WaitForEvents(ctx))
}

func TestItTellsWhatBecomesOfEmails(t *testing.T) {
	t.Parallel()
	s := mailtest.New(t)
	silent := send(t, s)
	key, public := mailtest.NewEventKey()
	w := listen(t, public)
	w.refuse = 2
	s.Report(mailtest.Events{URL: w.URL, Key: key})
	mid := send(t, s)
	toldAll(t, s)
	assert.Equal(t, []string{"processed", "delivered"}, w.words(mid), "told again until it is taken")
	assert.Empty(t, w.words(silent))
	s.Say(s.Messages()[1], "spamreport", "blocked")
	toldAll(t, s)
	assert.Equal(t, []string{"processed", "delivered", "spamreport", "bounce"}, w.words(mid))
	for _, e := range s.Events() {
		assert.Equal(t, mid, e.MID)
		assert.Equal(t, 1, e.Told)
	}
}

func TestEventsAreLostDoubledAndReordered(t *testing.T) {
	t.Parallel()
	s := mailtest.New(t)
	key, public := mailtest.NewEventKey()
	w := listen(t, public)
	s.Report(mailtest.Events{URL: w.URL, Key: key, Drop: 0.3, Duplicate: 0.3, Reorder: 0.3, Delay: 30 * time.Millisecond, Seed: 7,
		Fate: func(mailtest.Received) []string { return []string{"processed", "deferred", "delivered"} }})
	late := 0
	var mids []string
	for range 50 {
		mids = append(mids, send(t, s))
	}
	toldAll(t, s)
	for _, mid := range mids {
		if words := strings.Join(w.words(mid), " "); strings.Contains(words, "delivered processed") || strings.Contains(words, "delivered deferred") {
			late++
		}
	}
	var dropped, twice int
	for _, e := range s.Events() {
		switch {
		case e.Dropped:
			dropped++
			assert.Zero(t, e.Told)
		case e.Told == 2:
			twice++
		default:
			assert.Equal(t, 1, e.Told)
		}
	}
	assert.Len(t, s.Events(), 150)
	assert.InDelta(t, 45, dropped, 30)
	assert.InDelta(t, 32, twice, 25)
	assert.NotZero(t, late)
}
