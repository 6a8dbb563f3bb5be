// Package signon lets people sign in with their organisation's own provider, by OpenID Connect: the authorization code
// flow with PKCE, state and nonce (RFC 9700; OpenID Connect Core 1.0, 3.1).
package signon

import (
	"context"
	"crypto/subtle"
	"errors"
	"net/http"
	"slices"
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
}

// RoleOfGroup is what a group there makes someone here.
type RoleOfGroup struct{ Group, Role string }

// Identity is what the provider says of someone, after all of it was checked.
type Identity struct {
	Issuer, Subject string
	Email           string // "" unless the provider says that it has verified it
	Role            string // "" when they are in none of the groups
}

// Provider is the provider of single sign-on. What it says of itself is read when it is first needed, so that we start
// while it is away.
type Provider struct {
	Config
	client *http.Client

	mu    sync.Mutex
	found *oidc.Provider
}

// ErrAway says that the provider gives no answer that can be used. It holds nothing that the provider said.
var ErrAway = errors.New("the provider of single sign-on does not answer")

// ErrRefused says that what came back is not good: another state or nonce, a code that was used, a token that is forged,
// has run out, or is for someone else.
var ErrRefused = errors.New("the provider's answer is not good")

// timeout of one call to the provider.
const timeout = 10 * time.Second

// New makes a provider that has not been asked anything yet.
func New(c Config) *Provider {
	return &Provider{Config: c, client: &http.Client{Timeout: timeout, Transport: http.DefaultTransport.(*http.Transport).Clone()}}
}

// Begun is what a browser must keep between leaving for the provider and coming back.
type Begun struct{ State, Nonce, Verifier string }

// Begin gives the address at the provider where someone signs in, and what must be kept until they are back.
func (p *Provider) Begin(ctx context.Context) (address string, b Begun, err error) {
	found, err := p.discover(ctx)
	if err != nil {
		return "", b, err
	}
	// Each has 256 random bits.
	b = Begun{State: oauth2.GenerateVerifier(), Nonce: oauth2.GenerateVerifier(), Verifier: oauth2.GenerateVerifier()}
	return p.oauth(found).AuthCodeURL(b.State, oidc.Nonce(b.Nonce), oauth2.S256ChallengeOption(b.Verifier)), b, nil
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
	i := Identity{Issuer: t.Issuer, Subject: t.Subject}
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
	p.found = found
	return found, nil
}
