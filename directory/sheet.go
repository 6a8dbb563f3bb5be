package directory

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"slices"
	"strings"

	"throughline/referral"
)

// maxRowBytes bounds one row: a quote that is never closed must not swallow the file.
const maxRowBytes = 256 << 10

// maxUnreadable rows, and a file is not a table we can trust.
const maxUnreadable = 5000

// sheet reads a CSV file row by row. A broken row is handed out with its problem, and reading goes on after it.
type sheet struct {
	file       string
	header     []string // lower case, trimmed
	comma      rune
	rest       []byte
	number     int // of the row read last, as a spreadsheet numbers it: the header is 1
	unreadable int
	buffer     *bufio.Reader
}

// sheetRow has either cells, one per column of the header, or a problem.
type sheetRow struct {
	number   int
	cells    []string
	problem  string // bad_quotes, ragged, row_too_long
	repaired string // stray_quote, extra_cells_empty
}

// openSheet reads the header. A file without one, or with a column twice, is refused: CodeInvalid with Field the file.
func openSheet(file string, text []byte) (*sheet, error) {
	s := &sheet{file: file, rest: text, comma: ',', buffer: bufio.NewReader(nil)}
	line := firstLine(text)
	for _, c := range []rune{';', '\t'} {
		if bytes.Count(line, []byte(string(c))) > bytes.Count(line, []byte(string(s.comma))) {
			s.comma = c
		}
	}
	row, ok := s.next()
	if !ok {
		return nil, referral.Invalid(file, "the file is empty: it has no header")
	}
	if row.problem != "" {
		return nil, referral.Invalid(file, "the header can't be read: %s", row.problem)
	}
	for i, name := range row.cells {
		name = strings.ToLower(strings.TrimSpace(name))
		if name != "" && slices.Contains(row.cells[:i], name) {
			return nil, referral.Invalid(file, "the header has the column in position %d twice", i+1)
		}
		row.cells[i] = name
	}
	s.header = row.cells
	return s, nil
}

// next gives the rows in order, blank lines left out, and false at the end.
func (s *sheet) next() (sheetRow, bool) {
	for len(s.rest) > 0 {
		s.number++
		end, sound := rowEnd(s.rest, byte(s.comma)) // #nosec G115 -- a comma, a semicolon or a tab
		if sound {
			if len(bytes.TrimSpace(s.rest[:end])) == 0 {
				s.rest = s.rest[end:]
				continue
			}
			if row, ok := s.fit(s.parse(s.rest[:end], false)); ok {
				s.rest = s.rest[end:]
				return row, true
			}
		}
		return s.salvage(sound), true
	}
	return sheetRow{}, false
}

// salvage reads the first line alone, where the row as quoted makes no sense. Whatever a stray quote seemed to hold is
// then read as rows of its own: each is accounted for.
func (s *sheet) salvage(sound bool) sheetRow {
	line := firstLine(s.rest)
	s.rest = s.rest[len(line):]
	if len(line) > maxRowBytes {
		return s.broken("row_too_long")
	}
	if row, ok := s.fit(s.parse(line, true)); ok {
		if row.repaired == "" && !sound {
			row.repaired = "stray_quote"
		}
		return row
	}
	if sound {
		return s.broken("ragged")
	}
	return s.broken("bad_quotes")
}

func (s *sheet) broken(problem string) sheetRow {
	s.unreadable++
	return sheetRow{number: s.number, problem: problem}
}

// tooBroken says that this is no table: going on would only list its lines.
func (s *sheet) tooBroken(rows int) bool {
	return s.unreadable > maxUnreadable || s.unreadable > 20 && s.unreadable*2 > rows
}

// fit accepts cells that match the header, and more cells when those are empty.
func (s *sheet) fit(cells []string) (sheetRow, bool) {
	row := sheetRow{number: s.number, cells: cells}
	if cells == nil {
		return row, false
	}
	if s.header == nil {
		return row, true
	}
	if len(cells) > len(s.header) && strings.TrimSpace(strings.Join(cells[len(s.header):], "")) == "" {
		row.cells, row.repaired = cells[:len(s.header)], "extra_cells_empty"
	}
	return row, len(row.cells) == len(s.header)
}

func (s *sheet) parse(row []byte, lazy bool) []string {
	s.buffer.Reset(bytes.NewReader(row))
	r := csv.NewReader(s.buffer)
	r.Comma, r.LazyQuotes, r.TrimLeadingSpace, r.FieldsPerRecord = s.comma, lazy, s.comma != '\t', -1
	cells, err := r.Read()
	if err != nil {
		return nil
	}
	return cells
}

// rowEnd finds where the first row ends, over line ends inside quotes. It is false where the quotes make no sense or
// the row grows past its bound.
func rowEnd(text []byte, comma byte) (end int, sound bool) {
	quoted, start := false, true
	for i := 0; i < len(text) && i < maxRowBytes; i++ {
		c := text[i]
		switch {
		case quoted && c == '"':
			next := byte('\n')
			if i+1 < len(text) {
				next = text[i+1]
			}
			switch next {
			case '"':
				i++
			case comma, '\n', '\r':
				quoted = false
			default:
				return 0, false
			}
		case quoted:
		case c == '\n':
			return i + 1, true
		case c == '"' && start:
			quoted = true
		case c == '"':
			return 0, false
		}
		start = !quoted && (c == comma || start && c == ' ')
	}
	return len(text), !quoted && len(text) < maxRowBytes
}

func firstLine(text []byte) []byte {
	if end := bytes.IndexByte(text, '\n'); end >= 0 {
		return text[:end+1]
	}
	return text
}
