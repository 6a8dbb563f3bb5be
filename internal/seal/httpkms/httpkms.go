// Package httpkms wraps keysets by a service that is asked over HTTP: one that holds the key and never gives it away. It
// is registered with tink like the clients of AWS and Google, and stands in where there is none of theirs.
package httpkms

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/tink-crypto/tink-go/v2/tink"
)

// Prefix begins the address of a key: wrap+https://kms.example.org/keys/throughline.
const Prefix = "wrap+"

// Client asks the service. It is a registry.KMSClient.
type Client struct {
	Token string // sent as a bearer token; "" sends none
	HTTP  *http.Client
}

// Supported reports an address of this kind. Without TLS only loopback is asked: what passes are keys.
func (c Client) Supported(uri string) bool {
	_, err := address(uri)
	return err == nil
}

func address(uri string) (string, error) {
	rest, ok := strings.CutPrefix(uri, Prefix)
	u, err := url.Parse(rest)
	if !ok || err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", errors.New("is not an address such as wrap+https://kms.example.org/keys/throughline")
	}
	ip := net.ParseIP(u.Hostname())
	loopback := u.Hostname() == "localhost" || (ip != nil && ip.IsLoopback())
	if u.Scheme != "https" && (u.Scheme != "http" || !loopback) {
		return "", errors.New("must be asked by https")
	}
	return strings.TrimSuffix(rest, "/"), nil
}

// GetAEAD gives the key at an address. Nothing is asked yet.
func (c Client) GetAEAD(uri string) (tink.AEAD, error) {
	at, err := address(uri)
	if err != nil {
		return nil, err
	}
	if c.HTTP == nil {
		c.HTTP = &http.Client{Timeout: 10 * time.Second}
	}
	return remote{c, at}, nil
}

type remote struct {
	Client
	at string
}

// message is what is asked and answered: base64 in JSON.
type message struct {
	Data           []byte `json:"data"`
	AssociatedData []byte `json:"associated_data,omitempty"`
}

// Encrypt asks for data to be wrapped: POST <address>/wrap.
func (r remote) Encrypt(plain, associated []byte) ([]byte, error) {
	return r.ask("wrap", plain, associated)
}

// Decrypt asks for it back: POST <address>/unwrap.
func (r remote) Decrypt(wrapped, associated []byte) ([]byte, error) {
	return r.ask("unwrap", wrapped, associated)
}

func (r remote) ask(what string, data, associated []byte) ([]byte, error) {
	body, err := json.Marshal(message{data, associated})
	if err != nil {
		return nil, err
	}
	q, err := http.NewRequest(http.MethodPost, r.at+"/"+what, bytes.NewReader(body))
	if err != nil {
		return nil, errors.New("the key management service can't be asked")
	}
	q.Header.Set("Content-Type", "application/json")
	if r.Token != "" {
		q.Header.Set("Authorization", "Bearer "+r.Token)
	}
	answer, err := r.HTTP.Do(q)
	if err != nil {
		return nil, errors.New("the key management service can't be reached")
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the key management service refuses (HTTP %d)", answer.StatusCode)
	}
	var m message
	if err := json.NewDecoder(io.LimitReader(answer.Body, 1<<20)).Decode(&m); err != nil || len(m.Data) == 0 {
		return nil, errors.New("the key management service gives no answer that can be read")
	}
	return m.Data, nil
}
