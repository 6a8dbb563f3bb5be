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

// Cases lists the newest cases. Each is audited by itself: the list holds names.
func (d *Desk) Cases(ctx context.Context, who Actor, limit int) ([]CaseRow, error) {
	limit, _ = rows(limit, 0)
	return d.listCases(ctx, who, func(ctx context.Context, tx *sqlx.Tx) ([]CaseRow, error) {
		return db.Cases(ctx, tx, who.Organisation, limit)
	})
}

// FindCases lists at most 50 cases, newest first, by words of the name or their beginnings (all that are typed must be in
// it, accents do not matter), the telephone number or its last seven or four digits, the address of email, or a part of
// the reference, however it is spaced. Each is audited by itself, as in Cases.
func (d *Desk) FindCases(ctx context.Context, who Actor, query string) ([]CaseRow, error) {
	if err := who.staffOnly(); err != nil {
		return nil, err
	}
	limit, _ := rows(0, 0)
	blind, err := d.blind(ctx, who.Organisation)
	if err != nil {
		return nil, err
	}
	return d.listCases(ctx, who, func(ctx context.Context, tx *sqlx.Tx) ([]CaseRow, error) {
		return db.FindCases(ctx, tx, who.Organisation, caseWanted(blind, oneLine(query)), limit)
	})
}

func (d *Desk) listCases(ctx context.Context, who Actor, read func(context.Context, *sqlx.Tx) ([]CaseRow, error)) (list []CaseRow, err error) {
	if err := who.staffOnly(); err != nil {
		return nil, err
	}
	err = db.InTx(ctx, d.DB, func(ctx context.Context, tx *sqlx.Tx) (err error) {
		if list, err = read(ctx, tx); err != nil {
			return err
		}
		ids := make([]uuid.UUID, len(list))
		for i := range list {
			ids[i] = list[i].ID
			d.openName(&list[i])
		}
		return db.InsertAudits(ctx, tx, who.line(), d.Clock.Now(), "view", "case", ids)
	})
	if err != nil {
		return nil, db.Translate(err)
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
