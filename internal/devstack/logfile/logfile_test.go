package logfile_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"throughline/internal/devstack/logfile"
)

func TestALogIsPutAsideWhenItHasGrown(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "some.log")
	require.NoError(t, logfile.Turn(path), "none yet")

	require.NoError(t, os.WriteFile(path, []byte("short"), 0o600))
	require.NoError(t, os.Truncate(path, logfile.Most))
	require.NoError(t, logfile.Turn(path))
	require.NoFileExists(t, path+".1")

	require.NoError(t, os.WriteFile(path+".1", []byte("older"), 0o600))
	require.NoError(t, os.Truncate(path, logfile.Most+1))
	require.NoError(t, logfile.Turn(path))
	require.NoFileExists(t, path)
	kept, err := os.Stat(path + ".1")
	require.NoError(t, err)
	require.EqualValues(t, logfile.Most+1, kept.Size(), "one former log is kept")
}
