// Package sealtest has keys for tests: the same ones in every process, so that one opens what another sealed.
package sealtest

import (
	"crypto/sha256"
	"encoding/base64"

	"throughline/internal/seal"
)

// Text is a key as ENCRYPTION_KEY takes it.
var Text = Other("the key of tests")

// Other is another such key for each name.
func Other(name string) string {
	sum := sha256.Sum256([]byte(name))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// Keyring holds the key of tests.
func Keyring() *seal.Keyring { return Of(Text) }

// Of holds a key given as text.
func Of(text string) *seal.Keyring {
	r, err := seal.New(seal.Source{Text: text})
	if err != nil {
		panic(err) // a key of tests is good, or no test is worth anything
	}
	return r
}
