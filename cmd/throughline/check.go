package main

import (
	"context"
	"encoding/json"
	"fmt"

	"throughline/workflows"
)

// check exits 0 when every invariant holds, 1 when one is broken, 2 when it could not look.
func check(ctx context.Context, e *env, args []string) error {
	f := flags(e, "check")
	asJSON := f.Bool("json", false, "print the findings as JSON")
	if err := parse(f, args); err != nil {
		return err
	}
	d, err := e.desk(ctx)
	if err != nil {
		return exitError{2, err}
	}
	defer d.DB.Close()
	temporal, err := e.temporal(ctx)
	if err != nil {
		return exitError{2, err}
	}
	defer temporal.Close()
	findings, err := d.Check(ctx, workflows.Inspector{Client: temporal})
	if err != nil {
		return exitError{2, err}
	}
	broken := 0
	for _, f := range findings {
		broken += len(f.Violations)
		if *asJSON {
			continue
		}
		fmt.Fprintf(e.stdout, "%-4s %6d looked at, %d violations: %s\n", f.Invariant, f.Looked, len(f.Violations), f.Says)
		for _, v := range f.Violations {
			fmt.Fprintf(e.stdout, "       %s %s\n", v.ID, v.What)
		}
	}
	if *asJSON {
		out := json.NewEncoder(e.stdout)
		out.SetIndent("", "  ")
		if err := out.Encode(findings); err != nil {
			return exitError{2, err}
		}
	}
	if broken > 0 {
		return exitError{1, fmt.Errorf("%d violations", broken)}
	}
	return nil
}
