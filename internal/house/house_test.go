package house

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

const module = "throughline"

// root is the repository, seen from this package.
const root = "../.."

// pkg is what `go list` tells about one of our packages.
type pkg struct {
	ImportPath string
	Imports    []string // of the files that are built, not of tests
	Deps       []string // everything linked with it, standard library included
}

// name is the package's folder, as the rules write it.
func (p pkg) name() string { return ours(p.ImportPath) }

// ours gives the folder of a package of this module, "" for everyone else's.
func ours(importPath string) string {
	if name, ok := strings.CutPrefix(importPath, module+"/"); ok {
		return name
	}
	return ""
}

// under reports that a path is a folder or lies in it.
func under(path, folder string) bool {
	return path == folder || strings.HasPrefix(path, folder+"/")
}

// listed asks go list once for every test.
var listed = sync.OnceValues(func() ([]pkg, error) {
	list := exec.Command("go", "list", "-json=ImportPath,Imports,Deps", "./...")
	list.Dir = root
	var complaints bytes.Buffer
	list.Stderr = &complaints
	out, err := list.Output()
	if err != nil {
		return nil, errors.New("go list: " + complaints.String())
	}
	var all []pkg
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		switch err := d.Decode(&p); {
		case errors.Is(err, io.EOF):
			return all, nil
		case err != nil:
			return nil, err
		}
		all = append(all, p)
	}
})

func packages(t *testing.T) []pkg {
	t.Helper()
	all, err := listed()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 10 {
		t.Fatalf("go list named only %d packages: the rules would look at nothing", len(all))
	}
	return all
}

// goFiles lists every Go file of the repository by its path from the root.
func goFiles(t *testing.T) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := entry.Name()
		if entry.IsDir() {
			// What running and testing leave behind is not ours to judge, and may not be ours to read.
			if path != root && (strings.HasPrefix(name, ".") || name == "data" && filepath.Dir(path) == root || name == "artefacts") {
				return filepath.SkipDir
			}
			return nil
		}
		if strings.HasSuffix(name, ".go") {
			relative, err := filepath.Rel(root, path)
			files = append(files, filepath.ToSlash(relative))
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 50 {
		t.Fatalf("found only %d Go files: the rules would look at nothing", len(files))
	}
	return files
}

// report fails the test with each broken rule on a line of its own.
func report(t *testing.T, broken []string) {
	t.Helper()
	for _, b := range broken {
		t.Error(b)
	}
}
