//go:build linux

package faults

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

var (
	tier  = flag.String("tier", "quick", "quick, chaos, release, spring or autumn")
	seed  = flag.Uint64("seed", 1, "the same seed makes the same plan")
	over  = flag.Duration("over", 0, "another length than the tier's, with as many referrals and kills for each minute")
	seeds = flag.Int("seeds", 1, "so many runs, each with the next seed")
)

// artefacts is where a run is kept in which something was wrong, and the report of every run.
const artefacts = "../../artefacts/faults"

// TestNothingIsLost carries out a tier; the quick one is part of `make test`.
func TestNothingIsLost(t *testing.T) {
	chosen, ok := Tiers[*tier]
	if !ok {
		t.Fatalf("there is no tier %q", *tier)
	}
	if *over > 0 {
		chosen = chosen.During(*over)
	}
	built, err := os.MkdirTemp("", "throughline-faults-built-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(built)
	begun := time.Now()
	binaries, err := Build(t.Context(), chosen, "../..", built)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("built in %s", time.Since(begun).Round(time.Second))
	for n := range *seeds {
		t.Run(fmt.Sprintf("%s seed %d", chosen.Name, *seed+uint64(n)), func(t *testing.T) { once(t, chosen, *seed+uint64(n), binaries) })
	}
}

func once(t *testing.T, tier Tier, seed uint64, binaries Binaries) {
	dir, err := os.MkdirTemp("", "throughline-faults-")
	if err != nil {
		t.Fatal(err)
	}
	r := Run{Tier: tier, Seed: seed, Dir: dir, Root: "../..", Binaries: binaries, Say: t.Logf,
		Bare: []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "TMPDIR=" + os.TempDir()}}
	report, err := r.Do(t.Context())
	if err != nil {
		t.Error(err)
	}
	for i, v := range report.Violations {
		if i == 20 {
			t.Errorf("and %d more", len(report.Violations)-i)
			break
		}
		t.Error(v)
	}
	for _, s := range report.Stuck {
		t.Error(s)
	}
	if report.CleanAfter == 0 {
		t.Errorf("not everything was true within %s of the last fault", healed)
	}
	describe(t, report)
	keep(t, dir, filepath.Join(artefacts, fmt.Sprintf("%s-%d", tier.Name, seed)))
	if t.Failed() {
		t.Logf("the same plan again: make chaos TIER=%s SEED=%d", tier.Name, seed)
	}
	if err := r.Remove(); err != nil {
		t.Error(err)
	}
}

func describe(t *testing.T, r Report) {
	t.Helper()
	t.Logf("took %s, all true %s after the last fault", r.Took.Round(time.Second), r.CleanAfter.Round(time.Millisecond))
	t.Logf("lives %+v, letters %d", r.Lives, r.Letters)
	t.Logf("killed %v, started %v", r.Kills, r.Starts)
	for _, name := range slices.Sorted(maps.Keys(r.Ends)) {
		t.Logf("%s ended by itself %d times, the first at %s", name, len(r.Ends[name]), r.Ends[name][0])
	}
	for _, name := range slices.Sorted(maps.Keys(r.Troubles)) {
		t.Logf("%3d × %s", r.Troubles[name], name)
	}
	for _, name := range slices.Sorted(maps.Keys(r.Untried)) {
		t.Logf("%3d × %s could not be done", r.Untried[name], name)
	}
	if r.NoDisk != "" {
		t.Logf("no disk was filled: %s", r.NoDisk)
	}
}

// keep leaves the report of a run, and after a failure all it wrote: the plan, the outside log, what each process said.
func keep(t *testing.T, dir, kept string) {
	t.Helper()
	patterns := []string{"report.json", "plan.json"}
	if t.Failed() {
		patterns = append(patterns, "evidence.json", "*.jsonl", "logs/*.log", "temporal/*.log", "postgres/postgres.log")
	}
	if err := os.RemoveAll(kept); err != nil {
		t.Error(err)
	}
	if err := os.MkdirAll(kept, 0o755); err != nil {
		t.Error(err)
	}
	for _, pattern := range patterns {
		found, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			t.Error(err)
		}
		for _, path := range found {
			raw, err := os.ReadFile(path)
			if err == nil {
				err = os.WriteFile(filepath.Join(kept, filepath.Base(path)), raw, 0o644)
			}
			if err != nil {
				t.Error(err)
			}
		}
	}
	t.Logf("kept in %s", kept)
}
