//go:build unix

package postgres_test

import (
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"throughline/internal/devstack/lockfile"
	"throughline/internal/devstack/logfile"
	"throughline/internal/devstack/postgres"
)

// quick trades safety on power loss for speed; a killed process loses nothing by it.
var quick = map[string]string{"fsync": "off"}

func start(t *testing.T, dir string) *postgres.Server {
	t.Helper()
	s, err := postgres.Start(t.Context(), postgres.Options{Dir: dir, Extra: quick})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Stop()) })
	return s
}

func exec(t *testing.T, s *postgres.Server, database, query string) {
	t.Helper()
	db, err := sql.Open("postgres", s.URL(database))
	require.NoError(t, err)
	defer db.Close()
	_, err = db.ExecContext(t.Context(), query)
	require.NoError(t, err)
}

func value(t *testing.T, s *postgres.Server, database, query string) string {
	t.Helper()
	db, err := sql.Open("postgres", s.URL(database))
	require.NoError(t, err)
	defer db.Close()
	var v string
	require.NoError(t, db.QueryRowContext(t.Context(), query).Scan(&v))
	return v
}

func TestARestartKeepsDataPortAndPassword(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "new", "pg")
	s := start(t, dir)
	require.NoError(t, s.Ensure(t.Context(), "app"))
	require.NoError(t, s.Ensure(t.Context(), "app"), "a database that exists is fine")
	exec(t, s, "app", "CREATE TABLE kept AS SELECT 42 AS answer")
	before := s.URL("app")
	require.NoError(t, s.Stop())
	require.NoError(t, s.Stop(), "stopping twice is fine")

	s = start(t, dir)
	require.Equal(t, before, s.URL("app"))
	require.Equal(t, "42", value(t, s, "app", "SELECT answer FROM kept"))
}

func TestASecondStartOnTheFolderIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := start(t, dir)
	_, err := postgres.Start(t.Context(), postgres.Options{Dir: dir})
	var held *lockfile.HeldError
	require.ErrorAs(t, err, &held)
	require.Equal(t, os.Getpid(), held.PID)
	require.Equal(t, "1", value(t, s, "postgres", "SELECT 1"), "the first goes on")
}

func TestOnlyThePasswordOpensIt(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := start(t, dir)
	u, err := url.Parse(s.URL("postgres"))
	require.NoError(t, err)
	u.User = url.UserPassword(postgres.Superuser, "wrong")
	db, err := sql.Open("postgres", u.String())
	require.NoError(t, err)
	defer db.Close()
	require.ErrorContains(t, db.PingContext(t.Context()), "password authentication failed")

	info, err := os.Stat(filepath.Join(dir, "password"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	require.Equal(t, "127.0.0.1", value(t, s, "postgres", "SHOW listen_addresses"))
}

// A password file that was mixed up with another folder's, or lost its content, is no reason to wait.
func TestAWrongPasswordFileIsNamed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := start(t, dir)
	require.NoError(t, s.Stop())
	file := filepath.Join(dir, "password")
	right, err := os.ReadFile(file)
	require.NoError(t, err)
	for _, wrong := range []string{"of another folder\n", " \n"} {
		require.NoError(t, os.WriteFile(file, []byte(wrong), 0o600))
		_, err := postgres.Start(t.Context(), postgres.Options{Dir: dir, Extra: quick})
		require.ErrorContains(t, err, file)
		require.ErrorContains(t, err, "this data was made with")
		require.NotContains(t, err.Error(), "of another folder")
	}
	require.NoError(t, os.WriteFile(file, right, 0o600))
	require.NoError(t, os.Truncate(filepath.Join(dir, "postgres.log"), logfile.Most+1))
	s = start(t, dir)
	require.Equal(t, "1", value(t, s, "postgres", "SELECT 1"))
	require.FileExists(t, filepath.Join(dir, "postgres.log.1"), "the log had grown")
	log, err := os.Stat(filepath.Join(dir, "postgres.log"))
	require.NoError(t, err)
	require.Less(t, log.Size(), int64(1<<20))
}

func TestDataOfAnotherVersionIsLeftAlone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := start(t, dir)
	require.NoError(t, s.Stop())
	version := filepath.Join(dir, "data", "PG_VERSION")
	require.NoError(t, os.WriteFile(version, []byte("9\n"), 0o600))
	canary := filepath.Join(dir, "data", "canary")
	require.NoError(t, os.WriteFile(canary, nil, 0o600))

	_, err := postgres.Start(t.Context(), postgres.Options{Dir: dir})
	require.ErrorContains(t, err, "made by PostgreSQL 9, and here is only "+s.Version)
	require.FileExists(t, canary)
	require.FileExists(t, filepath.Join(dir, "data", "global", "pg_control"))
}

func TestAFolderWithOtherFilesIsLeftAlone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	canary := filepath.Join(dir, "data", "thesis.txt")
	require.NoError(t, os.MkdirAll(filepath.Dir(canary), 0o755))
	require.NoError(t, os.WriteFile(canary, nil, 0o600))
	_, err := postgres.Start(t.Context(), postgres.Options{Dir: dir})
	require.ErrorContains(t, err, "not a PostgreSQL data folder")
	require.FileExists(t, canary)
}

func TestAnInitdbCutShortIsMadeAgain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	half := filepath.Join(dir, "data.new-1")
	require.NoError(t, os.Mkdir(half, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(half, "PG_VERSION"), []byte("15\n"), 0o600))
	s := start(t, dir)
	require.NoDirExists(t, half)
	require.Equal(t, "1", value(t, s, "postgres", "SELECT 1"))
}

func TestANumberGivenToAnotherProgramDoesNotBlockTheStart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := start(t, dir)
	require.NoError(t, s.Stop())
	// This very process is alive, of our account, and no postmaster.
	stale := fmt.Sprintf("%d\n%s\n1\n5432\n\n127.0.0.1\n", os.Getpid(), filepath.Join(dir, "data"))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "data", "postmaster.pid"), []byte(stale), 0o644))
	s = start(t, dir)
	require.Equal(t, "1", value(t, s, "postgres", "SELECT 1"))
}

func TestAKilledServerIsSeenAndStartsAgain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := start(t, dir)
	exec(t, s, "postgres", "CREATE TABLE kept AS SELECT 42 AS answer")
	require.NoError(t, syscall.Kill(s.PID(), syscall.SIGKILL))
	select {
	case <-s.Exited():
	case <-time.After(10 * time.Second):
		t.Fatal("the end of the server was not seen")
	}
	require.NoError(t, s.Stop())

	s = start(t, dir)
	require.Equal(t, "42", value(t, s, "postgres", "SELECT answer FROM kept"))
}

func TestRowValuesStayOutOfTheLog(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := start(t, dir)
	exec(t, s, "postgres", "CREATE TABLE people (email text PRIMARY KEY)")
	exec(t, s, "postgres", "INSERT INTO people VALUES ('ana@example.org')")
	db, err := sql.Open("postgres", s.URL("postgres"))
	require.NoError(t, err)
	defer db.Close()
	_, err = db.ExecContext(t.Context(), "INSERT INTO people VALUES ('ana@example.org')")
	require.Error(t, err)
	_, err = db.ExecContext(t.Context(), "SELECT 'ana@example.org'::int")
	require.Error(t, err)
	require.NoError(t, s.Stop())

	log, err := os.ReadFile(filepath.Join(dir, "postgres.log"))
	require.NoError(t, err)
	require.Contains(t, string(log), "database system is shut down")
	require.NotContains(t, string(log), "ana@")
}

func TestAnUnusableBinDirIsNamed(t *testing.T) {
	t.Parallel()
	empty := t.TempDir()
	_, err := postgres.Start(t.Context(), postgres.Options{Dir: t.TempDir(), BinDir: empty})
	require.ErrorContains(t, err, "no usable initdb and postgres in "+empty)
}

func TestAsRootTheServerStepsDown(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("needs root, which may run a server as another user: run the tests as root")
	}
	s := start(t, t.TempDir())
	status, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(s.PID()), "status"))
	require.NoError(t, err)
	require.NotContains(t, string(status), "Uid:\t0\t")
}

// TestAsRootAClosedParentIsPassed is a data folder under /root: closed to the account that the server runs as.
func TestAsRootAClosedParentIsPassed(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("needs root, which may run a server as another user: run the tests as root")
	}
	closed := filepath.Join(t.TempDir(), "closed")
	require.NoError(t, os.Mkdir(closed, 0o700))
	dir := filepath.Join(closed, "pg")
	s := start(t, dir)
	require.Equal(t, "1", value(t, s, "postgres", "SELECT 1"))
	require.NoError(t, s.Stop())
	s = start(t, dir)
	require.True(t, strings.HasPrefix(value(t, s, "postgres", "SHOW data_directory"), closed))
}
