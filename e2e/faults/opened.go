package faults

import (
	"fmt"

	"github.com/google/uuid"

	"throughline/db"
	"throughline/internal/seal"
	"throughline/internal/seal/sealtest"
)

// open makes the marks readable that calls and commands left in what people write: the deployment seals them.
func (r *record) open() error {
	ring, keys := sealtest.Keyring(), map[uuid.UUID]*seal.Key{}
	for i := range r.Referrals {
		row := &r.Referrals[i]
		key, err := ring.Key(seal.Wrapped{Of: row.Case, Bytes: row.Wrapped, KEK: row.KEK})
		if err == nil {
			row.Details, err = key.Open(seal.Place("referrals", "details", row.ID.String()), row.Details)
		}
		if err != nil {
			return fmt.Errorf("open referral %s: %w", row.ID, err)
		}
		keys[row.ID] = key
	}
	for i := range r.Timeline {
		l := &r.Timeline[i]
		if l.Note == "" {
			continue
		}
		key, ok := keys[l.Referral]
		if !ok {
			return fmt.Errorf("a line is about referral %s, which is not there", l.Referral)
		}
		var err error
		row := db.LineRow(l.Referral.String(), l.Version, string(l.What), l.SealID.String())
		if l.Note, err = key.Open(seal.Place("timeline", "note", row), l.Note); err != nil {
			return fmt.Errorf("open a line of referral %s: %w", l.Referral, err)
		}
	}
	return nil
}
