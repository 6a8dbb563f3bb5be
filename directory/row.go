package directory

import (
	"crypto/sha256"
	"fmt"
	"strings"

	"github.com/google/uuid"
)

// maxCellRunes bounds one cell; the longest real description seen has 3,300.
const maxCellRunes = 100_000

// row is one row of a file on its way into the directory.
type row struct {
	im       *importer
	table    *table
	file     string
	number   int
	sourceID string
	id       uuid.UUID
	values   map[string]any // by column; columns that begin with "-" are inputs of finish only
	findings []Finding
	verdict  Action // Skipped or Rejected; empty goes on
}

func (r *row) text(column string) string {
	s, _ := r.values[column].(string)
	return s
}

func (r *row) find(action Action, field, code, message string) {
	r.findings = append(r.findings, Finding{File: r.file, Row: r.number, SourceID: r.sourceID, Field: field,
		Action: action, Code: code, Message: message})
}

func (r *row) repaired(field, code, message string) { r.find(Repaired, field, code, message) }

// drop ends the row: it is skipped, since it says nothing usable, or rejected, since it can't be right.
func (r *row) drop(action Action, field, code, message string) {
	if r.verdict == "" {
		r.verdict = action
		r.find(action, field, code, message)
	}
}

// fill reads the cells into values, fields in the table's order, and then lets the table finish the row.
func (r *row) fill(s *sheet, cells []string) {
	r.values = make(map[string]any, len(s.header)+4)
	at := make(map[string]int, len(s.header))
	for i, name := range s.header {
		at[name] = i
		if len(cells[i]) > maxCellRunes {
			r.drop(Rejected, name, "cell_too_long", fmt.Sprintf("a cell is longer than %d characters", maxCellRunes))
			return
		}
	}
	if i, ok := at["id"]; ok {
		r.sourceID, _ = tidyLine(cells[i])
	}
	for _, f := range r.table.fields {
		i, ok := at[f.csv]
		if !ok {
			continue
		}
		r.set(f, f.target(), cells[i])
		if i, ok := at[f.csv+"_fr"]; ok && f.french {
			french := f
			french.csv, french.must = f.csv+"_fr", false
			r.set(french, f.target()+"_fr", cells[i])
		}
	}
	if r.verdict == "" && r.table.finish != nil {
		r.table.finish(r)
	}
	r.check()
}

// set keeps the first of two columns that mean the same, such as fees and fees_description.
func (r *row) set(f field, column, cell string) {
	old, taken := r.values[column]
	if taken && old != nil && old != "" {
		return
	}
	value := f.read(r, f, cell)
	r.values[column] = value
	if f.must && (value == nil || value == "") {
		if f.to != "" {
			r.drop(Skipped, f.csv, "no_"+ownerWord(f.target()), "belongs to nothing this import holds")
			return
		}
		r.drop(Rejected, f.csv, "missing_"+f.csv, "a row needs this")
	}
}

// check holds the row to its table's owners and content.
func (r *row) check() {
	if r.verdict != "" {
		return
	}
	if len(r.table.owners) > 0 && !r.any(r.table.owners) {
		word := "owner"
		if len(r.table.owners) == 1 {
			word = ownerWord(r.table.owners[0])
		}
		r.drop(Skipped, "", "no_"+word, "belongs to nothing this import holds")
		return
	}
	if len(r.table.content) > 0 && !r.any(r.table.content) {
		r.drop(Skipped, "", "empty", "nothing in it to keep")
	}
}

func (r *row) any(columns []string) bool {
	for _, c := range columns {
		if v := r.values[c]; v != nil && v != "" {
			return true
		}
	}
	return false
}

func ownerWord(column string) string { return strings.TrimSuffix(column, "_id") }

// identify gives the row its id, the same on every import. A UUID of the source is kept as it is, unless another source
// holds it.
func (r *row) identify(cells []string, seen map[uuid.UUID]string) {
	if r.verdict != "" {
		return
	}
	content := fmt.Sprintf("%x", sha256.Sum256([]byte(strings.Join(cells, "\x1f"))))
	key := r.sourceID
	if term, ok := r.values["term_id"].(uuid.UUID); ok {
		// A service has a term once, whatever the link between them is called.
		key = fmt.Sprint(r.values["service_id"], term)
		content = key
	}
	switch {
	case len(key) > 200:
		r.drop(Rejected, "id", "bad_id", "an id has at most 200 characters")
		return
	case key == "" && r.table.principal:
		r.drop(Rejected, "id", "missing_id", "other rows refer to this one by its id")
		return
	case key == "":
		key = "content:" + content
	}
	r.id = r.im.idOf(r.table.name, key)
	if first, taken := seen[r.id]; taken {
		switch {
		case first == content:
			r.drop(Skipped, "id", "duplicate_row", "the same row stands above")
			return
		case r.table.principal:
			r.drop(Rejected, "id", "duplicate_id", "another row above has this id; the first is kept")
			return
		}
		r.id = r.im.idOf(r.table.name, key+"\x1f"+content)
		r.repaired("id", "duplicate_id", "another row above has this id; this one is kept beside it")
		if _, taken := seen[r.id]; taken {
			r.findings = nil
			r.drop(Skipped, "id", "duplicate_row", "the same row stands above")
			return
		}
	}
	seen[r.id] = content
}
