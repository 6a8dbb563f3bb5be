package main

import (
	"context"
	"encoding/json"
	"fmt"

	"throughline/directory"
)

func importDirectory(ctx context.Context, e *env, args []string) error {
	f := flags(e, "import")
	in := directory.ImportInput{Actor: "command line"}
	f.StringVar(&in.Source, "source", "", "short name of where the package comes from, such as kawartha")
	f.BoolVar(&in.DryRun, "dry-run", false, "report what would change, and change nothing")
	f.BoolVar(&in.AcceptLoss, "confirm", false, "go on though more than a tenth of the services would go")
	f.BoolVar(&in.StaffNames, "staff-names", false, "keep the names of agencies' staff")
	asJSON := f.Bool("json", false, "print the report as JSON")
	if err := parse(f, args); err != nil {
		return err
	}
	if f.NArg() != 1 || in.Source == "" {
		return usageError("wants --source NAME and the path of a folder or .zip")
	}
	in.Path = f.Arg(0)
	in.Progress = func(file string, rows int) { fmt.Fprintf(e.stderr, "%s: %d rows\n", file, rows) }
	d, err := e.desk(ctx)
	if err != nil {
		return err
	}
	defer d.DB.Close()
	report, err := directory.Import(ctx, d.DB, in)
	if err != nil {
		return err
	}
	if *asJSON {
		out := json.NewEncoder(e.stdout)
		out.SetIndent("", "  ")
		return out.Encode(report)
	}
	return report.WriteText(e.stdout)
}
