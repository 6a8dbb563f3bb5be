package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"

	"throughline/casework"
	"throughline/workflows"
)

// check exits 0 when every invariant holds, 1 when one is broken, 2 when it could not look at everything.
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
	findings, err := checked(ctx, e, d)
	if err != nil {
		return exitError{2, err}
	}
	if err := print(e, findings, *asJSON); err != nil {
		return exitError{2, err}
	}
	broken := 0
	for _, f := range findings {
		if f.NotChecked != "" {
			return exitError{2, fmt.Errorf("%s could not be checked: %s", f.Invariant, f.NotChecked)}
		}
		broken += len(f.Violations)
	}
	if broken > 0 {
		return exitError{1, fmt.Errorf("%d violations", broken)}
	}
	return nil
}

// checked checks everything that can be reached. What the record says is worth knowing while Temporal is away.
func checked(ctx context.Context, e *env, d *casework.Desk) ([]casework.Finding, error) {
	temporal, err := e.temporal(ctx, nil)
	if err != nil {
		return d.Check(ctx, away{err})
	}
	defer temporal.Close()
	return d.Check(ctx, workflows.Inspector{Client: temporal})
}

// away is a Temporal that can't be reached.
type away struct{ err error }

func (a away) Inspect(context.Context, uuid.UUID) (open, failing bool, err error) {
	return false, false, a.err
}
func (a away) Open(context.Context) ([]uuid.UUID, error) { return nil, a.err }

func print(e *env, findings []casework.Finding, asJSON bool) error {
	if asJSON {
		out := json.NewEncoder(e.stdout)
		out.SetIndent("", "  ")
		return out.Encode(findings)
	}
	for _, f := range findings {
		said := fmt.Sprintf("%d violations", len(f.Violations))
		if f.NotChecked != "" {
			said += ", not checked: " + f.NotChecked
		}
		fmt.Fprintf(e.stdout, "%-4s %7d looked at, %s: %s\n", f.Invariant, f.Looked, said, f.Says)
		for _, v := range f.Violations {
			fmt.Fprintf(e.stdout, "       %s %s %s\n", v.Of, v.ID, v.What)
		}
	}
	return nil
}
