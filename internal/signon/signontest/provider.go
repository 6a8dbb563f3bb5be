// Package signontest is a provider of single sign-on for tests: a real one, of zitadel/oidc, inside the test's process. It
// can be made to answer with tokens that no honest provider gives.
package signontest

import (
	"bytes"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	jose "github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// Who the client is at the provider.
const (
	ClientID     = "throughline"
	ClientSecret = "a-secret-of-the-test-client"
)

// Person is who signs in at the provider next. There is no password: the test is at the keyboard.
type Person struct {
	Subject, Email string
	Verified       bool
	Groups         []string
	ACR            string
	AMR            []string // besides the password
	// Ago is how long they have been signed in there; asked anew, they sign in now.
	Ago time.Duration
}

// Provider runs until its test ends.
type Provider struct {
	Issuer string

	site    *httptest.Server
	storage *storage
	moved   atomic.Bool
	mu      sync.Mutex
	forge   func(claims map[string]any) string
}

// Start runs a provider that sends people back to any address of a test's server.
func Start(t testing.TB, redirect string) *Provider {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Provider{Issuer: "http://" + l.Addr().String(), storage: newStorage(t, redirect)}
	provider, err := op.NewProvider(&op.Config{CryptoKey: [32]byte{1}, CodeMethodS256: true, AuthMethodPost: true}, p.storage, op.StaticIssuer(p.Issuer), op.WithAllowInsecure())
	if err != nil {
		t.Fatal(err)
	}
	back := op.AuthCallbackURL(provider)
	mux := http.NewServeMux()
	mux.HandleFunc("/login", func(w http.ResponseWriter, r *http.Request) {
		id := r.URL.Query().Get("id")
		p.storage.signIn(id)
		http.Redirect(w, r, back(op.ContextWithIssuer(r.Context(), p.Issuer), id), http.StatusFound)
	})
	tokens := p.forged(provider)
	mux.HandleFunc("/oauth/token", func(w http.ResponseWriter, r *http.Request) {
		if p.moved.Load() {
			http.Redirect(w, r, "/elsewhere/oauth/token", http.StatusTemporaryRedirect)
			return
		}
		tokens.ServeHTTP(w, r)
	})
	mux.Handle("/elsewhere/", http.StripPrefix("/elsewhere", tokens))
	mux.Handle("/", provider)
	p.site = httptest.NewUnstartedServer(mux)
	p.site.Listener.Close()
	p.site.Listener = l
	p.site.Start()
	t.Cleanup(p.site.Close)
	return p
}

// Is chooses who signs in next.
func (p *Provider) Is(who Person) { p.storage.is(who) }

// Ended is how often a session at the provider was ended.
func (p *Provider) Ended() int {
	p.storage.mu.Lock()
	defer p.storage.mu.Unlock()
	return p.storage.ended
}

// Move has the provider send who asks for tokens on to another address, where they are.
func (p *Provider) Move() { p.moved.Store(true) }

// Stop makes the provider go away.
func (p *Provider) Stop() { p.site.Close() }

// Forge answers with what make gives in place of each honest ID token; nil is honest again.
func (p *Provider) Forge(make func(claims map[string]any) string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.forge = make
}

// Sign signs claims as the provider does.
func (p *Provider) Sign(claims map[string]any) string { return p.storage.sign(claims) }

// Unsigned writes claims as a token of the algorithm none.
func Unsigned(claims map[string]any) string {
	raw, _ := json.Marshal(claims)
	return encode([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + encode(raw) + "."
}

// forged passes requests for tokens on, and changes the ID token of the answer.
func (p *Provider) forged(honest http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen := httptest.NewRecorder()
		honest.ServeHTTP(seen, r)
		body := seen.Body.Bytes()
		p.mu.Lock()
		defer p.mu.Unlock()
		var answer map[string]any
		if err := json.Unmarshal(body, &answer); err == nil && p.forge != nil && answer["id_token"] != nil {
			token, err := jwt.ParseSigned(answer["id_token"].(string), []jose.SignatureAlgorithm{jose.RS256})
			if err == nil {
				claims := map[string]any{}
				_ = token.UnsafeClaimsWithoutVerification(&claims)
				answer["id_token"] = p.forge(claims)
				body, _ = json.Marshal(answer)
			}
		}
		for name, values := range seen.Header() {
			if !strings.EqualFold(name, "Content-Length") {
				w.Header()[name] = values
			}
		}
		w.WriteHeader(seen.Code)
		_, _ = bytes.NewReader(body).WriteTo(w)
	})
}

// tokenTime is how long an ID token holds.
const tokenTime = 5 * time.Minute

var _ op.Storage = (*storage)(nil)
