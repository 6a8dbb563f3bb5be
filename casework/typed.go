package casework

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// bidi are the characters that turn the direction of text; in a name they can make it read as another.
var bidi = strings.NewReplacer("\u202a", "", "\u202b", "", "\u202c", "", "\u202d", "", "\u202e", "",
	"\u2066", "", "\u2067", "", "\u2068", "", "\u2069", "")

// oneLine brings what was typed into a field of one line: what breaks a line becomes a space, other control characters
// go. Every script stays as it is spelled, with its joiners, accents and emoji.
func oneLine(s string) string {
	if !storable(s) {
		return s
	}
	return typed(strings.Map(func(r rune) rune {
		switch {
		case unicode.IsControl(r) && unicode.IsSpace(r), r == '\u2028', r == '\u2029':
			return ' '
		case unicode.IsControl(r):
			return -1
		}
		return r
	}, strings.ReplaceAll(s, "\r\n", "\n")))
}

// typed is what a person can see of a text; "" when that is nothing, as of joiners and fillers alone.
func typed(s string) string {
	if !storable(s) {
		return s
	}
	s = strings.TrimSpace(bidi.Replace(s))
	if !strings.ContainsFunc(s, visible) {
		return ""
	}
	return s
}

// visible reports a letter, digit, sign or picture. Unicode counts some that leave no mark on paper among the letters.
func visible(r rune) bool {
	const brailleBlank = '\u2800'
	return unicode.In(r, unicode.L, unicode.N, unicode.P, unicode.S) && !unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r) &&
		r != brailleBlank
}

// storable reports text that Postgres can hold. What is not is left as it came, for limits to refuse.
func storable(s string) bool { return utf8.ValidString(s) && !strings.ContainsRune(s, 0) }
