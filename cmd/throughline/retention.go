package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"throughline/casework"
	"throughline/referral"
)

// retention says what the schedule would do now, and does nothing: the nights do, by a workflow.
func retention(ctx context.Context, e *env, args []string) error {
	f := flags(e, "retention")
	dry := f.Bool("dry-run", false, "say what would go; nothing else is done here")
	asJSON := f.Bool("json", false, "print it as JSON")
	org := f.String("organisation", "", "the helpline")
	if err := parse(f, args); err != nil {
		return err
	}
	if !*dry || f.NArg() > 0 {
		return usageError("wants --dry-run: what is due goes each night by itself")
	}
	d, err := e.desk(ctx)
	if err != nil {
		return err
	}
	defer d.DB.Close()
	o, err := organisation(ctx, d, *org)
	if err != nil {
		return err
	}
	due, err := d.RetentionDue(ctx, machine(o.ID))
	if err != nil {
		return err
	}
	if *asJSON {
		out := json.NewEncoder(e.stdout)
		out.SetIndent("", "  ")
		return out.Encode(due)
	}
	for _, k := range due {
		fmt.Fprintf(e.stdout, "%-16s  after %d days  %d\n", k.Kind, k.Days, k.Count)
		for _, cases := range []struct {
			what string
			of   []string
		}{{"would begin", k.Cases}, {"waiting", k.Waiting}, {"under hold", k.Held}} {
			if len(cases.of) > 0 {
				fmt.Fprintf(e.stdout, "    %s: %s\n", cases.what, strings.Join(cases.of, " "))
			}
		}
	}
	fmt.Fprintln(e.stdout, "nothing was changed; the look is in the audit")
	return nil
}

// machine is whoever runs the helpline's machine.
func machine(organisation uuid.UUID) casework.Actor {
	return casework.Actor{Actor: referral.Actor{Role: referral.System}, Organisation: organisation, Via: casework.ViaCLI}
}
