package directory

import (
	"strings"
	"unicode"

	"golang.org/x/text/runes"
	"golang.org/x/text/transform"
	"golang.org/x/text/unicode/norm"
)

var ligatures = strings.NewReplacer("œ", "oe", "æ", "ae", "’", "'", "‘", "'", "‑", "-", "–", "-", "—", "-")

// fold makes text comparable as directory_fold does in the database: lower case, no accents, no ligatures.
func fold(s string) string {
	folded, _, err := transform.String(transform.Chain(norm.NFD, runes.Remove(runes.In(unicode.Mn)), norm.NFC), strings.ToLower(s))
	if err != nil {
		folded = strings.ToLower(s)
	}
	return ligatures.Replace(folded)
}
