package seal_test

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"throughline/internal/seal"
	"throughline/internal/seal/sealtest"
)

func fileOfKeys(t *testing.T) (string, *seal.Keyring) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keys.json")
	require.NoError(t, seal.MakeFile(path, nil))
	r, err := seal.New(seal.Source{File: path})
	require.NoError(t, err)
	return path, r
}

func TestASealedTextOpensInItsPlaceOnly(t *testing.T) {
	t.Parallel()
	r := sealtest.Keyring()
	_, key, err := r.NewKey(uuid.New())
	require.NoError(t, err)
	_, other, err := r.NewKey(uuid.New())
	require.NoError(t, err)
	place := seal.Place("cases", "name", "1")
	for _, text := range []string{"", "Ana", "s1.Ana", "Zoë 👩‍👧 \n", strings.Repeat("x", 10_000)} {
		sealed, err := key.Seal(place, text)
		require.NoError(t, err)
		opened, err := key.Open(place, sealed)
		require.NoError(t, err)
		assert.Equal(t, text, opened)
		if text == "" {
			continue
		}
		assert.NotContains(t, sealed, text)
		again, err := key.Seal(place, text)
		require.NoError(t, err)
		assert.NotEqual(t, sealed, again, "equal texts are not seen to be equal")
		for name, open := range map[string]func() (string, error){
			"another row":    func() (string, error) { return key.Open(seal.Place("cases", "name", "2"), sealed) },
			"another column": func() (string, error) { return key.Open(seal.Place("cases", "phone", "1"), sealed) },
			"another table":  func() (string, error) { return key.Open(seal.Place("offers", "name", "1"), sealed) },
			"another case":   func() (string, error) { return other.Open(place, sealed) },
			"cut short":      func() (string, error) { return key.Open(place, sealed[:len(sealed)-4]) },
			"nothing":        func() (string, error) { return key.Open(place, seal.Prefix) },
			"no base64":      func() (string, error) { return key.Open(place, seal.Prefix+"ä") },
		} {
			got, err := open()
			assert.ErrorIs(t, err, seal.ErrDamaged, name)
			assert.Empty(t, got, name)
		}
	}
	_, err = key.Open(place, "Ana")
	assert.ErrorIs(t, err, seal.ErrNotSealed)
}

func TestADataKeyIsOfItsCaseAndOfOneKey(t *testing.T) {
	t.Parallel()
	r, of := sealtest.Keyring(), uuid.New()
	w, key, err := r.NewKey(of)
	require.NoError(t, err)
	sealed, err := key.Seal("x", "Ana")
	require.NoError(t, err)

	fresh := sealtest.Keyring()
	again, err := fresh.Key(w)
	require.NoError(t, err)
	text, err := again.Open("x", sealed)
	require.NoError(t, err)
	assert.Equal(t, "Ana", text)

	_, err = fresh.Key(seal.Wrapped{Of: uuid.New(), Bytes: w.Bytes, KEK: w.KEK})
	assert.ErrorIs(t, err, seal.ErrDamaged, "the key of another case")
	_, err = sealtest.Of(sealtest.Other("another")).Key(w)
	assert.ErrorIs(t, err, seal.ErrUnknownKey)
	_, err = fresh.Key(seal.Wrapped{Of: of, KEK: w.KEK})
	assert.ErrorIs(t, err, seal.ErrErased, "destroyed, though it was at hand")
	_, err = (*seal.Keyring)(nil).Key(w)
	assert.ErrorIs(t, err, seal.ErrNoKey)
	_, held := fresh.Held(of)
	assert.True(t, held)
	fresh.Forget(of)
	_, held = fresh.Held(of)
	assert.False(t, held)
}

func TestKeysAreRefusedWithoutShowingThem(t *testing.T) {
	t.Parallel()
	b64 := base64.StdEncoding.EncodeToString
	for name, text := range map[string]string{
		"nothing":        "",
		"a word":         "canary",
		"16 bytes":       b64([]byte("0123456789\x00\x01\x02\x03\x04\x05")),
		"a text":         b64([]byte("canary canary canary canary cana")),
		"zeros":          b64(make([]byte, 32)),
		"the example":    seal.Example,
		"half a keyset":  `{"primaryKeyId": 1, "key": [`,
		"an empty one":   `{"primaryKeyId": 1, "key": []}`,
		"another scheme": `{"primaryKeyId":1,"key":[{"keyData":{"typeUrl":"type.googleapis.com/google.crypto.tink.HmacKey","value":"EgQIAxAgGiBjYW5hcnkgY2FuYXJ5IGNhbmFyeSBjYW5hcnkgY2FuYQ==","keyMaterialType":"SYMMETRIC"},"status":"ENABLED","keyId":1,"outputPrefixType":"TINK"}]}`,
	} {
		_, err := seal.New(seal.Source{Text: text})
		if assert.Error(t, err, name) {
			assert.NotContains(t, err.Error(), "canary", name)
			assert.NotContains(t, err.Error(), "\n", name)
		}
	}
	_, err := seal.New(seal.Source{File: filepath.Join(t.TempDir(), "gone")})
	assert.ErrorContains(t, err, "can't be read")
}

func TestTheFileOfKeysIsItsOwnersOnlyAndStays(t *testing.T) {
	t.Parallel()
	path, _ := fileOfKeys(t)
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	before, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, seal.MakeFile(path, nil))
	after, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, before, after)
}

// One process rotates the keys of the file; another, which read it before, opens what is wrapped by the new one.
func TestARotationIsSeenByWhoHasTheFile(t *testing.T) {
	t.Parallel()
	path, operator := fileOfKeys(t)
	server, err := seal.New(seal.Source{File: path})
	require.NoError(t, err)
	old, _, err := server.NewKey(uuid.New())
	require.NoError(t, err)

	ok, err := operator.Promote()
	require.NoError(t, err)
	assert.False(t, ok, "there is one key only")
	require.NoError(t, operator.AddKey(false))
	assert.Equal(t, server.Primary(), operator.Primary(), "it wraps nothing yet")
	assert.Len(t, operator.Known(), 2)
	ok, err = operator.Promote()
	require.NoError(t, err)
	assert.True(t, ok)
	assert.NotEqual(t, old.KEK, operator.Primary())

	rewrapped, err := operator.Rewrap(old)
	require.NoError(t, err)
	assert.Equal(t, operator.Primary(), rewrapped.KEK)
	assert.Eventually(t, func() bool {
		server.Forget(old.Of)
		_, err := server.Key(rewrapped)
		return err == nil
	}, 10*time.Second, 100*time.Millisecond, "the server reads the file again")
	_, err = operator.Key(old)
	assert.NoError(t, err, "old keys still open")
	assert.ErrorIs(t, sealtest.Keyring().AddKey(true), seal.ErrNoFile)
}

func TestTheCheckValueTellsKeysApart(t *testing.T) {
	t.Parallel()
	r := sealtest.Keyring()
	kek, value, err := r.Check()
	require.NoError(t, err)
	assert.True(t, sealtest.Keyring().Checked(kek, value))
	assert.False(t, sealtest.Of(sealtest.Other("another")).Checked(kek, value))
	assert.False(t, r.Checked(kek, value[:len(value)-1]))
}

func TestMarksAreOfTheirOrganisationAndKind(t *testing.T) {
	t.Parallel()
	r := sealtest.Keyring()
	a, _, err := r.NewKey(uuid.New())
	require.NoError(t, err)
	b, _, err := r.NewKey(uuid.New())
	require.NoError(t, err)
	one, err := r.Blind(a)
	require.NoError(t, err)
	same, err := sealtest.Keyring().Blind(a)
	require.NoError(t, err)
	two, err := r.Blind(b)
	require.NoError(t, err)
	assert.Equal(t, one.Mark("name", "ana"), same.Mark("name", "ana"))
	assert.NotEqual(t, one.Mark("name", "ana"), two.Mark("name", "ana"))
	assert.NotEqual(t, one.Mark("name", "4242"), one.Mark("phone", "4242"))
}

// Sealing and opening a field beside what a plain field costs, which is a copy.
func BenchmarkField(b *testing.B) {
	_, key, err := sealtest.Keyring().NewKey(uuid.New())
	require.NoError(b, err)
	text, place := strings.Repeat("canary ", 20), seal.Place("cases", "notes", uuid.NewString())
	sealed, err := key.Seal(place, text)
	require.NoError(b, err)
	b.Run("seal", func(b *testing.B) {
		for b.Loop() {
			_, _ = key.Seal(place, text)
		}
	})
	b.Run("open", func(b *testing.B) {
		for b.Loop() {
			_, _ = key.Open(place, sealed)
		}
	})
}
