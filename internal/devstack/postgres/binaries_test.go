//go:build unix

package postgres

import (
	"os"
	"path/filepath"
	"testing"

	embedded "github.com/fergusstrange/embedded-postgres"
	"github.com/stretchr/testify/require"
)

func TestAFailedFetchLeavesNothingAndKeepsWhatWasThere(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "binaries")
	require.NoError(t, os.Mkdir(dir, 0o755))
	canary := filepath.Join(dir, "canary")
	require.NoError(t, os.WriteFile(canary, nil, 0o600))

	err := fetch(t.Context(), dir, embedded.V17, "http://127.0.0.1:1")
	require.ErrorContains(t, err, "unable to connect to http://127.0.0.1:1")
	require.FileExists(t, canary)
	require.NoDirExists(t, dir+".new")
}

func TestTheVersionIsReadAsDistributionsWriteIt(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)": "15.18",
		"postgres (PostgreSQL) 18beta1":                        "18beta1",
		"postgres (PostgreSQL) 17.5 (Homebrew)":                "17.5",
	} {
		m := versionText.FindStringSubmatch(text)
		require.NotNil(t, m, text)
		require.Equal(t, want, m[1])
	}
}
