package casework

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"throughline/db"
	"throughline/referral"
)

// ExportSchema names the form of an export's data, which docs/retention.md describes. It changes with that.
const ExportSchema = "throughline-case-export/2"

// Export is what a client asked to be given of all that is kept of them.
type Export = db.Export

// Everything is all that is kept of a client, but for the names of colleagues and why the case is under legal hold.
type Everything struct {
	Schema      string           `json:"schema"`
	MadeAt      time.Time        `json:"made_at"`
	Helpline    string           `json:"helpline"`
	Phone       string           `json:"helpline_phone"`
	Zone        string           `json:"time_zone"`
	Case        Case             `json:"case"`
	Referrals   []KeptReferral   `json:"referrals"`   // newest first
	Letters     []db.LetterFact  `json:"letters"`     // oldest first
	Corrections []KeptCorrection `json:"corrections"` // newest first
	Openings    []KeptOpening    `json:"openings"`    // oldest first
	Erasures    []KeptErasure    `json:"erasures"`    // newest first
	Holds       []KeptHold       `json:"holds"`       // newest first
	Access      []ReportedAccess `json:"access"`      // newest first
}

// KeptReferral is a referral with all that happened to it, oldest first.
type KeptReferral struct {
	Referral
	Timeline []TimelineEntry `json:"timeline"`
}

// KeptCorrection is what was set right of the case at one time.
type KeptCorrection struct {
	At      time.Time     `json:"at"`
	Reason  string        `json:"reason"`
	Changes []FieldChange `json:"changes"`
}

// ReportedAccess is a line of the access report: who looked, as what, how often on one day.
type ReportedAccess struct {
	Day    string        `json:"day"`
	First  time.Time     `json:"first"`
	Last   time.Time     `json:"last"`
	Times  int           `json:"times"`
	Kind   db.AuditKind  `json:"kind"`
	Role   referral.Role `json:"role"`
	For    referral.Role `json:"on_behalf_of,omitempty"`
	Agency string        `json:"agency,omitempty"`
	Audit  bool          `json:"of_the_audit,omitempty"`
}

// AskExport records that a client wants everything that is kept of them, in English or French. A workflow makes it. Errors:
// invalid with the field, conflict when the case is erased, forbidden, not_found.
func (d *Desk) AskExport(ctx context.Context, who Actor, id uuid.UUID, locale string) (asked uuid.UUID, err error) {
	if err := who.may(ExportCases); err != nil {
		return uuid.Nil, err
	}
	err = d.change(ctx, who, func(ctx context.Context, tx *sqlx.Tx) error {
		c, _, err := d.wholeCase(ctx, tx, who, id)
		if err != nil {
			return err
		}
		if locale != "en" && locale != "fr" {
			return referral.Invalid("language", "must be en or fr")
		}
		x := db.Export{ID: uuid.New(), Organisation: c.OrganisationID, Case: id, Locale: locale, AskedBy: who.ID, AskedAt: d.Clock.Now()}
		if err := db.InsertExport(ctx, tx, x); err != nil {
			return err
		}
		asked, who.For = x.ID, referral.Client
		return db.InsertAudit(ctx, tx, who.because("export", x.ID).line(), x.AskedAt, "ask_export", "case", id)
	})
	return asked, err
}

// CarryExport makes an export that was asked for, and takes it away when its time is over. Doing it twice does no harm.
// not_found when there is no such export.
func (d *Desk) CarryExport(ctx context.Context, id uuid.UUID, at time.Time) (w Wait, err error) {
	err = d.change(ctx, machine, func(ctx context.Context, tx *sqlx.Tx) error {
		x, err := db.LockExport(ctx, tx, id)
		if err != nil {
			return err
		}
		w = Wait{Ended: true}
		switch {
		case x.GoneAt != nil:
			return nil
		case x.MadeAt == nil:
			if err := d.makeExport(ctx, tx, &x, at); err != nil {
				return err
			}
		case !at.Before(*x.Until):
			return d.endExport(ctx, tx, x, at)
		}
		w = Wait{Due: *x.Until}
		return nil
	})
	return w, err
}

// endExport takes an export away whose time is over.
func (d *Desk) endExport(ctx context.Context, tx *sqlx.Tx, x db.Export, at time.Time) error {
	x.Body, x.GoneAt = "", &at
	if err := db.SaveExport(ctx, tx, x); err != nil {
		return err
	}
	who := system(x.Organisation, ViaClock).because("export", x.ID)
	return db.InsertAudit(ctx, tx, who.line(), at, "end_export", "case", x.Case)
}

// makeExport gathers and seals it.
func (d *Desk) makeExport(ctx context.Context, tx *sqlx.Tx, x *db.Export, at time.Time) error {
	all, err := d.everything(ctx, tx, x.Organisation, x.Case, at)
	if err != nil {
		return err
	}
	raw, err := json.Marshal(all)
	if err != nil {
		return fmt.Errorf("write export: %w", err)
	}
	days, err := d.keptFor(ctx, tx, x.Organisation, KindExports)
	if err != nil {
		return err
	}
	v, until := d.vault(x.Case, x.CaseKey), at.AddDate(0, 0, days)
	x.MadeAt, x.Until = &at, &until
	if x.Body = v.seal("case_exports", "body", x.ID.String(), string(raw)); v.err != nil {
		return v.err
	}
	if err := db.SaveExport(ctx, tx, *x); err != nil {
		return err
	}
	who := system(x.Organisation, ViaClock).because("export", x.ID)
	return db.Audit(ctx, tx, who.line(), at, db.Look{Kind: db.AuditExport, Action: "make_export", Subject: "case", ID: x.Case})
}

// everything reads all that is kept of a client.
func (d *Desk) everything(ctx context.Context, tx *sqlx.Tx, organisation, id uuid.UUID, at time.Time) (all Everything, err error) {
	c, err := db.FindCase(ctx, tx, organisation, id)
	if err != nil {
		return all, err
	}
	if err := d.openCase(&c); err != nil {
		return all, err
	}
	o, err := db.FindOrganisation(ctx, tx, organisation)
	if err != nil {
		return all, err
	}
	zone, err := referral.ZoneNamed(o.TimeZone)
	if err != nil {
		return all, err
	}
	all = Everything{Schema: ExportSchema, MadeAt: at, Helpline: o.Name, Phone: o.Phone, Zone: zone.String(), Case: caseOf(c), Referrals: []KeptReferral{}}
	views, err := db.ReferralViews(ctx, tx, organisation, id)
	if err != nil {
		return all, err
	}
	v := d.vault(id, c.CaseKey)
	for _, view := range views {
		r, err := d.referralOf(view)
		if err != nil {
			return all, err
		}
		lines, err := db.Timeline(ctx, tx, organisation, view.ID)
		if err != nil {
			return all, err
		}
		for i := range lines {
			v.openLine(view.ID, &lines[i])
		}
		all.Referrals = append(all.Referrals, KeptReferral{r, lines}.nameless())
	}
	if v.err != nil {
		return all, v.err
	}
	if all.Corrections, err = d.keptCorrections(ctx, tx, c); err != nil {
		return all, err
	}
	if err := all.addKeeping(ctx, tx, v); err != nil {
		return all, err
	}
	if all.Letters, err = db.LetterFacts(ctx, tx, id); err != nil {
		return all, err
	}
	entries, err := db.AuditTrail(ctx, tx, organisation, db.AuditFilter{Case: id, Limit: trailExport})
	all.Access = reported(accessLines(entries, o.Name, zone))
	return all, err
}

// keptCorrections are those of a case that is open already, without the names of colleagues.
func (d *Desk) keptCorrections(ctx context.Context, tx *sqlx.Tx, c db.CaseRow) ([]KeptCorrection, error) {
	found, err := db.Corrections(ctx, tx, c.ID)
	if err != nil {
		return nil, err
	}
	opened, err := d.openCorrections(c, found, caseOf(c).Texts())
	list := make([]KeptCorrection, len(opened))
	for i, o := range opened {
		list[i] = KeptCorrection{At: o.At, Reason: o.Reason, Changes: o.Changes}
	}
	return list, err
}

// nameless leaves the names of colleagues out, as the access report does: what they did is told by their role.
func (r KeptReferral) nameless() KeptReferral {
	r.OwnerName = ""
	if r.Step != nil {
		r.Step.PersonName = ""
	}
	for i := range r.Tasks {
		r.Tasks[i].AssigneeName = ""
	}
	if r.Consent != nil {
		r.Consent.RecordedBy = ""
	}
	for i := range r.Consents {
		r.Consents[i].RecordedBy = ""
	}
	for i := range r.Timeline {
		if r.Timeline[i].Via != string(ViaLink) {
			r.Timeline[i].ActorName = ""
		}
	}
	return r
}

func reported(lines []AccessLine) []ReportedAccess {
	list := make([]ReportedAccess, len(lines))
	for i, l := range lines {
		list[i] = ReportedAccess{Day: l.Day.Format(time.DateOnly), First: l.First, Last: l.Last, Times: l.Times, Kind: l.Kind, Role: l.Role,
			For: l.For, Agency: l.Agency, Audit: l.Audit}
	}
	return list
}

// Forms in which an export is fetched, each once.
const (
	ExportPage = "page"
	ExportData = "data"
)

// FetchExport hands an export to who asked for it, once in each form; then, and when its time is over, it is gone. raw is
// its data as JSON. Errors: invalid for another form; conflict while it is being made, and when it was fetched in this
// form or is gone; not_found to everyone else.
func (d *Desk) FetchExport(ctx context.Context, who Actor, id uuid.UUID, form string) (all Everything, raw []byte, locale string, err error) {
	if err := who.may(ExportCases); err != nil {
		return all, nil, "", err
	}
	err = d.change(ctx, who, func(ctx context.Context, tx *sqlx.Tx) error {
		x, err := db.LockExport(ctx, tx, id)
		if err == nil && (x.Organisation != who.Organisation || x.AskedBy != who.ID) {
			err = referral.NotFound("record")
		}
		if err == nil {
			err = d.sees(ctx, tx, who, x.Case)
		}
		if err != nil {
			return err
		}
		now := d.Clock.Now()
		fetched := map[string]**time.Time{ExportPage: &x.PageAt, ExportData: &x.DataAt}[form]
		switch {
		case fetched == nil:
			return referral.Invalid("form", "must be page or data")
		case x.MadeAt == nil && x.GoneAt == nil:
			return &referral.Error{Code: referral.CodeConflict, Field: "export", Outcome: "being_made", Message: "it is being made"}
		case x.GoneAt != nil || *fetched != nil || !now.Before(*x.Until):
			return &referral.Error{Code: referral.CodeConflict, Field: "export", Outcome: "gone", Message: "it was fetched, or its time is over"}
		}
		v, body := d.vault(x.Case, x.CaseKey), x.Body
		if v.open("case_exports", id.String(), map[string]*string{"body": &body}); v.err != nil {
			return v.err
		}
		if *fetched = &now; x.PageAt != nil && x.DataAt != nil {
			x.Body, x.GoneAt = "", &now
		}
		if err := db.SaveExport(ctx, tx, x); err != nil {
			return err
		}
		raw, locale = []byte(body), x.Locale
		if err := json.Unmarshal(raw, &all); err != nil {
			return fmt.Errorf("read export: %w", err)
		}
		return db.Audit(ctx, tx, who.because("export", id).line(), now, db.Look{Kind: db.AuditExport, Action: "fetch_export", Subject: "case", ID: x.Case})
	})
	return all, raw, locale, err
}
