package casework

import (
	"errors"

	"github.com/google/uuid"

	"throughline/db"
	"throughline/internal/seal"
	"throughline/referral"
)

// What people wrote is sealed in the record, field by field, with the key of its case: db/sealed_columns.go lists where.
// It is sealed as it is written and opened as it is read, and nowhere else.

// unreadable is the answer when something sealed does not open: someone changed it or moved it, or the key is another.
func unreadable(err error) error {
	if err == nil {
		return nil
	}
	return &referral.Error{Code: referral.CodeInternal, Field: "sealed", Message: "what is kept here can't be opened", Err: err}
}

// vault seals and opens for one case. It remembers the first thing that goes wrong, and unwraps the key when it is needed.
type vault struct {
	key func() (*seal.Key, error)
	err error
}

// vault is that of a case whose wrapped key was read with its rows.
func (d *Desk) vault(caseID uuid.UUID, k db.CaseKey) *vault {
	return &vault{key: func() (*seal.Key, error) {
		if k.KEK == "" {
			return nil, seal.ErrNotSealed // a case of before that has no key yet
		}
		return d.Keyring.Key(seal.Wrapped{Of: caseID, Bytes: k.Wrapped, KEK: k.KEK})
	}}
}

// noCase is the vault of what belongs to no case: there is no key for it, so it must hold nothing of anyone.
var noCase *vault

// factorVault is that of the secrets of an organisation's accounts, which belong to no case.
func (d *Desk) factorVault(organisation uuid.UUID, k db.CaseKey) *vault {
	return &vault{key: func() (*seal.Key, error) {
		if k.KEK == "" {
			return nil, seal.ErrNotSealed // an organisation of before that has no key yet
		}
		return d.Keyring.Secrets(seal.Wrapped{Of: organisation, Bytes: k.Wrapped, KEK: k.KEK})
	}}
}

// openFactor opens the secrets of an account's second factor.
func (d *Desk) openFactor(account uuid.UUID, f *db.SecondFactor) error {
	v := d.factorVault(f.Organisation, f.CaseKey)
	v.open("second_factors", account.String(), map[string]*string{"secret": &f.Secret, "proposed": &f.Proposed})
	return v.err
}

func (v *vault) fail(err error) {
	switch {
	case v.err != nil:
	case errors.Is(err, seal.ErrErased):
		v.err = errErasedCase
	default:
		v.err = unreadable(err)
	}
}

// seal gives a text as the record keeps it.
func (v *vault) seal(table, column, row, text string) string {
	if text == "" {
		return ""
	}
	key, err := v.key()
	if err != nil {
		v.fail(err)
		return ""
	}
	sealed, err := key.Seal(seal.Place(table, column, row), text)
	if err != nil {
		v.fail(err)
	}
	return sealed
}

// open makes sealed texts of a row readable. Those of a case whose key was destroyed are empty.
func (v *vault) open(table, row string, columns map[string]*string) {
	for column, text := range columns {
		if *text == "" {
			continue
		}
		key, err := v.key()
		if err == nil {
			*text, err = key.Open(seal.Place(table, column, row), *text)
		}
		if err != nil {
			*text = ""
		}
		if err != nil && !errors.Is(err, seal.ErrErased) {
			v.fail(err)
		}
	}
}

// opensRow makes the sealed texts of one row of a list readable, and reports whether they are: one that was tampered with
// is left empty, and hides no other.
func (d *Desk) opensRow(caseID uuid.UUID, k db.CaseKey, table string, row uuid.UUID, columns map[string]*string) bool {
	v := d.vault(caseID, k)
	v.open(table, row.String(), columns)
	return v.err == nil
}

func ofCase(c *db.CaseRow) map[string]*string {
	return map[string]*string{"name": &c.Name, "phone": &c.Phone, "email": &c.Email, "contact_times": &c.ContactTimes,
		"municipality": &c.Municipality, "postal_code": &c.PostalCode, "birth_year": &c.BirthYear, "notes": &c.Notes}
}

// sealCase seals a folder for its row.
func (v *vault) sealCase(c db.CaseRow) db.CaseRow {
	for column, text := range ofCase(&c) {
		*text = v.seal("cases", column, c.ID.String(), *text)
	}
	return c
}

func (d *Desk) openCase(c *db.CaseRow) error {
	v := d.vault(c.ID, c.CaseKey)
	v.open("cases", c.ID.String(), ofCase(c))
	return v.err
}

// sealLines seals what people wrote in lines of a referral's timeline, and the name that an agency typed.
func (v *vault) sealLines(who *db.Who, referralID uuid.UUID, version int, entries []db.Entry) {
	name := who.Name
	if who.Via == string(ViaLink) {
		who.Name = ""
	}
	for i := range entries {
		e := &entries[i]
		if e.Note == "" && e.ToldBy == "" && (who.Via != string(ViaLink) || name == "") {
			continue
		}
		id := uuid.New()
		row := lineRow(referralID, version, e.What, id)
		e.SealID = &id
		e.Note, e.ToldBy = v.seal("timeline", "note", row, e.Note), v.seal("timeline", "told_by", row, e.ToldBy)
		if who.Via == string(ViaLink) {
			typed := v.seal("timeline", "actor_name", row, name)
			e.ActorName = &typed
		}
	}
}

// lineRow names a line of the timeline by what it says besides what is sealed in it.
func lineRow(referralID uuid.UUID, version int, what referral.Name, id uuid.UUID) string {
	return db.LineRow(referralID.String(), version, string(what), id.String())
}

func (v *vault) openLine(referralID uuid.UUID, l *TimelineEntry) {
	columns := map[string]*string{"note": &l.Note, "told_by": &l.ToldBy}
	if l.Via == string(ViaLink) {
		columns["actor_name"] = &l.ActorName
	}
	v.open("timeline", lineRow(referralID, l.Version, l.What, l.SealID), columns)
}

// sealWords seals what people wrote about offers.
func (v *vault) sealWords(words map[uuid.UUID]db.OfferWords) map[uuid.UUID]db.OfferWords {
	sealed := make(map[uuid.UUID]db.OfferWords, len(words))
	for id, w := range words {
		for column, text := range map[string]**string{"reason_note": &w.ReasonNote, "question": &w.Question, "answer": &w.Answer,
			"answered_by": &w.AnsweredBy} {
			if *text != nil {
				s := v.seal("offers", column, id.String(), **text)
				*text = &s
			}
		}
		sealed[id] = w
	}
	return sealed
}

func (v *vault) openReferral(r *Referral) {
	v.open("referrals", r.ID.String(), map[string]*string{"details": &r.Details})
	for i := range r.Offers {
		o := &r.Offers[i]
		v.open("offers", o.ID.String(), map[string]*string{"reason_note": &o.ReasonNote, "question": &o.Question, "answer": &o.Answer,
			"answered_by": &o.AnsweredBy})
	}
	for i := range r.Tasks {
		v.openTask(&r.Tasks[i])
	}
}

func (v *vault) openTask(t *Task) {
	v.open("tasks", t.ID.String(), map[string]*string{"result": &t.Result})
}
