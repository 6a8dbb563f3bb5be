package house

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"throughline/internal/telemetry"
)

// rule is one alert rule of Prometheus.
type rule struct {
	Alert       string
	Expr        string
	For         string
	Labels      map[string]string
	Annotations map[string]string
}

func alertRules(t *testing.T) (rules []rule) {
	t.Helper()
	var file struct {
		Groups []struct {
			Name  string
			Rules []rule
		}
	}
	d := yaml.NewDecoder(strings.NewReader(read(t, "deploy/alerts.yml")))
	d.KnownFields(true)
	if err := d.Decode(&file); err != nil {
		t.Fatal(err)
	}
	for _, g := range file.Groups {
		rules = append(rules, g.Rules...)
	}
	return rules
}

var (
	camel    = regexp.MustCompile(`^([A-Z][a-z]+)+$`)
	duration = regexp.MustCompile(`^\d+[smhd]$`)
	matcher  = regexp.MustCompile(`([a-z_]+)\s*(?:=~|!~|!=|=)\s*"[^"]*"`)
	grouping = regexp.MustCompile(`\b(?:by|without|on|ignoring)\s*\(([^)]*)\)`)
	word     = regexp.MustCompile(`[A-Za-z_][A-Za-z0-9_]*`)
	span     = regexp.MustCompile(`\[\d+[smhd]\]`)
	// spoken are the words of PromQL that the rules use.
	spoken = []string{"sum", "max", "rate", "increase", "absent", "histogram_quantile", "or"}
	// given are the labels that Prometheus adds to what it scrapes, and that of a histogram's buckets.
	given = []string{"instance", "job", "le"}
)

// metricOf finds the metric that a name in a rule stands for: a histogram is asked for by its parts.
func metricOf(name string) (telemetry.Metric, bool) {
	for _, part := range []string{"", "_bucket", "_count", "_sum"} {
		i := slices.IndexFunc(telemetry.Catalogue, func(m telemetry.Metric) bool {
			return name == m.Name+part && m.Histogram == (part != "")
		})
		if i >= 0 {
			return telemetry.Catalogue[i], true
		}
	}
	return telemetry.Metric{}, false
}

// checkRule gives what is wrong with a rule. sections are the links that the runbook has.
func checkRule(r rule, sections []string) (broken []string) {
	wrong := func(format string, args ...any) {
		broken = append(broken, r.Alert+": "+fmt.Sprintf(format, args...))
	}
	if !camel.MatchString(r.Alert) {
		wrong("the name is not in CamelCase")
	}
	if r.For != "" && !duration.MatchString(r.For) {
		wrong("waits for %q", r.For)
	}
	if s := r.Labels["severity"]; s != "page" && s != "ticket" {
		wrong("its severity is %q, want page or ticket", s)
	}
	if r.Annotations["summary"] == "" {
		wrong("has no summary")
	}
	link, ok := strings.CutPrefix(r.Annotations["runbook"], "docs/runbook.md#")
	if !ok || !slices.Contains(sections, link) {
		wrong("its runbook %q leads nowhere", r.Annotations["runbook"])
	}
	var labels []string
	for _, m := range matcher.FindAllStringSubmatch(r.Expr, -1) {
		labels = append(labels, m[1])
	}
	for _, m := range grouping.FindAllStringSubmatch(r.Expr, -1) {
		labels = append(labels, word.FindAllString(m[1], -1)...)
	}
	bare := span.ReplaceAllString(grouping.ReplaceAllString(regexp.MustCompile(`\{[^}]*\}`).ReplaceAllString(r.Expr, ""), ""), "")
	var known []string
	found := false
	for _, name := range word.FindAllString(bare, -1) {
		if slices.Contains(spoken, name) {
			continue
		}
		m, ok := metricOf(name)
		if !ok {
			wrong("looks at %s, which is not exported", name)
			continue
		}
		found, known = true, append(known, m.Labels...)
	}
	if !found {
		wrong("looks at nothing")
	}
	for _, l := range labels {
		if !slices.Contains(known, l) && !slices.Contains(given, l) {
			wrong("looks at the label %s, which none of its metrics has", l)
		}
	}
	if strings.Count(bare, "(") != strings.Count(bare, ")") {
		wrong("its brackets do not match")
	}
	return broken
}

// heading is a section of a page, and what it says.
var heading = regexp.MustCompile(`(?m)^## (.+)$`)

// sections gives the sections of a page by the link that leads to each, as GitHub makes it.
func sections(page string) map[string]string {
	all := map[string]string{}
	at := heading.FindAllStringSubmatchIndex(page, -1)
	for i, m := range at {
		end := len(page)
		if i+1 < len(at) {
			end = at[i+1][0]
		}
		link := strings.ReplaceAll(strings.ToLower(page[m[2]:m[3]]), " ", "-")
		all[regexp.MustCompile(`[^a-z0-9-]`).ReplaceAllString(link, "")] = page[m[1]:end]
	}
	return all
}

func links(of map[string]string) (all []string) {
	for link := range of {
		all = append(all, link)
	}
	return all
}

func TestEveryAlertSaysWhatToDo(t *testing.T) {
	t.Parallel()
	rules, page := alertRules(t), sections(read(t, "docs/runbook.md"))
	if len(rules) < 15 {
		t.Fatalf("only %d rules", len(rules))
	}
	seen := map[string]bool{}
	for _, r := range rules {
		report(t, checkRule(r, links(page)))
		if seen[r.Alert] {
			t.Errorf("%s is there twice", r.Alert)
		}
		seen[r.Alert] = true
		section := page[strings.TrimPrefix(r.Annotations["runbook"], "docs/runbook.md#")]
		for _, part := range []string{"**What it means.** ", "**Who is affected.** ", "**Look at.** ", "**Do.** "} {
			if !strings.Contains(section, "\n"+part) {
				t.Errorf("the runbook on %s has no %q", r.Alert, strings.TrimSpace(part))
			}
		}
	}
}

// What the runbook sends people to is there: commands of the binary, metrics, sections.
func TestTheRunbookNamesWhatExists(t *testing.T) {
	t.Parallel()
	page := read(t, "docs/runbook.md")
	commands := read(t, "cmd/throughline/main.go")
	for _, m := range regexp.MustCompile("`throughline ([a-z]+)").FindAllStringSubmatch(page, -1) {
		if !strings.Contains(commands, "\n\t{\""+m[1]+"\", ") {
			t.Errorf("there is no command throughline %s", m[1])
		}
	}
	for _, name := range regexp.MustCompile(`throughline_[a-z_]+`).FindAllString(page, -1) {
		if _, ok := metricOf(name); !ok {
			t.Errorf("there is no metric %s", name)
		}
	}
	all := sections(page)
	for _, m := range regexp.MustCompile(`\]\(#([^)]+)\)`).FindAllStringSubmatch(page, -1) {
		if _, ok := all[m[1]]; !ok {
			t.Errorf("there is no section #%s", m[1])
		}
	}
}

// The table of metrics in the documents is what is exported, word for word.
func TestOperationsListsEveryMetric(t *testing.T) {
	t.Parallel()
	page := read(t, "docs/operations.md")
	rows := regexp.MustCompile("(?m)^\\| `(throughline_[a-z_]+)` \\|").FindAllStringSubmatch(page, -1)
	if len(rows) != len(telemetry.Catalogue) {
		t.Errorf("%d metrics are listed, %d exported", len(rows), len(telemetry.Catalogue))
	}
	for _, m := range telemetry.Catalogue {
		labels := ""
		for i, l := range m.Labels {
			if i > 0 {
				labels += ", "
			}
			labels += "`" + l + "`"
		}
		if row := fmt.Sprintf("| `%s` | %s | %s |\n", m.Name, labels, m.Help); !strings.Contains(page, row) {
			t.Errorf("there is no row %s", row)
		}
	}
}

func TestBadRulesAreSeen(t *testing.T) {
	t.Parallel()
	good := func() rule {
		return rule{Alert: "OutboxStuck", Expr: `max by (kind) (throughline_outbox_oldest_seconds{kind!="start"}) > 60`, For: "5m",
			Labels: map[string]string{"severity": "page"}, Annotations: map[string]string{"summary": "stuck", "runbook": "docs/runbook.md#stuck"}}
	}
	if broken := checkRule(good(), []string{"stuck"}); len(broken) > 0 {
		t.Errorf("caught for nothing: %q", broken)
	}
	for what, harm := range map[string]func(*rule){
		"a name":      func(r *rule) { r.Alert = "outbox stuck" },
		"a severity":  func(r *rule) { r.Labels = nil },
		"a summary":   func(r *rule) { delete(r.Annotations, "summary") },
		"a link":      func(r *rule) { r.Annotations["runbook"] = "docs/runbook.md#elsewhere" },
		"no link":     func(r *rule) { delete(r.Annotations, "runbook") },
		"a metric":    func(r *rule) { r.Expr = `throughline_outbox_age > 60` },
		"another's":   func(r *rule) { r.Expr = `up == 0` },
		"a part":      func(r *rule) { r.Expr = `throughline_outbox_oldest_seconds_total > 60` },
		"its count":   func(r *rule) { r.Expr = `throughline_outbox_oldest_seconds_count > 60` },
		"a histogram": func(r *rule) { r.Expr = `throughline_http_request_duration_seconds > 60` },
		"a label":     func(r *rule) { r.Expr = `throughline_outbox_oldest_seconds{route="x"} > 60` },
		"a grouping":  func(r *rule) { r.Expr = `max by (route) (throughline_outbox_oldest_seconds) > 60` },
		"brackets":    func(r *rule) { r.Expr = `max(throughline_outbox_oldest_seconds > 60` },
		"nothing":     func(r *rule) { r.Expr = `1 > 0` },
		"a wait":      func(r *rule) { r.For = "five minutes" },
		"no function": func(r *rule) { r.Expr = `average(throughline_outbox_oldest_seconds) > 60` },
	} {
		r := good()
		harm(&r)
		if broken := checkRule(r, []string{"stuck"}); len(broken) == 0 {
			t.Errorf("%s that is wrong was not caught", what)
		}
	}
}
