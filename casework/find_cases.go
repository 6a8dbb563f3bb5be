package casework

import (
	"context"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"github.com/nyaruka/phonenumbers"

	"throughline/db"
)

// Cases lists the newest cases. The audit names each: the list holds names.
func (d *Desk) Cases(ctx context.Context, who Actor, limit int) ([]CaseRow, error) {
	limit, _ = rows(limit, 0)
	return d.listCases(ctx, who, listOf("cases"), func(ctx context.Context, tx *sqlx.Tx) ([]CaseRow, error) {
		return db.Cases(ctx, tx, who.Organisation, limit)
	})
}

// FindCases lists at most 50 cases, newest first, by a part of the name (every word of it, accents do not matter), some
// digits of the phone number or the reference, however it is spaced. The audit names each, and not what was looked for.
func (d *Desk) FindCases(ctx context.Context, who Actor, query string) ([]CaseRow, error) {
	limit, _ := rows(0, 0)
	found := db.Look{Kind: db.AuditSearch, Action: "find", Subject: "cases"}
	return d.listCases(ctx, who, found, func(ctx context.Context, tx *sqlx.Tx) ([]CaseRow, error) {
		return db.FindCases(ctx, tx, who.Organisation, caseWanted(oneLine(query)), limit)
	})
}

func (d *Desk) listCases(ctx context.Context, who Actor, at db.Look, read func(context.Context, *sqlx.Tx) ([]CaseRow, error)) (list []CaseRow, err error) {
	err = d.lookOver(ctx, who, at, func(ctx context.Context, tx *sqlx.Tx) (_ []uuid.UUID, err error) {
		list, err = read(ctx, tx)
		return casesOf(list, func(c CaseRow) uuid.UUID { return c.ID }), err
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

// Fewer than this many digits or signs are in too many numbers and references to find anyone by.
const fewestSigns = 4

var (
	likeSigns = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)
	// lookAlikes are written for the digits of a reference, whose alphabet has none of these letters.
	lookAlikes = strings.NewReplacer("O", "0", "I", "1", "L", "1")
)

// caseWanted reads what was typed as everything that it may be. What is longer than any field is in none.
func caseWanted(query string) (w db.CaseWanted) {
	if utf8.RuneCountInString(query) > maxLine {
		return w
	}
	for _, word := range strings.Fields(query) {
		w.Words = append(w.Words, "%"+likeSigns.Replace(word)+"%")
	}
	number, _ := phonenumbers.MaybeSeparateExtensionFromPhone(poste.ReplaceAllString(query, " ext. $2"))
	if !strings.ContainsFunc(number, unicode.IsLetter) {
		w.Digits = longEnough(only(number, func(r rune) bool { return r >= '0' && r <= '9' }))
	}
	w.Reference = longEnough(lookAlikes.Replace(only(strings.ToUpper(query), func(r rune) bool {
		return unicode.IsLetter(r) || unicode.IsDigit(r)
	})))
	return w
}

func only(s string, keep func(rune) bool) string {
	return strings.Map(func(r rune) rune {
		if keep(r) {
			return r
		}
		return -1
	}, s)
}

func longEnough(s string) string {
	if len(s) < fewestSigns {
		return ""
	}
	return s
}
