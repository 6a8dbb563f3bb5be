package directory_test

import (
	"strings"
	"testing"

	"throughline/db/dbtest"
	"throughline/directory"
)

func TestImportDemo(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	report, err := directory.ImportFS(t.Context(), db, directory.DemoFS(), directory.ImportInput{Source: directory.DemoSource, Actor: "test"})
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	report.WriteText(&text)
	t.Log(text.String())
	rows, _ := db.Query(`select name, needs::text, time_zone, status from services`)
	for rows.Next() {
		var a, b, c, d string
		rows.Scan(&a, &b, &c, &d)
		t.Log(a, b, c, d)
	}
}
