package server

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"throughline/casework"
	"throughline/referral"
)

// TestStaffWorkInTheirHelplinesTime: dates are shown, and appointments written, in the zone of whose account it is.
func TestStaffWorkInTheirHelplinesTime(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	_, err := v.db.Exec(`UPDATE organisations SET time_zone = 'America/Winnipeg' WHERE id = $1`, v.account.OrganisationID)
	v.must(err)
	_, err = v.desk.AddAccount(t.Context(), v.stranger(), "east@lakehead.example", "Robin", referral.Navigator, "en", password)
	v.must(err)
	v.signInAs("nav@kawartha.example")
	r := v.sent()
	v.do(r.ID, casework.CommandInput{Do: referral.Accept, ToldBy: "Priya"})
	if got := v.get("/cases/" + r.CaseID.String()).is(http.StatusOK).says(".tl-person time"); got != "November 23, 9:00 a.m." {
		t.Errorf("in Kenora the folder was opened %s", got)
	}
	to := v.button(r, referral.Schedule)
	if got := v.get(to).is(http.StatusOK).says("#time-hint"); !strings.Contains(got, "Central Time") {
		t.Errorf("the form asks for the time %q", got)
	}
	page := v.record(to, map[string]string{"told_by": "Priya", "date": "2026-12-01", "time": "14:30"}).is(http.StatusOK)
	if got := page.says(".tl-offer"); !strings.Contains(got, "December 1, 2:30 p.m.") {
		t.Errorf("the appointment is shown as %s", got)
	}
	v.appointmentIs(r, "2026-12-01T20:30:00Z")

	other := *v
	other.forget()
	other.signInAs("east@lakehead.example")
	made, err := v.desk.OpenCase(t.Context(), casework.Actor{Actor: referral.Actor{Role: referral.Navigator, ID: v.account.ID},
		Organisation: v.stranger(), Name: "Robin", Via: casework.ViaPage}, casework.CaseInput{Name: "Bao"}, nil)
	v.must(err)
	if got := other.get("/cases/" + made.ID.String()).is(http.StatusOK).says(".tl-person time"); got != "November 23, 10:00 a.m." {
		t.Errorf("in Thunder Bay the folder was opened %s", got)
	}
}

func TestAnAppointmentInTheNightWhenClocksChange(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	v.signInAs("nav@kawartha.example")
	r := v.sent()
	v.do(r.ID, casework.CommandInput{Do: referral.Accept, ToldBy: "Priya"})
	to := v.button(r, referral.Schedule)
	fields := map[string]string{"told_by": "Priya", "date": "2027-03-14", "time": "02:30"}
	page := v.record(to, fields).is(http.StatusUnprocessableEntity)
	if got := page.says("#time-wrong"); !strings.Contains(got, "does not exist") {
		t.Errorf("of an hour that is skipped the page says %q", got)
	}
	fields["date"], fields["time"] = "2027-11-07", "01:30"
	page = v.record(to, fields).is(http.StatusUnprocessableEntity)
	if got := page.Find("#wrongs a").AttrOr("href", ""); got != "#offset" || page.Find(got+" input").Length() != 2 {
		t.Fatalf("of an hour that comes twice the page asks at %q: %s", got, page.says("main"))
	}
	form := page.form("#command-form")
	form.Set("offset", "-05:00")
	form.Set("do", "save")
	v.post(to, form).is(http.StatusOK)
	v.appointmentIs(r, "2027-11-07T06:30:00Z")
}

func (v *visitor) appointmentIs(r casework.Referral, want string) {
	v.t.Helper()
	var at time.Time
	v.must(v.db.Get(&at, `SELECT visit_at FROM offers WHERE id = $1`, r.Offers[0].ID))
	if got := at.UTC().Format(time.RFC3339); got != want {
		v.t.Errorf("the appointment is at %s, want %s", got, want)
	}
}
