package directory_test

import (
	"testing"
	"testing/fstest"

	"github.com/jmoiron/sqlx"

	"throughline/directory"
)

// files is a small package; each test changes what it is about.
type files map[string]string

func smallPackage() files {
	return files{
		"organizations.csv": "id,name,name_fr,email,mail_language\n" +
			"o1,Riverside House,Maison Riverside,info@riverside.example,fr\n" +
			"o2,Lakeview Help,,info@lakeview.example,\n",
		"services.csv": "id,organization_id,name,name_fr,description,description_fr,status,needs\n" +
			"s1,o1,Emergency Shelter,Hébergement d’urgence,Beds for a night.,Des lits pour la nuit.,active,shelter;housing\n" +
			"s2,o2,Food Cupboard,Dépannage alimentaire,Groceries twice a month.,De l’épicerie deux fois par mois.,,food\n" +
			"s3,o2,Tenant Advice,Conseils aux locataires,Help with evictions.,Aide en cas d’expulsion.,active,\n",
		"locations.csv":           "id,name,latitude,longitude,location_type\nl1,House,44.30,-78.32,physical\nl2,Lake,43.65,-79.38,physical\n",
		"service_at_location.csv": "id,service_id,location_id\nsl1,s1,l1\nsl2,s2,l2\n",
		"addresses.csv":           "id,location_id,address_1,city,state_province,postal_code\na1,l1,1 Elm Street,Peterborough,ON,K9H 2L7\na2,l2,2 Oak Street,Toronto,ON,M5V 1A1\n",
		"phones.csv":              "id,service_id,organization_id,number\np1,s1,,705-555-0101\np2,,o2,416-555-0102 x12\n",
		"schedules.csv":           "id,service_id,byday,freq,opens_at,closes_at\nh1,s1,\"FR,SA\",WEEKLY,20:00,08:00\nh2,s2,\"MO,WE\",WEEKLY,09:00,16:30\nh3,s2,1SA,MONTHLY,10:00,12:00\n",
	}
}

func (f files) fs() fstest.MapFS {
	m := fstest.MapFS{}
	for name, text := range f {
		m[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return m
}

func input() directory.ImportInput { return directory.ImportInput{Source: "small", Actor: "test"} }

func importFiles(t *testing.T, db *sqlx.DB, f files) directory.Report {
	t.Helper()
	return importAs(t, db, f, input())
}

func importAs(t *testing.T, db *sqlx.DB, f files, in directory.ImportInput) directory.Report {
	t.Helper()
	report, err := directory.ImportFS(t.Context(), db, f.fs(), in)
	if err != nil {
		t.Fatalf("import: %v", err)
	}
	accountedFor(t, report)
	return report
}

// accountedFor holds every report to its promise: each row of a file has exactly one fate.
func accountedFor(t *testing.T, report directory.Report) {
	t.Helper()
	for _, f := range report.Files {
		if sum := f.Added + f.Updated + f.Unchanged + f.Skipped + f.Rejected; sum != f.Rows {
			t.Errorf("%s: %d rows, but %d accounted for: %+v", f.File, f.Rows, sum, f)
		}
		if f.Repaired > f.Rows-f.Skipped-f.Rejected {
			t.Errorf("%s: more rows repaired than taken: %+v", f.File, f)
		}
	}
}

func countOf(report directory.Report, file string) directory.FileCount {
	for _, f := range report.Files {
		if f.File == file {
			return f
		}
	}
	return directory.FileCount{}
}

func codeCount(report directory.Report, file, code string) int {
	for _, c := range report.Codes {
		if c.File == file && c.Code == code {
			return c.Count
		}
	}
	return 0
}

// one reads a single value, as text.
func one(t *testing.T, db *sqlx.DB, query string, args ...any) string {
	t.Helper()
	var s string
	if err := db.QueryRowContext(t.Context(), `SELECT coalesce((`+query+`)::text, '∅')`, args...).Scan(&s); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return s
}
