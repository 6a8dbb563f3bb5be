package server

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"throughline/referral"
)

func TestACaseIsFoundOnThePage(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	v.signInAs("nav@kawartha.example")
	v.call("Zoë Canary", "food", referral.Routine, v.services[0])
	v.call("Bob Finch", "food", referral.Routine, v.services[0])
	form := v.get("/cases").is(200).form("#cases-form")
	form.Set("q", "zoe")
	page := v.post("/cases", form).is(http.StatusOK)
	if got := page.says("tbody"); !strings.Contains(got, "Zoë Canary") || strings.Contains(got, "Finch") {
		t.Errorf("zoe finds %q", got)
	}
	form.Set("do", "language:fr")
	page = v.post("/cases", form).is(200)
	if got := page.says("[role=status]"); !strings.HasPrefix(got, "1 dossier trouvé") || page.form("#cases-form").Get("q") != "zoe" {
		t.Errorf("in French: %q", got)
	}
	page = v.post("/cases", url.Values{"do": {"search"}, "q": {"Nemo"}}).is(200)
	if got := page.says("[role=status]"); !strings.HasPrefix(got, "Aucun dossier trouvé.") || page.Find("tbody tr").Length() != 0 {
		t.Errorf("nobody: %q", got)
	}
	if page = v.post("/cases", url.Values{"do": {"search"}, "q": {"  "}}).is(200); page.Find("tbody tr").Length() != 2 {
		t.Errorf("nothing typed shows %d cases", page.Find("tbody tr").Length())
	}
}
