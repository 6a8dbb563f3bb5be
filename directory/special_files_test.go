//go:build unix

package directory_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"throughline/db/dbtest"
	"throughline/directory"
)

// A pipe that nobody writes to, or a device without an end, must not hold an import for good.
func TestAPipeIsNoPackage(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	pipe := filepath.Join(t.TempDir(), "package.zip")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	for name, text := range smallPackage() {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	inside := filepath.Join(folder, "contacts.csv")
	if err := syscall.Mkfifo(inside, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, says := range map[string]string{pipe: "package.zip: is a pipe or a device", "/dev/zero": "zero: is a pipe or a device",
		folder: "contacts.csv: is a pipe or a device"} {
		refused := make(chan error, 1)
		go func() {
			in := input()
			in.Path = path
			_, err := directory.Import(context.Background(), db, in)
			refused <- err
		}()
		select {
		case err := <-refused:
			if err == nil || !strings.Contains(err.Error(), says) {
				t.Errorf("%s: %v", path, err)
			}
		case <-time.After(20 * time.Second):
			t.Errorf("%s holds the import", path)
		}
	}
	if n := one(t, db, `SELECT (SELECT count(*) FROM services) + (SELECT count(*) FROM imports)`); n != "0" {
		t.Errorf("%s rows were left", n)
	}
}

func TestAnAddressWithoutANamedDomainIsReported(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	f := smallPackage()
	bad := []string{"a@[127.0.0.1]", "a@127.0.0.1", "a@[IPv6:::1]", "a@localhost", "a@riverside.", "b@.example", "\"x@y.example\"@host"}
	f["organizations.csv"] = "id,name,email\no1,Riverside House,intake@riverside.example\no2,Lakeview Help,é@école.example\n"
	for i, address := range bad {
		f["organizations.csv"] += "x" + string(rune('a'+i)) + ",Agency," + "\"" + strings.ReplaceAll(address, `"`, `""`) + "\"\n"
	}
	report := importFiles(t, db, f)
	if got := codeCount(report, "organizations.csv", "bad_email"); got != len(bad) {
		t.Errorf("%d addresses are reported, want %d", got, len(bad))
	}
	if n := one(t, db, `SELECT string_agg(email, ' ' ORDER BY email) FROM agencies WHERE email <> ''`); n != "intake@riverside.example é@école.example" {
		t.Errorf("kept: %s", n)
	}
}
