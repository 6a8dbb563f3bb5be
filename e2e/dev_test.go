package e2e

import (
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// credentials are what the development binary writes for whoever sits at the machine.
type credentials struct {
	DatabaseURL       string `json:"database_url"`
	OwnersURL         string `json:"migration_database_url"`
	TemporalAddress   string `json:"temporal_address"`
	TemporalNamespace string `json:"temporal_namespace"`
	BaseURL           string `json:"base_url"`
	KeyFile           string `json:"key_file"`
	Accounts          map[string]struct {
		Email    string `json:"email"`
		Password string `json:"password"`
		APIKey   string `json:"api_key"`
	} `json:"accounts"`
}

// dev is a development binary that takes work.
type dev struct {
	*process
	credentials
	data     string
	postgres int // process id
}

// startDev starts the development binary on a folder, and waits until it says that all of it takes work.
func startDev(t testing.TB, data string, args ...string) *dev {
	t.Helper()
	d := &dev{data: data, process: launch(t, bare(), "throughline-dev", append([]string{"--data", data}, args...)...)}
	base := d.waitFor("ready ")
	path := filepath.Join(data, "credentials.json")
	raw, err := os.ReadFile(path)
	must(t, err)
	must(t, json.Unmarshal(raw, &d.credentials))
	if d.BaseURL != base {
		t.Errorf("credentials.json says %s, ready says %s", d.BaseURL, base)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("credentials.json is for others to read: %v %v", info.Mode(), err)
	}
	d.postgres = postmaster(t, data)
	t.Cleanup(func() {
		if !d.hasEnded() {
			d.stop()
		}
		if t.Failed() {
			if log, err := os.ReadFile(filepath.Join(data, "throughline.log")); err == nil {
				keep(t, filepath.Join(t.Name(), "throughline.log"), log)
			}
		}
	})
	return d
}

// fresh is a data folder of the test's own.
func fresh(t testing.TB) string { return filepath.Join(t.TempDir(), "data") }

// anyPort lets the system choose where to answer.
var anyPort = []string{"--addr", "127.0.0.1:0"}

// freePort is an address that the same command can be given again and again.
func freePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	return l.Addr().String()
}

// postmaster is the id of the PostgreSQL that serves a data folder.
func postmaster(t testing.TB, data string) int {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(data, "postgres", "*", "postmaster.pid"))
	must(t, err)
	if len(found) != 1 {
		t.Fatalf("%d postmaster.pid under %s", len(found), data)
	}
	raw, err := os.ReadFile(found[0])
	must(t, err)
	first, _, _ := strings.Cut(string(raw), "\n")
	pid, err := strconv.Atoi(first)
	must(t, err)
	return pid
}

// stop ends everything as Ctrl-C does; nothing may be left of it.
func (d *dev) stop() {
	d.t.Helper()
	d.process.stop()
	if alive(d.postgres) {
		d.t.Errorf("PostgreSQL (process %d) outlived the binary that started it", d.postgres)
	}
	if _, ok := d.said.after("stopped"); !ok {
		d.t.Errorf("did not say that it stopped:\n%s", d.said.String())
	}
}

func alive(pid int) bool { return syscall.Kill(pid, 0) == nil }

// production is the environment that points the production binary at what the development binary runs.
func (d *dev) production() []string {
	return bare("DATABASE_URL="+d.DatabaseURL, "MIGRATION_DATABASE_URL="+d.OwnersURL, "TEMPORAL_ADDRESS="+d.TemporalAddress,
		"TEMPORAL_NAMESPACE="+d.TemporalNamespace, "KEY_FILE="+d.KeyFile)
}
