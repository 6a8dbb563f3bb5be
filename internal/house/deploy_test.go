package house

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"throughline/internal/config"
)

// compose is what docker-compose.yml says, as far as the rules look at it.
type compose struct {
	Services map[string]service
	Networks map[string]struct{ Internal bool }
	Volumes  map[string]any
}

type service struct {
	Image       string
	Build       string
	Command     []string
	Restart     string
	Environment map[string]string
	Networks    []string
	Ports       []string
	Volumes     []string
	Healthcheck struct{ Test []string }
	Deploy      struct{ Replicas int }
	DependsOn   map[string]struct{ Condition string } `yaml:"depends_on"`
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, file))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func composed(t *testing.T) compose {
	t.Helper()
	var c compose
	if err := yaml.Unmarshal([]byte(read(t, "docker-compose.yml")), &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// processes are the services that run our binary, by the command they give it.
func (c compose) processes() map[string]service {
	ours := map[string]service{}
	for _, s := range c.Services {
		if s.Build != "" {
			ours[strings.Join(s.Command, " ")] = s
		}
	}
	return ours
}

func TestComposeHoldsAllParts(t *testing.T) {
	t.Parallel()
	c := composed(t)
	for _, name := range []string{"postgres", "temporal", "temporal-ui", "migrate", "serve", "worker"} {
		if _, ok := c.Services[name]; !ok {
			t.Errorf("there is no service %s", name)
		}
	}
	for _, command := range []string{"migrate", "serve", "worker"} {
		if _, ok := c.processes()[command]; !ok {
			t.Errorf("nothing runs `throughline %s`", command)
		}
	}
	if n := c.Services["worker"].Deploy.Replicas; n != 2 {
		t.Errorf("%d workers, want 2", n)
	}
	for name, s := range c.Services {
		if s.Restart == "" {
			t.Errorf("%s has no restart policy", name)
		}
		for _, n := range s.Networks {
			if _, ok := c.Networks[n]; !ok {
				t.Errorf("%s names a network %s that is not there", name, n)
			}
		}
		if s.Build == "" && !pinned.MatchString(s.Image) {
			t.Errorf("%s: image %q is not pinned to a version", name, s.Image)
		}
		for _, port := range s.Ports {
			if !strings.HasPrefix(port, "127.0.0.1:") {
				t.Errorf("%s publishes %s to everyone: the proxy that ends TLS is on the machine", name, port)
			}
		}
		for _, v := range s.Volumes {
			from, _, _ := strings.Cut(v, ":")
			if _, named := c.Volumes[from]; named {
				continue
			}
			if _, err := os.Stat(filepath.Join(root, from)); err != nil {
				t.Errorf("%s mounts what is not there: %v", name, err)
			}
		}
	}
	if !c.Networks["inside"].Internal {
		t.Error("the network of the databases is open to the outside")
	}
	for _, name := range []string{"postgres", "temporal"} {
		if s := c.Services[name]; !slices.Equal(s.Networks, []string{"inside"}) || len(s.Ports) > 0 {
			t.Errorf("%s can be reached from outside", name)
		}
	}
}

var pinned = regexp.MustCompile(`^[a-z/-]+:\d+\.\d+(\.\d+)?(-[a-z]+)?$`)

func TestComposeStartsInOrder(t *testing.T) {
	t.Parallel()
	c := composed(t)
	for name, s := range c.Services {
		for on, how := range s.DependsOn {
			target, ok := c.Services[on]
			switch {
			case !ok:
				t.Errorf("%s waits for %s, which is not there", name, on)
			case how.Condition == "service_healthy" && len(target.Healthcheck.Test) == 0:
				t.Errorf("%s waits until %s is healthy, which nothing checks", name, on)
			case how.Condition == "service_completed_successfully" && !strings.HasPrefix(target.Restart, "on-failure"):
				t.Errorf("%s waits for the end of %s, which is started again when it ends", name, on)
			case how.Condition != "service_healthy" && how.Condition != "service_completed_successfully":
				t.Errorf("%s waits for %s only to be started", name, on)
			}
		}
	}
	for name, waits := range map[string][]string{
		"migrate":  {"postgres"},
		"temporal": {"postgres"},
		"serve":    {"postgres", "migrate"},
		"worker":   {"postgres", "migrate", "temporal"},
	} {
		for _, on := range waits {
			if _, ok := c.Services[name].DependsOn[on]; !ok {
				t.Errorf("%s does not wait for %s", name, on)
			}
		}
	}
	// Intake and answers are taken without Temporal; a server that waited for it would not take them.
	if _, ok := c.Services["serve"].DependsOn["temporal"]; ok {
		t.Error("serve waits for temporal")
	}
}

func TestComposeSetsWhatTheBinaryReads(t *testing.T) {
	t.Parallel()
	values := map[string]string{"SENDGRID_API_KEY": "SG.0123456789abcdefghij", "SMTP_URL": "smtp://relay.example:25",
		"MAIL_FROM": "referrals@throughline.example", "BASE_URL": "https://referrals.example", "THROUGHLINE_DB_PASSWORD": "0f1e2d3c",
		"THROUGHLINE_APP_PASSWORD": "0f1e2d3c", "ENCRYPTION_KEY": "x"}
	needs := map[string]config.Need{
		"migrate": {Migration: true, Keys: true},
		"serve":   {Database: true, Temporal: true, Mail: true, HTTP: true, Keys: true},
		"worker":  {Database: true, Temporal: true, Mail: true, Keys: true},
	}
	for command, s := range composed(t).processes() {
		need, ok := needs[command]
		if !ok {
			t.Errorf("nobody has said what `throughline %s` needs", command)
		}
		for name := range s.Environment {
			if !slices.ContainsFunc(config.Variables, func(v config.Variable) bool { return v.Name == name }) {
				t.Errorf("%s sets %s, which the binary does not read", command, name)
			}
		}
		get := func(name string) string { return fill(s.Environment[name], values) }
		if _, err := config.Read(get, need); err != nil {
			t.Errorf("%s would refuse to start: %v", command, err)
		}
	}
	serve := composed(t).processes()["serve"]
	for _, v := range config.Variables {
		if v.Name == "MIGRATION_DATABASE_URL" {
			continue // the owner of the tables is nobody's but the migration's
		}
		if _, ok := serve.Environment[v.Name]; !ok {
			t.Errorf("serve can't be given %s", v.Name)
		}
	}
}

// reference is ${NAME}, ${NAME:-default} or ${NAME:?message}.
var reference = regexp.MustCompile(`\$\{([A-Z_]+)(?::([-?])([^}]*))?\}`)

// fill puts values in the place of references, as compose does.
func fill(text string, values map[string]string) string {
	return reference.ReplaceAllStringFunc(text, func(r string) string {
		m := reference.FindStringSubmatch(r)
		if v := values[m[1]]; v != "" || m[2] != "-" {
			return v
		}
		return m[3]
	})
}

// secret are the names of what must not be written down.
var secret = regexp.MustCompile(`PASSWORD|_PWD$|_KEY$|TOKEN|SECRET`)

// checkSecrets gives each secret that stands in the settings of a service, or would default to something.
func checkSecrets(name string, environment map[string]string) (broken []string) {
	for key, value := range environment {
		for _, m := range reference.FindAllStringSubmatch(value, -1) {
			if secret.MatchString(m[1]) && m[2] == "-" && m[3] != "" {
				broken = append(broken, name+": "+m[1]+" has a default")
			}
		}
		if secret.MatchString(key) && reference.ReplaceAllString(value, "") != "" {
			broken = append(broken, name+": "+key+" is written down")
		}
		if _, after, ok := strings.Cut(reference.ReplaceAllString(value, ""), "://"); ok {
			if who, _, ok := strings.Cut(after, "@"); ok && strings.Contains(strings.TrimSuffix(who, ":"), ":") {
				broken = append(broken, name+": "+key+" holds a password")
			}
		}
	}
	return broken
}

func TestNoSecretIsWrittenDown(t *testing.T) {
	t.Parallel()
	for name, s := range composed(t).Services {
		report(t, checkSecrets(name, s.Environment))
	}
	for line := range strings.Lines(read(t, "deploy/env.example")) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		if secret.MatchString(name) && !strings.HasPrefix(name, "#") && value != "" {
			t.Errorf("deploy/env.example gives %s a value", name)
		}
	}
	for _, bad := range []map[string]string{
		{"POSTGRES_PASSWORD": "hunter2"},
		{"POSTGRES_PASSWORD": "${POSTGRES_PASSWORD:-hunter2}"},
		{"DATABASE_URL": "postgres://throughline:hunter2@postgres:5432/throughline"},
		{"DATABASE_URL": "postgres://throughline:${DB_PASSWORD:-hunter2}@postgres:5432/throughline"},
		{"SENDGRID_API_KEY": "SG.x${REST}"},
	} {
		if len(checkSecrets("bad", bad)) == 0 {
			t.Errorf("%v was not caught", bad)
		}
	}
	good := map[string]string{"POSTGRES_PASSWORD": "${POSTGRES_PASSWORD:?set it}", "SENDGRID_API_KEY": "${SENDGRID_API_KEY:-}",
		"DATABASE_URL": "postgres://throughline:${DB_PASSWORD:?set it}@postgres:5432/throughline", "LOG_LEVEL": "info"}
	if broken := checkSecrets("good", good); len(broken) > 0 {
		t.Errorf("caught for nothing: %q", broken)
	}
}

// The clock that is deployed is the one that everything was tested on.
func TestTemporalIsTheVersionTested(t *testing.T) {
	t.Parallel()
	m := regexp.MustCompile(`go\.temporal\.io/server v(\S+)`).FindStringSubmatch(read(t, "go.mod"))
	if m == nil {
		t.Fatal("go.mod names no Temporal server")
	}
	c := composed(t)
	for name, image := range map[string]string{"temporal": "server", "temporal-schema": "admin-tools", "temporal-namespace": "admin-tools"} {
		if got, want := c.Services[name].Image, "temporalio/"+image+":"+m[1]; got != want {
			t.Errorf("%s runs %s, want %s as in go.mod", name, got, want)
		}
	}
}

// What keeps rows out of the log of the server that everything is tested on keeps them out of that of the deployed one.
func TestPostgresLogsNoRows(t *testing.T) {
	t.Parallel()
	tested := regexp.MustCompile(`"(log_[a-z_]+)":\s+"([^"]+)"`).FindAllStringSubmatch(read(t, "internal/devstack/postgres/cluster.go"), -1)
	if len(tested) < 4 {
		t.Fatalf("the embedded server has only %d settings of its log", len(tested))
	}
	command := composed(t).Services["postgres"].Command
	for _, m := range tested {
		if at := slices.Index(command, m[1]+"="+m[2]); at < 1 || command[at-1] != "-c" {
			t.Errorf("docker-compose.yml does not say -c %s=%s", m[1], m[2])
		}
	}
	for _, c := range command {
		if name, value, _ := strings.Cut(c, "="); slices.Contains([]string{"log_statement", "log_duration", "log_min_duration_statement"}, name) && value != "none" && value != "ddl" && value != "-1" && value != "off" {
			t.Errorf("docker-compose.yml has PostgreSQL log statements: %s", c)
		}
	}
}

func TestDockerfileBuildsOnlyProduction(t *testing.T) {
	t.Parallel()
	var stages, users []string
	for line := range strings.Lines(read(t, "Dockerfile")) {
		switch words := strings.Fields(line); {
		case len(words) == 0 || words[0] == "#":
		case words[0] == "FROM":
			stages, users = append(stages, words[1]), nil
		case words[0] == "USER":
			users = append(users, words[1])
		case words[0] == "RUN" && slices.Contains(words, "build") && words[len(words)-1] != "./cmd/throughline":
			t.Errorf("builds something else: %s", line)
		case words[0] == "ENV" || words[0] == "ARG":
			t.Errorf("settings come when it runs: %s", line)
		}
	}
	goVersion := regexp.MustCompile(`(?m)^go (\S+)$`).FindStringSubmatch(read(t, "go.mod"))
	if len(stages) != 2 || !strings.HasPrefix(stages[0], "golang:"+goVersion[1]+"-") {
		t.Errorf("stages are %q, want golang:%s and one to run in", stages, goVersion[1])
	}
	if len(users) != 1 || strings.HasPrefix(users[0], "0") || users[0] == "root" {
		t.Errorf("runs as %q, want one account that is not root's", users)
	}
	// Every folder that production is made of reaches the builder.
	ignore := read(t, ".dockerignore")
	for _, p := range packages(t) {
		top, _, _ := strings.Cut(p.name(), "/")
		if linked(t, "cmd/throughline", p.ImportPath) && !strings.Contains(ignore, "\n!"+top+"\n") {
			t.Errorf(".dockerignore keeps %s from the builder", top)
		}
	}
}

func linked(t *testing.T, folder, importPath string) bool {
	t.Helper()
	return slices.ContainsFunc(packages(t), func(p pkg) bool { return p.name() == folder && slices.Contains(p.Deps, importPath) })
}

// The README's table of variables is what the binary reads, no more and no less.
func TestReadmeNamesEveryVariable(t *testing.T) {
	t.Parallel()
	var named []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([A-Z_]+)` \\|(.*)$").FindAllStringSubmatch(read(t, "README.md"), -1) {
		named = append(named, m[1])
		i := slices.IndexFunc(config.Variables, func(v config.Variable) bool { return v.Name == m[1] })
		if i < 0 {
			t.Errorf("the README names %s, which is not read", m[1])
			continue
		}
		v := config.Variables[i]
		if v.Default != "" && !strings.Contains(m[2], "`"+v.Default+"`") {
			t.Errorf("the README does not say that %s is %s when it is not set", v.Name, v.Default)
		}
		if v.Secret != strings.Contains(m[2], "`"+v.Name+"_FILE`") {
			t.Errorf("%s: the README and the binary disagree on %s_FILE", v.Name, v.Name)
		}
	}
	for _, v := range config.Variables {
		if !slices.Contains(named, v.Name) {
			t.Errorf("the README does not name %s", v.Name)
		}
	}
}

// Every command of the production binary is in the README, by its name.
func TestReadmeNamesEveryCommand(t *testing.T) {
	t.Parallel()
	readme := read(t, "README.md")
	list := read(t, "cmd/throughline/main.go")
	found := regexp.MustCompile(`(?m)^\t\{"([a-z]+)", "`).FindAllStringSubmatch(list, -1)
	if len(found) < 5 {
		t.Fatalf("only %d commands found in cmd/throughline/main.go", len(found))
	}
	for _, m := range found {
		if !strings.Contains(readme, "| `"+m[1]) {
			t.Errorf("the README does not name the command %s", m[1])
		}
	}
}

// A page that is linked from the documents is there.
func TestDocumentsLinkToWhatIsThere(t *testing.T) {
	t.Parallel()
	documents := []string{"README.md", "CONTRIBUTING.md", "SECURITY.md"}
	for _, pattern := range []string{"docs/*.md", "docs/adr/*.md", "docs/security/*.md"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range found {
			documents = append(documents, strings.TrimPrefix(filepath.ToSlash(f), root+"/"))
		}
	}
	link := regexp.MustCompile(`\]\(([^)#:]+)(?:#[^)]*)?\)`)
	for _, d := range documents {
		for _, m := range link.FindAllStringSubmatch(read(t, d), -1) {
			if _, err := os.Stat(filepath.Join(root, filepath.Dir(d), m[1])); err != nil {
				t.Errorf("%s links to %s: %v", d, m[1], err)
			}
		}
	}
}
