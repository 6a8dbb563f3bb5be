package directory

import (
	"slices"
	"strings"

	"github.com/google/uuid"

	"throughline/referral"
)

func (im *importer) open(file string) (*sheet, error) {
	raw, err := im.files.readFile(im.folder, file)
	if err != nil {
		return nil, err
	}
	d, err := decode(raw)
	if err != nil {
		return nil, referral.Invalid(file, "is text in no encoding we can read")
	}
	if d.note != "" {
		im.note(file, "", "encoding", d.note)
	}
	return openSheet(file, d.text)
}

func (im *importer) note(file, field, code, message string) {
	im.report.Findings = append(im.report.Findings, Finding{File: file, Field: field, Action: Noted, Code: code, Message: message})
}

// checkHeader refuses a file whose first row is no header of this table, and notes columns that are not kept.
func (im *importer) checkHeader(t *table, s *sheet) error {
	known := 0
	for i, name := range s.header {
		switch {
		case name == "id":
		case slices.ContainsFunc(t.fields, func(f field) bool { return f.csv == name || f.french && f.csv+"_fr" == name }):
			known++
		case slices.Contains(t.unkept, name):
			im.note(s.file, name, "column_not_kept", "a column of HSDS that we do not keep")
		case name == "" && i > 0:
			im.note(s.file, name, "unknown_column", "a column without a name; ignored")
		default:
			im.note(s.file, printable(name), "unknown_column", "no column of HSDS or of ours; ignored")
		}
	}
	if known == 0 {
		return referral.Invalid(s.file, "the first row is no header: no column of this table is in it")
	}
	if t.principal && !slices.Contains(s.header, "id") {
		return referral.Invalid(s.file, "the header lacks the column id")
	}
	for _, f := range t.fields {
		if f.must && !slices.Contains(s.header, f.csv) {
			return referral.Invalid(s.file, "the header lacks the column %s", f.csv)
		}
	}
	return nil
}

// printable keeps a column name short and on one line: it may be a whole row of data.
func printable(name string) string {
	name, _ = tidyLine(name)
	if r := []rune(name); len(r) > 60 {
		return string(r[:60]) + "…"
	}
	return name
}

// passOver accounts for the rows of a file we do not keep.
func (im *importer) passOver(file string) error {
	s, err := im.open(file)
	if err != nil {
		return err
	}
	count := FileCount{File: file}
	for _, ok := s.next(); ok; _, ok = s.next() {
		count.Rows++
	}
	count.Skipped = count.Rows
	im.note(file, "", "file_not_kept", "a table that we do not keep, or none of HSDS")
	im.report.Files = append(im.report.Files, count)
	return nil
}

// resolveParents turns parents' ids into ours, and cuts a line of parents that leads back to itself.
func (im *importer) resolveParents(agencies []*row) {
	parents := map[uuid.UUID]uuid.UUID{}
	for _, r := range agencies {
		given, ok := r.values["parent_agency_id"].(string)
		if !ok {
			continue
		}
		r.values["parent_agency_id"] = nil
		if given = strings.TrimSpace(given); given == "" {
			continue
		}
		parent, known := im.ids["agencies"][given]
		code, message := "", ""
		switch {
		case !known:
			code, message = "unknown_parent", "the parent is not in the package; left out"
		case leadsTo(parents, parent, r.id):
			code, message = "cyclic_parent", "the line of parents leads back to this one; left out"
		default:
			parents[r.id] = parent
			r.values["parent_agency_id"] = parent
			continue
		}
		r.repaired("parent_organization_id", code, message)
	}
}

func leadsTo(parents map[uuid.UUID]uuid.UUID, from, to uuid.UUID) bool {
	for ok := true; ok; from, ok = parents[from] {
		if from == to {
			return true
		}
	}
	return false
}
