package casework

import (
	"context"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"github.com/nyaruka/phonenumbers"

	"throughline/db"
	"throughline/directory"
	"throughline/internal/seal"
)

// A case is found by marks of what it holds, which only the organisation's key makes (docs/adr/0013-sealed-fields.md says
// what they give away). The same functions make them for the record and for what is typed to find it.

const (
	// The beginnings of a word of a name are marked from this many letters on, or all of it, and up to that many.
	shortestBeginning, longestBeginning = 3, 10
	// mostWords of a name are marked, so that a case has a bounded number of marks.
	mostWords = 8
)

// phoneEnds are how many last digits a number is found by, besides by all of them.
var phoneEnds = []int{10, 7, 4}

// nameWords are the words of a name as they are compared: without case, accents and signs.
func nameWords(name string) []string {
	return strings.FieldsFunc(directory.Fold(name), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r)
	})
}

// markedWords are the words of a name that are marked.
func markedWords(name string) []string {
	words := nameWords(name)
	return words[:min(len(words), mostWords)]
}

// foundBy makes the marks of a case.
func foundBy(blind *seal.Blind, name, phone, email string) [][]byte {
	marks := [][]byte{}
	seen := map[string]bool{}
	add := func(kind, word string) {
		if word != "" && !seen[kind+word] {
			seen[kind+word] = true
			marks = append(marks, blind.Mark(kind, word))
		}
	}
	for _, word := range markedWords(name) {
		letters := []rune(word)
		for n := min(len(letters), shortestBeginning); n <= min(len(letters), longestBeginning); n++ {
			add("name", string(letters[:n]))
		}
	}
	number, _, _ := strings.Cut(phone, ";")
	digits := only(number, isDigit)
	add("phone", digits)
	for _, n := range phoneEnds {
		if len(digits) >= n {
			add("phone", digits[len(digits)-n:])
		}
	}
	add("email", strings.ToLower(email))
	return marks
}

// wantedNames are the marks of what was typed as a name. Of a longer word its beginning is looked for.
func wantedNames(blind *seal.Blind, query string) [][]byte {
	marks := [][]byte{}
	for _, word := range markedWords(query) {
		if letters := []rune(word); len(letters) > longestBeginning {
			word = string(letters[:longestBeginning])
		}
		marks = append(marks, blind.Mark("name", word))
	}
	return marks
}

func wantedPhone(blind *seal.Blind, query string) []byte {
	number, _ := phonenumbers.MaybeSeparateExtensionFromPhone(poste.ReplaceAllString(query, " ext. $2"))
	digits := only(number, isDigit)
	if strings.ContainsFunc(number, unicode.IsLetter) || len(digits) < fewestSigns {
		return nil
	}
	return blind.Mark("phone", digits)
}

func wantedEmail(blind *seal.Blind, query string) []byte {
	if !strings.Contains(query, "@") {
		return nil
	}
	return blind.Mark("email", strings.ToLower(query))
}

func isDigit(r rune) bool { return r >= '0' && r <= '9' }

// blinds are the organisations' keys that were used last.
type blinds struct {
	mu   sync.Mutex
	held map[uuid.UUID]heldBlind
}

type heldBlind struct {
	blind *seal.Blind
	until time.Time
}

// blind gives the key that makes an organisation's marks, and makes it the first time. It is a transaction of its own:
// marks must never be made with a key that is not kept.
func (d *Desk) blind(ctx context.Context, organisation uuid.UUID) (*seal.Blind, error) {
	now := time.Now()
	d.blinds.mu.Lock()
	h := d.blinds.held[organisation]
	d.blinds.mu.Unlock()
	if now.Before(h.until) {
		return h.blind, nil
	}
	var k db.CaseKey
	err := db.InTx(db.AsSystem(ctx), d.DB, func(ctx context.Context, tx *sqlx.Tx) (err error) {
		k, err = d.organisationKey(ctx, tx, organisation)
		return err
	})
	if err != nil {
		return nil, db.Translate(err)
	}
	blind, err := d.Keyring.Blind(seal.Wrapped{Of: organisation, Bytes: k.Wrapped, KEK: k.KEK})
	if err != nil {
		return nil, unreadable(err)
	}
	d.blinds.mu.Lock()
	defer d.blinds.mu.Unlock()
	if d.blinds.held == nil {
		d.blinds.held = map[uuid.UUID]heldBlind{}
	}
	d.blinds.held[organisation] = heldBlind{blind, now.Add(termsLife)}
	return blind, nil
}

func (d *Desk) organisationKey(ctx context.Context, tx *sqlx.Tx, organisation uuid.UUID) (db.CaseKey, error) {
	k, ok, err := db.FindOrganisationKey(ctx, tx, organisation)
	if err != nil || ok {
		return k, err
	}
	w, _, err := d.Keyring.NewKey(organisation)
	if err != nil {
		return k, unreadable(err)
	}
	if err := db.InsertOrganisationKey(ctx, tx, organisation, db.CaseKey{Wrapped: w.Bytes, KEK: w.KEK}, d.Clock.Now()); err != nil {
		return k, err
	}
	k, _, err = db.FindOrganisationKey(ctx, tx, organisation) // another's, when that one was first
	return k, err
}
