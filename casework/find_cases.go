package casework

import (
	"context"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"throughline/db"
	"throughline/internal/seal"
)

// Cases lists the newest cases. The audit names each: the list holds names.
func (d *Desk) Cases(ctx context.Context, who Actor, limit int) ([]CaseRow, error) {
	limit, _ = rows(limit, 0)
	return d.listCases(ctx, who, listOf("cases"), func(ctx context.Context, tx *sqlx.Tx) ([]CaseRow, error) {
		return db.Cases(ctx, tx, who.scope(d), limit)
	})
}

// FindCases lists at most 50 cases, newest first, by words of the name or their beginnings (all that are typed must be in
// it, accents do not matter), the telephone number or its last seven or four digits, the address of email, or a part of
// the reference, however it is spaced. The audit names each, and not what was looked for.
func (d *Desk) FindCases(ctx context.Context, who Actor, query string) ([]CaseRow, error) {
	if err := who.may(SeeCases); err != nil {
		return nil, err
	}
	limit, _ := rows(0, 0)
	blind, err := d.blind(ctx, who.Organisation)
	if err != nil {
		return nil, err
	}
	found := db.Look{Kind: db.AuditSearch, Action: "find", Subject: "cases"}
	return d.listCases(ctx, who, found, func(ctx context.Context, tx *sqlx.Tx) ([]CaseRow, error) {
		return db.FindCases(ctx, tx, who.scope(d), caseWanted(blind, oneLine(query)), limit)
	})
}

func (d *Desk) listCases(ctx context.Context, who Actor, at db.Look, read func(context.Context, *sqlx.Tx) ([]CaseRow, error)) (list []CaseRow, err error) {
	err = d.lookOver(ctx, who, at, func(ctx context.Context, tx *sqlx.Tx) (_ []uuid.UUID, err error) {
		list, err = read(ctx, tx)
		for i := range list {
			d.openName(&list[i])
		}
		return casesOf(list, func(c CaseRow) uuid.UUID { return c.ID }), err
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

// openName leaves the name out that does not open, so that one row that was tampered with hides no other.
func (d *Desk) openName(c *CaseRow) {
	v := d.vault(c.ID, c.CaseKey)
	v.open("cases", c.ID.String(), map[string]*string{"name": &c.Name})
	c.Unreadable = v.err != nil
}

// Fewer than this many signs are in too many references to find anyone by.
const fewestSigns = 4

// lookAlikes are written for the digits of a reference, whose alphabet has none of these letters.
var lookAlikes = strings.NewReplacer("O", "0", "I", "1", "L", "1")

// caseWanted reads what was typed as everything that it may be. What is longer than any field is in none.
func caseWanted(blind *seal.Blind, query string) (w db.CaseWanted) {
	if utf8.RuneCountInString(query) > maxLine {
		return w
	}
	w.Names = wantedNames(blind, query)
	w.Phone, w.Email = wantedPhone(blind, query), wantedEmail(blind, query)
	w.Reference = referenceWanted(query)
	return w
}

// referenceWanted is a part of a reference as it is looked for; "" for what is none.
func referenceWanted(query string) string {
	if utf8.RuneCountInString(query) > maxLine {
		return ""
	}
	return longEnough(lookAlikes.Replace(only(strings.ToUpper(query), func(r rune) bool {
		return unicode.IsLetter(r) || unicode.IsDigit(r)
	})))
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
