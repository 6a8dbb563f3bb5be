//go:build unix

package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	embedded "github.com/fergusstrange/embedded-postgres"

	"throughline/internal/devstack/lockfile"
)

// oldest is the oldest major version that our SQL is written for.
const oldest = 14

// binaries are a folder that has both initdb and postgres.
type binaries struct {
	dir, version string // "15.18"
	major        int
}

// chooseBinaries finds binaries for data of the given major version, or for new data when major is "".
func chooseBinaries(ctx context.Context, o Options, major string) (dir, version string, err error) {
	fetched := filepath.Join(o.Dir, "binaries")
	var seen []string
	for _, b := range installed(ctx, o.BinDir, fetched) {
		if major == strconv.Itoa(b.major) || (major == "" && b.major >= oldest) {
			return b.dir, b.version, nil
		}
		seen = append(seen, b.version+" in "+b.dir)
	}
	switch {
	case major != "" && len(seen) > 0:
		return "", "", fmt.Errorf("the data in %s was made by PostgreSQL %s, and here is only %s: install PostgreSQL %s, or "+
			"name another data folder. Nothing was changed", o.Dir, major, strings.Join(seen, ", "), major)
	case o.BinDir != "":
		return "", "", fmt.Errorf("no usable initdb and postgres in %s (PostgreSQL %d or later is needed)", o.BinDir, oldest)
	}
	release, err := releaseOf(major)
	if err != nil {
		return "", "", err
	}
	o.Progress(fmt.Sprintf("no PostgreSQL installed: fetching %s, once", release))
	if err := fetch(ctx, fetched, release, ""); err != nil {
		return "", "", fmt.Errorf("no PostgreSQL is installed here, and fetching one failed: %w. Install PostgreSQL %d or later "+
			"(apt install postgresql, brew install postgresql@17), or name its bin folder", err, oldest)
	}
	b, err := inspect(ctx, filepath.Join(fetched, "bin"))
	return b.dir, b.version, err
}

// installed lists what is there, the caller's own choice alone when there is one, newest first otherwise.
func installed(ctx context.Context, chosen, fetched string) []binaries {
	places := []string{chosen}
	if chosen == "" {
		places = []string{filepath.Join(fetched, "bin")}
		if out, err := exec.CommandContext(ctx, "pg_config", "--bindir").Output(); err == nil {
			places = append(places, strings.TrimSpace(string(out)))
		}
		for _, pattern := range []string{
			"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/usr/libexec/postgresql*", "/usr/local/pgsql/bin", "/usr/local/bin",
			"/opt/homebrew/opt/postgresql*/bin", "/usr/local/opt/postgresql*/bin",
			"/Applications/Postgres.app/Contents/Versions/*/bin",
		} {
			matches, err := filepath.Glob(pattern)
			if err == nil {
				places = append(places, matches...)
			}
		}
	}
	var found []binaries
	for _, dir := range places {
		known := slices.ContainsFunc(found, func(b binaries) bool { return b.dir == dir })
		if b, err := inspect(ctx, dir); err == nil && !known {
			found = append(found, b)
		}
	}
	slices.SortStableFunc(found, func(a, b binaries) int { return b.major - a.major })
	return found
}

var versionText = regexp.MustCompile(`\) ((\d+)[.\w]*)`)

func inspect(ctx context.Context, dir string) (binaries, error) {
	if _, err := exec.LookPath(filepath.Join(dir, "initdb")); err != nil {
		return binaries{}, err
	}
	out, err := exec.CommandContext(ctx, filepath.Join(dir, "postgres"), "--version").Output() // #nosec G204 -- a server of this machine
	if err != nil {
		return binaries{}, err
	}
	m := versionText.FindSubmatch(out)
	if m == nil {
		return binaries{}, fmt.Errorf("%s/postgres --version is not PostgreSQL's", dir)
	}
	major, err := strconv.Atoi(string(m[2]))
	return binaries{dir: dir, version: string(m[1]), major: major}, err
}

func releaseOf(major string) (embedded.PostgresVersion, error) {
	for _, release := range []embedded.PostgresVersion{embedded.V17, embedded.V18, embedded.V16, embedded.V15, embedded.V14} {
		if major == "" || strings.HasPrefix(string(release), major+".") {
			return release, nil
		}
	}
	return "", fmt.Errorf("the data was made by PostgreSQL %s, which is not installed. Nothing was changed", major)
}

// fetch downloads a release into dir. The library only fetches by starting a server, and deletes what it believes
// stale, so it gets a scratch folder that holds nothing else; dir appears whole or not at all. An empty repository is
// Maven Central.
func fetch(ctx context.Context, dir string, release embedded.PostgresVersion, repository string) error {
	lock, err := lockfile.Wait(ctx, dir+".lock")
	if err != nil {
		return err
	}
	defer lock.Release()
	scratch := dir + ".new"
	if err := os.RemoveAll(scratch); err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	if err := os.MkdirAll(scratch, 0o755); err != nil { // #nosec G301 -- PostgreSQL may run under another account
		return err
	}
	port, err := (&cluster{dir: scratch}).choosePort(0)
	if err != nil {
		return err
	}
	// #nosec G115 -- a port
	config := embedded.DefaultConfig().Version(release).Port(uint32(port)).Logger(io.Discard).
		CachePath(filepath.Join(scratch, "archive")).BinariesPath(filepath.Join(scratch, "pgsql")).
		RuntimePath(filepath.Join(scratch, "run")).DataPath(filepath.Join(scratch, "run", "data"))
	if repository != "" {
		config = config.BinaryRepositoryURL(repository)
	}
	server := embedded.NewDatabase(config)
	startErr := server.Start()
	if startErr == nil {
		if err := server.Stop(); err != nil {
			return err
		}
	}
	// As root its server does not start, and need not: the binaries are what we came for.
	if _, err := inspect(ctx, filepath.Join(scratch, "pgsql", "bin")); err != nil {
		return errors.Join(startErr, err)
	}
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	return os.Rename(filepath.Join(scratch, "pgsql"), dir)
}
