package httpkms_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/tink-crypto/tink-go/v2/aead/subtle"
	"github.com/tink-crypto/tink-go/v2/core/registry"

	"throughline/internal/seal"
	"throughline/internal/seal/httpkms"
)

// service is a key management service with one key, which it gives to nobody.
func service(t *testing.T, token string) *httptest.Server {
	t.Helper()
	key, err := subtle.NewAESGCM([]byte("0123456789abcdef0123456789abcdef"))
	require.NoError(t, err)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+token {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		var asked struct {
			Data           []byte `json:"data"`
			AssociatedData []byte `json:"associated_data"`
		}
		err := json.NewDecoder(r.Body).Decode(&asked)
		do := key.Encrypt
		if strings.HasSuffix(r.URL.Path, "/unwrap") {
			do = key.Decrypt
		}
		answer := asked.Data
		if err == nil {
			answer, err = do(asked.Data, asked.AssociatedData)
		}
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string][]byte{"data": answer})
	}))
	t.Cleanup(s.Close)
	return s
}

// The keyset is on disk as the service encrypted it, and of no use without the service.
func TestAKeysetIsOpenedByTheService(t *testing.T) {
	t.Parallel()
	s := service(t, "a-token")
	uri := httpkms.Prefix + s.URL + "/keys/throughline"
	registry.RegisterKMSClient(httpkms.Client{Token: "a-token"})
	client, err := registry.GetKMSClient(uri)
	require.NoError(t, err)
	kms, err := client.GetAEAD(uri)
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "keys.json")
	require.NoError(t, seal.MakeFile(path, kms))
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Contains(t, string(raw), "encryptedKeyset")

	r, err := seal.New(seal.Source{File: path, KMS: kms})
	require.NoError(t, err)
	w, _, err := r.NewKey(uuid.New())
	require.NoError(t, err)
	require.NoError(t, r.AddKey(true))
	s.Close()
	_, err = r.Key(w)
	assert.NoError(t, err, "the service is asked at the start and when keys change, not for each case")

	_, err = seal.New(seal.Source{File: path, KMS: kms})
	assert.ErrorContains(t, err, "KMS_KEY_URI", "it is away")
	_, err = seal.New(seal.Source{File: path})
	assert.Error(t, err, "without it the keyset is closed")
	stranger, err := httpkms.Client{Token: "another"}.GetAEAD(httpkms.Prefix + service(t, "a-token").URL)
	require.NoError(t, err)
	_, err = stranger.Encrypt([]byte("x"), nil)
	assert.ErrorContains(t, err, "HTTP 401")
}

func TestKeysTravelByTLSOnly(t *testing.T) {
	t.Parallel()
	for uri, ok := range map[string]bool{
		"wrap+https://kms.example.org/keys/a": true, "wrap+http://127.0.0.1:8200/a": true, "wrap+http://localhost/a": true,
		"wrap+http://kms.example.org/a": false, "https://kms.example.org/a": false, "aws-kms://arn": false,
		"wrap+https://user@kms.example.org/a": false, "wrap+https://kms.example.org/a?b": false, "wrap+": false,
	} {
		assert.Equal(t, ok, httpkms.Client{}.Supported(uri), uri)
	}
}
