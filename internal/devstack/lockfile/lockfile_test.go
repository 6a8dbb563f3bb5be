//go:build unix

package lockfile_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"throughline/internal/devstack/lockfile"
)

func TestTakeRefusesWhileHeldAndNamesTheHolder(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	first, err := lockfile.Take(path)
	require.NoError(t, err)

	_, err = lockfile.Take(path)
	var held *lockfile.HeldError
	require.ErrorAs(t, err, &held)
	require.Equal(t, os.Getpid(), held.PID)

	require.NoError(t, first.Release())
	second, err := lockfile.Take(path)
	require.NoError(t, err)
	require.NoError(t, second.Release())
}

func TestSharersKeepTakeOutTogether(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	a, err := lockfile.Share(t.Context(), path)
	require.NoError(t, err)
	b, err := lockfile.Share(t.Context(), path)
	require.NoError(t, err)
	require.NoError(t, a.Release())

	_, err = lockfile.Take(path)
	require.ErrorAs(t, err, new(*lockfile.HeldError))
	require.NoError(t, b.Release())
	c, err := lockfile.Take(path)
	require.NoError(t, err)
	require.NoError(t, c.Release())
}

func TestWaitGetsTheLockWhenItIsReleased(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	first, err := lockfile.Take(path)
	require.NoError(t, err)

	got := make(chan error, 1)
	go func() {
		second, err := lockfile.Wait(t.Context(), path)
		if err == nil {
			err = second.Release()
		}
		got <- err
	}()
	require.NoError(t, first.Release())
	require.NoError(t, <-got)
}

func TestWaitStopsWithItsContext(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	first, err := lockfile.Take(path)
	require.NoError(t, err)
	defer first.Release()

	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = lockfile.Wait(ctx, path)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorAs(t, err, new(*lockfile.HeldError))
}
