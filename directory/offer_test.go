package directory_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"throughline/db/dbtest"
	"throughline/directory"
	"throughline/referral"
)

func TestForOffer(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	f := smallPackage()
	f["contacts.csv"] = "id,service_id,email\nc1,s2,intake@lakeview.example\n"
	importFiles(t, db, f)
	id := func(source string) uuid.UUID {
		return uuid.MustParse(one(t, db, `SELECT id FROM services WHERE source_id = $1`, source))
	}
	unknown := uuid.New()
	services, err := directory.ForOffer(t.Context(), db, []uuid.UUID{id("s1"), id("s2"), id("s3"), unknown})
	if err != nil || len(services) != 3 {
		t.Fatalf("%d services, %v", len(services), err)
	}
	shelter, food, advice := services[id("s1")], services[id("s2")], services[id("s3")]
	if shelter.NameFR != "Hébergement d’urgence" || shelter.AgencyName != "Riverside House" || shelter.AgencyID == nil || shelter.MailLocale != "fr" ||
		shelter.Email != "info@riverside.example" || shelter.Phone != "705-555-0101" || shelter.Zone != "America/Toronto" ||
		shelter.Status != "active" || !shelter.AcceptsReferrals || shelter.FullUntil != nil {
		t.Errorf("%+v", shelter)
	}
	// Friday and Saturday from 20:00 to 8:00 are four openings.
	if want := []referral.Hours{{Day: time.Friday, Opens: 1200, Closes: 1440}, {Day: time.Saturday, Closes: 480},
		{Day: time.Saturday, Opens: 1200, Closes: 1440}, {Day: time.Sunday, Closes: 480}}; !slices.Equal(shelter.Hours, want) {
		t.Errorf("hours of a night shelter: %v", shelter.Hours)
	}
	// The first Saturday of a month is no weekly opening.
	if want := []referral.Hours{{Day: time.Monday, Opens: 540, Closes: 990}, {Day: time.Wednesday, Opens: 540, Closes: 990}}; !slices.Equal(food.Hours, want) {
		t.Errorf("hours of a food cupboard: %v", food.Hours)
	}
	if food.Email != "intake@lakeview.example" || food.Phone != "416-555-0102 x12" || food.MailLocale != "en" {
		t.Errorf("%+v", food)
	}
	if advice.Email != "info@lakeview.example" || advice.Hours != nil || advice.Zone != "" {
		t.Errorf("%+v", advice)
	}
	if none, err := directory.ForOffer(t.Context(), db, nil); err != nil || len(none) != 0 {
		t.Errorf("%v, %v", none, err)
	}
}
