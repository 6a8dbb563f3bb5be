package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// auditKey is the key that signs the heads of the audit, made at the first start and readable by its owner alone.
func auditKey(dir string) (ed25519.PrivateKey, error) {
	path := filepath.Join(dir, "audit-signing-key")
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		seed := make([]byte, ed25519.SeedSize)
		rand.Read(seed)
		text = []byte(base64.StdEncoding.EncodeToString(seed) + "\n")
		err = os.WriteFile(path, text, 0o600)
	}
	if err != nil {
		return nil, fmt.Errorf("the audit's key: %w", err)
	}
	seed, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(seed) != ed25519.SeedSize {
		return nil, fmt.Errorf("%s does not hold a key: remove it, and a new one is made", path)
	}
	return ed25519.NewKeyFromSeed(seed), nil
}
