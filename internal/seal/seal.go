// Package seal keeps what people tell us unreadable to whoever has only the database. Each case has a data key of its own;
// the key-encryption keys, which are not in the database, wrap it. Everything is AES-256-GCM by tink.
package seal

import (
	"encoding/base64"
	"errors"
	"strings"

	"github.com/tink-crypto/tink-go/v2/aead/subtle"
	"github.com/tink-crypto/tink-go/v2/tink"
)

var (
	// ErrDamaged says that a sealed text was changed, or moved from another row, column or case.
	ErrDamaged = errors.New("what is sealed does not open here: it was changed, or moved from elsewhere")
	// ErrNotSealed says that a text stands open where a sealed one must be.
	ErrNotSealed = errors.New("a text stands open where a sealed one must be")
	// ErrErased says that the key is destroyed: nobody opens what it sealed, ever.
	ErrErased = errors.New("the key was destroyed")
	// ErrUnknownKey says that this process does not have the key-encryption key that was used.
	ErrUnknownKey = errors.New("the key-encryption key is not one of ours")
	// ErrNoKey says that this process was given no keys at all.
	ErrNoKey = errors.New("this process has no keys")
)

// Prefix begins every sealed text, and says how it was sealed.
const Prefix = "s1."

// Place names where a sealed text belongs. One that is moved to another place does not open there.
func Place(table, column, row string) string { return table + "|" + column + "|" + row }

// Key is a data key. It seals what one case, or one purpose of an organisation, holds.
type Key struct{ aead tink.AEAD }

func newKey(material []byte) (*Key, error) {
	a, err := subtle.NewAESGCM(material)
	if err != nil {
		return nil, err
	}
	return &Key{a}, nil
}

// Seal makes a text unreadable to whoever has not the key. An empty text stays empty.
func (k *Key) Seal(place, text string) (string, error) {
	if text == "" {
		return "", nil
	}
	sealed, err := k.aead.Encrypt([]byte(text), []byte(place))
	if err != nil {
		return "", err
	}
	return Prefix + base64.RawURLEncoding.EncodeToString(sealed), nil
}

// Open gives back a text at the place it was sealed for; ErrNotSealed or ErrDamaged when it is not such a text.
func (k *Key) Open(place, sealed string) (string, error) {
	if sealed == "" {
		return "", nil
	}
	if !strings.HasPrefix(sealed, Prefix) {
		return "", ErrNotSealed
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(sealed[len(Prefix):])
	if err != nil {
		return "", ErrDamaged
	}
	text, err := k.aead.Decrypt(raw, []byte(place))
	if err != nil {
		return "", ErrDamaged
	}
	return string(text), nil
}
