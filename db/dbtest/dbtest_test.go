//go:build unix

package dbtest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/require"

	"throughline/db"
)

func TestEachTestHasADatabaseOfItsOwn(t *testing.T) {
	t.Parallel()
	a, b := New(t), New(t)
	_, err := a.ExecContext(t.Context(), "CREATE TABLE only_here (id int)")
	require.NoError(t, err)
	var exists bool
	require.NoError(t, b.GetContext(t.Context(), &exists, "SELECT to_regclass('only_here') IS NOT NULL"))
	require.False(t, exists)
	require.NoError(t, db.CheckSchema(t.Context(), a), "it is migrated")
}

func TestTheDatabaseIsDroppedAtTheEnd(t *testing.T) {
	t.Parallel()
	var name string
	t.Run("a test", func(t *testing.T) {
		d := New(t)
		require.NoError(t, d.GetContext(t.Context(), &name, "SELECT current_database()"))
	})
	var exists bool
	d := New(t)
	require.NoError(t, d.GetContext(t.Context(), &exists, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", name))
	require.False(t, exists)
}

func TestAFilledDatabaseIsMadeOnceAndCopied(t *testing.T) {
	t.Parallel()
	times := 0
	filled := Fill(func(ctx context.Context, d *sqlx.DB) error {
		times++
		_, err := d.ExecContext(ctx, "CREATE TABLE content AS SELECT 1 AS n")
		return err
	})
	require.NoError(t, filled.Drop(), "nothing was made yet")
	a, b := filled.New(t), filled.New(t)
	_, err := a.ExecContext(t.Context(), "DELETE FROM content")
	require.NoError(t, err)
	rows := -1
	require.NoError(t, b.GetContext(t.Context(), &rows, "SELECT count(*) FROM content"))
	require.Equal(t, 1, rows)
	require.Equal(t, 1, times)
	require.NoError(t, db.CheckSchema(t.Context(), b), "it is migrated")

	name, err := filled.name()
	require.NoError(t, err)
	require.NoError(t, filled.Drop())
	var exists bool
	require.NoError(t, a.GetContext(t.Context(), &exists, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", name))
	require.False(t, exists)
}

func TestEmptyHasNoSchema(t *testing.T) {
	t.Parallel()
	d := Open(t, Empty(t))
	require.ErrorIs(t, db.CheckSchema(t.Context(), d), db.ErrSchema)
}

// userFolder makes this test binary a test process of another shared server, which it holds until its stdin ends.
const userFolder = "THROUGHLINE_DBTEST_USER"

func TestMain(m *testing.M) {
	if folder := os.Getenv(userFolder); folder != "" {
		address, err := joinShared(context.Background(), folder)
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println(address)
		bufio.NewReader(os.Stdin).ReadString('\n')
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// user is another test process.
type user struct {
	cmd     *exec.Cmd
	address string
}

func startUser(t *testing.T, folder string) (*user, error) {
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), userFolder+"="+folder)
	// Held open by us: the process ends with us too.
	if _, err := cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err == nil && !strings.HasPrefix(line, "postgres://") {
		err = errors.New(line)
	}
	return &user{cmd, strings.TrimSpace(line)}, err
}

func (u *user) kill9(t *testing.T) {
	t.Helper()
	require.NoError(t, u.cmd.Process.Kill())
	require.Error(t, u.cmd.Wait())
}

func TestProcessesShareOneServerAndTheLastOneOutStopsIt(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "shared")
	type joined struct {
		user *user
		err  error
	}
	all := make(chan joined)
	for range 4 {
		go func() {
			u, err := startUser(t, folder)
			all <- joined{u, err}
		}()
	}
	var users []*user
	for range 4 {
		j := <-all
		require.NoError(t, j.err)
		users = append(users, j.user)
		require.Equal(t, users[0].address, j.user.address)
	}
	postgres, keeper := processes(t, folder)
	for _, u := range users[1:] {
		u.kill9(t)
	}
	d, err := db.Open(t.Context(), users[0].address, db.Options{})
	require.NoError(t, err, "one user is left")
	require.NoError(t, d.Close())

	users[0].kill9(t)
	require.Eventually(t, func() bool { return gone(postgres) && gone(keeper) }, 20*time.Second, 20*time.Millisecond)
	left, err := filepath.Glob(filepath.Join(folder, "pg-*"))
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestAKilledKeeperIsReplaced(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "shared")
	first, err := startUser(t, folder)
	require.NoError(t, err)
	_, keeper := processes(t, folder)
	require.NoError(t, syscall.Kill(keeper, syscall.SIGKILL))
	require.Eventually(t, func() bool { return gone(keeper) }, 10*time.Second, 10*time.Millisecond)

	second, err := startUser(t, folder)
	require.NoError(t, err)
	d, err := db.Open(t.Context(), second.address, db.Options{})
	require.NoError(t, err)
	require.NoError(t, d.Close())
	postgres, keeper := processes(t, folder)
	first.kill9(t)
	second.kill9(t)
	require.Eventually(t, func() bool { return gone(postgres) && gone(keeper) }, 20*time.Second, 20*time.Millisecond)
}

func TestAFolderOfSomeoneElseIsRefused(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "shared")
	require.NoError(t, os.Symlink(t.TempDir(), folder))
	_, err := joinShared(t.Context(), folder)
	require.ErrorContains(t, err, "not a folder of ours")
}

// processes reads the address file's process ids.
func processes(t *testing.T, folder string) (postgres, keeper int) {
	t.Helper()
	text, err := os.ReadFile(addressFile(folder))
	require.NoError(t, err)
	for line := range strings.Lines(string(text)) {
		name, number, _ := strings.Cut(strings.TrimSpace(line), " ")
		pid, _ := strconv.Atoi(number)
		switch name {
		case "postgres":
			postgres = pid
		case "keeper":
			keeper = pid
		}
	}
	require.NotZero(t, postgres)
	require.NotZero(t, keeper)
	return postgres, keeper
}

// gone is true for a zombie too: the process that started a keeper may still be there to wait for it.
func gone(pid int) bool {
	if err := syscall.Kill(pid, 0); err != nil {
		return true
	}
	out, err := exec.Command("ps", "-o", "stat=", "-p", strconv.Itoa(pid)).Output()
	return err != nil || strings.HasPrefix(string(out), "Z")
}

// BenchmarkURL holds the price of a database: it is paid by nearly every test.
func BenchmarkURL(b *testing.B) {
	URL(b)
	for b.Loop() {
		URL(b)
	}
}
