//go:build unix

package dbtest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"throughline/db"
	"throughline/internal/devstack/lockfile"
)

// server finds or starts the server of this process's tests, once.
var server = sync.OnceValues(func() (*admin, error) {
	if u := testDatabaseURL(); u != "" {
		return newAdmin(u)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	shared, err := joinShared(ctx, sharedFolder())
	if err != nil {
		return nil, fmt.Errorf("the shared test server: %w", err)
	}
	return newAdmin(shared)
})

// using is never released: the end of this process, however it comes, says that its tests are over.
//
//lint:ignore U1000 it is held, not read: a lock that nothing refers to would be collected, and so let go
var using *lockfile.Lock

func sharedFolder() string {
	return filepath.Join(os.TempDir(), "throughline-test-"+strconv.Itoa(os.Getuid()))
}

// The files of the shared folder. users is shared by every test process, starting held by the one that looks for a
// keeper or starts it, running held by the keeper; address tells where the server is.
func usersFile(folder string) string    { return filepath.Join(folder, "users.lock") }
func startingFile(folder string) string { return filepath.Join(folder, "starting.lock") }
func runningFile(folder string) string  { return filepath.Join(folder, "running.lock") }
func addressFile(folder string) string  { return filepath.Join(folder, "address") }

// joinShared returns the URL of the shared server and keeps it running until this process ends.
func joinShared(ctx context.Context, folder string) (string, error) {
	if err := ownFolder(folder); err != nil {
		return "", err
	}
	// Shared first: a keeper that has begun to stop holds it, so from here on there is a running one or none.
	lock, err := lockfile.Share(ctx, usersFile(folder))
	if err != nil {
		return "", err
	}
	using = lock
	starting, err := lockfile.Wait(ctx, startingFile(folder))
	if err != nil {
		return "", err
	}
	defer starting.Release()
	return awaitKeeper(ctx, folder)
}

// awaitKeeper returns the address of a keeper's server that answers, and starts a keeper when there is none. One that is
// just being killed may still hold its lock, so neither the lock nor the address alone is proof.
func awaitKeeper(ctx context.Context, folder string) (string, error) {
	for {
		free, err := lockfile.Take(runningFile(folder))
		if err == nil {
			if err := errors.Join(free.Release(), startKeeper(folder)); err != nil {
				return "", err
			}
		} else if !errors.As(err, new(*lockfile.HeldError)) {
			return "", err
		}
		address, err := readAddress(folder)
		if err == nil {
			err = answers(ctx, address)
		}
		if err == nil {
			return address, nil
		}
		select {
		case <-ctx.Done():
			return "", errors.Join(err, ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func readAddress(folder string) (string, error) {
	text, err := os.ReadFile(addressFile(folder))
	first, _, _ := strings.Cut(string(text), "\n")
	return first, err
}

func answers(ctx context.Context, address string) error {
	d, err := db.Open(ctx, address, db.Options{MaxOpen: 1, Application: "dbtest"})
	if err != nil {
		return err
	}
	return d.Close()
}

// startKeeper runs this test binary as the keeper, apart from our process group: Ctrl-C ends the tests, then the keeper
// sees that nobody is left.
func startKeeper(folder string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	out, in, err := os.Pipe()
	if err != nil {
		return err
	}
	defer out.Close()
	keeper := exec.Command(self)
	keeper.Env = append(os.Environ(), keeperFolder+"="+folder)
	keeper.Dir = "/"
	keeper.Stdout = in
	keeper.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	err = keeper.Start()
	in.Close()
	if err != nil {
		return err
	}
	if err := out.SetReadDeadline(time.Now().Add(90 * time.Second)); err != nil {
		return err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if line != keeperReady {
		return fmt.Errorf("it did not start: %s (%w)", strings.TrimSpace(line), err)
	}
	return keeper.Process.Release()
}

// ownFolder makes the folder and refuses one that another user has laid out under the name we would use.
func ownFolder(folder string) error {
	// Root's server runs as another account, which must be able to pass.
	if err := os.Mkdir(folder, 0o711); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	info, err := os.Lstat(folder)
	if err != nil {
		return err
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !info.IsDir() || !ok || int(owner.Uid) != os.Getuid() {
		return fmt.Errorf("%s is not a folder of ours: remove it", folder)
	}
	return nil
}
