package house

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// readers are the functions that read the environment, by import path.
var readers = map[string][]string{
	"os":      {"Getenv", "LookupEnv", "Environ", "ExpandEnv"},
	"syscall": {"Getenv", "Environ"},
}

// mayReadEnvironment names the folders and files besides cmd and tests that read it, each with its reason.
var mayReadEnvironment = map[string]string{
	"db/dbtest":                             "used by tests only: which server they use, and what a test hands to its own children",
	"tools":                                 "commands of lint, in a module of their own",
	"internal/seeded/sown.go":               "in no binary but those that are built to have a defect",
	"internal/devstack/postgres/cluster.go": "hands PATH on to the programs of PostgreSQL, which get nothing else of ours",
}

// readsOf gives the places in a file where the environment is read.
func readsOf(file string, src any) ([]string, error) {
	set := token.NewFileSet()
	parsed, err := parser.ParseFile(set, file, src, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	watched := map[string][]string{} // by the name that the package has in this file
	var reads []string
	for _, i := range parsed.Imports {
		path, err := strconv.Unquote(i.Path.Value)
		if err != nil {
			return nil, err
		}
		names, ok := readers[path]
		switch {
		case !ok:
		case i.Name == nil:
			watched[path] = names
		case i.Name.Name == ".":
			reads = append(reads, fmt.Sprintf("%s: imports all of %s without its name", set.Position(i.Pos()), path))
		default:
			watched[i.Name.Name] = names
		}
	}
	ast.Inspect(parsed, func(n ast.Node) bool {
		selector, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if of, ok := selector.X.(*ast.Ident); ok && slices.Contains(watched[of.Name], selector.Sel.Name) {
			reads = append(reads, fmt.Sprintf("%s: %s.%s", set.Position(selector.Pos()), of.Name, selector.Sel.Name))
		}
		return true
	})
	return reads, nil
}

// excused gives the entry of the list that allows a file to read the environment.
func excused(file string) (entry string, ok bool) {
	if under(file, "cmd") || strings.HasSuffix(file, "_test.go") {
		return "", true
	}
	for _, entry := range slices.Sorted(maps.Keys(mayReadEnvironment)) {
		if under(file, entry) {
			return entry, true
		}
	}
	return "", false
}

func TestOnlyCommandsReadTheEnvironment(t *testing.T) {
	t.Parallel()
	used := map[string]bool{"": true}
	for _, file := range goFiles(t) {
		src, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			t.Fatal(err)
		}
		reads, err := readsOf(file, src)
		if err != nil {
			t.Fatal(err)
		}
		if len(reads) == 0 {
			continue
		}
		if entry, ok := excused(file); ok {
			used[entry] = true
			continue
		}
		for _, r := range reads {
			t.Errorf("%s: only cmd reads the environment; take the value as an argument", r)
		}
	}
	for entry := range mayReadEnvironment {
		if !used[entry] {
			t.Errorf("%s no longer reads the environment: strike it from the list", entry)
		}
	}
}

func TestEveryWayToReadTheEnvironmentIsSeen(t *testing.T) {
	t.Parallel()
	for src, want := range map[string]int{
		`package p; import "os"; var v = os.Getenv("A")`:                                 1,
		`package p; import "os"; var v, ok = os.LookupEnv("A")`:                          1,
		`package p; import "os"; func f() { g(os.Environ(), os.ExpandEnv("$A")) }`:       2,
		`package p; import o "os"; var read = o.Getenv`:                                  1,
		`package p; import . "os"; var v = Getenv("A")`:                                  1,
		`package p; import "syscall"; var v, ok = syscall.Getenv("A")`:                   1,
		`package p; import "os"; var f, err = os.Open("A")`:                              0,
		`package p; import os "example.org/settings"; var v = os.Getenv("A")`:            0,
		`package p; func Read(getenv func(string) string) string { return getenv("A") }`: 0,
	} {
		reads, err := readsOf("p.go", src)
		if err != nil {
			t.Fatal(err)
		}
		if len(reads) != want {
			t.Errorf("%s: got %q, want %d", src, reads, want)
		}
	}
	for file, want := range map[string]bool{
		"cmd/throughline/main.go": true, "casework/desk.go": false, "casework/desk_test.go": true, "cmdline/main.go": false,
		"db/dbtest/server.go": true, "db/open.go": false, "internal/devstack/postgres/cluster.go": true,
		"internal/devstack/postgres/account.go": false,
	} {
		if _, ok := excused(file); ok != want {
			t.Errorf("%s may read the environment: got %v, want %v", file, ok, want)
		}
	}
}
