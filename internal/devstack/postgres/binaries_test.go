//go:build unix

package postgres

import (
	"archive/zip"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
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

func TestAFetchPutsTheBinariesInPlaceAsRootToo(t *testing.T) {
	t.Parallel()
	archive := releaseArchive(t)
	var downloads atomic.Int32
	repository := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, ".jar") {
			http.NotFound(w, r)
			return
		}
		downloads.Add(1)
		http.ServeFile(w, r, archive)
	}))
	t.Cleanup(repository.Close)

	dir := filepath.Join(t.TempDir(), "binaries")
	require.NoError(t, fetch(t.Context(), dir, embedded.V17, repository.URL))
	require.Equal(t, int32(1), downloads.Load())
	b, err := inspect(t.Context(), filepath.Join(dir, "bin"))
	require.NoError(t, err)
	require.Equal(t, binaries{dir: filepath.Join(dir, "bin"), version: "17.5", major: 17}, b)
	require.NoDirExists(t, dir+".new")
}

// releaseArchive packs programs that know their version and nothing else, the way releases are packed.
func releaseArchive(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("xz"); err != nil {
		t.Skip("needs xz in PATH to pack a release with: apt-get install xz-utils, or brew install xz")
	}
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "bin"), 0o755))
	for program, script := range map[string]string{
		"postgres": "#!/bin/sh\necho 'postgres (PostgreSQL) 17.5'\n",
		"initdb":   "#!/bin/sh\nexit 1\n",
		"pg_ctl":   "#!/bin/sh\nexit 1\n",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, "bin", program), []byte(script), 0o755))
	}
	packed := filepath.Join(dir, "release.txz")
	out, err := exec.CommandContext(t.Context(), "tar", "-C", dir, "-cJf", packed, "bin").CombinedOutput()
	require.NoError(t, err, "%s", out)
	text, err := os.ReadFile(packed)
	require.NoError(t, err)

	jar, err := os.Create(filepath.Join(dir, "release.jar"))
	require.NoError(t, err)
	w := zip.NewWriter(jar)
	entry, err := w.Create("postgres-linux.txz")
	require.NoError(t, err)
	_, err = entry.Write(text)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	require.NoError(t, jar.Close())
	return jar.Name()
}
