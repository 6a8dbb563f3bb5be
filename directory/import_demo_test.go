package directory_test

import (
	"testing"

	"github.com/jmoiron/sqlx"

	"throughline/db/dbtest"
	"throughline/directory"
	"throughline/referral"
)

func demoDirectory(t *testing.T) *sqlx.DB {
	t.Helper()
	db := dbtest.New(t)
	in := directory.ImportInput{Source: directory.DemoSource, Actor: "test"}
	report, err := directory.ImportFS(t.Context(), db, directory.DemoFS(), in)
	if err != nil {
		t.Fatal(err)
	}
	accountedFor(t, report)
	for _, f := range report.Files {
		if f.Added != f.Rows || f.Repaired != 0 {
			t.Errorf("the demonstration directory has a defect: %+v", f)
		}
	}
	return db
}

func TestDemoHasServicesForEveryNeed(t *testing.T) {
	t.Parallel()
	db := demoDirectory(t)
	for _, need := range referral.Needs {
		found, total, err := directory.Search(t.Context(), db, directory.Query{Need: need, Lang: "fr"})
		if err != nil || total == 0 {
			t.Errorf("%s: %d services, %v", need, total, err)
		}
		for _, f := range found {
			if f.Service.Lang != "fr" || f.Service.Description == "" || f.AgencyName == "" {
				t.Errorf("%s: %s is not described in French", need, f.Service.Name)
			}
		}
	}
	if n := one(t, db, `SELECT count(*) FROM services WHERE time_zone = 'America/Winnipeg'`); n != "2" {
		t.Errorf("%s services on Central time", n)
	}
}
