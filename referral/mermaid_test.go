package referral

import (
	"flag"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/states.md anew")

func TestStatesPageIsMadeFromTheTable(t *testing.T) {
	t.Parallel()
	const file = "../docs/states.md"
	if *update {
		if err := os.MkdirAll("../docs", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(StatesMarkdown()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != StatesMarkdown() {
		t.Errorf("%s differs from the table: go test ./referral -run States -update", file)
	}
}

func TestStatesPageNamesEverything(t *testing.T) {
	t.Parallel()
	page := StatesMarkdown()
	for _, s := range OfferStates {
		if !strings.Contains(page, "| "+string(s)+" | "+s.TaskStatus()+" |") {
			t.Errorf("the page lacks the state %s", s)
		}
	}
	for _, l := range Transitions {
		if !strings.Contains(page, "| "+string(l.Do)+" | ") {
			t.Errorf("the page lacks the command %s", l.Do)
		}
	}
	for _, list := range [][]Reason{DeclineReasons, FailReasons, WithdrawReasons, Outcomes, UnmetReasons} {
		for _, r := range list {
			if !strings.Contains(page, "| "+r.Code+" | "+string(r.Of)+" |") {
				t.Errorf("the page lacks the code %s", r.Code)
			}
		}
	}
}
