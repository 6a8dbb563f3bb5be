package server

import (
	"net/http"
	"testing"
)

func TestWhatLooksLikeAHealthNumber(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{"9876543217": true, "card 9876-543-217 AB.": true, "9876 543 217ab": true, "is 9876543217 x": true,
		"9876543218": false, "98765432170": false, "19876543217": false, "987-654-3217": false, "705 555 0123": false, "": false} {
		if got := holdsHealthNumber(text); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

func TestAHealthNumberIsKeptOnlyAfterASecondLook(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	v.signInAs("nav@kawartha.example")
	form := v.typed()
	form.Set("notes", "Card 9876 543 217 AB")
	form.Set("details", "9876543217")
	form.Set("consent", "yes")
	form.Add("service_ids", v.services[0].String())
	page := v.press(form, "save").is(http.StatusUnprocessableEntity)
	for _, field := range []string{"notes", "details"} {
		if page.Find("#"+field+"-wrong").Length() != 1 {
			t.Errorf("nothing is said beside %s", field)
		}
	}
	if n := v.count(`SELECT count(*) FROM cases`); n != 0 {
		t.Fatal("it was kept before anyone looked")
	}
	again := v.press(page.form("#intake-form"), "language:fr").is(200)
	v.press(again.form("#intake-form"), "save").is(200)
	if n := v.count(`SELECT count(*) FROM cases WHERE notes <> ''`); n != 1 {
		t.Errorf("%d cases were kept", n)
	}
	form = v.typed()
	form.Set("notes", "9876543217")
	page = v.press(form, "caller").is(http.StatusUnprocessableEntity)
	v.press(page.form("#intake-form"), "caller").is(200)
}
