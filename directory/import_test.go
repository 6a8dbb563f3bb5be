package directory_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"throughline/db/dbtest"
	"throughline/directory"
	"throughline/referral"
)

func TestImportAgainChangesNothing(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	first := importFiles(t, db, smallPackage())
	if first.Kind != "hsds-3.0" {
		t.Errorf("kind is %s", first.Kind)
	}
	before := one(t, db, `SELECT string_agg(id::text || xmin::text, ',' ORDER BY id) FROM services`)
	again := importFiles(t, db, smallPackage())
	for _, f := range again.Files {
		if f.Added+f.Updated != 0 || f.Unchanged != f.Rows {
			t.Errorf("second import wrote: %+v", f)
		}
	}
	if after := one(t, db, `SELECT string_agg(id::text || xmin::text, ',' ORDER BY id) FROM services`); after != before {
		t.Error("second import wrote services that had not changed")
	}
	if again.Inactivated+again.Removed != 0 {
		t.Errorf("second import took out rows: %+v", again)
	}
}

func TestImportsAtOnceTakeTurns(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	done := make(chan error)
	for range 4 {
		go func() {
			_, err := directory.ImportFS(t.Context(), db, smallPackage().fs(), input())
			done <- err
		}()
	}
	for range 4 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if got := one(t, db, `SELECT (SELECT count(*) FROM services) || ' ' || (SELECT count(*) FROM imports)`); got != "3 4" {
		t.Errorf("services and imports: %s", got)
	}
}

func TestImportUpdatesOnlyWhatChanged(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	importFiles(t, db, smallPackage())
	id := one(t, db, `SELECT id FROM services WHERE source_id = 's2'`)
	f := smallPackage()
	f["services.csv"] = strings.Replace(f["services.csv"], "Groceries twice", "Groceries once", 1)
	f["services.csv"] = strings.Replace(f["services.csv"], "s3,o2,Tenant Advice,Conseils aux locataires,Help with evictions.,Aide en cas d’expulsion.,active,\n", "", 1)
	f["phones.csv"] = "id,service_id,organization_id,number\np1,s1,,705-555-0101\n"
	report := importFiles(t, db, f)
	if c := countOf(report, "services.csv"); c.Updated != 1 || c.Unchanged != 1 {
		t.Errorf("services: %+v", c)
	}
	if report.Inactivated != 1 || one(t, db, `SELECT status FROM services WHERE source_id = 's3'`) != "inactive" {
		t.Errorf("the service that is gone is not inactive: %+v", report)
	}
	if report.Removed != 1 || one(t, db, `SELECT count(*) FROM phones`) != "1" {
		t.Errorf("the phone that is gone is still there: %+v", report)
	}
	if now := one(t, db, `SELECT id FROM services WHERE source_id = 's2'`); now != id {
		t.Errorf("the service's id changed from %s to %s", id, now)
	}
	importFiles(t, db, smallPackage())
	if s := one(t, db, `SELECT status FROM services WHERE source_id = 's3'`); s != "active" {
		t.Errorf("the service that is back is %s", s)
	}
}

func TestImportKeepsWhatStaffSet(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	importFiles(t, db, smallPackage())
	db.MustExec(`UPDATE services SET needs = '{legal}', needs_from = 'staff', accepts_referrals = false, full_until = '2030-01-01'`)
	importFiles(t, db, smallPackage())
	if got := one(t, db, `SELECT string_agg(DISTINCT concat(needs::text, accepts_referrals, full_until), ' ') FROM services`); got != "{legal}f2030-01-01" {
		t.Errorf("after a further import: %s", got)
	}
}

func TestImportAsksBeforeALargeLoss(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	many := func(n int) files {
		text := "id,name\n"
		for i := range n {
			text += fmt.Sprintf("s%d,Service %d\n", i, i)
		}
		return files{"services.csv": text}
	}
	importFiles(t, db, many(20))
	_, err := directory.ImportFS(t.Context(), db, many(10).fs(), input())
	if !errors.Is(err, referral.ErrConflict) {
		t.Fatalf("half the directory gone without a question: %v", err)
	}
	if n := one(t, db, `SELECT count(*) FROM services WHERE status = 'active'`); n != "20" {
		t.Errorf("a refused import left %s active services", n)
	}
	in := input()
	in.AcceptLoss = true
	if report := importAs(t, db, many(10), in); report.Inactivated != 10 {
		t.Errorf("inactivated %d", report.Inactivated)
	}
}

func TestImportDryRunWritesNothing(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	in := input()
	in.DryRun = true
	report := importAs(t, db, smallPackage(), in)
	if countOf(report, "services.csv").Added != 3 {
		t.Errorf("report: %+v", report.Files)
	}
	if n := one(t, db, `SELECT (SELECT count(*) FROM services) + (SELECT count(*) FROM imports)`); n != "0" {
		t.Errorf("dry run left %s rows", n)
	}
}

func TestImportBadRowsAreReportedAndTheRestIsTaken(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	f := smallPackage()
	f["organizations.csv"] = "id,name,email,parent_organization_id,favourite_colour\n" +
		"o1,Riverside House,\"Help <a@b.example>\",o2,red\n" +
		"o2,\"=HYPERLINK(\"\"http://evil.example\"\",\"\"x\"\")\",ok@lakeview.example,o1,\n" +
		"o3,,x@y.example,,\n" +
		"o1,Riverside Again,,,\n" +
		"o4,Too,few\n" +
		"o5,\"Never closed,a@b.example,,\n" +
		"o6,A 5\" pipe,,o9,\n"
	f["services.csv"] = "id,organization_id,name,description,url,status,minimum_age,maximum_age\n" +
		"s1,o1,Emergency Shelter,\"<p>Beds &amp; <b>soup</b></p>###MON###line\\none <script>alert(1)</script>\",javascript:alert(1),gone,20,10\n" +
		"s2,nowhere,Caf\xc3\x83\xc2\xa9,GÇ£WeGÇÖre openGÇ¥,www.lakeview.example,active,x,\n"
	f["schedules.csv"] = "id,service_id,byday,opens_at,closes_at,description\nh1,s1,MO,9:00am,9:0pm,\nh2,nobody,MO,09:00,10:00,\nh3,s1,MO,17:00,09:00,\nh4,s1,MO,09:00,08:00,\nh5,s1,,,,\n"
	report := importFiles(t, db, f)
	for _, want := range []struct {
		file, code string
		count      int
	}{
		{"organizations.csv", "bad_email", 1}, {"organizations.csv", "missing_name", 1}, {"organizations.csv", "duplicate_id", 1},
		{"organizations.csv", "ragged", 1}, {"organizations.csv", "bad_quotes", 1}, {"organizations.csv", "stray_quote", 1},
		{"organizations.csv", "unknown_column", 1}, {"organizations.csv", "cyclic_parent", 1}, {"organizations.csv", "unknown_parent", 1},
		{"services.csv", "html", 1}, {"services.csv", "marker", 1}, {"services.csv", "escaped_newline", 1}, {"services.csv", "mojibake", 2},
		{"services.csv", "bad_url", 1}, {"services.csv", "url_without_scheme", 1}, {"services.csv", "unknown_status", 1},
		{"services.csv", "ages_reversed", 1}, {"services.csv", "bad_number", 1}, {"services.csv", "no_agency", 1},
		{"schedules.csv", "bad_time", 1}, {"schedules.csv", "no_owner", 1}, {"schedules.csv", "closes_before_opens", 1}, {"schedules.csv", "empty", 1},
	} {
		if got := codeCount(report, want.file, want.code); got != want.count {
			t.Errorf("%s: %d %s, want %d", want.file, got, want.code, want.count)
		}
	}
	if got := one(t, db, `SELECT name FROM agencies WHERE source_id = 'o2'`); got != `=HYPERLINK("http://evil.example","x")` {
		t.Errorf("a formula is not stored as it stands: %s", got)
	}
	if got := one(t, db, `SELECT description FROM services WHERE source_id = 's1'`); got != "Beds & soup\n\nline\none" {
		t.Errorf("description: %q", got)
	}
	if got := one(t, db, `SELECT name || ': ' || description FROM services WHERE source_id = 's2'`); got != "Café: “We’re open”" {
		t.Errorf("mojibake: %q", got)
	}
	if got := one(t, db, `SELECT count(*) FROM import_rows WHERE import_id = $1`, report.ImportID); got != fmt.Sprint(len(report.Findings)) {
		t.Errorf("%s findings written down, %d reported", got, len(report.Findings))
	}
	if data, err := json.Marshal(report); err != nil || bytes.Contains(data, []byte("evil.example")) {
		t.Errorf("the report repeats a cell, or is no JSON: %v", err)
	}
}

func TestImportEncodings(t *testing.T) {
	t.Parallel()
	const text = "id,name\ns1,Hébergement d’été\ns2,Café — “ouvert”\n"
	units := utf16.Encode([]rune("\ufeff" + text))
	little, big := []byte{}, []byte{}
	for _, u := range units {
		little, big = append(little, byte(u), byte(u>>8)), append(big, byte(u>>8), byte(u))
	}
	windows := strings.NewReplacer("é", "\xe9", "’", "\x92", "—", "\x97", "“", "\x93", "”", "\x94").Replace(text)
	for name, raw := range map[string]string{
		"UTF-8": text, "UTF-8 with a mark": "\ufeff" + text, "UTF-16 little": string(little), "UTF-16 big": string(big),
		"UTF-16 without a mark": string(little[2:]), "UTF-16 big without a mark": string(big[2:]), "Windows-1252": windows,
		"old Mac lines": strings.ReplaceAll(text, "\n", "\r"), "DOS lines": strings.ReplaceAll(text, "\n", "\r\n"),
		"semicolons": strings.ReplaceAll(text, ",", ";"), "tabs": strings.ReplaceAll(text, ",", "\t"),
		"one line of Windows-1252": "id,name\ns1,Hébergement d’été\ns2,Caf\xe9 \x97 \x93ouvert\x94\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := dbtest.New(t)
			importFiles(t, db, files{"services.csv": raw})
			if got := one(t, db, `SELECT string_agg(name, ' | ' ORDER BY source_id) FROM services`); got != "Hébergement d’été | Café — “ouvert”" {
				t.Errorf("read as %q", got)
			}
		})
	}
}

func TestImportRefusesWhatIsNoTable(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	broken := "id,name\n" + strings.Repeat("a,b,c,d\n", 40)
	for name, c := range map[string]struct {
		files files
		field string
	}{
		"nothing":             {files{"readme.txt": "x"}, "services.csv"},
		"empty":               {files{"services.csv": ""}, "services.csv"},
		"no header":           {files{"services.csv": "17,Food bank\n18,Shelter\n"}, "services.csv"},
		"header lacks id":     {files{"services.csv": "name,description\nA,B\n"}, "services.csv"},
		"header lacks name":   {files{"services.csv": "id,description\nA,B\n"}, "services.csv"},
		"column twice":        {files{"services.csv": "id,name,Name \n1,a,b\n"}, "services.csv"},
		"mostly broken":       {files{"services.csv": broken}, "services.csv"},
		"two packages":        {files{"a/services.csv": "id,name\n", "b/services.csv": "id,name\n"}, "services.csv"},
		"second file refused": {files{"services.csv": "id,name\ns1,A\n", "phones.csv": "x,y\n1,2\n"}, "phones.csv"},
	} {
		_, err := directory.ImportFS(t.Context(), db, c.files.fs(), input())
		var refused *referral.Error
		if !errors.As(err, &refused) || refused.Code != referral.CodeInvalid || refused.Field != c.field {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := one(t, db, `SELECT count(*) FROM services`); n != "0" {
		t.Errorf("refused imports left %s services", n)
	}
	in := input()
	in.Source = "../etc"
	if _, err := directory.ImportFS(t.Context(), db, smallPackage().fs(), in); !errors.Is(err, referral.ErrInvalid) {
		t.Errorf("source: %v", err)
	}
}

func zipOf(t *testing.T, add func(w *zip.Writer)) string {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	add(w)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "package.zip")
	if err := os.WriteFile(name, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func entry(t *testing.T, w *zip.Writer, name, text string, mode os.FileMode) {
	t.Helper()
	h := &zip.FileHeader{Name: name, Method: zip.Deflate}
	h.SetMode(mode)
	e, err := w.CreateHeader(h)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
}

func TestImportZip(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	in := input()
	in.Path = zipOf(t, func(w *zip.Writer) {
		for name, text := range smallPackage() {
			entry(t, w, "data/"+name, text, 0o644)
		}
	})
	report, err := directory.Import(t.Context(), db, in)
	if err != nil || countOf(report, "services.csv").Added != 3 {
		t.Fatalf("%v %+v", err, report.Files)
	}
	bomb := "id,name\n" + strings.Repeat("s,aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n", 1<<20)
	for name, path := range map[string]string{
		"traversal": zipOf(t, func(w *zip.Writer) { entry(t, w, "../services.csv", "id,name\n", 0o644) }),
		"absolute":  zipOf(t, func(w *zip.Writer) { entry(t, w, "/services.csv", "id,name\n", 0o644) }),
		"link":      zipOf(t, func(w *zip.Writer) { entry(t, w, "services.csv", "/etc/passwd", 0o777|os.ModeSymlink) }),
		"bomb":      zipOf(t, func(w *zip.Writer) { entry(t, w, "services.csv", bomb, 0o644) }),
		"not there": filepath.Join(t.TempDir(), "nothing"),
	} {
		in.Path = path
		if _, err := directory.Import(t.Context(), db, in); !errors.Is(err, referral.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestImportFolderDoesNotFollowLinksOut(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	outside := filepath.Join(t.TempDir(), "secret.csv")
	if err := os.WriteFile(outside, []byte("id,name\ns1,Secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(folder, "services.csv")); err != nil {
		t.Fatal(err)
	}
	in := input()
	in.Path = folder
	if _, err := directory.Import(t.Context(), dbtest.New(t), in); !errors.Is(err, referral.ErrInvalid) {
		t.Errorf("%v", err)
	}
}

func TestImportKeepsStaffNamesOnlyWhenAsked(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	f := smallPackage()
	f["contacts.csv"] = "id,service_id,name,title,department,email\nc1,s1,Ann Persona,Manager,Intake,intake@riverside.example\nc2,s1,Only A. Name,,,\n"
	report := importFiles(t, db, f)
	if got := one(t, db, `SELECT string_agg(name || title || department || email, ',') FROM contacts`); got != "Intakeintake@riverside.example" {
		t.Errorf("kept %q", got)
	}
	if codeCount(report, "contacts.csv", "staff_name_withheld") == 0 {
		t.Error("the report does not say that names were left out")
	}
	in := input()
	in.StaffNames = true
	importAs(t, db, f, in)
	if got := one(t, db, `SELECT string_agg(name, ',' ORDER BY name) FROM contacts`); got != "Ann Persona,Only A. Name" {
		t.Errorf("asked for, kept %q", got)
	}
}

func TestTwoSourcesDoNotTouchEachOther(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	same := files{"services.csv": "id,name\n6f1c7b1e-5d0e-4a39-9f5e-1b1d6c7c0a01,Here\ns1,Plain\n"}
	importFiles(t, db, same)
	in := input()
	in.Source = "other"
	same["services.csv"] = strings.Replace(same["services.csv"], "Here", "There", 1)
	importAs(t, db, same, in)
	if report := importAs(t, db, same, in); countOf(report, "services.csv").Unchanged != 2 {
		t.Errorf("further import: %+v", report.Files)
	}
	if got := one(t, db, `SELECT string_agg(name, ',' ORDER BY name) FROM services`); got != "Here,Plain,Plain,There" {
		t.Errorf("services: %s", got)
	}
	if got := one(t, db, `SELECT source FROM services WHERE id = '6f1c7b1e-5d0e-4a39-9f5e-1b1d6c7c0a01'`); got != "small" {
		t.Errorf("the UUID is now of %s", got)
	}
}
