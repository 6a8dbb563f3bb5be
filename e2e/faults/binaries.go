//go:build linux

package faults

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
)

// Binaries are the programs of a deployment.
type Binaries struct {
	Now, Next string // the production binary in two builds, for a rolling deploy
	Temporal  string
}

// Build makes the binaries that a tier needs in a folder. The second build of the production binary is the same code
// with another link. Flags are for ours alone.
func Build(ctx context.Context, t Tier, root, dir string, flags ...string) (Binaries, error) {
	b := Binaries{Now: filepath.Join(dir, "throughline"), Next: filepath.Join(dir, "throughline-next"),
		Temporal: filepath.Join(dir, "temporald")}
	ours, temporals := flags, []string(nil)
	if t.Clocks {
		movable, err := movableClock(ctx, dir)
		if err != nil {
			return b, err
		}
		ours = append(slices.Clone(flags), movable...)
		// Temporal's server takes long to compile anew: only where the whole deployment lives at another time.
		if !t.Across.IsZero() {
			temporals = movable
		}
	}
	for _, args := range [][]string{
		append(slices.Clone(ours), "-o", b.Now, "./cmd/throughline"),
		append(slices.Clone(ours), "-o", b.Next, "-ldflags=-s -w", "./cmd/throughline"),
		append(slices.Clone(temporals), "-o", b.Temporal, "./e2e/faults/temporald"),
	} {
		build := exec.CommandContext(ctx, "go", append([]string{"build"}, args...)...)
		build.Dir, build.Stdout, build.Stderr = root, os.Stderr, os.Stderr
		if err := build.Run(); err != nil {
			return b, fmt.Errorf("build %s: %w", args[len(args)-1], err)
		}
	}
	return b, nil
}
