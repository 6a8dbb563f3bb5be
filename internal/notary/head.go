package notary

import (
	"bufio"
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/google/uuid"

	"throughline/db"
)

// SignedHead is a line of an export: where the chain of an organisation stood, and who says so. It holds no personal data.
type SignedHead struct {
	Organisation uuid.UUID `json:"organisation_id"`
	Seq          int64     `json:"seq"`
	Hash         string    `json:"hash"` // hex
	At           time.Time `json:"at"`
	Key          string    `json:"key"`       // which key signed, see KeyID
	Signature    []byte    `json:"signature"` // Ed25519 over said()
}

// KeyID tells keys apart: the first 16 hex digits of the SHA-256 of the public key.
func KeyID(public ed25519.PublicKey) string {
	sum := sha256.Sum256(public)
	return hex.EncodeToString(sum[:8])
}

// Sign makes the lines of an export.
func Sign(key ed25519.PrivateKey, heads []db.Head, at time.Time) ([]SignedHead, []byte, error) {
	id := KeyID(key.Public().(ed25519.PublicKey))
	var lines bytes.Buffer
	signed := make([]SignedHead, len(heads))
	for i, h := range heads {
		s := SignedHead{Organisation: h.Organisation, Seq: h.Seq, Hash: hex.EncodeToString(h.Hash), At: at.UTC(), Key: id}
		s.Signature = ed25519.Sign(key, s.said())
		raw, err := json.Marshal(s)
		if err != nil {
			return nil, nil, err
		}
		lines.Write(append(raw, '\n'))
		signed[i] = s
	}
	return signed, lines.Bytes(), nil
}

// said is what is signed.
func (s SignedHead) said() []byte {
	return fmt.Appendf(nil, "throughline audit head 1\n%s\n%d\n%s\n%s\n%s\n", s.Organisation, s.Seq, s.Hash, s.At.UTC().Format(time.RFC3339Nano), s.Key)
}

// By reports that a key signed the head.
func (s SignedHead) By(public ed25519.PublicKey) bool {
	return s.Key == KeyID(public) && ed25519.Verify(public, s.said(), s.Signature)
}

// mostLine is longer than any line of an export.
const mostLine = 4096

// Read reads the lines of an export. One that is no head fails with its number and nothing of what it holds.
func Read(from io.Reader) (heads []SignedHead, err error) {
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, mostLine)
	for n := 1; lines.Scan(); n++ {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		var s SignedHead
		if err := json.Unmarshal(lines.Bytes(), &s); err != nil || s.Seq < 1 {
			return heads, fmt.Errorf("line %d is not the head of a chain", n)
		}
		heads = append(heads, s)
	}
	return heads, lines.Err()
}

// ParsePublic reads a public key, as PublicText writes it.
func ParsePublic(text string) (ed25519.PublicKey, error) {
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(raw) != ed25519.PublicKeySize {
		return nil, errors.New("must be a public key, as throughline audit key prints it")
	}
	return raw, nil
}

// PublicText writes a public key.
func PublicText(public ed25519.PublicKey) string { return base64.StdEncoding.EncodeToString(public) }
