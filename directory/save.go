package directory

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/lib/pq"

	"throughline/referral"
)

// save copies the rows into a temporary table and from there into the directory: new ones are added, changed ones
// updated, and equal ones not written at all. Columns the file lacks keep what they hold.
func (im *importer) save(ctx context.Context, t *table, rows []*row, count *FileCount) error {
	if len(rows) == 0 {
		return nil
	}
	if _, err := im.tx.ExecContext(ctx, `CREATE TEMP TABLE incoming (LIKE `+t.name+` INCLUDING DEFAULTS) ON COMMIT DROP`); err != nil {
		return err
	}
	columns := columnsOf(rows[0])
	if err := im.copyIn(ctx, rows, columns); err != nil {
		return err
	}
	if t.name == "services" {
		if err := im.keepDerived(ctx); err != nil {
			return err
		}
	}
	var set, old, incoming []string
	for _, c := range columns[1:] {
		set = append(set, c+" = excluded."+c)
		old = append(old, "t."+c)
		incoming = append(incoming, "excluded."+c)
	}
	list := strings.Join(columns, ", ")
	err := im.tx.QueryRowxContext(ctx, `
		WITH written AS (
			INSERT INTO `+t.name+` AS t (`+list+`) SELECT `+list+` FROM incoming
			ON CONFLICT (id) DO UPDATE SET `+strings.Join(set, ", ")+`
			WHERE (`+strings.Join(old, ", ")+`) IS DISTINCT FROM (`+strings.Join(incoming, ", ")+`)
			RETURNING xmax = 0 AS added)
		SELECT count(*) FILTER (WHERE added), count(*) FILTER (WHERE NOT added) FROM written`).Scan(&count.Added, &count.Updated)
	if err != nil {
		return err
	}
	count.Unchanged = len(rows) - count.Added - count.Updated
	_, err = im.tx.ExecContext(ctx, `DROP TABLE incoming`)
	return err
}

// columnsOf lists what to write: id first, then the rest in order. Every row of a file has the same.
func columnsOf(r *row) []string {
	var columns []string
	for c := range r.values {
		if !strings.HasPrefix(c, "-") {
			columns = append(columns, c)
		}
	}
	slices.Sort(columns)
	return append([]string{"id", "source", "source_id"}, columns...)
}

// copyFrom is the statement that lib/pq turns into a stream of rows.
func copyFrom(table string, columns ...string) string {
	quoted := make([]string, len(columns))
	for i, c := range columns {
		quoted[i] = pq.QuoteIdentifier(c)
	}
	return "COPY " + pq.QuoteIdentifier(table) + " (" + strings.Join(quoted, ", ") + ") FROM STDIN"
}

func (im *importer) copyIn(ctx context.Context, rows []*row, columns []string) error {
	stmt, err := im.tx.PrepareContext(ctx, copyFrom("incoming", columns...))
	if err != nil {
		return err
	}
	defer stmt.Close()
	cells := make([]any, len(columns))
	for _, r := range rows {
		cells[0], cells[1], cells[2] = r.id, im.in.Source, r.sourceID
		for i, c := range columns[3:] {
			cells[i+3] = r.values[c]
		}
		if _, err := stmt.ExecContext(ctx, cells...); err != nil {
			return err
		}
	}
	if _, err := stmt.ExecContext(ctx); err != nil {
		return err
	}
	return stmt.Close()
}

// keepDerived spares what an earlier import derived, or staff set, from a file that says nothing about it.
func (im *importer) keepDerived(ctx context.Context) error {
	for _, c := range []string{"needs", "time_zone"} {
		if _, err := im.tx.ExecContext(ctx, strings.ReplaceAll(`UPDATE incoming i SET COL = s.COL, COL_from = s.COL_from FROM services s
			WHERE s.id = i.id AND (i.COL_from = 'derived' AND s.COL_from = 'derived' OR s.COL_from = 'staff')`, "COL", c)); err != nil {
			return err
		}
	}
	return nil
}

// lossAllowed is the share of a source's services that may go without AcceptLoss: more than this is rather a
// truncated file than a change in the world.
const lossAllowed = 0.10

// takeOut makes services that are gone from the package inactive, and removes rows about the others that are gone.
// What is known about a gone service stays: a referral may still be under way there.
func (im *importer) takeOut(ctx context.Context) error {
	gone, err := im.goneFrom(ctx, "services")
	if err != nil {
		return err
	}
	var active, leaving int
	err = im.tx.QueryRowxContext(ctx, `SELECT count(*), count(*) FILTER (WHERE id = ANY ($2)) FROM services
		WHERE source = $1 AND status IN ('active', 'temporarily closed')`, im.in.Source, pq.Array(gone)).Scan(&active, &leaving)
	if err != nil {
		return fmt.Errorf("count services: %w", err)
	}
	if leaving > 5 && float64(leaving) > lossAllowed*float64(active) && !im.in.AcceptLoss {
		return &referral.Error{Code: referral.CodeConflict, Field: "services.csv",
			Message: fmt.Sprintf("would take %d of %d services out of the directory; confirm that this is meant", leaving, active)}
	}
	if _, err := im.tx.ExecContext(ctx, `UPDATE services SET status = 'inactive'
		WHERE id = ANY ($1) AND status IN ('active', 'temporarily closed')`, pq.Array(gone)); err != nil {
		return fmt.Errorf("make services inactive: %w", err)
	}
	im.report.Inactivated = leaving
	for i := len(tables) - 1; i >= 0; i-- {
		if t := tables[i]; !t.principal {
			if err := im.removeGone(ctx, &t, gone); err != nil {
				return err
			}
		}
	}
	return nil
}

func (im *importer) removeGone(ctx context.Context, t *table, goneServices []string) error {
	gone, err := im.goneFrom(ctx, t.name)
	if err != nil || len(gone) == 0 {
		return err
	}
	query, args := `DELETE FROM `+t.name+` WHERE id = ANY ($1)`, []any{pq.Array(gone)}
	if slices.ContainsFunc(t.fields, func(f field) bool { return f.target() == "service_id" }) {
		query += ` AND (service_id IS NULL OR NOT service_id = ANY ($2))`
		args = append(args, pq.Array(goneServices))
	}
	result, err := im.tx.ExecContext(ctx, query, args...)
	if err != nil {
		return fmt.Errorf("remove from %s: %w", t.name, err)
	}
	n, err := result.RowsAffected()
	im.report.Removed += int(n)
	return err
}

// goneFrom lists this source's rows that its package no longer holds; none when the package has no file for them.
func (im *importer) goneFrom(ctx context.Context, table string) ([]string, error) {
	kept := im.kept[table]
	if kept == nil {
		return nil, nil
	}
	var all []uuid.UUID
	if err := im.tx.SelectContext(ctx, &all, `SELECT id FROM `+table+` WHERE source = $1`, im.in.Source); err != nil {
		return nil, fmt.Errorf("read %s: %w", table, err)
	}
	gone := []string{}
	for _, id := range all {
		if _, ok := kept[id]; !ok {
			gone = append(gone, id.String())
		}
	}
	return gone, nil
}

// record writes the import and its findings down.
func (im *importer) record(ctx context.Context) error {
	r := &im.report
	r.tally()
	r.FinishedAt = time.Now().UTC()
	counts, err := json.Marshal(map[string]any{"files": r.Files, "codes": r.Codes, "inactivated": r.Inactivated, "removed": r.Removed})
	if err != nil {
		return fmt.Errorf("write counts: %w", err)
	}
	var text strings.Builder
	if err := r.WriteText(&text); err != nil {
		return err
	}
	if _, err := im.tx.ExecContext(ctx, `INSERT INTO imports (id, source, kind, actor, started_at, finished_at, counts, report)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`, r.ImportID, r.Source, r.Kind, im.in.Actor, r.StartedAt, r.FinishedAt,
		string(counts), text.String()); err != nil {
		return fmt.Errorf("record import: %w", err)
	}
	stmt, err := im.tx.PrepareContext(ctx, copyFrom("import_rows", "import_id", "file", "row", "source_id", "field", "action", "code", "message"))
	if err != nil {
		return fmt.Errorf("record findings: %w", err)
	}
	defer stmt.Close()
	for _, f := range r.Findings {
		if _, err := stmt.ExecContext(ctx, r.ImportID, f.File, f.Row, f.SourceID, f.Field, string(f.Action), f.Code, f.Message); err != nil {
			return fmt.Errorf("record findings: %w", err)
		}
	}
	if _, err := stmt.ExecContext(ctx); err != nil {
		return fmt.Errorf("record findings: %w", err)
	}
	return stmt.Close()
}
