package directory_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"throughline/directory"
	"throughline/referral"
)

func names(found []directory.Found) []string {
	var all []string
	for _, f := range found {
		all = append(all, f.Service.Name)
	}
	return all
}

func TestSearchFindsInBothLanguages(t *testing.T) {
	t.Parallel()
	db := demoDirectory(t)
	for _, c := range []struct {
		text, lang, first string
	}{
		{"hebergement", "fr", "Hébergement pour femmes et enfants"},
		{"HÉBERGEMENTS", "fr", "Hébergement pour femmes et enfants"},
		{"shelter women", "en", "Shelter for Women and Children"},
		{"sheltered women", "en", "Shelter for Women and Children"},
		{"fenelon food bank", "en", "Food Bank, Fenelon Falls"},
		{"housi", "en", "Housing Help and Arrears"},
		{"banques alimentaires fenelon", "fr", "Banque alimentaire, Fenelon Falls"},
		{"utility arrears", "fr", ""}, // English words on the French page
		{"logement", "en", ""},        // French words on the English page
		{`"rent bank"`, "en", "Eviction Prevention and Rent Bank"},
	} {
		found, total, err := directory.Search(t.Context(), db, directory.Query{Text: c.text, Lang: c.lang})
		if err != nil || total == 0 {
			t.Errorf("%s (%s): %d found, %v", c.text, c.lang, total, err)
			continue
		}
		if c.first != "" && found[0].Service.Name != c.first {
			t.Errorf("%s (%s): %s comes first", c.text, c.lang, found[0].Service.Name)
		}
	}
}

func TestSearchTakesOddInputLiterally(t *testing.T) {
	t.Parallel()
	db := demoDirectory(t)
	for _, text := range []string{"' OR 1=1 --", "'; DROP TABLE services; --", "\x00food", "\xff\xfe", `"unclosed`, "a & | ! ( ) : * <->", "food:*",
		strings.Repeat("food ", 5000), "%_\\", "🙂", "-", "or or or"} {
		if _, _, err := directory.Search(t.Context(), db, directory.Query{Text: text, Near: text, Lang: "xx"}); err != nil {
			t.Errorf("%.30q: %v", text, err)
		}
	}
	if _, n, err := directory.Search(t.Context(), db, directory.Query{Text: "' OR 1=1 --"}); err != nil || n != 0 {
		t.Errorf("an injection found %d services, %v", n, err)
	}
	if _, _, err := directory.Search(t.Context(), db, directory.Query{Need: "money"}); !errors.Is(err, referral.Invalid("need", "")) {
		t.Errorf("unknown need: %v", err)
	}
}

func TestSearchSaysWhy(t *testing.T) {
	t.Parallel()
	db := demoDirectory(t)
	reasons := func(q directory.Query, service string) []string {
		t.Helper()
		q.Limit = 100
		found, _, err := directory.Search(t.Context(), db, q)
		if err != nil {
			t.Fatal(err)
		}
		at := slices.Index(names(found), service)
		if at < 0 {
			t.Fatalf("%+v does not find %s", q, service)
		}
		return found[at].Reasons
	}
	food := directory.Query{Need: "food", Near: "K9H 2L7"}
	for service, want := range map[string][]string{
		"Community Supper":                 {"need", "near", "serves_area"},
		"Food Market and Kitchen":          {"need", "outside_area"},
		"Pantry and Clothing Shelf":        {"need", "no_email"},
		"French-language Food Cupboard":    {"need", "outside_area"},
		"Friendship Circle Family Program": {"need", "near", "serves_area"},
	} {
		if got := reasons(food, service); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", service, got, want)
		}
	}
	if got := reasons(directory.Query{Text: "warming room"}, "Winter Warming Room"); !slices.Equal(got, []string{"matches_name", "closed"}) {
		t.Errorf("a closed service: %v", got)
	}
	db.MustExec(`UPDATE services SET full_until = current_date + 30 WHERE name = 'Community Supper'`)
	db.MustExec(`UPDATE services SET accepts_referrals = false WHERE name = 'Saturday Community Kitchen'`)
	found, _, err := directory.Search(t.Context(), db, directory.Query{Need: "food", Near: "Peterborough", Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	full, open := slices.Index(names(found), "Community Supper"), slices.Index(names(found), "Little Lake Food Bank")
	if full < open || !slices.Contains(found[full].Reasons, "full") {
		t.Errorf("a full service stands at %d, one with room at %d: %v", full, open, found[full].Reasons)
	}
	if last := found[len(found)-1]; !slices.Contains(last.Reasons, "no_referrals") {
		t.Errorf("last is %s: %v", last.Service.Name, last.Reasons)
	}
}

func TestSearchPages(t *testing.T) {
	t.Parallel()
	db := demoDirectory(t)
	all, total, err := directory.Search(t.Context(), db, directory.Query{Limit: 100})
	if err != nil || total != 68 || len(all) != 68 {
		t.Fatalf("%d of %d, %v", len(all), total, err)
	}
	var paged []string
	for offset := 0; offset < total+7; offset += 7 {
		page, n, err := directory.Search(t.Context(), db, directory.Query{Limit: 7, Offset: offset})
		if err != nil || n != total {
			t.Fatal(n, err)
		}
		paged = append(paged, names(page)...)
	}
	if !slices.Equal(paged, names(all)) {
		t.Error("pages are not the list in pieces")
	}
}

func TestGet(t *testing.T) {
	t.Parallel()
	db := demoDirectory(t)
	id := uuid.MustParse(one(t, db, `SELECT id FROM services WHERE name = 'Shelter for Women and Children'`))
	s, err := directory.Get(t.Context(), db, id, "fr")
	if err != nil {
		t.Fatal(err)
	}
	if s.Name != "Hébergement pour femmes et enfants" || s.AgencyName != "Maison Marigold" || s.Fees != "Gratuit." || s.MinimumAge == nil ||
		s.Email != "house@marigold-house.example" || len(s.Phones) != 2 || len(s.Hours) != 7 || s.Hours[0].Closes != "24:00" ||
		!slices.Contains(s.Languages, "français") || len(s.Areas) != 3 || len(s.Terms) == 0 || len(s.Locations) != 1 {
		t.Errorf("%+v", s)
	}
	if _, err := directory.Get(t.Context(), db, uuid.New(), "en"); !errors.Is(err, referral.ErrNotFound) {
		t.Errorf("unknown service: %v", err)
	}
}
