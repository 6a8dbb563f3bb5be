package app

import (
	"errors"
	"fmt"

	"github.com/tink-crypto/tink-go/v2/core/registry"

	"throughline/internal/config"
	"throughline/internal/seal"
	"throughline/internal/seal/httpkms"
)

// Keyring reads the keys where the settings say they are. The error names the setting that is wrong, and never says what
// is in it. A deployment on the key management service of Amazon or Google registers its tink client beside ours.
func Keyring(k config.Keys) (*seal.Keyring, error) {
	name, source := "ENCRYPTION_KEY", seal.Source{Text: k.Text, File: k.File}
	if k.File != "" {
		name = "KEY_FILE"
	}
	if k.KMS != "" {
		registry.RegisterKMSClient(httpkms.Client{Token: k.KMSToken})
		client, err := registry.GetKMSClient(k.KMS)
		if err != nil {
			return nil, errors.New("KMS_KEY_URI names a key management service that this binary has no client for, or without https")
		}
		if source.KMS, err = client.GetAEAD(k.KMS); err != nil {
			return nil, fmt.Errorf("KMS_KEY_URI %w", err)
		}
	}
	keys, err := seal.New(source)
	if err != nil {
		return nil, fmt.Errorf("%s %w", name, err)
	}
	return keys, nil
}
