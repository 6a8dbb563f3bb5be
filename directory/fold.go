package directory

import (
	"strings"
	"unicode"

	"golang.org/x/text/runes"
	"golang.org/x/text/transform"
	"golang.org/x/text/unicode/norm"
)

var ligatures = strings.NewReplacer("œ", "oe", "æ", "ae", "’", "'", "‘", "'", "‑", "-", "–", "-", "—", "-")

// accents are the combining marks of Latin script; those of other scripts are letters in their own right.
var accents = runes.In(&unicode.RangeTable{R16: []unicode.Range16{{Lo: 0x0300, Hi: 0x036f, Stride: 1}}})

// Fold makes text comparable whatever its case, accents and ligatures are.
func Fold(s string) string { return fold(s) }

// fold makes text comparable as directory_fold does in the database: lower case, no accents, no ligatures.
func fold(s string) string {
	folded, _, err := transform.String(transform.Chain(norm.NFD, runes.Remove(accents), norm.NFC), s)
	if err != nil {
		folded = s
	}
	return ligatures.Replace(strings.ToLower(folded))
}
