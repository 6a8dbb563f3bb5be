package house

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"throughline/internal/config"
)

// The pages on security say where each protection is and which test shows it. Here they are held to that: what they name
// is there. Whether a test shows what is said of it is for people to judge.

func securityPages(t *testing.T) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(root, "docs/security/*.md"))
	if err != nil || len(found) < 4 {
		t.Fatalf("%d pages in docs/security, %v", len(found), err)
	}
	pages := []string{"SECURITY.md", "docs/security.md"}
	for _, f := range found {
		pages = append(pages, "docs/security/"+filepath.Base(f))
	}
	return pages
}

var (
	fenced   = regexp.MustCompile("(?ms)^ *```[a-z]*\n(.*?)^ *```$")
	quoted   = regexp.MustCompile("`([^`\n]+)`")
	cited    = regexp.MustCompile(`^([a-z][a-z0-9/_-]*):((?:Test|Fuzz|Benchmark)[A-Za-z0-9_]+)$`)
	filePath = regexp.MustCompile(`^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*$`)
	fileName = regexp.MustCompile(`^(Makefile|Dockerfile|NOTICE|LICENSE|go\.(mod|sum))$|\.(go|md|yml|yaml|sql|sh|html|js)$`)
	setting  = regexp.MustCompile(`\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b`)
	spoke    = regexp.MustCompile(`\bthroughline ([a-z]+)(?: ([a-z]+)\b)?([^|;&<]*)`)
	inside   = regexp.MustCompile(`\]\(([^)#:]*)#([^)]+)\)`)
	option   = regexp.MustCompile(`--([a-z][a-z-]*)`)
)

// code gives what a page says in code: its examples line by line, and what stands in backticks.
func code(page string) (all []string) {
	for _, m := range fenced.FindAllStringSubmatch(page, -1) {
		all = append(all, strings.Split(m[1], "\n")...)
	}
	for _, m := range quoted.FindAllStringSubmatch(fenced.ReplaceAllString(page, ""), -1) {
		all = append(all, m[1])
	}
	return all
}

// there is what the repository has, for pages to be held to.
type there struct {
	tests    map[string]bool // "folder:TestName"
	entries  []string        // of the root
	exists   func(path string) bool
	settings string // files that list the names of settings, besides config.Variables
	commands string // cmd/throughline, without its tests
}

func repository(t *testing.T) there {
	t.Helper()
	r := there{tests: map[string]bool{}, settings: read(t, "docker-compose.yml") + read(t, "deploy/env.example"),
		exists: func(path string) bool {
			_, err := os.Stat(filepath.Join(root, path))
			return err == nil
		}}
	declared := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Benchmark)[A-Za-z0-9_]+)\(`)
	for _, file := range goFiles(t) {
		switch {
		case strings.HasSuffix(file, "_test.go"):
			for _, m := range declared.FindAllStringSubmatch(read(t, file), -1) {
				r.tests[path.Dir(file)+":"+m[1]] = true
			}
		case path.Dir(file) == "cmd/throughline":
			r.commands += read(t, file)
		}
	}
	top, err := os.ReadDir(root)
	if err != nil || len(r.tests) < 100 || r.commands == "" {
		t.Fatalf("%d tests, %v: the rules would look at nothing", len(r.tests), err)
	}
	for _, e := range top {
		r.entries = append(r.entries, e.Name())
	}
	return r
}

// broken gives what a page names that is not there.
func (r there) broken(page string) (broken []string) {
	for _, text := range code(page) {
		first, _, deep := strings.Cut(text, "/")
		switch {
		case cited.MatchString(text):
			if !r.tests[text] {
				broken = append(broken, "there is no test "+text)
			}
		case filePath.MatchString(text) && (deep && slices.Contains(r.entries, first) || !deep && fileName.MatchString(text)):
			if !r.exists(text) {
				broken = append(broken, "there is no file "+text)
			}
		}
		for _, name := range setting.FindAllString(text, -1) {
			known := slices.ContainsFunc(config.Variables, func(v config.Variable) bool { return name == v.Name || v.Secret && name == v.Name+"_FILE" })
			if !known && !strings.Contains(r.settings, name) {
				broken = append(broken, "there is no setting "+name)
			}
		}
		for _, m := range spoke.FindAllStringSubmatch(text, -1) {
			broken = append(broken, r.unspoken(m[1], m[2], m[3])...)
		}
	}
	return broken
}

// unspoken gives what of a command line of the production binary it does not know.
func (r there) unspoken(command, verb, rest string) (broken []string) {
	if !strings.Contains(r.commands, "\n\t{\""+command+"\", ") {
		return []string{"there is no command throughline " + command}
	}
	if verb != "" && !strings.Contains(r.commands, `"`+verb+`"`) {
		broken = append(broken, "there is no throughline "+command+" "+verb)
	}
	for _, m := range option.FindAllStringSubmatch(rest, -1) {
		if !strings.Contains(r.commands, `"`+m[1]+`"`) {
			broken = append(broken, "there is no --"+m[1]+" of throughline "+command)
		}
	}
	return broken
}

func TestSecurityPagesNameWhatIsThere(t *testing.T) {
	t.Parallel()
	r := repository(t)
	named := 0
	for _, page := range securityPages(t) {
		text := read(t, page)
		named += len(code(text))
		for _, b := range r.broken(text) {
			t.Errorf("%s: %s", page, b)
		}
		for _, m := range inside.FindAllStringSubmatch(text, -1) {
			to := page
			if m[1] != "" {
				to = path.Join(path.Dir(page), m[1])
			}
			if _, ok := sections(read(t, to))[m[2]]; !ok {
				t.Errorf("%s: %s has no section #%s", page, to, m[2])
			}
		}
	}
	if named < 500 {
		t.Errorf("only %d things are named", named)
	}
}

// Each way in is told by what could happen, what stands against it, what shows that, and what is left.
func TestSecurityThreatsAreToldWhole(t *testing.T) {
	t.Parallel()
	threats := 0
	for _, line := range strings.Split(read(t, "docs/security/threats.md"), "\n") {
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| | what could happen") {
			continue
		}
		threats++
		cells := strings.Split(strings.Trim(line, "| "), " | ")
		if len(cells) != 5 || !regexp.MustCompile(`^[STRIDE]( [STRIDE])*$`).MatchString(cells[0]) || !regexp.MustCompile("`[a-z0-9/_-]+:(Test|Fuzz)").MatchString(cells[3]) {
			t.Errorf("not told whole: %s", line)
		}
	}
	if threats < 50 {
		t.Errorf("only %d threats", threats)
	}
}

const (
	met      = "met"
	operator = "the operator's"
	idle     = "not applicable"
	unmet    = "not met"
)

var requirementRow = regexp.MustCompile(`(?m)^\| (\d+\.\d+\.\d+) \| (\d) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$`)

// checkStandard gives what is wrong with a table of requirements: each is there once, with its level, is judged, and says
// where it is met; and the counts are right. levels is the standard's own list.
func checkStandard(page string, levels map[string]string) (broken []string) {
	counts, seen := map[string]int{}, map[string]bool{}
	for _, m := range requirementRow.FindAllStringSubmatch(page, -1) {
		id, level, state, how := m[1], m[2], m[4], m[5]
		switch {
		case levels[id] == "":
			broken = append(broken, id+" is no requirement of these levels")
		case levels[id] != level:
			broken = append(broken, id+" is of level "+levels[id])
		case seen[id]:
			broken = append(broken, id+" is there twice")
		case !slices.Contains([]string{met, operator, idle, unmet}, state):
			broken = append(broken, id+" is judged "+state)
		case (state == met || state == operator) && !quoted.MatchString(how):
			broken = append(broken, id+" does not say where")
		}
		seen[id] = true
		counts[level+state]++
	}
	for id := range levels {
		if !seen[id] {
			broken = append(broken, id+" is missing")
		}
	}
	for _, level := range []string{"1", "2"} {
		row := fmt.Sprintf("\n| %s | %d | %d | %d | %d |\n", level, counts[level+met], counts[level+operator], counts[level+idle], counts[level+unmet])
		if !strings.Contains(page, row) {
			broken = append(broken, "the counts of level "+level+" are"+strings.ReplaceAll(row, "\n", " "))
		}
	}
	return broken
}

// standard is OWASP's own list of requirements, with their levels; the file says where it is from.
func standard(t *testing.T) map[string]string {
	t.Helper()
	levels := map[string]string{}
	for _, line := range strings.Split(read(t, "internal/house/testdata/asvs-5.0.0.txt"), "\n") {
		if id, level, ok := strings.Cut(line, " "); ok && id != "#" {
			levels[id] = level
		}
	}
	if len(levels) != 70+183 {
		t.Fatalf("%d requirements of levels 1 and 2, want 70 and 183", len(levels))
	}
	return levels
}

func TestSecurityStandardIsAnsweredWhole(t *testing.T) {
	t.Parallel()
	report(t, checkStandard(read(t, "docs/security/asvs.md"), standard(t)))
}

func TestWrongSecurityPagesAreSeen(t *testing.T) {
	t.Parallel()
	r := repository(t)
	for text, want := range map[string]int{
		"`server:TestTheWalk` `server/server.go` `throughline user close EMAIL` `DATABASE_URL_FILE` `/r/` `docs/security`": 0,
		"`server:TestTheStroll`": 1, "`casework:TestTheWalk`": 1, "`server/garden.go`": 1, "`garden.go`": 1, "`SECRET_GARDEN`": 1,
		"`throughline dance`": 1, "`throughline user dance`": 1, "```\nthroughline audit verify --gently\n```": 1, "`BASE_URL_FILE`": 1,
	} {
		if broken := r.broken(text); len(broken) != want {
			t.Errorf("%s: got %q, want %d", text, broken, want)
		}
	}
	levels := map[string]string{"1.1.1": "1", "1.1.2": "2"}
	const counts = "\n| 1 | 1 | 0 | 0 | 0 |\n| 2 | 0 | 0 | 0 | 1 |\n"
	const one, two = "| 1.1.1 | 1 | x | met | `y` |\n", "| 1.1.2 | 2 | x | not met | z |\n"
	for text, want := range map[string]int{
		counts + one + two:       0,
		one + two:                2, // no counts
		counts + one:             2, // one is missing, so a count is wrong
		counts + one + two + two: 2, // twice
		counts + one + strings.Replace(two, "| 2 |", "| 1 |", 1):           3,
		counts + one + strings.Replace(two, "not met", "nearly", 1):        2,
		counts + strings.Replace(one, "`y`", "somewhere", 1) + two:         1,
		counts + one + two + "| 1.1.3 | 2 | x | not applicable | none |\n": 2,
	} {
		if broken := checkStandard(text, levels); len(broken) != want {
			t.Errorf("%s: got %q, want %d", text, broken, want)
		}
	}
}
