package e2e

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"throughline/locale"
)

// miami is a real 211's export, which lies beside a developer's checkout; it is not ours to ship.
func miami(t testing.TB) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("..", "..", "shared", "data", "miami-hsds11"))
	must(t, err)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("real data is missing: put it at %s, beside the checkout", path)
	}
	return path
}

func TestFromTheCallToAConfirmedOutcome(t *testing.T) {
	t.Parallel()
	d := startDev(t, fresh(t), anyPort...)
	navigator := d.atDesk(t, "en", "english")
	navigator.picture("sign-in")
	d.signIn(navigator, "navigator")
	navigator.picture("my-work")
	t.Run("in the directory of a real 211 too", func(t *testing.T) {
		succeeds(t, d.production(), "", "throughline", "import", "--source", "miami", miami(t))
		reader := *navigator
		reader.t, reader.album = t, "miami"
		reader.findService("girl scouts tropical florida", "GIRL SCOUTS COUNCIL OF TROPICAL FLORIDA")
	})

	navigator.refer(call{name: "Dana Whitfield", phone: "705-555-0186", municipality: "Peterborough", need: "food",
		details: "Two children, nothing in the cupboard until Friday.", services: []string{"Little Lake Food Bank"}})
	navigator.picture("case-made")

	agency := navigator.another()
	agency.openLetter("Little Lake Food Bank")
	agency.doesNotRead("Dana", "Whitfield", "0186", "cupboard until Friday")
	agency.picture("agency-asked")
	agency.answers("accept", "Priya at the front desk")
	agency.reads("Dana Whitfield")
	agency.reads("(705) 555-0186")
	agency.answers("contact", "Priya")
	agency.answers("schedule", "Priya", func() {
		agency.set("#schedule-date", time.Now().AddDate(0, 0, 2).Format(time.DateOnly))
		agency.set("#schedule-time", "14:30")
	})
	agency.answers("report_outcome", "Priya", func() {
		agency.picture("agency-reporting")
		agency.click(`label[for="report_outcome-outcome-received_in_full"]`)
	})

	navigator.confirm("Dana Whitfield", "received_in_full")
	navigator.reads(locale.For("en").T("evidence.both"))
	navigator.lookAround()
	d.stop()
	after := startDev(t, d.data, anyPort...)
	again := after.atDesk(t, "en", "")
	after.signIn(again, "navigator")
	again.open("/closed")
	again.reads(locale.For("en").T("evidence.both"))
}

// findService searches the directory and opens what it finds.
func (v *visitor) findService(words, name string) {
	v.t.Helper()
	v.open("/services")
	v.write("#q", words+"\r")
	v.sees(named("li//a", name))
	v.picture("services")
	v.follow(named("li//a", name))
	v.picture("service")
	v.reads(name)
}

// confirm records what the client says came of it, from the list of cases on.
func (v *visitor) confirm(client, outcome string) {
	v.t.Helper()
	v.follow(named("nav//a", v.say("nav./cases")))
	v.picture("cases")
	v.follow(`//tr[contains(., "` + client + `")]//a`)
	v.picture("case-reported")
	v.click(named("details/summary", v.say("case.client_says")))
	v.follow(named("details//a", v.say("say.confirm")))
	v.picture("confirm")
	v.click(`label[for="outcome-` + outcome + `"]`)
	v.write("#note", "Called back; all is well.")
	v.follow(named("button", v.say("command.save")))
	v.sees(".tl-alert--done")
	v.reads(v.say("referral_state.closed"))
	v.picture("case-closed")
}

// lookAround keeps pictures of the pages that the stories pass by.
func (v *visitor) lookAround() {
	v.t.Helper()
	for _, page := range []struct{ name, path string }{{"closed", "/closed"}, {"tasks", "/tasks?all=1"}, {"queue", "/queue"},
		{"services", "/services?need=food&near=Peterborough"}, {"work", "/work"}} {
		v.open(page.path)
		v.picture(page.name)
	}
}
