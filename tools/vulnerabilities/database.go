package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// source is the module that the Go vulnerability database is made of. The module proxy has it also where vuln.go.dev is
// out of reach.
const source = "golang.org/x/vulndb"

// patience is for fetching the database, some 20 MB.
const patience = 90 * time.Second

// database gives the address of the database, and what to call it: what GOVULNDB names, else the newest that the module
// proxy has, else the newest that was fetched before.
func database(ctx context.Context) (address, name string, err error) {
	if named := os.Getenv("GOVULNDB"); named != "" {
		return named, "GOVULNDB", nil
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	fetch := exec.CommandContext(ctx, "go", "mod", "download", "-json", source+"@latest")
	fetch.Dir = os.TempDir() // outside of any module, whose versions are its own
	var module struct{ Dir, Version string }
	if out, err := fetch.Output(); err == nil && json.Unmarshal(out, &module) == nil && module.Dir != "" {
		return inModule(module.Dir), source + " " + module.Version, nil
	}
	cache, err := exec.CommandContext(ctx, "go", "env", "GOMODCACHE").Output()
	if err != nil {
		return "", "", fmt.Errorf("go env: %w", err)
	}
	kept, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(cache)), source+"@*"))
	if err != nil || len(kept) == 0 {
		return "", "", fmt.Errorf("no module proxy has it, and GOVULNDB names none")
	}
	newest := slices.MaxFunc(kept, func(a, b string) int { return cmp.Compare(path.Base(a), path.Base(b)) })
	return inModule(newest), path.Base(newest) + ", fetched before", nil
}

func inModule(dir string) string {
	return "file://" + filepath.ToSlash(filepath.Join(dir, "data", "osv"))
}
