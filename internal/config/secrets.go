package config

import (
	"net"
	"net/url"
	"slices"
	"strings"
)

// shortestPassword is the least that NIST SP 800-63B allows; `openssl rand -hex 24` makes 48.
const shortestPassword = 8

// stands are marks of what only stands for a secret, in manuals and settings, and examples are words that it is made of there.
var (
	stands   = []string{"...", "…", "<", "${", "your-", "your_", "changeme", "change-me", "change_me", "placeholder"}
	examples = []string{"password", "passw0rd", "secret", "example", "postgres", "throughline", "temporal", "admin", "root", "test", "default", "letmein", "$"}
)

// guessed reports a secret that is an example, or one character again and again. A long one may hold a word by chance.
func guessed(secret string) bool {
	if strings.Count(secret, secret[:1]) == len(secret) {
		return true
	}
	lower := strings.ToLower(secret)
	return slices.ContainsFunc(stands, func(mark string) bool { return strings.Contains(lower, mark) }) ||
		slices.ContainsFunc(examples, func(word string) bool { return strings.Contains(lower, word) && len(lower) < len(word)+12 })
}

// server judges an address and the password in it; one without it signs in otherwise.
func (r *reader) server(name, address string, schemes ...string) {
	u, err := url.Parse(address)
	if !r.url(name, address, schemes...) || err != nil || u.User == nil {
		return
	}
	password, set := u.User.Password()
	switch {
	case !set || password == "":
	case len(password) < shortestPassword:
		r.fault(name, "holds a password that is too short: 8 characters at least, openssl rand -hex 24 makes a good one")
	case guessed(password):
		r.fault(name, "holds a password that is an example")
	}
}

// secret judges one that was set.
func (r *reader) secret(name, value string, shortest int) {
	switch {
	case value == "":
		r.fault(name, "is not set")
	case len(value) < shortest || guessed(value):
		r.fault(name, "is too short, or an example")
	case strings.ContainsFunc(value, blank):
		r.fault(name, "must be one word")
	}
}

// ownMachine reports an address on this machine, where nobody listens in.
func ownMachine(address string) bool {
	u, err := url.Parse(address)
	return err == nil && (strings.EqualFold(u.Hostname(), "localhost") || net.ParseIP(u.Hostname()).IsLoopback())
}
