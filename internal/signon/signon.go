// Package signon lets people sign in with their organisation's own provider, by OpenID Connect: the authorization code
// flow with PKCE, state and nonce (RFC 9700; OpenID Connect Core 1.0, 3.1).
package signon

import (
	"context"
	"crypto/subtle"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// Config says which provider, and who we are there.
type Config struct {
	Issuer, ClientID, ClientSecret string
	RedirectURL                    string
	GroupsClaim                    string        // the claim that lists someone's groups
	Roles                          []RoleOfGroup // the first that someone is in counts
	// How the provider must have let someone in: ACR lists the classes of which it must name one, AMR the methods of which it must
	// name one (RFC 8176). None: it is believed about that.
	ACR, AMR []string
}

// RoleOfGroup is what a group there makes someone here.
type RoleOfGroup struct{ Group, Role string }

// Identity is what the provider says of someone, after all of it was checked.
type Identity struct {
	Issuer, Subject string
	Email           string // "" unless the provider says that it has verified it
	Role            string // "" when they are in none of the groups
	// Ago is how long before they proved to the provider who they are, by its own clock; nil when it does not say.
	Ago *time.Duration
}

// Provider is the provider of single sign-on. What it says of itself is read when it is first needed, so that we start
// while it is away.
type Provider struct {
	Config
	client *http.Client

	mu    sync.Mutex
	found *oidc.Provider
	ends  string // where sessions there are ended; "" when it does not say
}

// ErrAway says that the provider gives no answer that can be used. It holds nothing that the provider said.
var ErrAway = errors.New("the provider of single sign-on does not answer")

// ErrRefused says that what came back is not good: another state or nonce, a code that was used, a token that is forged,
// has run out, or is for someone else.
var ErrRefused = errors.New("the provider's answer is not good")

// ErrWeak says that the provider let someone in by less than we ask for.
var ErrWeak = errors.New("the provider did not ask for enough")

// timeout of one call to the provider.
const timeout = 10 * time.Second

// New makes a provider that has not been asked anything yet.
func New(c Config) *Provider {
	return &Provider{Config: c, client: &http.Client{Timeout: timeout, Transport: http.DefaultTransport.(*http.Transport).Clone(),
		// What we are sent to elsewhere is not the provider that was set.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// Begun is what a browser must keep between leaving for the provider and coming back.
type Begun struct{ State, Nonce, Verifier string }

// Begin gives the address at the provider where someone signs in, and what must be kept until they are back. Again asks the
// provider to have them prove anew who they are even when it knows them, and to say when they did. Whoever is at the browser can
// change what it is asked: only Ago of the answer says that it was done.
func (p *Provider) Begin(ctx context.Context, again bool) (address string, b Begun, err error) {
	found, err := p.discover(ctx)
	if err != nil {
		return "", b, err
	}
	// Each has 256 random bits.
	b = Begun{State: oauth2.GenerateVerifier(), Nonce: oauth2.GenerateVerifier(), Verifier: oauth2.GenerateVerifier()}
	ask := []oauth2.AuthCodeOption{oidc.Nonce(b.Nonce), oauth2.S256ChallengeOption(b.Verifier)}
	if len(p.ACR) > 0 {
		ask = append(ask, oauth2.SetAuthURLParam("acr_values", strings.Join(p.ACR, " ")))
	}
	if again {
		ask = append(ask, oauth2.SetAuthURLParam("prompt", "login"), oauth2.SetAuthURLParam("max_age", "0"))
	}
	return p.oauth(found).AuthCodeURL(b.State, ask...), b, nil
}

// Finish exchanges the code of someone who has come back, and checks what the provider says of them: signature, issuer,
// audience, time and nonce. ErrRefused when any of it is not good, ErrAway when the provider is.
func (p *Provider) Finish(ctx context.Context, b Begun, state, code string) (Identity, error) {
	if b.State == "" || subtle.ConstantTimeCompare([]byte(b.State), []byte(state)) != 1 || code == "" {
		return Identity{}, ErrRefused
	}
	found, err := p.discover(ctx)
	if err != nil {
		return Identity{}, err
	}
	ctx = oidc.ClientContext(ctx, p.client)
	token, err := p.oauth(found).Exchange(ctx, code, oauth2.VerifierOption(b.Verifier))
	if err != nil {
		return Identity{}, refusedOrAway(err)
	}
	raw, _ := token.Extra("id_token").(string)
	// The library takes only what is signed by a key of the provider's, by an algorithm that it says it uses: never none.
	checked, err := found.Verifier(&oidc.Config{ClientID: p.ClientID}).Verify(ctx, raw)
	if err != nil || subtle.ConstantTimeCompare([]byte(checked.Nonce), []byte(b.Nonce)) != 1 {
		return Identity{}, ErrRefused
	}
	return p.identity(checked)
}

// refusedOrAway tells an answer that says no from none at all. Neither holds what the provider said: it may quote the code.
func refusedOrAway(err error) error {
	var answer *oauth2.RetrieveError
	if errors.As(err, &answer) && answer.Response != nil && answer.Response.StatusCode < http.StatusInternalServerError {
		return ErrRefused
	}
	return ErrAway
}

func (p *Provider) identity(t *oidc.IDToken) (Identity, error) {
	var all map[string]any
	if err := t.Claims(&all); err != nil {
		return Identity{}, ErrRefused
	}
	if !oneOf(p.ACR, texts(all["acr"])) || !oneOf(p.AMR, texts(all["amr"])) {
		return Identity{}, ErrWeak
	}
	i := Identity{Issuer: t.Issuer, Subject: t.Subject, Ago: ago(t.IssuedAt, all["auth_time"])}
	if verified, _ := all["email_verified"].(bool); verified {
		i.Email, _ = all["email"].(string)
	}
	groups := texts(all[p.GroupsClaim])
	for _, r := range p.Roles {
		if slices.Contains(groups, r.Group) {
			i.Role = r.Role
			break
		}
	}
	return i, nil
}

// ago reads how long before a token was issued someone proved who they are. Both times are the provider's, so that its clock
// need not agree with ours.
func ago(issued time.Time, proved any) *time.Duration {
	seconds, ok := proved.(float64)
	if !ok || issued.Unix() <= 0 {
		return nil
	}
	long := max(issued.Sub(time.Unix(int64(seconds), 0)), 0)
	return &long
}

// oneOf reports that one of those that are wanted is there; so it is when none is wanted.
func oneOf(wanted, there []string) bool {
	return len(wanted) == 0 || slices.ContainsFunc(there, func(name string) bool { return slices.Contains(wanted, name) })
}

// texts reads a claim that is a text or a list of texts.
func texts(claim any) []string {
	switch v := claim.(type) {
	case string:
		return []string{v}
	case []any:
		var list []string
		for _, item := range v {
			if text, ok := item.(string); ok {
				list = append(list, text)
			}
		}
		return list
	}
	return nil
}

func (p *Provider) oauth(found *oidc.Provider) *oauth2.Config {
	return &oauth2.Config{ClientID: p.ClientID, ClientSecret: p.ClientSecret, Endpoint: found.Endpoint(), RedirectURL: p.RedirectURL,
		Scopes: []string{oidc.ScopeOpenID, "email", "profile"}}
}

// discover reads what the provider says of itself, once.
func (p *Provider) discover(ctx context.Context) (*oidc.Provider, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.found != nil {
		return p.found, nil
	}
	// The keys are read again later, so not with this request's end.
	found, err := oidc.NewProvider(oidc.ClientContext(context.WithoutCancel(ctx), p.client), p.Issuer)
	if err != nil {
		return nil, ErrAway
	}
	var more struct {
		End string `json:"end_session_endpoint"`
	}
	if err := found.Claims(&more); err != nil {
		return nil, ErrAway
	}
	p.found, p.ends = found, more.End
	return found, nil
}

// End gives the address at the provider where someone's session there is ended, which leads back to an address of ours
// (OpenID Connect RP-Initiated Logout 1.0); "" when the provider has none, or does not answer. We keep no ID token to hint
// with, so the provider may ask who is there whether they mean it.
func (p *Provider) End(ctx context.Context, back string) string {
	if _, err := p.discover(ctx); err != nil {
		return ""
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	u, err := url.Parse(p.ends)
	issuer, _ := url.Parse(p.Issuer)
	if err != nil || p.ends == "" || issuer == nil || u.Scheme != issuer.Scheme {
		return ""
	}
	q := u.Query()
	q.Set("client_id", p.ClientID)
	q.Set("post_logout_redirect_uri", back)
	u.RawQuery = q.Encode()
	return u.String()
}
