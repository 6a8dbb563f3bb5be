package locale

import (
	"encoding/json"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var placeholder = regexp.MustCompile(`\{\{[^}]*\}\}`)

// texts maps each key of a language to all its wording, plural forms joined.
func texts(t *testing.T, lang string) map[string]string {
	t.Helper()
	all := map[string]string{}
	names, err := fs.Glob(files, lang+"/*.json")
	if err != nil || len(names) == 0 {
		t.Fatalf("no files for %s: %v", lang, err)
	}
	for _, name := range names {
		raw, err := files.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var m map[string]any
		if err := json.Unmarshal(raw, &m); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for k, v := range m {
			if _, twice := all[k]; twice {
				t.Errorf("%s: %s is defined twice", name, k)
			}
			switch v := v.(type) {
			case string:
				all[k] = v
			case map[string]any:
				for _, form := range []string{"one", "other"} {
					s, ok := v[form].(string)
					if !ok {
						t.Errorf("%s: %s lacks the form %q", name, k, form)
					}
					all[k] += s + "\n"
				}
			default:
				t.Errorf("%s: %s is neither a text nor plural forms", name, k)
			}
		}
	}
	return all
}

func holders(s string) []string {
	found := placeholder.FindAllString(s, -1)
	slices.Sort(found)
	return slices.Compact(found)
}

func TestBothLanguagesSayTheSameThings(t *testing.T) {
	en, fr := texts(t, "en"), texts(t, "fr")
	for k, e := range en {
		f, ok := fr[k]
		if !ok {
			t.Errorf("%s is missing in French", k)
			continue
		}
		if strings.TrimSpace(e) == "" || strings.TrimSpace(f) == "" {
			t.Errorf("%s is empty", k)
		}
		if !slices.Equal(holders(e), holders(f)) {
			t.Errorf("%s: placeholders differ: %v and %v", k, holders(e), holders(f))
		}
	}
	for k := range fr {
		if _, ok := en[k]; !ok {
			t.Errorf("%s is missing in English", k)
		}
	}
}

// In Canada no space stands before these, unlike in France; before a colon one does.
func TestFrenchSetsItsSignsAsInCanada(t *testing.T) {
	apart, joined := regexp.MustCompile(`[\s\x{a0}\x{202f}][?!;]`), regexp.MustCompile(`\pL:`)
	for k, f := range texts(t, "fr") {
		if found := apart.FindString(f); found != "" {
			t.Errorf("%s has a space before %q", k, found[len(found)-1:])
		}
		if joined.MatchString(f) {
			t.Errorf("%s has no space before a colon: %s", k, f)
		}
	}
}

func TestMatch(t *testing.T) {
	for in, want := range map[string]string{
		"": "en", "fr": "fr", "fr-CA": "fr", "fr-CA,en;q=0.5": "fr", "de,fr;q=0.8": "fr", "de": "en", "\x00": "en",
	} {
		if got := Match(in); got != want {
			t.Errorf("Match(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestUnknownKeyIsSeen(t *testing.T) {
	if got := For("fr").T("no.such.key"); got != "[no.such.key]" {
		t.Errorf("got %q", got)
	}
}
