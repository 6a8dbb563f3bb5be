package main

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
)

const scanned = `{"config":{}} {"SBOM":{"modules":[{"path":"throughline"}]}}
{"finding":{"osv":"GO-1","trace":[{"module":"example.org/a"}]}}
{"finding":{"osv":"GO-2","fixed_version":"v1.2.3","trace":[{"module":"example.org/b","package":"example.org/b/c"}]}}
{"finding":{"osv":"GO-2","fixed_version":"v1.2.3","trace":[{"module":"example.org/b","package":"example.org/b/c"}]}}
{"finding":{"osv":"GO-3","fixed_version":"v1.26.9","trace":[{"module":"stdlib","package":"net/http"}]}}
{"finding":{"osv":"GO-4","fixed_version":"v1.26.10","trace":[{"module":"stdlib","package":"os"}]}}`

func TestWhatIsFoundIsJudged(t *testing.T) {
	t.Parallel()
	said, err := read(strings.NewReader(scanned))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		accepted map[string]string
		want     []string
	}{
		"nothing is accepted": {nil, []string{"GO-2 in example.org/b/c, fixed in \"v1.2.3\"", "GO-3 in net/http of Go itself, fixed in \"v1.26.9\"", "GO-4 in os of Go itself"}},
		"all are accepted":    {map[string]string{"GO-2": "harmless", "GO-3": "x", "GO-4": "x"}, nil},
		"one of Go is not":    {map[string]string{"GO-2": "harmless", "GO-3": "x"}, []string{"GO-4 in os of Go itself"}},
		"one that is gone": {map[string]string{"GO-2": "harmless", "GO-3": "x", "GO-4": "x", "GO-9": "was harmless"},
			[]string{"GO-9 is accepted and not found"}},
		"one that is not linked": {map[string]string{"GO-1": "x", "GO-2": "y", "GO-3": "x", "GO-4": "x"}, []string{"GO-1 is accepted and not found"}},
	} {
		faults, gone := judge(said, c.accepted)
		got := slices.Concat(faults, gone)
		if !slices.EqualFunc(got, c.want, strings.HasPrefix) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// Where nobody reads what it says, not to have looked must not pass.
func TestWhatWasNotLookedForPassesAtADeskOnly(t *testing.T) {
	t.Parallel()
	nowhere := func(context.Context) (string, string, error) { return "", "", errors.New("no proxy has it") }
	for must, want := range map[bool]int{true: 1, false: 0} {
		var out strings.Builder
		if code := look(t.Context(), &out, nowhere, must, nil); code != want || !strings.Contains(out.String(), "were not looked for: no proxy has it") {
			t.Errorf("must %v: exit %d, %s", must, code, out.String())
		}
	}
}

func TestAScanOfNothingIsNoScan(t *testing.T) {
	t.Parallel()
	for _, said := range []string{"", `{"config":{}}`, `{"SBOM":{"modules":[]}}`, `{"SBOM"`} {
		if _, err := read(strings.NewReader(said)); err == nil {
			t.Errorf("%q passes", said)
		}
	}
}
