// Command vulnerabilities looks for known vulnerabilities in the packages that a command is linked from, by govulncheck:
// vulnerabilities ./cmd/throughline. Without a database it says that it did not look, and that is no failure.
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
	ctx := context.Background()
	address, name, err := database(ctx)
	if err != nil {
		fmt.Println("known vulnerabilities were not looked for:", err)
		return
	}
	said, err := ask(ctx, address, os.Args[1:])
	if err != nil {
		fmt.Println("known vulnerabilities could not be looked for:", err)
		os.Exit(1)
	}
	faults, gone := judge(said, accepted)
	for _, line := range slices.Concat(faults, gone) {
		fmt.Println(line)
	}
	if len(faults) > 0 {
		os.Exit(1)
	}
	if n, newest := said.ofGo(); n > 0 {
		fmt.Printf("this Go has %d known vulnerabilities in packages that we link: build with %s or later\n", n, newest)
	}
	fmt.Println("no vulnerabilities but those accepted, by", name)
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

const standard = "stdlib"

// ofGo counts those of Go itself, which whoever builds chooses, and gives the version that has none of them.
func (r report) ofGo() (n int, newest string) {
	all := map[string]bool{}
	for _, f := range r.findings {
		if f.module == standard {
			all[f.id] = true
			if later(f.fixed, newest) {
				newest = f.fixed
			}
		}
	}
	return len(all), newest
}

// later compares versions such as v1.26.9 and v1.26.10.
func later(a, b string) bool { return len(a) > len(b) || len(a) == len(b) && a > b }

// judge gives what is found and not accepted, and what is accepted and not found: gone, or an older database does not know it.
func judge(said report, accepted map[string]string) (faults, gone []string) {
	found := map[string]bool{}
	for _, f := range said.findings {
		if f.module == standard {
			continue
		}
		if _, ok := accepted[f.id]; !ok && !found[f.id] {
			faults = append(faults, fmt.Sprintf("%s in %s, fixed in %q: https://pkg.go.dev/vuln/%s", f.id, f.pkg, f.fixed, f.id))
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
