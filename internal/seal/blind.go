package seal

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
)

// Blind makes marks of what people are looked up by: equal words have equal marks, and without the key a mark tells
// nothing of its word. Its key is an organisation's own, wrapped beside the organisation.
type Blind struct{ key []byte }

// Blind unwraps an organisation's key and derives from it the one that makes marks.
func (r *Keyring) Blind(w Wrapped) (*Blind, error) {
	key, err := r.derive(w, "throughline blind index")
	if err != nil {
		return nil, err
	}
	return &Blind{key}, nil
}

// Secrets unwraps an organisation's key and derives from it the one that seals the secrets of its accounts, which belong
// to no case.
func (r *Keyring) Secrets(w Wrapped) (*Key, error) {
	key, err := r.derive(w, "throughline secrets of accounts")
	if err != nil {
		return nil, err
	}
	return newKey(key)
}

func (r *Keyring) derive(w Wrapped, purpose string) ([]byte, error) {
	if r == nil {
		return nil, ErrNoKey
	}
	material, err := r.unwrap(w)
	if err != nil {
		return nil, err
	}
	return hkdf.Key(sha256.New, material, nil, purpose, keySize)
}

// markSize is 80 bits: two words of an organisation that share a mark would only show one case too many.
const markSize = 10

// Mark is what a word of a kind ("name", "phone") is found by.
func (b *Blind) Mark(kind, word string) []byte {
	h := hmac.New(sha256.New, b.key)
	h.Write([]byte(kind + "|" + word))
	return h.Sum(nil)[:markSize]
}
