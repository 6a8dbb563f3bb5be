package main

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"throughline/referral"
)

// command runs a command as main does, with settings of its own and without a database.
func try(t *testing.T, input string, args ...string) (code int, out, complaints string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	e := &env{getenv: func(string) string { return "" }, stdin: strings.NewReader(input), stdout: &stdout, stderr: &stderr,
		log: slog.New(slog.DiscardHandler)}
	code = run(t.Context(), e, args)
	return code, stdout.String(), stderr.String()
}

func TestEveryCommandIsListed(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{}, {"help"}, {"--help"}, {"-h"}} {
		code, out, _ := try(t, "", args...)
		if code != 0 {
			t.Errorf("%v: exit %d", args, code)
		}
		for _, name := range []string{"serve", "worker", "migrate", "import", "check", "audit", "hold", "erase", "retention", "user", "apikey", "policy", "keys", "history"} {
			if !strings.Contains(out, "\n  "+name) {
				t.Errorf("%v does not list %s", args, name)
			}
		}
	}
}

func TestMistakesExitWithTwo(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ typed, says string }{
		{"fly", `no command "fly"`},
		{"serve", "DATABASE_URL is not set"},
		{"serve now", "takes no arguments"},
		{"worker --fast", "-fast"},
		{"migrate", "DATABASE_URL is not set"},
		{"import", "wants --source NAME"},
		{"import --source x", "wants --source NAME"},
		{"import --source x one two", "wants --source NAME"},
		{"check --xml", "-xml"},
		{"check", "DATABASE_URL is not set"},
		{"hold", "DATABASE_URL is not set"},
		{"hold --until yesterday", "--until wants a time that has been"},
		{"hold --until 2999-01-01T00:00:00Z", "--until wants a time that has been"},
		{"erase", "wants --list, or --again FILE"},
		{"erase --list --again x", "wants --list, or --again FILE"},
		{"erase --again nowhere", "--again names a file that can't be read"},
		{"erase --list", "DATABASE_URL is not set"},
		{"retention", "wants --dry-run"},
		{"retention --dry-run", "DATABASE_URL is not set"},
		{"user", "wants add, list, password or close"},
		{"apikey", "wants add, list or revoke"},
		{"policy", "wants: policy show"},
		{"keys", "wants show, add, rotate or seal"},
		{"keys burn", "wants show, add, rotate or seal"},
		{"keys rotate", "KEY_FILE is not set, and neither is ENCRYPTION_KEY"},
		{"serve", "KEY_FILE is not set"},
		{"worker", "KEY_FILE is not set"},
		{"policy bend", "wants: policy show"},
		{"history", "wants the id of a referral"},
		{"history 42", "wants the id of a referral"},
		{"history 4f0c2a86-54ce-4b05-8b9c-6c6f8f7d1f0e", "TEMPORAL_ADDRESS is not set"},
	} {
		t.Run(c.typed, func(t *testing.T) {
			t.Parallel()
			code, _, complaints := try(t, "", strings.Fields(c.typed)...)
			if code != 2 || !strings.Contains(complaints, c.says) {
				t.Errorf("exit %d, says %q; want 2 and %q", code, complaints, c.says)
			}
		})
	}
}

func TestHelpOfACommandIsNoMistake(t *testing.T) {
	t.Parallel()
	code, _, says := try(t, "", "import", "--help")
	if code != 0 || !strings.Contains(says, "-dry-run") {
		t.Errorf("exit %d, says %q", code, says)
	}
}

func TestAPasswordIsTheFirstLine(t *testing.T) {
	t.Parallel()
	for input, want := range map[string]string{"a b\n": "a b", "a b": "a b", "a\r\nb\n": "a", " a \n": " a "} {
		if got, err := readSecret(strings.NewReader(input)); err != nil || got != want {
			t.Errorf("%q: %q, %v", input, got, err)
		}
	}
	for _, input := range []string{"", "\n", "\r\n"} {
		if got, err := readSecret(strings.NewReader(input)); err == nil {
			t.Errorf("%q: taken as %q", input, got)
		}
	}
}

func TestAPolicyComesByNameFileOrInput(t *testing.T) {
	t.Parallel()
	written := `{"name":"own","routine":{},"urgent":{},"link_days":7}`
	path := filepath.Join(t.TempDir(), "policy.json")
	if err := os.WriteFile(path, []byte(written), 0o600); err != nil {
		t.Fatal(err)
	}
	if p, err := readPolicy(&env{}, "demo"); err != nil || p.Name != "demo" {
		t.Errorf("demo: %+v, %v", p.Name, err)
	}
	for from, e := range map[string]*env{path: {}, "-": {stdin: strings.NewReader(written)}} {
		// It is read and judged: a pace of nothing is refused by name.
		if _, err := readPolicy(e, from); referral.CodeOf(err) != referral.CodeInvalid || !strings.Contains(err.Error(), "routine") {
			t.Errorf("%s: %v", from, err)
		}
	}
	for _, from := range []string{"", path + ".gone"} {
		if _, err := readPolicy(&env{}, from); err == nil {
			t.Errorf("%q was taken for a policy", from)
		}
	}
}

// A list that is damaged erases nothing.
func TestAListOfErasedCasesIsReadWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	good := `{"case":"4f0c2a86-54ce-4b05-8b9c-6c6f8f7d1f0e","erased_at":"2026-11-23T15:00:00Z","why":"schedule"}` + "\n\n"
	for input, says := range map[string]string{good + "{}\n": "line 3", good + "case 7": "line 3", good: "DATABASE_URL is not set"} {
		code, _, complaints := try(t, input, "erase", "--again", "-")
		if code != 2 || !strings.Contains(complaints, says) {
			t.Errorf("exit %d, says %q; want 2 and %q", code, complaints, says)
		}
	}
}
