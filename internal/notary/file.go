package notary

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
)

// Target is where heads are written down, outside of the database.
type Target interface {
	// Append adds lines. When it returns they are kept: on the disk, or by the store.
	Append(ctx context.Context, lines []byte) error
	// Lines reads all that was ever added.
	Lines(ctx context.Context) (io.ReadCloser, error)
}

// File is an append-only file of JSON lines.
type File string

// Append adds lines at the end and waits until they are on the disk.
func (f File) Append(_ context.Context, lines []byte) error {
	if err := os.MkdirAll(filepath.Dir(string(f)), 0o750); err != nil {
		return err
	}
	file, err := os.OpenFile(string(f), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o640) // #nosec G302 -- digests, which the group of who keeps them reads
	if err != nil {
		return err
	}
	_, err = file.Write(lines)
	return errors.Join(err, file.Sync(), file.Close())
}

// Lines opens the file.
func (f File) Lines(context.Context) (io.ReadCloser, error) { return os.Open(string(f)) }
