// Package token makes the secrets that links and API keys carry, and the digests that are kept of them.
package token

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
)

// New makes a token of 256 random bits, in 43 characters that a URL can hold.
func New() string {
	var b [32]byte
	rand.Read(b[:]) // never fails: crypto/rand ends the process instead
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// Hash is the digest to keep. A plain SHA-256 is enough for a secret of 256 random bits (OWASP ASVS 5.0, V6.5).
func Hash(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}
