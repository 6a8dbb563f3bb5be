package house

import (
	"strings"
	"testing"
)

// tellers may make spans and labels: what they pass on is held to codes, ids and templates. Everyone else asks them.
var tellers = []string{"internal/trace", "internal/telemetry"}

// checkTellers gives each import of OpenTelemetry by code that could put anything into a trace or a label.
func checkTellers(all []pkg) (broken []string) {
	for _, p := range all {
		if p.name() == tellers[0] || p.name() == tellers[1] {
			continue
		}
		for _, i := range p.Imports {
			if under(i, "go.opentelemetry.io/otel") || strings.HasPrefix(i, "github.com/prometheus/") {
				broken = append(broken, p.name()+" imports "+i+": spans are made by internal/trace, metrics by internal/telemetry")
			}
		}
	}
	return broken
}

func TestOnlyTellersTell(t *testing.T) {
	t.Parallel()
	report(t, checkTellers(packages(t)))
	for name, c := range map[string]struct {
		from, to string
		broken   int
	}{
		"the desk makes a span":  {"casework", "go.opentelemetry.io/otel/trace", 1},
		"a page makes a counter": {"server", "github.com/prometheus/client_golang/prometheus", 1},
		"the desk asks for one":  {"casework", "throughline/internal/trace", 0},
		"who may":                {"internal/trace", "go.opentelemetry.io/otel/trace", 0},
	} {
		if broken := checkTellers([]pkg{{ImportPath: module + "/" + c.from, Imports: []string{c.to}}}); len(broken) != c.broken {
			t.Errorf("%s: got %q, want %d", name, broken, c.broken)
		}
	}
}
