package directory

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"throughline/db/dbtest"
)

func TestTidyProse(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"  plain text ":                             "plain text",
		"WeGÇÖre open 8amGÇô5pm":                    "We’re open 8am–5pm",
		"Contra el C+íncer":                         "Contra el Cáncer",
		"los ni+¦os":                                "los ni+¦os", // ó or ñ: not certain
		"C++ and 2+2, 9-«ch»":                       "C++ and 2+2, 9-«ch»",
		"MedicAlert-«, a service":                   "MedicAlert®, a service",
		"l’Ã©tÃ© â€” dâ€™abord":                     "l’été — d’abord",
		"déjà vu à Âmes, ÎLE À VÂCHE":               "déjà vu à Âmes, ÎLE À VÂCHE",
		`one\ntwo\r\n\r\nthree`:                     "one\ntwo\n\nthree",
		"one ###MON### two####COL####":              "one\n\ntwo",
		"Ages <18 & >65, A&B":                       "Ages <18 & >65, A&B",
		"<ul><li>one</li><li>two</li></ul>&eacute;": "one\n\ntwo\n\né",
		"a\u202egnp.exe\x07":                        "agnp.exe",
		"call # 12":                                 "call # 12",
	} {
		if got, _ := tidyProse(given); got != want {
			t.Errorf("%q became %q, want %q", given, got, want)
		}
	}
}

func TestParseClock(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]int{"8:00am": 480, "9 am": 540, "830am": 510, "12:00am": 0, "12:00pm": 720, "5:30 p.m.": 1050,
		"17:30:00": 1050, "24:00": 1440, "noon": 720, "1230pm": 750, "9:0am": -1, "8:00m": -1, "6:300pm": -1, "13:00pm": -1, "25:00": -1,
		"9": -1, "": -1, "5:00pm Mon": -1, "12:60": -1, "24:01": -1} {
		got, ok := parseClock(given)
		if !ok {
			got = -1
		}
		if got != want {
			t.Errorf("%q is %d, want %d", given, got, want)
		}
	}
}

// What is folded here is looked for in what the database folded.
func TestFoldIsTheDatabases(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	for _, text := range []string{"Hébergement d’URGENCE", "ŒUVRE ÆGIR œuf", "ÀÂÉÈÊËÎÏÔÙÛÜŸÇ Ñ", "Łódź Ğ ø", "a\u0301", "中文 हिन्दी العَرَبية 한국어", "pre‑natal – et — après", "plain ASCII"} {
		var folded string
		if err := db.QueryRowContext(t.Context(), `SELECT directory_fold($1)`, text).Scan(&folded); err != nil {
			t.Fatal(err)
		}
		if got := fold(text); got != folded {
			t.Errorf("%q: %q here, %q there", text, got, folded)
		}
	}
	if got := fold("Hébergement d’URGENCE, ŒUVRE"); got != "hebergement d'urgence, oeuvre" {
		t.Errorf("%q", got)
	}
}

// The order in which the database hands services over must not show.
func TestRankIsTheSameForAnyOrder(t *testing.T) {
	t.Parallel()
	near, away := 2.0, 90.0
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	later, past := now.AddDate(0, 0, 7), now.AddDate(0, 0, -7)
	found := []Found{
		{Service: Service{Name: "best"}, Distance: &near, facts: facts{asked: true, textRank: 2, needs: []string{"food"}}},
		{Service: Service{Name: "no longer full"}, facts: facts{asked: true, textRank: 2, needs: []string{"food"}, fullUntil: &past}},
		{Service: Service{Name: "far"}, Distance: &away, facts: facts{asked: true, textRank: 2, needs: []string{"food"}}},
		{Service: Service{Name: "twin"}, facts: facts{asked: true, textRank: 1}},
		{Service: Service{ID: uuid.UUID{1}, Name: "twin"}, facts: facts{asked: true, textRank: 1}},
		{Service: Service{Name: "full"}, facts: facts{asked: true, textRank: 2, needs: []string{"food"}, fullUntil: &later}},
		{Service: Service{Name: "closed"}, Distance: &near, facts: facts{asked: true, textRank: 2, matchesName: true, closed: true}},
	}
	want := slices.Clone(found)
	for range 20 {
		rand.Shuffle(len(found), func(i, j int) { found[i], found[j] = found[j], found[i] })
		for i, f := range Rank(found, "food", now) {
			if f.Service.Name != want[i].Service.Name || f.Service.ID != want[i].Service.ID {
				t.Fatalf("%s stands at %d, want %s", f.Service.Name, i, want[i].Service.Name)
			}
		}
	}
}

func FuzzSheet(f *testing.F) {
	for _, seed := range []string{"id,name\n1,a\n", "id,name\n1,\"a\nb\"\n2,\"c\n3,d\n", "id;name\r\n\"1\";x\n\n", "\"", "a,b\n\",\"\"\n\"", "id\tname\n1\t\"\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		d, err := decode(raw)
		if err != nil {
			return
		}
		if !utf8.Valid(d.text) {
			t.Fatal("decoded text is not UTF-8")
		}
		s, err := openSheet("f.csv", d.text)
		if err != nil {
			return
		}
		lines, rows, last := strings.Count(string(d.text), "\n")+1, 0, 1
		for row, ok := s.next(); ok; row, ok = s.next() {
			if rows++; rows > lines {
				t.Fatalf("%d rows in %d lines", rows, lines)
			}
			if row.number <= last {
				t.Fatalf("row %d comes after %d", row.number, last)
			}
			last = row.number
			if row.problem == "" && len(row.cells) != len(s.header) {
				t.Fatalf("%d cells under %d columns", len(row.cells), len(s.header))
			}
			for _, c := range row.cells {
				clean, _ := tidyProse(c)
				if strings.ContainsRune(clean, 0) || !utf8.ValidString(clean) {
					t.Fatalf("PostgreSQL can't store %q", clean)
				}
			}
		}
	})
}
