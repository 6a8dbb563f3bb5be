package seal

import (
	"bytes"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/aead/aesgcm"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/insecuresecretdataaccess"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/secretdata"
	"github.com/tink-crypto/tink-go/v2/tink"
)

const keySize = 32

// Example is the key that the documentation shows. It opens nothing: it is refused, like any other text.
const Example = "YW4gZXhhbXBsZSwgbm90IGEga2V5OiBtYWtlIG9uZSE="

// keys are key-encryption keys: one that wraps, and those that can still unwrap.
type keys struct {
	handle  *keyset.Handle
	aead    tink.AEAD
	primary uint32
	derived map[uint32]map[string]*Key // by key and purpose
}

// What a key-encryption key is for besides wrapping, each by a key derived from it.
const forPayloads = "throughline temporal payloads"

// idOf is how a key-encryption key is named beside what it wraps.
func idOf(id uint32) string { return fmt.Sprintf("%08x", id) }

// parameters of every key-encryption key: with its id before what it seals.
func parameters() (*aesgcm.Parameters, error) {
	return aesgcm.NewParameters(aesgcm.ParametersOpts{KeySizeInBytes: keySize, IVSizeInBytes: 12, TagSizeInBytes: 16, Variant: aesgcm.VariantTink})
}

// parse reads keys as they are configured: a keyset of tink in JSON, or the base64 of one or of 32 random bytes. With a
// key management service the keyset is encrypted by it. The error never holds what was read.
func parse(text []byte, by tink.AEAD) (*keys, error) {
	text = bytes.TrimSpace(text)
	if len(text) == 0 {
		return nil, errors.New("is empty")
	}
	raw := text
	if text[0] != '{' {
		var err error
		if raw, err = base64.StdEncoding.DecodeString(string(text)); err != nil {
			return nil, errors.New("must be a keyset of tink, or the base64 of one or of 32 random bytes")
		}
	}
	var handle *keyset.Handle
	var err error
	switch {
	case by == nil && len(raw) == keySize:
		handle, err = ofBytes(raw)
	case by != nil:
		handle, err = keyset.Read(readerOf(raw), by)
		if err != nil {
			err = errors.New("is not a keyset that the key of KMS_KEY_URI encrypted")
		}
	default:
		handle, err = insecurecleartextkeyset.Read(readerOf(raw))
		if err != nil {
			err = errors.New("must be a keyset of tink, or the base64 of one or of 32 random bytes")
		}
	}
	if err != nil {
		return nil, err
	}
	return keysOf(handle)
}

func readerOf(raw []byte) keyset.Reader {
	if raw[0] == '{' {
		return keyset.NewJSONReader(bytes.NewReader(raw))
	}
	return keyset.NewBinaryReader(bytes.NewReader(raw))
}

// ofBytes makes a keyset of bare bytes. Its id follows from them, so that another key is known as another.
func ofBytes(raw []byte) (*keyset.Handle, error) {
	if text(raw) {
		return nil, errors.New("is an example or a text: make 32 random bytes, as with openssl rand -base64 32")
	}
	p, err := parameters()
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(raw)
	id := binary.BigEndian.Uint32(sum[:4]) | 1 // never 0
	key, err := aesgcm.NewKey(secretdata.NewBytesFromData(raw, insecuresecretdataaccess.Token{}), id, p)
	if err != nil {
		return nil, err
	}
	m := keyset.NewManager()
	if _, err := m.AddKey(key); err != nil {
		return nil, err
	}
	if err := m.SetPrimary(id); err != nil {
		return nil, err
	}
	return m.Handle()
}

// text reports bytes that somebody typed, or that are all the same.
func text(raw []byte) bool {
	same, printable := true, true
	for _, b := range raw {
		same = same && b == raw[0]
		printable = printable && b >= ' ' && b <= '~'
	}
	return same || printable
}

// keysOf takes a keyset of AES-256-GCM only, so that what is wrapped always begins with the id of its key.
func keysOf(handle *keyset.Handle) (*keys, error) {
	a, err := aead.New(handle)
	if err != nil {
		return nil, errors.New("must be a keyset of AES-256-GCM keys")
	}
	primary, err := handle.Primary()
	if err != nil {
		return nil, errors.New("has no primary key")
	}
	k := &keys{handle: handle, aead: a, primary: primary.KeyID(), derived: map[uint32]map[string]*Key{}}
	for i := range handle.Len() {
		e, err := handle.Entry(i)
		if err != nil {
			return nil, err
		}
		if e.KeyStatus() != keyset.Enabled {
			continue
		}
		key, ok := e.Key().(*aesgcm.Key)
		if !ok || len(key.OutputPrefix()) == 0 || key.KeyBytes().Len() != keySize {
			return nil, errors.New("must be a keyset of AES-256-GCM keys with the prefix of tink")
		}
		if k.derived[e.KeyID()], err = derive(key.KeyBytes().Data(insecuresecretdataaccess.Token{})); err != nil {
			return nil, err
		}
	}
	return k, nil
}

func derive(material []byte) (map[string]*Key, error) {
	derived, err := hkdf.Key(sha256.New, material, nil, forPayloads, keySize)
	if err != nil {
		return nil, err
	}
	key, err := newKey(derived)
	return map[string]*Key{forPayloads: key}, err
}

// next makes a keyset with one more key, which wraps from now on when promote is set.
func (k *keys) next(promote bool) (*keyset.Handle, error) {
	p, err := parameters()
	if err != nil {
		return nil, err
	}
	m := keyset.NewManagerFromHandle(k.handle)
	id, err := m.AddNewKeyFromParameters(p)
	if err != nil {
		return nil, err
	}
	if promote {
		if err := m.SetPrimary(id); err != nil {
			return nil, err
		}
	}
	return m.Handle()
}

// written is a keyset as its file holds it.
func written(handle *keyset.Handle, by tink.AEAD) ([]byte, error) {
	var b bytes.Buffer
	w := keyset.NewJSONWriter(&b)
	if by != nil {
		err := handle.Write(w, by)
		return b.Bytes(), err
	}
	err := insecurecleartextkeyset.Write(handle, w)
	return b.Bytes(), err
}

func freshHandle(p *aesgcm.Parameters) (*keyset.Handle, error) {
	m := keyset.NewManager()
	id, err := m.AddNewKeyFromParameters(p)
	if err != nil {
		return nil, err
	}
	if err := m.SetPrimary(id); err != nil {
		return nil, err
	}
	return m.Handle()
}

// promoted makes the key that was added last the one that wraps; ok is false when it is.
func (k *keys) promoted() (handle *keyset.Handle, ok bool, err error) {
	last, err := k.handle.Entry(k.handle.Len() - 1)
	if err != nil || last.KeyID() == k.primary {
		return k.handle, false, err
	}
	m := keyset.NewManagerFromHandle(k.handle)
	if err := m.SetPrimary(last.KeyID()); err != nil {
		return nil, false, err
	}
	handle, err = m.Handle()
	return handle, true, err
}
