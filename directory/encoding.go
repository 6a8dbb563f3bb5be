package directory

import (
	"bytes"
	"fmt"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
)

// decoded is a file as UTF-8 with \n line ends, and a sentence on what had to be done; empty when it was UTF-8 already.
type decoded struct {
	text []byte
	note string
}

// decode reads UTF-8, UTF-16 and Windows-1252 (of which Latin-1 is the part that matters). A file that mixes UTF-8 and
// Windows-1252 is read line by line, since pasted exports do.
func decode(raw []byte) (decoded, error) {
	var d decoded
	switch {
	case bytes.HasPrefix(raw, []byte("\xef\xbb\xbf")):
		d.text = raw[3:]
	case bytes.HasPrefix(raw, []byte("\xff\xfe")), bytes.HasPrefix(raw, []byte("\xfe\xff")):
		return decodeUTF16(raw, unicode.LittleEndian, unicode.UseBOM)
	case zerosAt(raw, 1):
		return decodeUTF16(raw, unicode.LittleEndian, unicode.IgnoreBOM)
	case zerosAt(raw, 0):
		return decodeUTF16(raw, unicode.BigEndian, unicode.IgnoreBOM)
	default:
		d.text = raw
	}
	if !utf8.Valid(d.text) {
		d.text, d.note = decodeLines(d.text)
	}
	d.text = unixLines(d.text)
	return d, nil
}

// zerosAt tells UTF-16 without a mark: in text that is mostly Latin, every other byte is zero.
func zerosAt(raw []byte, start int) bool {
	sample := raw[:min(len(raw), 1024)]
	zeros := 0
	for i := start; i < len(sample); i += 2 {
		if sample[i] == 0 {
			zeros++
		}
	}
	return len(sample) >= 8 && zeros*3 > len(sample)
}

func decodeUTF16(raw []byte, order unicode.Endianness, mark unicode.BOMPolicy) (decoded, error) {
	text, err := unicode.UTF16(order, mark).NewDecoder().Bytes(raw)
	if err != nil {
		return decoded{}, fmt.Errorf("read UTF-16: %w", err)
	}
	return decoded{text: unixLines(text), note: "read as UTF-16"}, nil
}

func decodeLines(raw []byte) (text []byte, note string) {
	out := make([]byte, 0, len(raw)+len(raw)/16)
	lines := 0
	for len(raw) > 0 {
		end := bytes.IndexByte(raw, '\n') + 1
		if end == 0 {
			end = len(raw)
		}
		if line := raw[:end]; utf8.Valid(line) {
			out = append(out, line...)
		} else {
			lines++
			for _, b := range line {
				out = utf8.AppendRune(out, charmap.Windows1252.DecodeByte(b))
			}
		}
		raw = raw[end:]
	}
	return out, fmt.Sprintf("%d lines read as Windows-1252", lines)
}

// unixLines also turns the lone \r of old spreadsheets into a line end.
func unixLines(text []byte) []byte {
	if !bytes.ContainsRune(text, '\r') {
		return text
	}
	text = bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))
	if !bytes.ContainsRune(text, '\n') {
		text = bytes.ReplaceAll(text, []byte("\r"), []byte("\n"))
	}
	return text
}
