package directory_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"throughline/db/dbtest"
	"throughline/directory"
)

// sharedData finds real data beside the checkout; it is not ours to ship.
func sharedData(t *testing.T, folder string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("..", "..", "shared", "data", folder))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Skipf("real data is missing: put it at %s, beside the checkout", path)
	}
	return path
}

func TestImportMiami(t *testing.T) {
	t.Parallel()
	path := sharedData(t, "miami-hsds11")
	db := dbtest.New(t)
	in := directory.ImportInput{Source: "miami", Path: path, Actor: "test"}
	report, err := directory.Import(t.Context(), db, in)
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	if err := report.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	t.Log(text.String())
	again, err := directory.Import(t.Context(), db, in)
	if err != nil {
		t.Fatal(err)
	}
	text.Reset()
	again.WriteText(&text)
	t.Log(text.String()[:2500])
}
