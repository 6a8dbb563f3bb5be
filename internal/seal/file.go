package seal

import (
	"errors"
	"os"
	"path/filepath"

	"github.com/tink-crypto/tink-go/v2/tink"
)

// MakeFile makes a file of one new key that only its owner may read, unless there is a file already.
func MakeFile(path string, by tink.AEAD) error {
	if _, err := os.Stat(path); err == nil || !errors.Is(err, os.ErrNotExist) {
		return err
	}
	p, err := parameters()
	if err != nil {
		return err
	}
	handle, err := freshHandle(p)
	if err != nil {
		return err
	}
	raw, err := written(handle, by)
	if err != nil {
		return err
	}
	return replace(path, raw)
}

// AddKey writes one more key into the file of the keys, and reads it. It wraps from now on when promote is set; else it
// only can unwrap, which every process must be able to before any wraps with it.
func (r *Keyring) AddKey(promote bool) error {
	return r.rewrite(func(k *keys) ([]byte, error) {
		handle, err := k.next(promote)
		if err != nil {
			return nil, err
		}
		return written(handle, r.source.KMS)
	})
}

// Promote has the newest key of the file wrap from now on; ok is false when it does already.
func (r *Keyring) Promote() (ok bool, err error) {
	err = r.rewrite(func(k *keys) ([]byte, error) {
		handle, promoted, err := k.promoted()
		if ok = promoted; err != nil || !promoted {
			return nil, err
		}
		return written(handle, r.source.KMS)
	})
	return ok, err
}

// rewrite replaces the file of the keys by what is made of it; nothing when that is nothing.
func (r *Keyring) rewrite(of func(*keys) ([]byte, error)) error {
	if r == nil || r.source.File == "" {
		return ErrNoFile
	}
	k, err := r.source.read()
	if err != nil {
		return err
	}
	raw, err := of(k)
	if err != nil || raw == nil {
		return err
	}
	if err := replace(r.source.File, raw); err != nil {
		return err
	}
	if k, err = r.source.read(); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.keys, r.looked = k, r.now()
	return nil
}

// ErrNoFile says that the keys are not in a file that can be written.
var ErrNoFile = errors.New("the keys are not in a file: only KEY_FILE can be written")

// replace writes a file whole or not at all: keys that are lost are what they sealed, lost.
func replace(path string, raw []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".keys-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(append(raw, '\n'))
	err = errors.Join(err, f.Chmod(0o600), f.Sync(), f.Close())
	if err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
