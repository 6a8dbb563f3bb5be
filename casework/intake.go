package casework

import (
	"context"
	"crypto/rand"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"throughline/db"
	"throughline/directory"
	"throughline/internal/seal"
	"throughline/internal/seeded"
	"throughline/referral"
)

// Intake is what a new case with its first referral is answered with.
type Intake struct {
	CaseID     uuid.UUID      `json:"case_id"`
	ReferralID uuid.UUID      `json:"referral_id"`
	Reference  string         `json:"case_reference"`
	State      referral.State `json:"state"`
	Version    int            `json:"version"`
}

// OpenCase writes a caller's folder without a referral yet. Errors: invalid with the field, forbidden.
func (d *Desk) OpenCase(ctx context.Context, who Actor, in CaseInput, key *Key) (Case, error) {
	var out Case
	if err := who.may(TakeCalls); err != nil {
		return out, err
	}
	now := d.Clock.Now()
	if err := in.tidy(now); err != nil {
		return out, err
	}
	blind, err := d.blind(ctx, who.Organisation)
	if err != nil {
		return out, err
	}
	err = d.change(ctx, who, func(ctx context.Context, tx *sqlx.Tx) error {
		return once(ctx, d, tx, who, key, now, &out, func() error {
			row, _, parts, err := d.newCase(who, in, blind)
			if err != nil {
				return err
			}
			if err := db.Write(ctx, tx, parts...); err != nil {
				return err
			}
			out = caseOf(row)
			return db.InsertAudit(ctx, tx, who.line(), now, "open_case", "case", row.ID)
		})
	})
	return out, err
}

// newCase makes a folder with a key of its own, and what is to be written of it: sealed, and with the marks to find it by.
func (d *Desk) newCase(who Actor, in CaseInput, blind *seal.Blind) (db.CaseRow, *vault, []db.Part, error) {
	row := d.caseRow(who, in)
	w, key, err := d.Keyring.NewKey(row.ID)
	if err != nil {
		return row, nil, nil, unreadable(err)
	}
	v := &vault{key: func() (*seal.Key, error) { return key, nil }}
	k := db.CaseKey{Wrapped: w.Bytes, KEK: w.KEK}
	sealed := v.sealCase(row)
	row.CaseKey = k
	return row, v, append(opened(sealed), db.InsertCaseKey(row.OrganisationID, row.ID, k,
		foundBy(blind, row.Name, row.Phone, row.Email), row.CreatedAt)), v.err
}

func (d *Desk) caseRow(who Actor, in CaseInput) db.CaseRow {
	row := detailsOf(in)
	row.ID, row.OrganisationID, row.Reference, row.Version = uuid.New(), who.Organisation, newReference(), 1
	row.CreatedBy, row.CreatedAt, row.Region, row.Partner = who.ID, d.Clock.Now(), some(who.Region), who.Partner
	return row
}

// detailsOf is what a caller's details are kept as.
func detailsOf(in CaseInput) db.CaseRow {
	row := db.CaseRow{Anonymous: in.Anonymous, Name: in.Name, Phone: in.Phone, Email: in.Email, ContactTimes: in.ContactTimes,
		SafeToCall: in.SafeToCall, SafeToLeaveMessage: in.SafeToLeaveMessage, Municipality: in.Municipality, PostalCode: in.PostalCode,
		Notes: in.Notes, Language: in.Language, Restricted: in.Restricted}
	if in.BirthYear != 0 {
		row.BirthYear = strconv.Itoa(in.BirthYear)
	}
	return row
}

// opened is what is written of a new folder: itself, and that it is for named people only.
func opened(c db.CaseRow) []db.Part {
	parts := []db.Part{db.InsertCase(c)}
	if c.Restricted != "" {
		parts = append(parts, db.Restrict(db.Restriction{Case: c.ID, Organisation: c.OrganisationID, Kind: c.Restricted, By: c.CreatedBy, At: c.CreatedAt}))
	}
	return parts
}

// newReference makes the short name of a case that people can say on the phone: forty random bits in an alphabet
// without look-alikes (Crockford's base 32).
func newReference() string {
	const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	var b [8]byte
	rand.Read(b[:])
	for i := range b {
		b[i] = alphabet[b[i]%32]
	}
	return fmt.Sprintf("C-%s-%s", b[:4], b[4:])
}

// Refer opens a referral for one need of an existing case. Who sees the case by broken glass has one of those carry it on
// who are named. Errors: invalid with the field, consent_required when the client said no (only the refusal is kept),
// not_found for the case or a service, forbidden; conflict when nobody is named.
func (d *Desk) Refer(ctx context.Context, who Actor, in ReferralInput, key *Key) (Referral, error) {
	var out Referral
	if err := who.may(TakeCalls); err != nil {
		return out, err
	}
	if err := in.tidy(); err != nil {
		return out, err
	}
	err := d.change(ctx, who, func(ctx context.Context, tx *sqlx.Tx) error {
		return once(ctx, d, tx, who, key, d.Clock.Now(), &out, func() error {
			c, err := db.FindCase(ctx, tx, who.Organisation, in.CaseID)
			if err != nil {
				return caseNotFound(err)
			}
			p, err := d.place(ctx, tx, who, c.ID)
			if err != nil {
				return caseNotFound(err)
			}
			if c.ErasedAt != nil {
				return errErasedCase
			}
			v := d.vault(c.ID, c.CaseKey)
			if in.refused() {
				return d.refuse(ctx, tx, who, v, in)
			}
			owner := who.ID
			if p.OnlyByGlass() {
				if owner, err = d.named(ctx, tx, p, c.ID); err != nil {
					return err
				}
			}
			f, parts, err := d.newReferral(ctx, tx, who, owner, c, v, in)
			if err != nil {
				return err
			}
			if err := db.Write(ctx, tx, parts...); err != nil {
				return err
			}
			out, err = d.readReferral(ctx, tx, who, f.ID)
			return err
		})
	})
	if err == nil && out.ID == uuid.Nil {
		err = errConsent
	}
	return out, err
}

func caseNotFound(err error) error {
	if referral.CodeOf(err) == referral.CodeNotFound {
		return &referral.Error{Code: referral.CodeNotFound, Field: "case_id", Message: "case not found"}
	}
	return err
}

// Intake writes a caller's folder and the first referral in one transaction. Errors as Refer, with the fields of the
// case under "case".
func (d *Desk) Intake(ctx context.Context, who Actor, in IntakeInput, key *Key) (Intake, error) {
	var out Intake
	if err := who.may(TakeCalls); err != nil {
		return out, err
	}
	var f faults
	f.add(under("case", in.Case.tidy(d.Clock.Now())))
	f.add(in.Referral.tidy())
	if err := f.err(); err != nil {
		return out, err
	}
	in.Referral.CaseID = uuid.Nil
	blind, err := d.blind(ctx, who.Organisation)
	if err != nil {
		return out, err
	}
	err = d.change(ctx, who, func(ctx context.Context, tx *sqlx.Tx) error {
		return once(ctx, d, tx, who, key, d.Clock.Now(), &out, func() error {
			if in.Referral.refused() {
				return d.refuse(ctx, tx, who, noCase, in.Referral)
			}
			c, v, opened, err := d.newCase(who, in.Case, blind)
			if err != nil {
				return err
			}
			f, parts, err := d.newReferral(ctx, tx, who, who.ID, c, v, in.Referral)
			if err != nil {
				return err
			}
			out = Intake{CaseID: c.ID, ReferralID: f.ID, Reference: c.Reference, State: f.State, Version: f.Version}
			return db.Write(ctx, tx, append(parts, opened...)...)
		})
	})
	if err == nil && seeded.Is(seeded.PromisedAfterCommit) {
		time.AfterFunc(time.Second/2, func() {
			_ = d.change(context.Background(), who, func(ctx context.Context, tx *sqlx.Tx) error {
				return db.Write(ctx, tx, db.InsertTimeline(who.line(), out.ReferralID, out.Version, d.Clock.Now(), nil, db.OutboxStart))
			})
		})
	}
	if err == nil && out.ReferralID == uuid.Nil {
		err = errConsent
	}
	return out, err
}

func (r *ReferralInput) refused() bool { return !r.Draft && !r.Consent.Given }

// refuse keeps a client's no and nothing else.
func (d *Desk) refuse(ctx context.Context, tx *sqlx.Tx, who Actor, v *vault, in ReferralInput) error {
	c := in.Consent.row(v, who, in.CaseID, uuid.Nil, nil, referral.Consent{}, d.Clock.Now())
	if v != noCase && v.err != nil {
		return v.err
	}
	if err := db.Write(ctx, tx, db.InsertConsent(c)); err != nil {
		return err
	}
	return db.InsertAudit(ctx, tx, who.line(), c.At, "consent_refused", "case", in.CaseID)
}

// newReferral decides on a new referral, which owner carries on, and gives what is to be written of it.
func (d *Desk) newReferral(ctx context.Context, tx *sqlx.Tx, who Actor, owner uuid.UUID, c db.CaseRow, v *vault, in ReferralInput) (f referral.Facts, _ []db.Part, err error) {
	ctx, done := traced(ctx, referral.Refer, who.Organisation)
	defer func() { done(err) }()
	now := d.Clock.Now()
	a, err := db.TakesIn(ctx, tx, who.Organisation, who.ID)
	if err != nil {
		return referral.Facts{}, nil, err
	}
	if !a.Active {
		return referral.Facts{}, nil, errLeft
	}
	if in.EpisodeOf != uuid.Nil {
		if err := d.mayReopen(ctx, tx, who, c.ID, in.EpisodeOf); err != nil {
			return referral.Facts{}, nil, err
		}
	}
	w := &work{desk: d, tx: tx, who: who, now: now, services: map[uuid.UUID]directory.OfferService{}}
	offers, err := w.newOffers(ctx, in.ServiceIDs)
	if err != nil {
		return referral.Facts{}, nil, err
	}
	zone, policy, err := d.setting(ctx, tx, who.Organisation)
	if err != nil {
		return referral.Facts{}, nil, err
	}
	f = referral.Facts{ID: uuid.New(), Urgency: in.Urgency, Owner: owner, Created: now, Helpline: referral.Calendar{Zone: zone}}
	if !in.Draft {
		said, err := in.Consent.said(in.ServiceIDs, policy, now)
		if err != nil {
			return f, nil, err
		}
		f.Consents = []referral.Consent{said}
	}
	if f, err = referral.Begin(f, offers, !in.Draft); err != nil {
		return f, nil, err
	}
	n := db.NewReferral{Organisation: who.Organisation, Case: c.ID, EpisodeOf: in.EpisodeOf, Need: in.Need,
		Details: v.seal("referrals", "details", f.ID.String(), in.Details), Facts: f, Step: referral.Next(f, policy, now)}
	parts := append(begun(v, who, c, f, in), db.InsertReferral(n), db.InsertOffers(who.Organisation, f.ID, f.Offers))
	return f, parts, v.err
}

// begun is what goes with a new referral: timeline, audit and, when it is open, consent and its workflow's start.
func begun(v *vault, who Actor, c db.CaseRow, f referral.Facts, in ReferralInput) []db.Part {
	lines := []db.Entry{{What: referral.Refer, To: string(f.State), Code: in.Need}}
	author := who.line()
	author.Cases = []uuid.UUID{c.ID}
	if in.Draft {
		return []db.Part{db.InsertTimeline(author, f.ID, f.Version, f.Created, lines, "")}
	}
	promise := db.OutboxStart
	if seeded.Is(seeded.PromisedAfterCommit) {
		promise = ""
	}
	return []db.Part{db.InsertTimeline(author, f.ID, f.Version, f.Created, lines, promise),
		db.InsertConsent(in.Consent.row(v, who, c.ID, f.ID, in.ServiceIDs, f.Consents[0], f.Created))}
}

// mayReopen allows a new episode of a closed referral of the same case only.
func (d *Desk) mayReopen(ctx context.Context, tx *sqlx.Tx, who Actor, caseID, old uuid.UUID) error {
	rec, err := db.ReadRecord(ctx, tx, old)
	if err != nil && referral.CodeOf(err) != referral.CodeNotFound {
		return err
	}
	if rec.Organisation != who.Organisation || rec.Case != caseID { // and so within reach, as the case is
		return &referral.Error{Code: referral.CodeNotFound, Field: "episode_of", Message: "referral not found"}
	}
	if rec.Facts.State != referral.Closed {
		return &referral.Error{Code: referral.CodeConflict, Field: "episode_of", Outcome: string(rec.Facts.State),
			Message: "only a closed referral is taken up again"}
	}
	return nil
}

// newOffers looks up services to be asked: unknown ones are not_found, closed and full ones invalid, each by its field.
func (w *work) newOffers(ctx context.Context, ids []uuid.UUID) ([]referral.NewOffer, error) {
	found, err := directory.ForOffer(ctx, w.tx, ids)
	if err != nil {
		return nil, err
	}
	offers := make([]referral.NewOffer, len(ids))
	for i, id := range ids {
		field := fmt.Sprintf("service_ids.%d", i)
		s, ok := found[id]
		switch {
		case !ok:
			return nil, &referral.Error{Code: referral.CodeNotFound, Field: field, Message: "service not found"}
		case s.Status != "active" || !s.AcceptsReferrals:
			return nil, referral.Invalid(field, "does not take referrals now")
		case s.ClosedUntil != nil && s.ClosedUntil.After(w.now):
			return nil, referral.Invalid(field, "is closed for a while")
		case s.FullUntil != nil && s.FullUntil.After(w.now):
			return nil, referral.Invalid(field, "is full")
		}
		w.services[id] = s
		offers[i] = referral.NewOffer{ID: uuid.New(), Service: id, Calendar: calendarOf(s)}
	}
	return offers, nil
}
