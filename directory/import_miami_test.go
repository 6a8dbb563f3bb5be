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
	path, err := filepath.Abs(filepath.Join("..", "..", "shared", "data", filepath.FromSlash(folder)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Skipf("real data is missing: put it at %s, beside the checkout", path)
	}
	return path
}

// The figures were counted from the files with another program (Python's csv module), not taken from an import.
func TestImportMiami(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	in := directory.ImportInput{Source: "miami", Path: sharedData(t, "miami-hsds11"), Actor: "test"}
	report, err := directory.Import(t.Context(), db, in)
	if err != nil {
		t.Fatal(err)
	}
	accountedFor(t, report)
	if report.Kind != "hsds-1.1" {
		t.Errorf("kind is %s", report.Kind)
	}
	for _, want := range []struct {
		file                           string
		rows, added, skipped, rejected int
	}{
		{"taxonomy.csv", 1994, 1991, 0, 3},
		{"organizations.csv", 1074, 1074, 0, 0},
		{"services.csv", 4089, 4089, 0, 0},
		{"locations.csv", 4089, 4089, 0, 0},
		{"services_at_location.csv", 4089, 4089, 0, 0},
		{"physical_addresses.csv", 4089, 4059, 30, 0},
		{"contacts.csv", 4089, 0, 4089, 0},
		{"phones.csv", 4089, 4067, 22, 0},
		{"regular_schedules.csv", 11350, 11350, 0, 0},
		{"languages.csv", 9364, 9357, 7, 0},
		{"eligibility.csv", 2244, 0, 2244, 0},
		{"accessibility_for_disabilities.csv", 4089, 1620, 2469, 0},
		{"services_taxonomy.csv", 26259, 17104, 9155, 0},
	} {
		c := countOf(report, want.file)
		if c.Rows != want.rows || c.Added != want.added || c.Skipped != want.skipped || c.Rejected != want.rejected || c.Updated+c.Unchanged != 0 {
			t.Errorf("%s: %+v, want %+v", want.file, c, want)
		}
	}
	for _, want := range []struct {
		file, code string
		count      int
	}{
		{"services.csv", "no_agency", 447},
		{"locations.csv", "no_coordinates", 1829},
		{"locations.csv", "unknown_organization", 3015},
		{"eligibility.csv", "no_service", 2244},
		{"services_taxonomy.csv", "duplicate_row", 9155},
		{"taxonomy.csv", "duplicate_id", 3},
		{"regular_schedules.csv", "no_hours", 122},
	} {
		if got := codeCount(report, want.file, want.code); got != want.count {
			t.Errorf("%s: %d %s, want %d", want.file, got, want.code, want.count)
		}
	}
	for what, query := range map[string]string{
		"export marks":       `SELECT count(*) FROM services WHERE description LIKE '%##%'`,
		"written-out breaks": `SELECT count(*) FROM services WHERE description LIKE '%\\n%'`,
		"certain mojibake":   `SELECT count(*) FROM services WHERE description ~ 'GÇ[ÖÿÆ£¥ôöæï]'`,
	} {
		if n := one(t, db, query); n != "0" {
			t.Errorf("%s left in %s descriptions", what, n)
		}
	}
	if n := one(t, db, `SELECT count(*) FROM services WHERE agency_id IS NULL`); n != "447" {
		t.Errorf("%s services without an agency", n)
	}
	importedAgain(t, report, func() (directory.Report, error) { return directory.Import(t.Context(), db, in) })

	found, total, err := directory.Search(t.Context(), db, directory.Query{Text: "food pantry", Near: "Homestead", Limit: 5})
	if err != nil || total < 10 {
		t.Fatalf("food pantry: %d found, %v", total, err)
	}
	if d := found[0].Distance; d == nil || *d > 60 {
		t.Errorf("the first food pantry near Homestead is %s, not near", found[0].Service.Name)
	}
}

func importedAgain(t *testing.T, first directory.Report, again func() (directory.Report, error)) {
	t.Helper()
	second, err := again()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range second.Files {
		if f.Added+f.Updated != 0 || f.Unchanged != countOf(first, f.File).Added {
			t.Errorf("further import: %+v", f)
		}
	}
	if second.Inactivated+second.Removed != 0 {
		t.Errorf("further import took out %d services and %d rows", second.Inactivated, second.Removed)
	}
}

func TestImportHSDSExamples(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	in := directory.ImportInput{Source: "example", Path: sharedData(t, "hsds/3.0/examples/csv"), Actor: "test"}
	report, err := directory.Import(t.Context(), db, in)
	if err != nil {
		t.Fatal(err)
	}
	accountedFor(t, report)
	if report.Kind != "hsds-3.0" || len(report.Files) != 21 {
		t.Errorf("kind %s, %d files", report.Kind, len(report.Files))
	}
	for _, f := range report.Files {
		if f.Rejected > 0 || f.Table != "" && f.Table != "service_terms" && f.Added != f.Rows {
			t.Errorf("%+v", f)
		}
	}
	var text strings.Builder
	if err := report.WriteText(&text); err != nil || !strings.Contains(text.String(), "bad_coordinates") {
		t.Errorf("%v\n%s", err, text.String())
	}
	if got := one(t, db, `SELECT number FROM phones`); got != "+44 1234 234567" {
		t.Errorf("phone: %s", got)
	}
}
