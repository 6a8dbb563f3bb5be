package directory_test

import (
	"slices"
	"testing"

	"throughline/directory"
)

func TestAnUnknownPlaceCountsNoDistance(t *testing.T) {
	t.Parallel()
	db := demoDirectory(t)
	for _, near := range []string{"Ottawa", "Bancroft", "Cobourg", "Hamilton", "X0X 1A0", "90210", "Atlantis, ON"} {
		found, total, err := directory.Search(t.Context(), db, directory.Query{Need: "food", Near: near, Limit: 100})
		if err != nil || total == 0 {
			t.Fatalf("%s: %d found, %v", near, total, err)
		}
		for _, f := range found {
			if f.Distance != nil || slices.Contains(f.Reasons, "outside_area") || slices.Contains(f.Reasons, "far") {
				t.Fatalf("%s: %s is %v away for %v", near, f.Service.Name, f.Distance, f.Reasons)
			}
		}
		if name, known, err := directory.Locate(t.Context(), db, near); known || name != near || err != nil {
			t.Errorf("%s is located: %v, %v", near, known, err)
		}
	}
}

func TestALocationNobodyCanPlaceHasNoDistance(t *testing.T) {
	t.Parallel()
	db := demoDirectory(t)
	const its = `(SELECT location_id FROM services_at_location JOIN services s ON s.id = service_id WHERE s.name = 'Community Supper')`
	db.MustExec(`UPDATE locations SET latitude = NULL, longitude = NULL WHERE id IN ` + its)
	db.MustExec(`UPDATE addresses SET city = 'Atlantis', postal_code = '' WHERE location_id IN ` + its)
	found, _, err := directory.Search(t.Context(), db, directory.Query{Text: "community supper", Near: "Peterborough"})
	if err != nil {
		t.Fatal(err)
	}
	at := slices.Index(names(found), "Community Supper")
	if at < 0 || found[at].Distance != nil {
		t.Fatalf("found at %d of %v, with a distance", at, names(found))
	}
}

func TestAPlaceIsKnownByTheNamesPeopleGiveIt(t *testing.T) {
	t.Parallel()
	db := demoDirectory(t)
	for _, near := range []string{"Peterborough", "peterborough, ON", "PÉTERBOROUGH", "City of Peterborough", "Ville de Peterborough",
		"peterborough Ontario", "City of  Peterborough, Ontario, Canada"} {
		if _, known, err := directory.Locate(t.Context(), db, near); !known || err != nil {
			t.Errorf("%s is unknown, %v", near, err)
		}
	}
	db.MustExec(`UPDATE places SET key = 'city of peterborough' WHERE key = 'peterborough'`)
	if _, known, err := directory.Locate(t.Context(), db, "Peterborough"); !known || err != nil {
		t.Errorf("a title in the directory hides the place, %v", err)
	}
	if name, known, err := directory.Locate(t.Context(), db, "X0X 1A0", "", "Ville de Peterborough"); name != "Ville de Peterborough" || !known || err != nil {
		t.Errorf("a bad postal code leads to %q, %v, %v", name, known, err)
	}
}
