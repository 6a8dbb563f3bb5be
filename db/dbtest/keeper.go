//go:build unix

package dbtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"throughline/internal/devstack/lockfile"
	"throughline/internal/devstack/postgres"
)

const (
	// keeperFolder, set to the shared folder, makes a test binary the keeper of the shared server.
	keeperFolder = "THROUGHLINE_DBTEST_KEEPER"
	keeperReady  = "ready\n"
	// linger bridges the gap between one package's tests and the next one's.
	linger = 2 * time.Second
)

// A test process can't wait for the others, and has no hook for its own end: the keeper does both, without TestMain.
func init() {
	folder := os.Getenv(keeperFolder)
	if folder == "" {
		return
	}
	if err := keep(folder); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	os.Exit(0)
}

// keep runs a new server and stops it when no test process has been there for a while. Each has a new data folder: with
// fsync off an old one can't be trusted after a crash of the machine, and making one takes half a second.
func keep(folder string) error {
	// Given up last of all: who comes while the server stops waits for it, and then finds no trace of this one.
	var users *lockfile.Lock
	defer func() {
		if users != nil {
			users.Release()
		}
	}()
	running, err := lockfile.Take(runningFile(folder))
	if err != nil {
		return err
	}
	defer running.Release()
	data, err := newDataFolder(folder)
	if err != nil {
		return err
	}
	defer os.RemoveAll(data)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	server, err := postgres.Start(ctx, postgres.Options{Dir: data, BinDir: os.Getenv("PG_BINDIR"), Extra: map[string]string{
		"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "500",
		"autovacuum": "off", // it would hold the template while it is cloned
	}})
	if err != nil {
		return err
	}
	if err := publish(folder, server); err != nil {
		return errors.Join(err, server.Stop())
	}
	defer os.Remove(addressFile(folder))
	if _, err := os.Stdout.WriteString(keeperReady); err != nil {
		return errors.Join(err, server.Stop())
	}
	users = awaitUnused(usersFile(folder), server.Exited())
	return server.Stop()
}

// newDataFolder also clears what a killed keeper left. Its server may still be writing its last page there, so a folder
// that does not go now is left to the next keeper.
func newDataFolder(folder string) (string, error) {
	if err := os.RemoveAll(addressFile(folder)); err != nil {
		return "", err
	}
	left, err := filepath.Glob(filepath.Join(folder, "pg-*"))
	if err != nil {
		return "", err
	}
	for _, path := range left {
		_ = os.RemoveAll(path)
	}
	data, err := os.MkdirTemp(folder, "pg-")
	if err != nil {
		return "", err
	}
	return data, os.Chmod(data, 0o711)
}

// publish writes the URL and the two process ids in one move, for the test processes and for who looks after them.
func publish(folder string, server *postgres.Server) error {
	text := fmt.Sprintf("%s\nport %d\npostgres %d\nkeeper %d\n", server.URL("postgres"), server.Port, server.PID(), os.Getpid())
	writing := addressFile(folder) + ".new"
	if err := os.WriteFile(writing, []byte(text), 0o600); err != nil {
		return err
	}
	return os.Rename(writing, addressFile(folder))
}

// awaitUnused returns with the users' lock when nobody has shared it for a while, or without when the server ended.
func awaitUnused(path string, ended <-chan struct{}) *lockfile.Lock {
	lastUsed := time.Now()
	for {
		select {
		case <-ended:
			return nil
		case <-time.After(100 * time.Millisecond):
		}
		lock, err := lockfile.Take(path)
		switch {
		case err != nil:
			lastUsed = time.Now()
		case time.Since(lastUsed) >= linger:
			return lock
		default:
			lock.Release()
		}
	}
}
