package seal

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// Source says where the key-encryption keys are. One of Text and File is set.
type Source struct {
	Text string // the keys themselves
	File string // the path of a file that holds them; it is read again when it changes
	// KMS is the key of a key management service that encrypts the keyset; nil when it stands open.
	KMS tink.AEAD
}

func (s Source) read() (*keys, error) {
	if s.File == "" {
		return parse([]byte(s.Text), s.KMS)
	}
	raw, err := os.ReadFile(s.File)
	if err != nil {
		return nil, errors.New("names a file that can't be read")
	}
	return parse(raw, s.KMS)
}

// Wrapped is a data key as the database keeps it.
type Wrapped struct {
	Of    uuid.UUID // the case, or the organisation
	Bytes []byte    // nil once it is destroyed
	KEK   string    // names the key that wrapped it
}

// Keyring holds the key-encryption keys and, for a short while, the data keys that were used last. It is safe for use by
// many at once. A nil one seals and opens nothing.
type Keyring struct {
	source Source
	now    func() time.Time

	mu     sync.Mutex
	keys   *keys
	looked time.Time // when the file was last read
	held   map[uuid.UUID]heldKey
}

type heldKey struct {
	wrapped Wrapped
	key     *Key
	until   time.Time
}

const (
	// heldFor is how long an unwrapped key is kept. The wrapped one is read with whatever it opens, so one that was
	// destroyed opens nothing at once; this bounds how long its copy stays in the memory of other processes.
	heldFor = time.Minute
	// mostHeld bounds how many are kept.
	mostHeld = 10_000
	// lookEvery is how often the file of the keys is looked at for newer ones.
	lookEvery = 30 * time.Second
	// lookAgain is how soon it is looked at again for the sake of a key that it did not have.
	lookAgain = time.Second
)

// New reads the keys. The error says what is wrong with them, without a word of them.
func New(s Source) (*Keyring, error) {
	k, err := s.read()
	if err != nil {
		return nil, err
	}
	return &Keyring{source: s, now: time.Now, keys: k, looked: time.Now(), held: map[uuid.UUID]heldKey{}}, nil
}

// current are the keys now. A file is read again after a while, and for the sake of a key that is not among them: the
// one who rotates keys does so beside us.
func (r *Keyring) current(missing func(*keys) bool) *keys {
	r.mu.Lock()
	defer r.mu.Unlock()
	wait := lookEvery
	if missing != nil && missing(r.keys) {
		wait = lookAgain
	}
	if r.source.File != "" && r.now().Sub(r.looked) >= wait {
		r.looked = r.now()
		// A file that is being changed or is gone leaves us the keys that we have.
		if k, err := r.source.read(); err == nil {
			r.keys = k
		}
	}
	return r.keys
}

// Primary names the key that wraps now.
func (r *Keyring) Primary() string {
	if r == nil {
		return ""
	}
	return idOf(r.current(nil).primary)
}

// Known names every key that can unwrap.
func (r *Keyring) Known() []string {
	if r == nil {
		return nil
	}
	var ids []string
	for id := range r.current(nil).derived {
		ids = append(ids, idOf(id))
	}
	slices.Sort(ids)
	return ids
}

// Has reports that a key can be used to unwrap.
func (r *Keyring) Has(kek string) bool {
	if r == nil {
		return false
	}
	return r.current(func(k *keys) bool { return !k.has(kek) }).has(kek)
}

func (k *keys) has(kek string) bool {
	for id := range k.derived {
		if idOf(id) == kek {
			return true
		}
	}
	return false
}

// NewKey makes a data key, and keeps it at hand.
func (r *Keyring) NewKey(of uuid.UUID) (Wrapped, *Key, error) {
	if r == nil {
		return Wrapped{}, nil, ErrNoKey
	}
	material := make([]byte, keySize)
	rand.Read(material)
	key, err := newKey(material)
	if err != nil {
		return Wrapped{}, nil, err
	}
	w, err := r.wrap(of, material)
	if err == nil {
		r.hold(w, key)
	}
	return w, key, err
}

func (r *Keyring) wrap(of uuid.UUID, material []byte) (Wrapped, error) {
	keys := r.current(nil)
	sealed, err := keys.aead.Encrypt(material, about(of))
	return Wrapped{Of: of, Bytes: sealed, KEK: idOf(keys.primary)}, err
}

// about binds a wrapped key to whose it is.
func about(of uuid.UUID) []byte { return []byte(Place("keys", "wrapped", of.String())) }

func (r *Keyring) unwrap(w Wrapped) ([]byte, error) {
	switch {
	case len(w.Bytes) == 0:
		return nil, ErrErased
	case !r.Has(w.KEK):
		return nil, fmt.Errorf("%w: %s", ErrUnknownKey, w.KEK)
	}
	material, err := r.current(nil).aead.Decrypt(w.Bytes, about(w.Of))
	if err != nil {
		return nil, ErrDamaged
	}
	return material, nil
}

// Key unwraps a data key. ErrErased when it was destroyed, ErrUnknownKey when another key-encryption key is needed,
// ErrDamaged when it is not the key of what it is said to be of.
func (r *Keyring) Key(w Wrapped) (*Key, error) {
	if r == nil {
		return nil, ErrNoKey
	}
	if h, ok := r.at(w.Of); ok && h.wrapped.KEK == w.KEK && bytes.Equal(h.wrapped.Bytes, w.Bytes) {
		return h.key, nil
	}
	material, err := r.unwrap(w)
	if err != nil {
		return nil, err
	}
	key, err := newKey(material)
	if err == nil {
		r.hold(w, key)
	}
	return key, err
}

// Held gives a data key that was used a moment ago.
func (r *Keyring) Held(of uuid.UUID) (*Key, bool) {
	if r == nil {
		return nil, false
	}
	h, ok := r.at(of)
	return h.key, ok
}

func (r *Keyring) at(of uuid.UUID) (heldKey, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	h, ok := r.held[of]
	if ok && !r.now().Before(h.until) {
		delete(r.held, of)
		return heldKey{}, false
	}
	return h, ok
}

func (r *Keyring) hold(w Wrapped, key *Key) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.held) >= mostHeld {
		clear(r.held)
	}
	r.held[w.Of] = heldKey{wrapped: w, key: key, until: r.now().Add(heldFor)}
}

// Forget drops a data key from memory, now that it is destroyed.
func (r *Keyring) Forget(of uuid.UUID) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.held, of)
}

// Rewrap wraps a data key with the key that wraps now. The data key stays the same, and with it all that it sealed.
func (r *Keyring) Rewrap(w Wrapped) (Wrapped, error) {
	if r == nil {
		return Wrapped{}, ErrNoKey
	}
	material, err := r.unwrap(w)
	if err != nil {
		return Wrapped{}, err
	}
	return r.wrap(w.Of, material)
}

const checkWords = "throughline"

// Check makes a value that only the key that wraps now can make, for a database to know its keys by.
func (r *Keyring) Check() (kek string, value []byte, err error) {
	if r == nil {
		return "", nil, ErrNoKey
	}
	keys := r.current(nil)
	value, err = keys.aead.Encrypt([]byte(checkWords), []byte(Place("key_checks", "value", idOf(keys.primary))))
	return idOf(keys.primary), value, err
}

// Checked reports that we have the very key that a check value was made with.
func (r *Keyring) Checked(kek string, value []byte) bool {
	if !r.Has(kek) {
		return false
	}
	words, err := r.current(nil).aead.Decrypt(value, []byte(Place("key_checks", "value", kek)))
	return err == nil && string(words) == checkWords
}

// SealPayload seals what goes to Temporal, and names the key.
func (r *Keyring) SealPayload(raw []byte) (kek string, sealed []byte, err error) {
	if r == nil {
		return "", nil, ErrNoKey
	}
	keys := r.current(nil)
	kek = idOf(keys.primary)
	sealed, err = keys.derived[keys.primary][forPayloads].aead.Encrypt(raw, []byte(Place("temporal", "payload", kek)))
	return kek, sealed, err
}

// OpenPayload opens what came from Temporal.
func (r *Keyring) OpenPayload(kek string, sealed []byte) ([]byte, error) {
	if !r.Has(kek) {
		return nil, fmt.Errorf("%w: %s", ErrUnknownKey, kek)
	}
	for id, derived := range r.current(nil).derived {
		if idOf(id) == kek {
			raw, err := derived[forPayloads].aead.Decrypt(sealed, []byte(Place("temporal", "payload", kek)))
			if err != nil {
				return nil, ErrDamaged
			}
			return raw, nil
		}
	}
	return nil, ErrUnknownKey
}
