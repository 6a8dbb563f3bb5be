package directory

import (
	"html"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	nethtml "golang.org/x/net/html"
	"golang.org/x/text/encoding/charmap"
)

var (
	// ###MON###, ####COL####, ##MON##, ###: places where an export tool cut a text in two.
	marker      = regexp.MustCompile(`#{2,}[A-Z]{2,8}#{2,}|#{3,}`)
	markup      = regexp.MustCompile(`</?[A-Za-z!][^<>]{0,500}>`)
	entity      = regexp.MustCompile(`&(#\d{2,6}|#x[0-9A-Fa-f]{2,5}|[A-Za-z]{2,8});`)
	lineEnds    = regexp.MustCompile(`[ \t]*\n[ \t]*`)
	blankLines  = regexp.MustCompile(`\n{3,}`)
	spaces      = regexp.MustCompile(`[ \t\x{00a0}]+`)
	asCodePage  = regexp.MustCompile(`GÇ[^\x00-\x7f]|\pL\+[^\x00-\x7f]|\+[^\x00-\x7f]\pL|\pL-«[.,;)]`)
	asWindows   = regexp.MustCompile(`[Â-ï][\x{0080}-\x{00bf}€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]+`)
	escapedLine = strings.NewReplacer(`\r\n`, "\n", `\n`, "\n", `\r`, "\n", `\t`, " ")
)

// tidyProse cleans text of several paragraphs. The codes say what was repaired: control_characters, mojibake,
// escaped_newline, marker, html. Space at the ends and doubled blank lines go without a word.
func tidyProse(s string) (string, []string) {
	if plain(s) {
		return strings.TrimSpace(s), nil
	}
	var codes []string
	step := func(code string, change func(string) string) {
		if t := change(s); t != s {
			s, codes = t, append(codes, code)
		}
	}
	step("mojibake", mendMojibake)
	step("control_characters", dropControls)
	step("escaped_newline", escapedLine.Replace)
	step("marker", func(s string) string { return marker.ReplaceAllString(s, "\n\n") })
	step("html", stripHTML)
	s = spaces.ReplaceAllString(s, " ")
	s = lineEnds.ReplaceAllString(s, "\n")
	s = blankLines.ReplaceAllString(s, "\n\n")
	return strings.TrimSpace(s), codes
}

// tidyLine cleans what must stand on one line, such as a name.
func tidyLine(s string) (string, []string) {
	s, codes := tidyProse(s)
	return strings.Join(strings.Fields(s), " "), codes
}

// plain spares most cells the work: ASCII without anything a repair looks for.
func plain(s string) bool {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c < ' ' || c > '~', c == '\\', c == '#', c == '<', c == '&', c == ' ' && i > 0 && s[i-1] == ' ':
			return false
		}
	}
	return true
}

// mendMojibake mends what can only be UTF-8 that was read as another code page. Two confusions occur: Windows-1252
// (â€™ for ’), and code page 437 whose box-drawing bytes were then replaced by look-alikes (GÇÖ for ’, C+íncer for
// Cáncer). Where a look-alike stands for several letters, as in ni+¦o, the text stays as it is.
func mendMojibake(s string) string {
	if strings.Contains(s, "Ç") || strings.ContainsAny(s, "+-") {
		s = asCodePage.ReplaceAllStringFunc(s, fromCodePage437)
	}
	return asWindows.ReplaceAllStringFunc(s, fromWindows1252)
}

func fromCodePage437(found string) string {
	var lead string
	var utf []byte
	switch {
	case strings.HasPrefix(found, "GÇ"):
		lead, utf = "GÇ", []byte{0xe2, 0x80}
	case strings.Contains(found, "-«"):
		return strings.Replace(found, "-«", "®", 1)
	default:
		lead, utf = "+", []byte{0xc3}
	}
	before, after, _ := strings.Cut(found, lead)
	r, size := utf8.DecodeRuneInString(after)
	b, ok := charmap.CodePage437.EncodeRune(r)
	if !ok || b < 0x80 || b > 0xbf || r == '¬' {
		return found
	}
	mended := string(append(utf, b))
	if mended == "\u200b" {
		mended = ""
	}
	return before + mended + after[size:]
}

func fromWindows1252(found string) string {
	bytes := make([]byte, 0, len(found))
	for _, r := range found {
		b, ok := charmap.Windows1252.EncodeRune(r)
		if !ok {
			return found
		}
		bytes = append(bytes, b)
	}
	if !utf8.Valid(bytes) {
		return found
	}
	return string(bytes)
}

// dropControls also drops the marks that turn the direction of text: they can make a name read as another.
func dropControls(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case unicode.IsControl(r), r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069, r == 0xfeff, r == utf8.RuneError:
			return -1
		}
		return r
	}, s)
}

// stripHTML keeps the text of markup: a block becomes a line of its own, scripts and styles go.
func stripHTML(s string) string {
	if !markup.MatchString(s) {
		return entity.ReplaceAllStringFunc(s, html.UnescapeString)
	}
	var out strings.Builder
	silent := 0
	for z := nethtml.NewTokenizer(strings.NewReader(s)); ; {
		kind := z.Next()
		if kind == nethtml.ErrorToken {
			return out.String()
		}
		t := z.Token()
		hidden := t.Data == "script" || t.Data == "style"
		switch kind {
		case nethtml.TextToken:
			if silent == 0 {
				out.WriteString(t.Data)
			}
		case nethtml.StartTagToken:
			if hidden {
				silent++
			}
			out.WriteString(breakBefore(t.Data))
		case nethtml.EndTagToken:
			if hidden && silent > 0 {
				silent--
			}
			out.WriteString(breakBefore(t.Data))
		case nethtml.SelfClosingTagToken:
			out.WriteString(breakBefore(t.Data))
		}
	}
}

func breakBefore(tag string) string {
	switch tag {
	case "p", "div", "ul", "ol", "table", "h1", "h2", "h3", "h4", "h5", "h6":
		return "\n\n"
	case "br", "tr":
		return "\n"
	case "li":
		return "\n"
	case "td", "th":
		return " "
	}
	return ""
}
