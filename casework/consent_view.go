package casework

import (
	"bytes"
	"slices"
	"time"

	"github.com/google/uuid"

	"throughline/db"
	"throughline/referral"
)

// Consent is one thing that the client said on who may know what.
type Consent struct {
	Given       bool             `json:"given"`
	TakesBack   bool             `json:"takes_back"` // a part of an earlier yes: Services says which groups of which
	How         string           `json:"how"`
	Script      string           `json:"script"`
	ServiceIDs  []uuid.UUID      `json:"service_ids"`
	Groups      []referral.Group `json:"groups"` // that each of the services has
	Services    []ServiceConsent `json:"services"`
	ExpiresAt   *time.Time       `json:"expires_at"` // null: no end was agreed
	Substitute  string           `json:"substitute"`
	Capacity    string           `json:"capacity"`
	RecordedAt  time.Time        `json:"recorded_at"`
	RecordedBy  string           `json:"recorded_by"`
	WithdrawnAt *time.Time       `json:"withdrawn_at"` // when the client took back all of it
}

// consentRow is a consent as the record keeps it.
type consentRow struct {
	Consent
	ID     uuid.UUID                      `json:"id"`
	Agreed map[uuid.UUID][]referral.Group `json:"agreed"`
}

// readConsents puts what the client said on a referral, and what of it holds now for each of its offers.
func (r *Referral) readConsents(v *vault, raw []byte, now time.Time) error {
	rows, err := db.Rows[consentRow](raw)
	if err != nil {
		return err
	}
	f := referral.Facts{}
	r.Consents = make([]Consent, len(rows))
	for i, row := range rows {
		v.open("consents", row.ID.String(), map[string]*string{"substitute": &row.Substitute})
		c := row.consent()
		r.Consents[i] = c
		if c.Given || r.Consent == nil || !r.Consent.Given && !c.TakesBack {
			r.Consent = &r.Consents[i]
		}
		if c.WithdrawnAt != nil {
			f.Withdrawn = *c.WithdrawnAt
		}
		if c.Given || c.TakesBack {
			f.Consents = append(f.Consents, row.said())
		}
	}
	for i := range r.Offers {
		o := &r.Offers[i]
		o.Agreed = []referral.Group{}
		if g := f.Agreed(o.ServiceID); g.Stands(now) && o.State != referral.Withdrawn && o.State != referral.InError {
			o.Agreed = append(o.Agreed, g.Groups...)
			if !g.Until.IsZero() {
				o.AgreedUntil = &g.Until
			}
		}
	}
	return nil
}

func (row consentRow) said() referral.Consent {
	c := referral.Consent{Agreed: row.Agreed, Back: row.TakesBack, At: row.RecordedAt}
	if row.ExpiresAt != nil {
		c.Until = *row.ExpiresAt
	}
	return c
}

// consent lists the services in the order the client agreed to.
func (row consentRow) consent() Consent {
	c := row.Consent
	ids := c.ServiceIDs
	if c.TakesBack {
		for id := range row.Agreed {
			ids = append(ids, id)
		}
		slices.SortFunc(ids, func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) })
		c.ServiceIDs = ids
	}
	c.Groups, c.Services = []referral.Group{}, []ServiceConsent{}
	for _, g := range referral.Groups {
		if len(row.Agreed) > 0 && allHold(row.Agreed, g) {
			c.Groups = append(c.Groups, g)
		}
	}
	for _, id := range ids {
		if groups, ok := row.Agreed[id]; ok {
			c.Services = append(c.Services, ServiceConsent{ServiceID: id, Groups: groups})
		}
	}
	return c
}

func allHold(agreed map[uuid.UUID][]referral.Group, g referral.Group) bool {
	for _, groups := range agreed {
		if !slices.Contains(groups, g) {
			return false
		}
	}
	return true
}

// Differs reports that a service has groups of its own.
func (c Consent) Differs(s ServiceConsent) bool { return len(s.Groups) != len(c.Groups) }

// Expired reports a yes that has run out.
func (c Consent) Expired(now time.Time) bool { return c.ExpiresAt != nil && !now.Before(*c.ExpiresAt) }
