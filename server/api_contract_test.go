package server

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/labstack/echo/v4"

	"throughline/locale"
	"throughline/referral"
)

func TestTheContractIsServedWithoutAKey(t *testing.T) {
	t.Parallel()
	h := newHelpline(t, Config{})
	got := h.ask("GET", "/openapi.json", "", "").is(200)
	if !strings.HasPrefix(got.text("openapi"), "3.1") {
		t.Errorf("version %q", got.text("openapi"))
	}
}

func codes(list []referral.Reason) []string {
	var all []string
	for _, r := range list {
		all = append(all, r.Code)
	}
	return all
}

func texts[T ~string](list []T) []string {
	var all []string
	for _, v := range list {
		all = append(all, string(v))
	}
	return all
}

// constants are the values of every constant of a string type, as its package's source has them: a list written here
// could lack what was added there.
func constants(t *testing.T, folder, kind string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, name := range names {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			if of, ok := spec.Type.(*ast.Ident); !ok || of.Name != kind {
				return false
			}
			for _, v := range spec.Values {
				if literal, ok := v.(*ast.BasicLit); ok && literal.Kind == token.STRING {
					text, err := strconv.Unquote(literal.Value)
					if err != nil {
						t.Fatal(err)
					}
					all = append(all, text)
				}
			}
			return false
		})
	}
	if len(all) == 0 {
		t.Fatalf("%s has no constants of type %s", folder, kind)
	}
	return all
}

// TestTheContractHasTheRulesCodes compares the enumerations with the lists of package referral.
func TestTheContractHasTheRulesCodes(t *testing.T) {
	t.Parallel()
	doc, err := contractOf()
	if err != nil {
		t.Fatal(err)
	}
	status := []string{}
	for _, s := range referral.OfferStates {
		if !slices.Contains(status, s.TaskStatus()) {
			status = append(status, s.TaskStatus())
		}
	}
	var clocks []string
	for _, n := range referral.CommandNames() {
		// Undelivered and delivered are the provider's word and pass_over a send that was not made: none is a step.
		if n.ByClock() && n != referral.Undelivered && n != referral.Delivered && n != referral.PassOver {
			clocks = append(clocks, string(n))
		}
	}
	rules := func(kind string) []string { return constants(t, "../referral", kind) }
	for name, want := range map[string][]string{
		"State":          texts(referral.States),
		"OfferState":     texts(referral.OfferStates),
		"TaskStatus":     status,
		"Urgency":        texts(referral.Urgencies),
		"Need":           referral.Needs,
		"DeclineReason":  codes(referral.DeclineReasons),
		"FailReason":     codes(referral.FailReasons),
		"WithdrawReason": codes(referral.WithdrawReasons),
		"ResendReason":   codes(referral.ResendReasons),
		"Outcome":        codes(referral.Outcomes),
		"UnmetReason":    codes(referral.UnmetReasons),
		"Evidence":       rules("Evidence"),
		"Attribution":    rules("Attribution"),
		"Group":          rules("Group"),
		"Capacity":       referral.Capacities,
		"TaskKind":       rules("TaskKind"),
		"TaskState":      rules("TaskState"),
		"MailState":      rules("MailState"),
		"Role":           rules("Role"),
		"Via":            constants(t, "../casework", "Via"),
		"Locale":         locale.Languages,
		"Command":        texts(slices.Collect(maps.Keys(commandFields))),
		"StepName":       append(clocks, string(referral.FinishDraft)),
		"ProblemCode":    append(rules("Code"), methodNotAllowed),
	} {
		var got []string
		for _, v := range doc.Components.Schemas[name].Value.Enum {
			got = append(got, v.(string))
		}
		slices.Sort(got)
		want = slices.Sorted(slices.Values(want))
		if !slices.Equal(got, want) {
			t.Errorf("%s: the contract has %v, the rules %v", name, got, want)
		}
	}
}

// TestEveryCommandIsInTheAPI holds that whoever is not the clock can give every command by the API.
func TestEveryCommandIsInTheAPI(t *testing.T) {
	t.Parallel()
	for _, n := range referral.CommandNames() {
		if _, in := commandFields[n]; in == n.ByClock() {
			t.Errorf("%s: in the API %v, of the clock %v", n, in, n.ByClock())
		}
	}
	doc, err := contractOf()
	if err != nil {
		t.Fatal(err)
	}
	fields := doc.Components.Schemas["CommandInput"].Value.Properties
	used := map[string]bool{}
	for _, list := range commandFields {
		for _, f := range list {
			used[f] = true
			if fields[f] == nil {
				t.Errorf("the contract has no %s", f)
			}
		}
	}
	for f := range fields {
		if !used[f] {
			t.Errorf("no command takes %s", f)
		}
	}
}

// TestTheContractKnowsEveryRoute compares the paths with what the router answers.
func TestTheContractKnowsEveryRoute(t *testing.T) {
	t.Parallel()
	h := newHelpline(t, Config{})
	doc, err := contractOf()
	if err != nil {
		t.Fatal(err)
	}
	routed := map[string]bool{}
	for _, r := range h.server.apiResources() {
		path := strings.NewReplacer(":id", "{id}", ":command", "{command}").Replace(r.path)
		for method, handle := range map[string]echo.HandlerFunc{http.MethodGet: r.get, http.MethodPost: r.post, http.MethodPatch: r.patch} {
			if handle == nil {
				continue
			}
			routed[method+" "+path] = true
			if item := doc.Paths.Value(path); item == nil || item.GetOperation(method) == nil {
				t.Errorf("%s %s is not in the contract", method, path)
			}
		}
	}
	for path, item := range doc.Paths.Map() {
		for method := range item.Operations() {
			if !routed[method+" "+path] {
				t.Errorf("%s %s is in the contract only", method, path)
			}
		}
	}
}

// TestTheContractIsClosed holds that no object of ours lets unknown fields pass: else a wrong answer would go unseen.
func TestTheContractIsClosed(t *testing.T) {
	t.Parallel()
	doc, err := contractOf()
	if err != nil {
		t.Fatal(err)
	}
	for name, schema := range doc.Components.Schemas {
		s := schema.Value
		if s.Type.Is(openapi3.TypeObject) && (s.AdditionalProperties.Has == nil || *s.AdditionalProperties.Has) {
			t.Errorf("%s lets unknown fields pass", name)
		}
	}
}
