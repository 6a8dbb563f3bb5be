package directory

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"throughline/db"
	"throughline/referral"
)

// ImportInput names a package and the source it comes from.
type ImportInput struct {
	// Source keeps packages apart, such as "demo" or "peterborough": lower-case letters, digits, dots and dashes. Importing
	// again under the same source updates its rows and takes out what is gone.
	Source string
	Path   string // a folder or a .zip; not used by ImportFS
	Actor  string // who asked for it
	DryRun bool   // do everything, report it, and write nothing
	// StaffNames keeps names and titles of agencies' staff, which are left out otherwise.
	StaffNames bool
	// AcceptLoss lets an import take more than a tenth of the source's services out of the directory.
	AcceptLoss bool
	Progress   func(file string, rows int) // called after each file; may be nil
}

var sourceName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,62}$`)

// Import reads an HSDS 1.1 or 3.0 tabular package (a folder or a .zip of CSV files) into the directory, in one
// transaction: an error means that nothing was written. Bad rows are no error, they are in the report.
// Errors: CodeInvalid with Field the file at fault, when it can't be read as a table; CodeConflict when more than a
// tenth of the services would go and AcceptLoss is not set.
func Import(ctx context.Context, pool *sqlx.DB, in ImportInput) (Report, error) {
	files, err := openPackage(in.Path)
	if err != nil {
		return Report{}, err
	}
	defer files.close()
	return importPackage(ctx, pool, files, in)
}

// ImportFS is Import from a file system, such as the demo directory inside the binary.
func ImportFS(ctx context.Context, pool *sqlx.DB, fsys fs.FS, in ImportInput) (Report, error) {
	return importPackage(ctx, pool, &packageFiles{fsys: fsys}, in)
}

func importPackage(ctx context.Context, pool *sqlx.DB, files *packageFiles, in ImportInput) (Report, error) {
	if !sourceName.MatchString(in.Source) {
		return Report{}, referral.Invalid("source", "a source has lower-case letters, digits, dots and dashes only")
	}
	folder, err := files.folder()
	if err != nil {
		return Report{}, err
	}
	names, err := files.csvFiles(folder)
	if err != nil {
		return Report{}, err
	}
	var im *importer
	err = db.InTx(ctx, pool, func(ctx context.Context, tx *sqlx.Tx) error {
		files.read = 0
		im = newImporter(tx, files, folder, in)
		if err := im.run(ctx, names); err != nil {
			return err
		}
		if in.DryRun {
			return errDryRun
		}
		return nil
	})
	if err != nil && !errors.Is(err, errDryRun) {
		return Report{}, db.Translate(err)
	}
	return im.report, nil
}

// errDryRun rolls a finished import back.
var errDryRun = errors.New("dry run")

// importer is one import under way, inside its transaction.
type importer struct {
	tx     *sqlx.Tx
	files  *packageFiles
	folder string
	in     ImportInput
	space  uuid.UUID // under which ids of this source are made
	report Report
	// ids of what other rows can refer to, by table and the id the source gives.
	ids map[string]map[string]uuid.UUID
	// kept are the rows of this package with a digest of each, by table; a table without a file in the package is missing.
	kept map[string]map[uuid.UUID]string
	// foreign are UUIDs given by another source and kept as they are: the same one of ours gets an id of its own.
	foreign map[string]map[uuid.UUID]bool
}

var idSpace = uuid.MustParse("5f0b8f4e-3c0c-5d8e-9a53-0d4f6a7c2b11")

func newImporter(tx *sqlx.Tx, files *packageFiles, folder string, in ImportInput) *importer {
	return &importer{tx: tx, files: files, folder: folder, in: in, space: uuid.NewSHA1(idSpace, []byte(in.Source)),
		report: Report{ImportID: uuid.New(), Source: in.Source, DryRun: in.DryRun, StartedAt: time.Now().UTC()},
		ids:    map[string]map[string]uuid.UUID{}, kept: map[string]map[uuid.UUID]string{}, foreign: map[string]map[uuid.UUID]bool{}}
}

// importLock serialises imports: each rewrites the table of places.
const importLock = 0x7468726f // "thro"

func (im *importer) run(ctx context.Context, names []string) error {
	if _, err := im.tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock($1)`, importLock); err != nil {
		return fmt.Errorf("wait for another import: %w", err)
	}
	lower := make([]string, len(names))
	for i, n := range names {
		lower[i] = strings.ToLower(n)
	}
	im.report.Kind = kindOf(lower)
	done := map[string]bool{}
	for i := range tables {
		t := &tables[i]
		if err := im.loadKnown(ctx, t); err != nil {
			return err
		}
		for _, want := range t.files {
			if at := slices.Index(lower, want); at >= 0 {
				done[names[at]] = true
				if err := im.importFile(ctx, t, names[at]); err != nil {
					return err
				}
			}
		}
	}
	for _, n := range names {
		if !done[n] {
			if err := im.passOver(n); err != nil {
				return err
			}
		}
	}
	if err := im.takeOut(ctx); err != nil {
		return err
	}
	if err := im.derive(ctx); err != nil {
		return err
	}
	return im.record(ctx)
}

// loadKnown learns the ids the directory has already: what a package without this file can refer to, and what other
// sources hold.
func (im *importer) loadKnown(ctx context.Context, t *table) error {
	known, foreign := map[string]uuid.UUID{}, map[uuid.UUID]bool{}
	rows, err := im.tx.QueryContext(ctx, `SELECT id, source_id, source = $1 FROM `+t.name+`
		WHERE source = $1 OR source_id = id::text`, im.in.Source)
	if err != nil {
		return fmt.Errorf("read %s: %w", t.name, err)
	}
	defer rows.Close()
	for rows.Next() {
		var id uuid.UUID
		var sourceID string
		var ours bool
		if err := rows.Scan(&id, &sourceID, &ours); err != nil {
			return fmt.Errorf("read %s: %w", t.name, err)
		}
		if ours {
			known[sourceID] = id
		} else {
			foreign[id] = true
		}
	}
	delete(known, "")
	im.ids[t.name], im.foreign[t.name] = known, foreign
	return rows.Err()
}

// idOf is the id of a source's row: the source's own when it is a UUID, else made from it.
func (im *importer) idOf(table, sourceID string) uuid.UUID {
	if id, err := uuid.Parse(sourceID); err == nil && len(sourceID) == 36 && id != uuid.Nil && !im.foreign[table][id] {
		return id
	}
	return uuid.NewSHA1(im.space, []byte(table+"\x00"+sourceID))
}

// importFile reads one file into the rows it holds, and saves those that can be taken.
func (im *importer) importFile(ctx context.Context, t *table, file string) error {
	s, err := im.open(file)
	if err != nil {
		return err
	}
	if err := im.checkHeader(t, s); err != nil {
		return err
	}
	if im.kept[t.name] == nil {
		im.kept[t.name] = map[uuid.UUID]string{}
		im.ids[t.name] = map[string]uuid.UUID{}
	}
	count := FileCount{File: file, Table: t.name}
	var all, taken []*row
	for cells, ok := s.next(); ok; cells, ok = s.next() {
		count.Rows++
		r := &row{im: im, table: t, file: file, number: cells.number}
		if cells.problem != "" {
			r.drop(Rejected, "", cells.problem, "the row can't be read: its quotes or the number of its cells are wrong")
		} else {
			if cells.repaired != "" {
				r.repaired("", cells.repaired, "read all the same")
			}
			r.fill(s, cells.cells)
			r.identify(cells.cells, im.kept[t.name])
		}
		if s.tooBroken(count.Rows) {
			return referral.Invalid(file, "too many rows can't be read, the first of them before row %d", cells.number)
		}
		im.settle(r, &count)
		if all = append(all, r); r.verdict == "" {
			taken = append(taken, r)
		}
	}
	if t.name == "agencies" {
		im.resolveParents(taken)
	}
	im.tell(all, &count)
	if err := im.save(ctx, t, taken, &count); err != nil {
		return fmt.Errorf("save %s: %w", file, db.Translate(err))
	}
	im.report.Files = append(im.report.Files, count)
	if im.in.Progress != nil {
		im.in.Progress(file, count.Rows)
	}
	return nil
}

// settle counts a row that is dropped, and makes one that is taken known to those that refer to it.
func (im *importer) settle(r *row, count *FileCount) {
	switch r.verdict {
	case Skipped:
		count.Skipped++
	case Rejected:
		count.Rejected++
	default:
		if _, taken := im.ids[r.table.name][r.sourceID]; !taken && r.sourceID != "" {
			im.ids[r.table.name][r.sourceID] = r.id
		}
		return
	}
	// A row that is left out was not repaired.
	r.findings = slices.DeleteFunc(r.findings, func(f Finding) bool { return f.Action != r.verdict })
}

// tell puts what was found on the rows of a file into the report.
func (im *importer) tell(rows []*row, count *FileCount) {
	for _, r := range rows {
		if r.verdict == "" && slices.ContainsFunc(r.findings, func(f Finding) bool { return f.Action == Repaired }) {
			count.Repaired++
		}
		im.report.Findings = append(im.report.Findings, r.findings...)
	}
}
