// Package locale holds every string that a person reads, in English and in French.
//
// Strings live in en/<area>.json and fr/<area>.json, flat: {"area.key": "text"}, or {"one": "…", "other": "…"} where
// a count decides. A test holds the two languages to the same keys and placeholders.
package locale

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"sort"
	"strings"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"
)

// Languages in the order they are offered.
var Languages = []string{"en", "fr"}

//go:embed en/*.json fr/*.json
var files embed.FS

var bundle = mustLoad()

func mustLoad() *i18n.Bundle {
	b := i18n.NewBundle(language.English)
	b.RegisterUnmarshalFunc("json", json.Unmarshal)
	for _, lang := range Languages {
		names, err := fs.Glob(files, lang+"/*.json")
		if err != nil {
			panic(err)
		}
		for _, name := range names {
			raw, err := files.ReadFile(name)
			if err != nil {
				panic(err)
			}
			area := strings.TrimSuffix(path.Base(name), ".json")
			if _, err := b.ParseMessageFileBytes(raw, area+"."+lang+".json"); err != nil {
				panic(fmt.Errorf("locale %s: %w", name, err))
			}
		}
	}
	return b
}

// Localizer speaks one language.
type Localizer struct {
	Lang string
	in   *i18n.Localizer
}

// For gives the localizer of "en" or "fr"; any other language gets English.
func For(lang string) *Localizer {
	lang = Match(lang)
	return &Localizer{Lang: lang, in: i18n.NewLocalizer(bundle, lang)}
}

// Other is the language the switch on each page leads to.
func (l *Localizer) Other() *Localizer {
	if l.Lang == "fr" {
		return For("en")
	}
	return For("fr")
}

// T gives the text of key with its placeholders filled from the maps. A missing key comes back as itself in
// brackets, so that it is seen on the page and by the tests.
func (l *Localizer) T(key string, data ...map[string]any) string {
	return l.localize(&i18n.LocalizeConfig{MessageID: key, TemplateData: merge(data)})
}

// N is T for texts that depend on a count; {{.Count}} is filled in.
func (l *Localizer) N(key string, count int, data ...map[string]any) string {
	all := merge(data)
	all["Count"] = count
	return l.localize(&i18n.LocalizeConfig{MessageID: key, TemplateData: all, PluralCount: count})
}

// Has reports whether the language has key.
func (l *Localizer) Has(key string) bool {
	_, err := l.in.Localize(&i18n.LocalizeConfig{MessageID: key, PluralCount: 2})
	return err == nil
}

func (l *Localizer) localize(c *i18n.LocalizeConfig) string {
	text, err := l.in.Localize(c)
	if err != nil {
		return "[" + c.MessageID + "]"
	}
	return text
}

func merge(data []map[string]any) map[string]any {
	all := map[string]any{}
	for _, d := range data {
		for k, v := range d {
			all[k] = v
		}
	}
	return all
}

// Match picks "en" or "fr" from a language tag or an Accept-Language header; "en" when neither is asked for.
func Match(accept string) string {
	tags, _, err := language.ParseAcceptLanguage(accept)
	if err != nil || len(tags) == 0 {
		return "en"
	}
	_, i, _ := language.NewMatcher([]language.Tag{language.English, language.French}).Match(tags...)
	return Languages[i]
}

// Keys lists every key of a language, sorted.
func Keys(lang string) ([]string, error) {
	names, err := fs.Glob(files, lang+"/*.json")
	if err != nil {
		return nil, err
	}
	var keys []string
	for _, name := range names {
		raw, err := files.ReadFile(name)
		if err != nil {
			return nil, err
		}
		var m map[string]json.RawMessage
		if err := json.Unmarshal(raw, &m); err != nil {
			return nil, fmt.Errorf("locale %s: %w", name, err)
		}
		for k := range m {
			keys = append(keys, k)
		}
	}
	sort.Strings(keys)
	return keys, nil
}
