// Package e2e walks whole stories through the built binaries: a real PostgreSQL, a real Temporal server, and people at
// a real browser who click and type.
package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// built is the folder of the two binaries, made once for every test.
var built string

// artefacts is where pictures of the pages go, and what a failed test's processes said: those of the last run.
const artefacts = "../artefacts/e2e"

func TestMain(m *testing.M) {
	code, err := buildAndRun(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func buildAndRun(m *testing.M) (code int, err error) {
	if built, err = os.MkdirTemp("", "throughline-e2e-"); err != nil {
		return 0, err
	}
	defer os.RemoveAll(built)
	if err := os.RemoveAll(artefacts); err != nil {
		return 0, err
	}
	build := exec.Command("go", "build", "-o", built+string(filepath.Separator), "./cmd/throughline", "./cmd/throughline-dev")
	build.Dir, build.Stdout, build.Stderr = "..", os.Stderr, os.Stderr
	if err := build.Run(); err != nil {
		return 0, fmt.Errorf("build the binaries: %w", err)
	}
	return m.Run(), nil
}

// until polls a condition, and fails the test when it does not come about in time. The limits are for a machine that is
// busy with something else; nothing waits that long when all is well.
func until(t testing.TB, what string, limit time.Duration, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for late := time.After(limit); ; {
		if holds() {
			return
		}
		select {
		case <-late:
			t.Fatalf("waited %s: %s", limit, what)
		case <-tick.C:
		}
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// keep leaves something to look at among the artefacts.
func keep(t testing.TB, name string, content []byte) {
	t.Helper()
	path := filepath.Join(artefacts, name)
	must(t, os.MkdirAll(filepath.Dir(path), 0o755))
	must(t, os.WriteFile(path, content, 0o644))
}
