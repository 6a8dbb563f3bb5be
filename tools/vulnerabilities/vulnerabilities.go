// Command vulnerabilities looks for known vulnerabilities in the packages that a command is linked from, by govulncheck:
// vulnerabilities ./cmd/throughline. Without a database it says that it did not look: at someone's desk that is no failure, where
// CI=true it is, for nobody reads there what a step that passed says.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"

	"golang.org/x/vuln/scan"
)

func main() {
	os.Exit(look(context.Background(), os.Stdout, database, os.Getenv("CI") == "true", os.Args[1:]))
}

// look gives the exit code. Must says that not to have looked is a failure.
func look(ctx context.Context, out io.Writer, find func(context.Context) (address, name string, err error), must bool, patterns []string) int {
	address, name, err := find(ctx)
	if err != nil {
		fmt.Fprintln(out, "known vulnerabilities were not looked for:", err)
		if must {
			return 1
		}
		return 0
	}
	said, err := ask(ctx, address, patterns)
	if err != nil {
		fmt.Fprintln(out, "known vulnerabilities could not be looked for:", err)
		return 1
	}
	faults, gone := judge(said, accepted)
	for _, line := range slices.Concat(faults, gone) {
		fmt.Fprintln(out, line)
	}
	if len(faults) > 0 {
		return 1
	}
	fmt.Fprintln(out, "no vulnerabilities but those accepted, by", name)
	return 0
}

// finding is a vulnerability in a package that is linked.
type finding struct{ id, module, pkg, fixed string }

// report is what govulncheck says.
type report struct {
	findings []finding
	modules  int // that were looked at
}

func ask(ctx context.Context, address string, patterns []string) (report, error) {
	// Packages rather than functions: it is stricter, and takes a second instead of half a minute.
	c := scan.Command(ctx, append([]string{"-db", address, "-scan", "package", "-format", "json"}, patterns...)...)
	r, w := io.Pipe()
	c.Stdout, c.Stderr = w, os.Stderr
	if err := c.Start(); err != nil {
		return report{}, err
	}
	ended := make(chan error, 1)
	go func() {
		err := c.Wait()
		ended <- errors.Join(err, w.Close())
	}()
	said, err := read(r)
	return said, errors.Join(err, <-ended)
}

// read takes in the stream of messages; govulncheck repeats a finding for each place.
func read(r io.Reader) (said report, err error) {
	seen := map[finding]bool{}
	for d := json.NewDecoder(r); ; {
		var m struct {
			SBOM *struct {
				Modules []struct{} `json:"modules"`
			} `json:"SBOM"`
			Finding *struct {
				OSV   string `json:"osv"`
				Fixed string `json:"fixed_version"`
				Trace []struct{ Module, Package string }
			} `json:"finding"`
		}
		switch err := d.Decode(&m); {
		case errors.Is(err, io.EOF):
			if said.modules == 0 {
				return said, errors.New("it looked at nothing")
			}
			return said, nil
		case err != nil:
			_, _ = io.Copy(io.Discard, r)
			return said, err
		}
		if m.SBOM != nil {
			said.modules = len(m.SBOM.Modules)
		}
		if f := m.Finding; f != nil && len(f.Trace) > 0 && f.Trace[0].Package != "" {
			found := finding{f.OSV, f.Trace[0].Module, f.Trace[0].Package, f.Fixed}
			if !seen[found] {
				seen[found] = true
				said.findings = append(said.findings, found)
			}
		}
	}
}

// standard is the module of Go itself, whose version whoever builds chooses.
const standard = "stdlib"

// judge gives what is found and not accepted, and what is accepted and not found: gone, or an older database does not know it.
func judge(said report, accepted map[string]string) (faults, gone []string) {
	found := map[string]bool{}
	for _, f := range said.findings {
		if _, ok := accepted[f.id]; !ok && !found[f.id] {
			of := f.pkg
			if f.module == standard {
				of += " of Go itself"
			}
			faults = append(faults, fmt.Sprintf("%s in %s, fixed in %q: https://pkg.go.dev/vuln/%s", f.id, of, f.fixed, f.id))
		}
		found[f.id] = true
	}
	for _, id := range slices.Sorted(maps.Keys(accepted)) {
		if !found[id] {
			gone = append(gone, id+" is accepted and not found any more: strike it from the list")
		}
	}
	return faults, gone
}
