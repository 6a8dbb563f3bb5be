//go:build unix

package postgres_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	osexec "os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"throughline/internal/devstack/postgres"
)

// childDir makes this test binary the process that is killed.
const childDir = "DEVSTACK_POSTGRES_CHILD_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		runChild(dir)
	}
	os.Exit(m.Run())
}

func runChild(dir string) {
	if _, err := postgres.Start(context.Background(), postgres.Options{Dir: dir, Extra: quick}); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("ready")
	select {}
}

func TestAStartRightAfterKill9OfTheParent(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for range 2 {
		child := osexec.CommandContext(t.Context(), os.Args[0])
		child.Env = append(os.Environ(), childDir+"="+dir)
		out, err := child.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, child.Start())
		line, err := bufio.NewReader(out).ReadString('\n')
		require.NoError(t, err)
		require.Equal(t, "ready\n", line)
		require.NoError(t, child.Process.Kill())
		require.Error(t, child.Wait(), "killed")
	}
	s := start(t, dir)
	require.Equal(t, "1", value(t, s, "postgres", "SELECT 1"))
}
