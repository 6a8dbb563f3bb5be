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
	if err := awaitKeeper(ctx, folder); err != nil {
		return "", err
	}
	address, err := os.ReadFile(addressFile(folder))
	if err != nil {
		return "", err
	}
	first, _, _ := strings.Cut(string(address), "\n")
	return first, nil
}

// awaitKeeper returns when a keeper has published its address, and starts one when there is none.
func awaitKeeper(ctx context.Context, folder string) error {
	for {
		free, err := lockfile.Take(runningFile(folder))
		if err == nil {
			if err := free.Release(); err != nil {
				return err
			}
			return startKeeper(folder)
		}
		if !errors.As(err, new(*lockfile.HeldError)) {
			return err
		}
		if _, err := os.Stat(addressFile(folder)); err == nil {
			return nil
		}
		// Its starter died while it was starting.
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
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
