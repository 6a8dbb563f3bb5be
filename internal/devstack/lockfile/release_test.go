//go:build unix

package lockfile

import (
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// A child that is being started holds copies of our open files for a moment.
func TestAReleasedLockIsFreeThoughACopyIsOpen(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	lock, err := Take(path)
	require.NoError(t, err)
	held, err := syscall.Dup(int(lock.file.Fd()))
	require.NoError(t, err)
	t.Cleanup(func() { syscall.Close(held) })
	require.NoError(t, lock.Release())
	again, err := Take(path)
	require.NoError(t, err)
	require.NoError(t, again.Release())
}
