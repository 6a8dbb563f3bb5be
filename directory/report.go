package directory

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/google/uuid"
)

// Action is what an import did with a row or a field of it.
type Action string

const (
	Added     Action = "added"
	Updated   Action = "updated"
	Unchanged Action = "unchanged"
	Skipped   Action = "skipped"  // says nothing we could keep: empty, a repetition, belongs to nothing
	Rejected  Action = "rejected" // can't be right: broken, no name, an id taken
	Repaired  Action = "repaired" // taken after a change; the row is also added, updated or unchanged
	Noted     Action = "noted"    // taken as it is; worth knowing
)

// Finding is what happened to one row beyond being taken as it stood. It never holds the text of a cell.
type Finding struct {
	File     string `json:"file"`
	Row      int    `json:"row"` // as a spreadsheet numbers it, the header is 1; 0 is about the whole file
	SourceID string `json:"source_id,omitempty"`
	Field    string `json:"field,omitempty"`
	Action   Action `json:"action"`
	Code     string `json:"code"`
	Message  string `json:"message"`
}

// FileCount accounts for each row of a file: Rows = Added + Updated + Unchanged + Skipped + Rejected. Repaired rows are
// some of those taken.
type FileCount struct {
	File      string `json:"file"`
	Table     string `json:"table"` // empty: a file of HSDS we do not keep, or none of HSDS
	Rows      int    `json:"rows"`
	Added     int    `json:"added"`
	Updated   int    `json:"updated"`
	Unchanged int    `json:"unchanged"`
	Skipped   int    `json:"skipped"`
	Rejected  int    `json:"rejected"`
	Repaired  int    `json:"repaired"`
}

// CodeCount says how often a code occurs.
type CodeCount struct {
	File   string `json:"file"`
	Action Action `json:"action"`
	Code   string `json:"code"`
	Count  int    `json:"count"`
}

// Report is the whole answer of an import. It marshals to JSON as it is.
type Report struct {
	ImportID   uuid.UUID   `json:"import_id"`
	Source     string      `json:"source"`
	Kind       string      `json:"kind"` // hsds-1.1 or hsds-3.0
	DryRun     bool        `json:"dry_run"`
	StartedAt  time.Time   `json:"started_at"`
	FinishedAt time.Time   `json:"finished_at"`
	Files      []FileCount `json:"files"`
	Codes      []CodeCount `json:"codes"`
	// Inactivated are services of this source that the package no longer holds.
	Inactivated int `json:"inactivated"`
	// Removed are rows about services (phones, hours …) that the package no longer holds.
	Removed  int       `json:"removed"`
	Findings []Finding `json:"findings"`
}

func (r *Report) tally() {
	counts := map[CodeCount]int{}
	for _, f := range r.Findings {
		counts[CodeCount{File: f.File, Action: f.Action, Code: f.Code}]++
	}
	r.Codes = nil
	for c, n := range counts {
		c.Count = n
		r.Codes = append(r.Codes, c)
	}
	slices.SortFunc(r.Codes, func(a, b CodeCount) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Action, b.Action), cmp.Compare(a.Code, b.Code))
	})
}

// shown is how many rows WriteText lists under each code.
const shown = 3

// WriteText writes the report for a person at a terminal: a line per file, then each code with its first rows.
func (r *Report) WriteText(w io.Writer) error {
	state := ""
	if r.DryRun {
		state = ", dry run: nothing was written"
	}
	fmt.Fprintf(w, "Import of %s (%s) in %s%s\n\n", r.Source, r.Kind,
		r.FinishedAt.Sub(r.StartedAt).Round(time.Millisecond), state)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "file\trows\tadded\tupdated\tunchanged\tskipped\trejected\trepaired\t")
	for _, f := range r.Files {
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t\n", f.File, f.Rows, f.Added, f.Updated, f.Unchanged, f.Skipped, f.Rejected, f.Repaired)
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	fmt.Fprintf(w, "\n%d services no longer in the package made inactive, %d other rows removed\n", r.Inactivated, r.Removed)
	byCode := map[CodeCount][]Finding{}
	for _, f := range r.Findings {
		k := CodeCount{File: f.File, Action: f.Action, Code: f.Code}
		if len(byCode[k]) < shown {
			byCode[k] = append(byCode[k], f)
		}
	}
	for _, c := range r.Codes {
		fmt.Fprintf(w, "\n%s: %d %s, %s\n", c.File, c.Count, c.Action, c.Code)
		c.Count = 0
		for _, f := range byCode[c] {
			if _, err := fmt.Fprintf(w, "  row %d  id %q  %s  %s\n", f.Row, f.SourceID, f.Field, f.Message); err != nil {
				return fmt.Errorf("write report: %w", err)
			}
		}
	}
	return nil
}
