package house

import (
	"bytes"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// nameless are names that say nothing about what is inside.
var nameless = []string{"util", "utils", "helper", "helpers", "common", "manager", "managers", "misc"}

// longest is how many lines a file may have; tests may have more.
const longest = 400

// checkFile gives what is wrong with a Go file's name, place and length.
func checkFile(file string, lines int) (broken []string) {
	stem := strings.TrimSuffix(strings.TrimSuffix(path.Base(file), ".go"), "_test")
	for _, part := range append(strings.Split(path.Dir(file), "/"), stem) {
		if slices.Contains(nameless, part) {
			broken = append(broken, fmt.Sprintf("%s: %q says nothing: name it for what a caseworker would say", file, part))
		}
	}
	if lines > longest && !strings.HasSuffix(file, "_test.go") {
		broken = append(broken, fmt.Sprintf("%s has %d lines, more than %d: it has more than one subject", file, lines, longest))
	}
	return broken
}

// checkText gives the lines of a Go file that put work off.
func checkText(file string, src []byte) (broken []string) {
	for n, line := range bytes.Split(src, []byte("\n")) {
		_, comment, ok := bytes.Cut(line, []byte("//"))
		for _, mark := range []string{"TO" + "DO", "FIX" + "ME", "XX" + "X"} {
			if ok && slices.Contains(strings.FieldsFunc(string(comment), notLetter), mark) {
				broken = append(broken, fmt.Sprintf("%s:%d: do it, or say it in an issue", file, n+1))
			}
		}
	}
	return broken
}

func notLetter(r rune) bool { return (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') }

func TestFilesAreNamedAndShort(t *testing.T) {
	t.Parallel()
	for _, file := range goFiles(t) {
		src, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			t.Fatal(err)
		}
		report(t, checkFile(file, bytes.Count(src, []byte("\n"))))
		report(t, checkText(file, src))
	}
}

func TestBadNamesAndLengthsAreSeen(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		file   string
		lines  int
		broken int
	}{
		{"casework/decline.go", 100, 0},
		{"casework/decline.go", longest, 0},
		{"casework/decline.go", longest + 1, 1},
		{"casework/decline_test.go", longest + 1, 0},
		{"casework/utils.go", 10, 1},
		{"casework/helpers_test.go", 10, 1},
		{"internal/common/zone.go", 10, 1},
		{"mail/manager/manager.go", 10, 2},
		{"mail/commonwealth.go", 10, 0},
	} {
		if broken := checkFile(c.file, c.lines); len(broken) != c.broken {
			t.Errorf("%s of %d lines: got %q, want %d", c.file, c.lines, broken, c.broken)
		}
	}
	for src, want := range map[string]int{
		"// TO" + "DO: later": 1, "x := 1 // FIX" + "ME(someone)": 1, "// a method": 0, `"TO` + `DO"`: 0, "// TO" + "DOS": 0,
	} {
		if broken := checkText("f.go", []byte("package p\n"+src+"\n")); len(broken) != want {
			t.Errorf("%s: got %q, want %d", src, broken, want)
		}
	}
}
