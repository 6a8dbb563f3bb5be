// Package canary looks for texts that were planted where personal data is, in all the forms in which they may have gone
// elsewhere: in a log, a dump of a database, a trace. It is for tests.
package canary

import (
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"html"
	"io"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Found is a canary that was where it must not be.
type Found struct {
	Canary string
	Form   string // as it was written there
	Around string // some of what stands around it
}

func (f Found) String() string {
	return fmt.Sprintf("%q as %q in …%q…", f.Canary, f.Form, f.Around)
}

// shortest is the least that is looked for: fewer characters are found by chance.
const shortest, shortestEncoded = 4, 6

// Forms are the ways in which a text may hide in another, in small letters: as it is; escaped for a URL, JSON, HTML, Go or
// an email; and in hexadecimal, base32 and base64, wherever in its surroundings it begins and whatever letters of it are
// capitals.
func Forms(text string) []string {
	all := map[string]bool{}
	add := func(form string) {
		if len(form) >= shortest {
			all[strings.ToLower(form)] = true
		}
	}
	quoted := strconv.QuoteToASCII(text)
	for _, form := range []string{text, url.QueryEscape(text), url.PathEscape(text), escaped("%", text), escaped("=", text), escaped(`\x`, text),
		html.EscapeString(text), quoted[1 : len(quoted)-1], spoken(text)} {
		add(form)
	}
	for _, letters := range []string{text, strings.ToLower(text), strings.ToUpper(text), capital(text)} {
		add(hex.EncodeToString([]byte(letters)))
		within(letters, 3, 6, base64.RawStdEncoding.EncodeToString, add)
		within(letters, 3, 6, base64.RawURLEncoding.EncodeToString, add)
		within(letters, 5, 5, base32.StdEncoding.EncodeToString, add)
	}
	return slices.Sorted(maps.Keys(all))
}

// within adds what an encoding by blocks of bytes makes of a text that begins anywhere in a block: the letters, of so many
// bits each, that hold nothing but the text. Few of them would be found by chance.
func within(text string, block, bits int, encode func([]byte) string, add func(string)) {
	for cut := range min(block, len(text)) {
		if own := (len(text) - cut) * 8 / bits; own >= shortestEncoded {
			add(encode([]byte(text[cut:]))[:own])
		}
	}
}

// escaped writes each byte by its number after a mark; a program may escape only some of them, which url and html know.
func escaped(mark, text string) string {
	var b strings.Builder
	for _, c := range []byte(text) {
		fmt.Fprintf(&b, "%s%02x", mark, c)
	}
	return b.String()
}

// spoken is an escape of JSON and HTML that leaves ASCII alone.
func spoken(text string) string {
	var b strings.Builder
	for _, c := range text {
		if c < 0x80 {
			b.WriteRune(c)
			continue
		}
		fmt.Fprintf(&b, "&#%d;", c)
	}
	return b.String()
}

func capital(text string) string {
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + strings.ToLower(text[1:])
}

// Search is for the same canaries in many places.
type Search struct {
	of      map[string]string // canary by form
	forms   []string
	longest int
}

// For looks for these. A canary of fewer than 4 characters is a mistake of the test, and panics.
func For(canaries ...string) *Search {
	s := &Search{of: map[string]string{}}
	for _, c := range canaries {
		if len(c) < shortest {
			panic("canary: " + strconv.Quote(c) + " would be found by chance")
		}
		for _, form := range Forms(c) {
			if _, known := s.of[form]; !known {
				s.of[form] = c
				s.forms = append(s.forms, form)
				s.longest = max(s.longest, len(form))
			}
		}
	}
	return s
}

// InText gives the first place of each form of each canary in a text.
func (s *Search) InText(text string) []Found {
	found, _ := s.In(strings.NewReader(text)) // which can be read
	return found
}

const (
	piece  = 1 << 20
	around = 60
)

// In gives the first place of each form in what a reader gives, which may be longer than memory: a dump of a database.
func (s *Search) In(r io.Reader) (found []Found, err error) {
	seen := map[string]bool{}
	buffer, kept := make([]byte, piece+s.longest+around), 0
	for {
		n, err := io.ReadFull(r, buffer[kept:])
		text := string(buffer[:kept+n])
		for form, at := range s.places(strings.ToLower(text)) {
			if !seen[form] {
				seen[form] = true
				found = append(found, Found{s.of[form], form, text[max(0, min(at, len(text))-around):min(len(text), at+len(form)+around)]})
			}
		}
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return found, nil
		case err != nil:
			return found, fmt.Errorf("look for canaries: %w", err)
		}
		// What may have begun at the end of this piece goes on in the next.
		kept = copy(buffer, buffer[len(buffer)-s.longest-around:])
	}
}

func (s *Search) places(text string) map[string]int {
	at := map[string]int{}
	for _, form := range s.forms {
		if i := strings.Index(text, form); i >= 0 {
			at[form] = i
		}
	}
	return at
}
