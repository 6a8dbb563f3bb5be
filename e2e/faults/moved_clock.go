//go:build linux

package faults

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// A clock that can be moved. No line of ours knows of it: the standard library's own time.Now is built with a few lines
// more, by the compiler's -overlay, and adds what a small file says that the process has mapped. All of a process goes by
// it, Temporal's server too. Time that is only measured goes on as ever, as it does when a machine's clock is set.

// nowIn is how time.Now begins, and movedNow what it does then.
const (
	nowIn = `func Now() Time {
	sec, nsec, mono := runtimeNow()
`
	movedNow = nowIn + `	if movedBy != nil {
		wall := sec*1e9 + int64(nsec) + atomic.LoadInt64(movedBy)
		sec, nsec = wall/1e9, int32(wall%1e9)
	}
`
	movedBy = `package time

import (
	"syscall"
	"unsafe"
)

// movedBy is how far the clock is moved, in nanoseconds; nil when it is the machine's.
var movedBy = mapped()

func mapped() *int64 {
	path, ok := syscall.Getenv("` + movedClockVariable + `")
	if !ok {
		return nil
	}
	file, err := syscall.Open(path, syscall.O_RDONLY, 0)
	if err != nil {
		panic(err)
	}
	page, err := syscall.Mmap(file, 0, 8, syscall.PROT_READ, syscall.MAP_SHARED)
	if err != nil {
		panic(err)
	}
	return (*int64)(unsafe.Pointer(&page[0]))
}
`
	movedClockVariable = "MOVED_CLOCK"
)

// movableClock writes the overlay into a folder and gives the flags of `go build` that use it.
func movableClock(ctx context.Context, dir string) ([]string, error) {
	out, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output()
	if err != nil {
		return nil, fmt.Errorf("go env: %w", err)
	}
	folder := filepath.Join(strings.TrimSpace(string(out)), "src", "time")
	source, err := os.ReadFile(filepath.Join(folder, "time.go"))
	if err != nil {
		return nil, err
	}
	text := string(source)
	if strings.Count(text, nowIn) != 1 || strings.Count(text, `_ "unsafe"`) != 1 {
		return nil, fmt.Errorf("time.Now of this Go does not begin as expected: look at moved_clock.go")
	}
	text = strings.Replace(text, nowIn, movedNow, 1)
	text = strings.Replace(text, `_ "unsafe"`, "\"sync/atomic\"\n\t_ \"unsafe\"", 1)
	replace := map[string]string{}
	for name, content := range map[string]string{"time.go": text, "moved.go": movedBy} {
		path := filepath.Join(dir, "overlay-"+name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			return nil, err
		}
		replace[filepath.Join(folder, name)] = path
	}
	raw, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "overlay.json")
	return []string{"-overlay", path}, os.WriteFile(path, raw, 0o600)
}

// clockFile is how far a process's clock is moved.
type clockFile string

func (c clockFile) set(by time.Duration) error {
	// Written over, never anew: the process has mapped this very file.
	file, err := os.OpenFile(string(c), os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = file.WriteAt(binary.NativeEndian.AppendUint64(nil, uint64(by)), 0)
	return err
}

func (c clockFile) variable() string { return movedClockVariable + "=" + string(c) }
