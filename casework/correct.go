package casework

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"throughline/db"
	"throughline/referral"
)

// CorrectionInput is what is set right of a case; what is nil stays as it is. An empty name makes the case anonymous, and
// a name ends that.
type CorrectionInput struct {
	Name               *string `json:"name"`
	Phone              *string `json:"phone"`
	Email              *string `json:"email"`
	ContactTimes       *string `json:"contact_times"`
	SafeToCall         *bool   `json:"safe_to_call"`
	SafeToLeaveMessage *bool   `json:"safe_to_leave_message"`
	Municipality       *string `json:"municipality"`
	PostalCode         *string `json:"postal_code"`
	BirthYear          *int    `json:"birth_year"`
	Language           *string `json:"language"`
	Notes              *string `json:"notes"`
	Reason             string  `json:"reason"` // may hold personal data
	IfVersion          int     `json:"-"`      // of the case as it was read
}

// CorrectAll sets every field to what a form holds.
func CorrectAll(c CaseInput) CorrectionInput {
	return CorrectionInput{Name: &c.Name, Phone: &c.Phone, Email: &c.Email, ContactTimes: &c.ContactTimes, SafeToCall: &c.SafeToCall,
		SafeToLeaveMessage: &c.SafeToLeaveMessage, Municipality: &c.Municipality, PostalCode: &c.PostalCode, BirthYear: &c.BirthYear,
		Language: &c.Language, Notes: &c.Notes}
}

// over gives a case with what is set right.
func (in CorrectionInput) over(c CaseInput) CaseInput {
	put(&c.Name, in.Name)
	put(&c.Phone, in.Phone)
	put(&c.Email, in.Email)
	put(&c.ContactTimes, in.ContactTimes)
	put(&c.SafeToCall, in.SafeToCall)
	put(&c.SafeToLeaveMessage, in.SafeToLeaveMessage)
	put(&c.Municipality, in.Municipality)
	put(&c.PostalCode, in.PostalCode)
	put(&c.BirthYear, in.BirthYear)
	put(&c.Language, in.Language)
	put(&c.Notes, in.Notes)
	c.Anonymous = c.Name == ""
	return c
}

func put[T any](field *T, value *T) {
	if value != nil {
		*field = *value
	}
}

// CaseFields are what can be set right of a case, by name, in the order of its page.
var CaseFields = []string{"name", "phone", "email", "safe_to_call", "safe_to_leave_message", "contact_times", "language", "municipality",
	"postal_code", "birth_year", "notes"}

// Texts are the fields of a case as text, by name; an unknown year of birth is "".
func (c CaseInput) Texts() map[string]string {
	year := ""
	if c.BirthYear != 0 {
		year = strconv.Itoa(c.BirthYear)
	}
	return map[string]string{"name": c.Name, "phone": c.Phone, "email": c.Email, "contact_times": c.ContactTimes,
		"safe_to_call": strconv.FormatBool(c.SafeToCall), "safe_to_leave_message": strconv.FormatBool(c.SafeToLeaveMessage),
		"municipality": c.Municipality, "postal_code": c.PostalCode, "birth_year": year, "language": c.Language, "notes": c.Notes}
}

// Take gives a case one field of another.
func (c *CaseInput) Take(field string, of CaseInput) {
	all, one := CorrectAll(of), CorrectionInput{}
	switch field {
	case "name":
		one.Name = all.Name
	case "phone":
		one.Phone = all.Phone
	case "email":
		one.Email = all.Email
	case "safe_to_call":
		one.SafeToCall = all.SafeToCall
	case "safe_to_leave_message":
		one.SafeToLeaveMessage = all.SafeToLeaveMessage
	case "contact_times":
		one.ContactTimes = all.ContactTimes
	case "language":
		one.Language = all.Language
	case "municipality":
		one.Municipality = all.Municipality
	case "postal_code":
		one.PostalCode = all.PostalCode
	case "birth_year":
		one.BirthYear = all.BirthYear
	case "notes":
		one.Notes = all.Notes
	}
	*c = one.over(*c)
}

// SameText reports texts that say the same: browsers send the ends of lines in their own way.
func SameText(a, b string) bool {
	return a == b || strings.ReplaceAll(a, "\r\n", "\n") == strings.ReplaceAll(b, "\r\n", "\n")
}

// changed names the fields that differ, in their order, and says what they were.
func changed(was, is CaseInput) (fields []string, before map[string]string) {
	before = was.Texts()
	after := is.Texts()
	for _, f := range CaseFields {
		if !SameText(before[f], after[f]) {
			fields = append(fields, f)
		} else {
			delete(before, f)
		}
	}
	return fields, before
}

// CheckCorrection names what can't be right with the details and the reason of a correction, and keeps nothing.
func (d *Desk) CheckCorrection(c CaseInput, reason string) error {
	var f faults
	f.add(c.tidy(d.Clock.Now()))
	_, err := tidyReason(reason)
	f.add(err)
	return f.err()
}

func tidyReason(text string) (string, error) {
	text = oneLine(text)
	if text == "" {
		return "", referral.Invalid("reason", "write why")
	}
	return text, limits(map[string]string{"reason": text}, maxLine)
}

// Correct sets right what was written of a client, and keeps what it said before. Agencies that the client agreed to see
// it on their page at once; nobody writes to them. Errors: invalid with the field; not_found; stale when the case is no
// longer at the version that was read; conflict when it was erased.
func (d *Desk) Correct(ctx context.Context, who Actor, id uuid.UUID, in CorrectionInput, key *Key) (Case, error) {
	var out Case
	if err := who.may(CorrectCases); err != nil {
		return out, err
	}
	err := d.change(ctx, who, func(ctx context.Context, tx *sqlx.Tx) error {
		row, err := db.FindCase(ctx, tx, who.Organisation, id)
		if err == nil {
			err = d.sees(ctx, tx, who, id)
		}
		if err != nil {
			return err
		}
		return once(ctx, d, tx, who, key, d.Clock.Now(), &out, func() (err error) {
			out, err = d.correct(ctx, tx, who, row, in)
			return err
		})
	})
	return out, err
}

func (d *Desk) correct(ctx context.Context, tx *sqlx.Tx, who Actor, row db.CaseRow, in CorrectionInput) (Case, error) {
	if row.ErasedAt != nil {
		return Case{}, errErasedCase
	}
	if in.IfVersion != row.Version {
		return Case{}, errCorrected
	}
	if err := d.openCase(&row); err != nil {
		return Case{}, err
	}
	was := caseOf(row)
	is := in.over(was.CaseInput)
	var f faults
	f.add(is.tidy(d.Clock.Now()))
	reason, err := tidyReason(in.Reason)
	f.add(err)
	if err := f.err(); err != nil {
		return Case{}, err
	}
	fields, before := changed(was.CaseInput, is)
	if len(fields) == 0 { // still it is shown
		return was, db.InsertAudit(ctx, tx, who.line(), d.Clock.Now(), "view", "case", row.ID)
	}
	is.Restricted = was.Restricted
	out := Case{ID: row.ID, Reference: row.Reference, CaseInput: is, Version: row.Version + 1, CreatedBy: row.CreatedBy, CreatedAt: row.CreatedAt}
	return out, d.saveCorrection(ctx, tx, who, row, out, db.Correction{ID: uuid.New(), Organisation: who.Organisation, Case: row.ID,
		Version: out.Version, At: d.Clock.Now(), By: who.ID, Fields: fields, Reason: reason}, before)
}

// errCorrected is the answer when someone else has set the case right since it was read.
var errCorrected = &referral.Error{Code: referral.CodeStale, Field: "If-Match", Message: "is not the current ETag of this case"}

// saveCorrection writes the case, what it is found by, what it said before, and which fields were changed.
func (d *Desk) saveCorrection(ctx context.Context, tx *sqlx.Tx, who Actor, row db.CaseRow, is Case, c db.Correction, before map[string]string) error {
	blind, err := d.blind(ctx, who.Organisation)
	if err != nil {
		return err
	}
	said, err := json.Marshal(before)
	if err != nil {
		return err
	}
	v := d.vault(row.ID, row.CaseKey)
	next := detailsOf(is.CaseInput)
	next.ID, next.Version, next.CaseKey = row.ID, row.Version, row.CaseKey
	sealed := v.sealCase(next)
	c.Before, c.Reason = v.seal("corrections", "before", c.ID.String(), string(said)), v.seal("corrections", "reason", c.ID.String(), c.Reason)
	if v.err != nil {
		return v.err
	}
	err = db.Write(ctx, tx, db.CorrectCase(sealed, foundBy(blind, is.Name, is.Phone, is.Email)), db.InsertCorrection(c))
	if referral.CodeOf(err) == referral.CodeConflict {
		return errCorrected
	}
	if err != nil {
		return err
	}
	return db.InsertAudit(ctx, tx, who.because(FieldsChanged+strings.Join(c.Fields, ","), c.ID).line(), c.At, "correct_case", "case", row.ID)
}

// FieldsChanged begins what the audit says of a correction: the names of its fields follow, with commas between them.
const FieldsChanged = "fields:"
