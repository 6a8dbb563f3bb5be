package casework

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"throughline/db"
)

// Correction is what was set right of a case at one time. It holds personal data.
type Correction struct {
	db.Correction
	Changes []FieldChange
}

// FieldChange is what a field said before and after.
type FieldChange struct {
	Field  string `json:"field"`
	Before string `json:"before"`
	After  string `json:"after"`
}

// CaseHistory is a case with all that was set right of it, the newest first.
type CaseHistory struct {
	Case
	Corrections []Correction
}

// CaseHistory reads it; not_found as Case.
func (d *Desk) CaseHistory(ctx context.Context, who Actor, id uuid.UUID) (h CaseHistory, err error) {
	look := db.Look{Kind: db.AuditView, Action: "view", Subject: "corrections", ID: id, Whose: []uuid.UUID{id}}
	err = d.lookOver(ctx, who, look, func(ctx context.Context, tx *sqlx.Tx) ([]uuid.UUID, error) {
		row, err := db.FindCase(ctx, tx, who.Organisation, id)
		if err == nil {
			err = d.sees(ctx, tx, who, id)
		}
		if err == nil {
			err = d.openCase(&row)
		}
		if err != nil {
			return nil, err
		}
		h.Case = caseOf(row)
		list, err := db.Corrections(ctx, tx, id)
		if err != nil {
			return nil, err
		}
		h.Corrections, err = d.openCorrections(row, list, h.Texts())
		return look.Whose, err
	})
	return h, err
}

// openCorrections reads them backwards from what the case says now.
func (d *Desk) openCorrections(row db.CaseRow, list []db.Correction, now map[string]string) ([]Correction, error) {
	v := d.vault(row.ID, row.CaseKey)
	opened := make([]Correction, len(list))
	for i, c := range list {
		v.open("corrections", c.ID.String(), map[string]*string{"before": &c.Before, "reason": &c.Reason})
		before := map[string]string{}
		if c.Before != "" {
			if err := json.Unmarshal([]byte(c.Before), &before); err != nil {
				return nil, unreadable(err)
			}
		}
		opened[i] = Correction{Correction: c}
		for _, f := range CaseFields {
			if slices.Contains(c.Fields, f) {
				opened[i].Changes = append(opened[i].Changes, FieldChange{f, before[f], now[f]})
				now[f] = before[f]
			}
		}
	}
	return opened, v.err
}

// At is what the fields said at a version of the case.
func (h CaseHistory) At(version int) map[string]string {
	said := h.Texts()
	for _, c := range h.Corrections {
		if c.Version <= version {
			break
		}
		for _, f := range c.Changes {
			said[f.Field] = f.Before
		}
	}
	return said
}
