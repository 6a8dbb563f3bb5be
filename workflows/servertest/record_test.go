//go:build unix

package servertest

import (
	"flag"
	"os"
	"path/filepath"
	"sync"
	"testing"

	historypb "go.temporal.io/api/history/v1"

	"throughline/workflows/lifetest"
)

// record names the version that the histories of TestEveryLifeOnARealServer are kept under, as in
//
//	go test ./workflows/servertest -run EveryLife -record v2
//
// Record from the code that is released, never to make a failing replay pass: the old histories stay beside the new.
var record = flag.String("record", "", "keep the histories as this version under workflows/testdata/histories")

const histories = "../testdata/histories"

// recording keeps histories in a folder with a manifest; without -record it keeps nothing.
type recording struct {
	mu       sync.Mutex
	dir      string
	manifest lifetest.Manifest
}

func newRecording(t *testing.T) *recording {
	t.Helper()
	if *record == "" {
		return &recording{}
	}
	r := &recording{dir: filepath.Join(histories, *record)}
	if err := os.MkdirAll(histories, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(r.dir, 0o755); err != nil {
		t.Fatalf("a version that was recorded stays as it is: %v", err)
	}
	return r
}

func (r *recording) keep(t *testing.T, name string, h *historypb.History) {
	t.Helper()
	if r.dir == "" || t.Failed() {
		return
	}
	raw, err := lifetest.MarshalHistory(h)
	if err != nil {
		t.Fatal(err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	file := r.manifest.Add(name, raw, len(h.Events))
	if err := os.WriteFile(filepath.Join(r.dir, file), raw, 0o644); err != nil {
		t.Fatal(err)
	}
}

func (r *recording) close(t *testing.T) {
	t.Helper()
	if r.dir == "" || t.Failed() {
		return
	}
	if err := r.manifest.Write(r.dir); err != nil {
		t.Fatal(err)
	}
}
