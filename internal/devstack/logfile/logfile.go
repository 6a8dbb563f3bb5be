// Package logfile keeps the logs of a data folder from growing for ever.
package logfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// Most is how large a log may be when its writer starts.
const Most = 8 << 20

// Turn puts a log that has grown beyond Most aside under the name with .1 at its end, in the place of the one before.
// Whoever writes next begins a new one. It is for the start, when nobody writes.
func Turn(path string) error {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) || (err == nil && info.Size() <= Most) {
		return nil
	}
	if err == nil {
		err = os.Rename(path, path+".1")
	}
	if err != nil {
		return fmt.Errorf("put the old log aside: %w", err)
	}
	return nil
}
