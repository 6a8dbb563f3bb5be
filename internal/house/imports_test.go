package house

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// area is a part of the house and the parts of it that its code may import. Tests may import more.
type area struct {
	folder string
	may    []string // folders, with all that is in them; an area may always import itself
}

// anything is for what puts the parts together.
var anything = []string{""}

// areas is the plan of the house: imports point from the top of this list to its bottom. The longest folder that fits a
// package counts.
var areas = []area{
	{"cmd", anything},
	{"e2e", anything},
	{"workflows/lifetest", anything}, // used by tests only: whole lives on the real parts
	{"server", []string{"casework", "directory", "db", "referral", "locale", "internal/clock", "internal/seeded", "internal/signon", "internal/token", "internal/trace"}},
	{"internal/dispatcher", []string{"casework", "db", "mail", "referral", "internal/seeded", "internal/trace"}},
	{"internal/notary", []string{"db", "referral"}},
	{"internal/telemetry", []string{"db", "referral", "internal/trace"}},
	{"internal/watchdog", []string{"casework", "db", "referral", "internal/seeded"}},
	// workflows knows what it asks for by name. Not db, mail or casework: a change there must not change a replay.
	{"workflows", []string{"activities/names", "referral"}},
	{"activities/names", []string{"referral"}},
	{"activities", []string{"activities/names", "casework", "directory", "referral"}},
	{"casework/races", nil}, // used by tests only: a model of a referral that knows none of our code
	{"casework", []string{"directory", "db", "referral", "locale", "internal/clock", "internal/seal", "internal/seeded", "internal/token", "internal/trace"}},
	{"directory", []string{"db", "referral", "locale"}},
	{"db/dbtest", []string{"db", "internal/devstack"}},
	{"db", []string{"referral", "internal/seeded"}},
	{"mail/mailbox", []string{"mail"}},
	{"mail/mailtest", nil},
	{"mail", []string{"locale"}},
	{"locale", nil},
	{"referral", nil},
	{"internal/browser", nil},
	{"internal/canary", nil}, // used by tests only: what looks for planted texts
	{"internal/clock", nil},
	{"internal/config", []string{"referral"}},
	{"internal/devstack", nil},
	{"internal/house", nil},
	{"internal/payloads", []string{"internal/seal"}}, // what Temporal gets, sealed
	{"internal/seal/sealtest", []string{"internal/seal"}},
	{"internal/seal", nil},
	{"internal/seeded", nil},
	{"internal/signon", nil},
	{"internal/signon/signontest", nil}, // used by tests only: a provider in the test's own process
	{"internal/token", nil},
	{"internal/trace", nil},
}

// areaOf finds the area of a package by its folder; ok is false for one that the plan does not name.
func areaOf(plan []area, folder string) (found area, ok bool) {
	for _, a := range plan {
		if under(folder, a.folder) && len(a.folder) >= len(found.folder) {
			found, ok = a, true
		}
	}
	return found, ok
}

// checkAreas gives every import that the plan does not allow.
func checkAreas(plan []area, all []pkg) (broken []string) {
	for _, p := range all {
		a, ok := areaOf(plan, p.name())
		if !ok {
			broken = append(broken, fmt.Sprintf("%s has no place in the plan of the house: give it one, with what it may import",
				p.name()))
			continue
		}
		for _, i := range p.Imports {
			if to := ours(i); to != "" && !mayImport(plan, a, to) {
				broken = append(broken, fmt.Sprintf("%s may not import %s: %s may import %s", p.name(), to, a.folder, listOf(a.may)))
			}
		}
	}
	return broken
}

func mayImport(plan []area, a area, to string) bool {
	target, _ := areaOf(plan, to)
	return target.folder == a.folder || slices.ContainsFunc(a.may, func(folder string) bool {
		// A name covers an area inside it only when the inner one has no entry of its own: db is not db/dbtest.
		return folder == "" || (under(to, folder) && (target.folder == folder || !under(target.folder, folder)))
	})
}

func listOf(folders []string) string {
	if len(folders) == 0 {
		return "nothing of ours"
	}
	return strings.Join(folders, ", ")
}

// ban keeps code out of everything that is linked with a package.
type ban struct {
	folder, never, because string
}

var bans = []ban{
	{"workflows", module + "/db", "a workflow holds no data and its replay must not depend on where data is"},
	{"workflows", module + "/mail", "what a workflow does to the world it does through activities"},
	{"workflows", module + "/casework", "what a workflow does to the record it does through activities"},
	{"workflows", module + "/directory", "what a workflow does to the record it does through activities"},
	{"workflows", "github.com/lib/pq", "a workflow holds no data and its replay must not depend on where data is"},
	{"server", module + "/workflows", "a request commits, and the dispatcher of the outbox starts and signals"},
	{"server", module + "/activities", "a request commits, and the dispatcher of the outbox starts and signals"},
	{"server", module + "/mail", "a request commits, and the dispatcher of the outbox mails"},
	{"server", "go.temporal.io", "a request is answered without Temporal"},
	{"casework", "go.temporal.io", "a transaction waits for nothing but the database"},
	{"casework", module + "/mail", "a transaction writes the letter down; sending it comes after"},
	{"cmd/throughline", "go.temporal.io/server", "the production binary uses a Temporal cluster, it does not hold one"},
	{"cmd/throughline", module + "/internal/devstack", "the embedded stack is not for production"},
	{"cmd/throughline", module + "/mail/mailbox", "production has no page that shows everyone's letters"},
	{"cmd/throughline", module + "/mail/mailtest", "a stand-in is for tests"},
	{"cmd/throughline", module + "/db/dbtest", "a stand-in is for tests"},
	{"cmd/throughline", module + "/internal/signon/signontest", "a stand-in is for tests"},
	{"cmd/throughline", module + "/casework/races", "a model is for tests"},
	{"cmd/throughline", module + "/internal/canary", "what looks for planted texts is for tests"},
	{"cmd/throughline", module + "/internal/seal/sealtest", "keys that everyone knows are for tests"},
	{"cmd/throughline", "github.com/fergusstrange/embedded-postgres", "the embedded stack is not for production"},
}

// checkBans gives every ban that is broken, and every one that speaks of a package that is not there.
func checkBans(bans []ban, all []pkg) (broken []string) {
	for _, b := range bans {
		found := false
		for _, p := range all {
			if p.name() != b.folder {
				continue
			}
			found = true
			for _, d := range p.Deps {
				if under(d, b.never) {
					broken = append(broken, fmt.Sprintf("%s links %s: %s", b.folder, d, b.because))
				}
			}
		}
		if !found {
			broken = append(broken, fmt.Sprintf("there is no package %s: the rule about it guards nothing", b.folder))
		}
	}
	return broken
}

// allowance limits what the code of a package imports besides our own: which modules of others, and which parts of the
// standard library not. What those link in their turn is their affair: uuid alone brings net and database/sql/driver.
type allowance struct {
	folder string
	only   []string
	never  []string
}

// outside is what pure code does not touch.
var outside = []string{"database", "log", "math/rand", "net", "os", "syscall"}

var allowances = []allowance{
	{"referral", []string{"github.com/google/uuid", "github.com/rickar/cal/v2"}, outside},
	{"activities/names", []string{"github.com/google/uuid"}, outside},
	{"casework/races", nil, outside},
	{"workflows", []string{"github.com/google/uuid", "go.temporal.io/sdk", "go.temporal.io/api", "google.golang.org/protobuf"}, outside},
}

// checkAllowances gives each import of someone else's code that is not allowed.
func checkAllowances(allowances []allowance, all []pkg) (broken []string) {
	for _, a := range allowances {
		for _, p := range all {
			if p.name() != a.folder {
				continue
			}
			for _, i := range p.Imports {
				in := func(folder string) bool { return under(i, folder) }
				if strings.Contains(i, ".") && !slices.ContainsFunc(a.only, in) {
					broken = append(broken, fmt.Sprintf("%s imports %s: of others' code it may import only %s", a.folder, i, listOf(a.only)))
				}
				if slices.ContainsFunc(a.never, in) {
					broken = append(broken, fmt.Sprintf("%s imports %s: it may not touch the world outside", a.folder, i))
				}
			}
		}
	}
	return broken
}

func TestImportsPointOneWay(t *testing.T) {
	t.Parallel()
	report(t, checkAreas(areas, packages(t)))
}

func TestNothingForbiddenIsLinked(t *testing.T) {
	t.Parallel()
	report(t, checkBans(bans, packages(t)))
}

func TestRulesImportLittle(t *testing.T) {
	t.Parallel()
	report(t, checkAllowances(allowances, packages(t)))
}

func TestAreasCatchAWrongImport(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		from, to string
		broken   bool
	}{
		"the rules import nothing of ours":             {"referral", "locale", true},
		"the record knows the rules":                   {"db", "referral", false},
		"the rules do not know the record":             {"referral", "db", true},
		"a workflow knows names":                       {"workflows", "activities/names", false},
		"a workflow does not know activities":          {"workflows", "activities", true},
		"a workflow does not know the desk":            {"workflows", "casework", true},
		"the server does not know workflows":           {"server", "workflows", true},
		"the server knows the desk":                    {"server", "casework", false},
		"mail does not know the record":                {"mail", "db", true},
		"the record does not know its tests":           {"db", "db/dbtest", true},
		"leave to import the record is not for dbtest": {"casework", "db/dbtest", true},
		"a mailbox knows mail":                         {"mail/mailbox", "mail", false},
		"mail does not know the mailbox":               {"mail", "mail/mailbox", true},
		"a folder inside an area is of that area":      {"server/forms", "casework", false},
		"areas import themselves":                      {"internal/devstack/temporal", "internal/devstack/postgres", false},
		"commands import anything":                     {"cmd/throughline", "internal/devstack", false},
		"a name that only begins alike is another":     {"casework", "db2", true},
		"what the plan does not name has no place":     {"misplaced", "referral", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			all := []pkg{{ImportPath: module + "/" + c.from, Imports: []string{"fmt", module + "/" + c.to, "github.com/google/uuid"}}}
			if broken := checkAreas(areas, all); (len(broken) > 0) != c.broken {
				t.Errorf("%s importing %s: got %q, want broken %v", c.from, c.to, broken, c.broken)
			}
		})
	}
}

func TestBansCatchWhatIsLinkedFarDown(t *testing.T) {
	t.Parallel()
	for _, b := range bans {
		clean := []pkg{{ImportPath: module + "/" + b.folder, Deps: []string{"fmt", b.never + "2", "throughline/referral"}}}
		if broken := checkBans([]ban{b}, clean); len(broken) > 0 {
			t.Errorf("clean package: %q", broken)
		}
		dirty := []pkg{{ImportPath: module + "/" + b.folder, Deps: []string{"fmt", b.never + "/inner"}}}
		if broken := checkBans([]ban{b}, dirty); len(broken) != 1 {
			t.Errorf("%s linking %s was not caught: %q", b.folder, b.never, broken)
		}
	}
	if broken := checkBans([]ban{{folder: "gone", never: "net"}}, nil); len(broken) != 1 {
		t.Errorf("a rule about a package that is gone was not caught: %q", broken)
	}
}

func TestAllowancesCatchANewLibrary(t *testing.T) {
	t.Parallel()
	all := func(imports ...string) []pkg { return []pkg{{ImportPath: module + "/referral", Imports: imports}} }
	if broken := checkAllowances(allowances, all("time/tzdata", "github.com/rickar/cal/v2/ca", "github.com/google/uuid")); len(broken) > 0 {
		t.Errorf("allowed imports: %q", broken)
	}
	if broken := checkAllowances(allowances, all("time", "github.com/lib/pq")); len(broken) != 1 {
		t.Errorf("a library that is not allowed was not caught: %q", broken)
	}
	if broken := checkAllowances(allowances, all("net/http", "oscillate", "database/sql")); len(broken) != 2 {
		t.Errorf("two parts of the standard library that reach outside were not caught: %q", broken)
	}
}
