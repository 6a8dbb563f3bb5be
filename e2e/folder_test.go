package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// What is wrong with a data folder is said in a line, and the folder is left as it was.
func TestAFolderThatDoesNotFitIsRefused(t *testing.T) {
	t.Parallel()
	data := fresh(t)
	command := append([]string{"--seed", "none"}, anyPort...)
	startDev(t, data, command...).stop()
	for path, c := range map[string]struct {
		wrong func(right string) string
		says  []string
	}{
		filepath.Join(data, "schema.json"): {func(right string) string {
			before, after, _ := strings.Cut(right, `"1": "`)
			return before + `"1": "0` + after
		}, []string{data + " was made by a build whose migration 00001 is not this one's", "name another data folder"}},
		filepath.Join(data, "postgres", "password"): {func(string) string { return "another folder's\n" },
			[]string{"refuses the password in " + filepath.Join(data, "postgres", "password")}},
	} {
		right, err := os.ReadFile(path)
		must(t, err)
		must(t, os.WriteFile(path, []byte(c.wrong(string(right))), 0o600))
		p := launch(t, bare(), "throughline-dev", append([]string{"--data", data}, command...)...)
		until(t, "it goes on with a wrong "+path, 2*time.Minute, p.hasEnded)
		refuses(t, ran{code: p.command.ProcessState.ExitCode(), errors: p.said.String()}, 1, c.says...)
		must(t, os.WriteFile(path, right, 0o600))
	}

	// PostgreSQL dies under it: the same command goes on.
	d := startDev(t, data, command...)
	must(t, syscall.Kill(d.postgres, syscall.SIGKILL))
	until(t, "it goes on without PostgreSQL", 2*time.Minute, d.hasEnded)
	refuses(t, ran{code: d.command.ProcessState.ExitCode(), errors: d.said.String()}, 1, "postgres has stopped",
		filepath.Join(data, "postgres", "postgres.log"), "start again with the same command")
	startDev(t, data, command...).stop()
}
