package casework

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"throughline/db"
	"throughline/directory"
	"throughline/referral"
)

// errConsent is the answer to a referral without consent. The refusal is on record; nothing else was kept.
var errConsent = &referral.Error{Code: referral.CodeConsentRequired, Field: "consent.given",
	Message: "the client has not agreed, so nothing is sent and nothing but the refusal was kept"}

// Ways a consent can be given.
const (
	verbal     = "verbal"
	written    = "written"
	substitute = "substitute"
)

// ConsentWays lists the ways a consent can be given.
var ConsentWays = []string{verbal, written, substitute}

func (c *ConsentInput) validate() error {
	if c.Script = oneLine(c.Script); c.Script == "" {
		c.Script = ConsentScript
	}
	if c.How == "" && !c.Given {
		c.How = verbal
	}
	c.Substitute = oneLine(c.Substitute)
	var f faults
	if !slices.Contains(ConsentWays, c.How) {
		f.add(referral.Invalid("consent.how", "must be verbal, written or substitute"))
	}
	if !slices.Contains(ConsentScripts, c.Script) { // it stands open, and outlives an erasure: no words of anyone may
		f.add(referral.Invalid("consent.script", "must be a version of the words that are read out"))
	}
	f.add(limits(map[string]string{"consent.substitute": c.Substitute}, maxLine))
	if c.Capacity != "" && !slices.Contains(referral.Capacities, c.Capacity) {
		f.add(referral.Invalid("consent.capacity", "must be one of the capacities"))
	}
	if c.How != substitute && c.Capacity != "" {
		f.add(referral.Invalid("consent.capacity", "goes with the way substitute only"))
	}
	if c.How != substitute && c.Substitute != "" {
		f.add(referral.Invalid("consent.substitute", "goes with the way substitute only"))
	}
	f.add(c.validGroups())
	return f.err()
}

func (c *ConsentInput) validGroups() error {
	if !c.Given {
		return nil
	}
	if c.Groups == nil {
		c.Groups = referral.UsualGroups
	}
	var f faults
	f.add(referral.ValidGroups("consent.groups", c.Groups))
	for i, s := range c.Services {
		f.add(referral.ValidGroups(fmt.Sprintf("consent.services.%d.groups", i), s.Groups))
	}
	return f.err()
}

// said makes the rules' consent for these services.
func (c *ConsentInput) said(services []uuid.UUID, p referral.Policy, now time.Time) (referral.Consent, error) {
	agreed := make(map[uuid.UUID][]referral.Group, len(services))
	for _, id := range services {
		agreed[id] = inOrder(c.Groups)
	}
	for i, s := range c.Services {
		if _, asked := agreed[s.ServiceID]; !asked {
			return referral.Consent{}, referral.Invalid(fmt.Sprintf("consent.services.%d.service_id", i), "is none of the services to be asked")
		}
		agreed[s.ServiceID] = inOrder(s.Groups)
	}
	return referral.NewConsent(agreed, instant(c.ExpiresAt), p, now)
}

// inOrder gives groups in the order in which they are listed, each once.
func inOrder(groups []referral.Group) []referral.Group {
	return slices.DeleteFunc(slices.Clone(referral.Groups), func(g referral.Group) bool { return !slices.Contains(groups, g) })
}

// row is the consent as the record keeps it. Who said no for a client of whom nothing is kept is not kept by name either.
func (c *ConsentInput) row(v *vault, who Actor, caseID, referralID uuid.UUID, services []uuid.UUID, said referral.Consent, now time.Time) db.Consent {
	row := db.Consent{ID: uuid.New(), Organisation: who.Organisation, Case: caseID, Referral: referralID, Given: c.Given, How: c.How,
		Script: c.Script, Capacity: c.Capacity, Services: services, Said: said, By: who.ID, At: now}
	if v != noCase {
		row.Substitute = v.seal("consents", "substitute", row.ID.String(), c.Substitute)
	}
	return row
}

// consent checks that the client has agreed to what a command sends out, and keeps the answer: with the command when it
// is yes. refused is true when the client said no: then the transaction commits the refusal and nothing else.
func (w *work) consent(ctx context.Context, in CommandInput) (refused bool, err error) {
	ids, asked := w.consentOf(in)
	if !asked {
		return false, nil
	}
	if in.Consent == nil {
		return false, referral.Invalid("consent", "the client must be asked first")
	}
	if err := in.Consent.validate(); err != nil {
		return false, err
	}
	if !in.Consent.Given {
		no := in.Consent.row(w.vault, w.who, w.rec.Case, w.rec.Facts.ID, ids, referral.Consent{}, w.now)
		if err := w.write(ctx, db.InsertConsent(no)); err != nil {
			return false, err
		}
		return true, db.InsertAudit(ctx, w.tx, w.who.line(), w.now, "consent_refused", "referral", w.rec.Facts.ID)
	}
	said, err := in.Consent.said(ids, w.rec.Policy, w.now)
	if err != nil {
		return false, err
	}
	w.said = &said
	w.yes = in.Consent.row(w.vault, w.who, w.rec.Case, w.rec.Facts.ID, ids, said, w.now)
	return false, nil
}

// consentOf gives the services that a command asks the client's consent for; asked is false when it needs none.
func (w *work) consentOf(in CommandInput) (ids []uuid.UUID, asked bool) {
	f := w.rec.Facts
	of := func(concerned func(referral.OfferState) bool) (ids []uuid.UUID) {
		for _, o := range f.Offers {
			if concerned(o.State) && !slices.Contains(ids, o.Service) {
				ids = append(ids, o.Service)
			}
		}
		return ids
	}
	switch {
	case in.Do == referral.OpenDraft && f.State == referral.Draft:
		return of(func(s referral.OfferState) bool { return s == referral.Queued }), true
	case in.Do == referral.AddOffer && f.State != referral.Draft:
		return in.ServiceIDs, true
	case in.Do == referral.Agree && f.State == referral.Open && len(in.ServiceIDs) > 0:
		return in.ServiceIDs, true
	case in.Do == referral.Agree && f.State == referral.Open:
		return of(func(s referral.OfferState) bool { return !s.Ended() }), true
	}
	return nil, false
}

// reachAll looks up where the agencies are written to whose turn is over.
func (w *work) reachAll(ctx context.Context) error {
	var ids []uuid.UUID
	for _, o := range w.rec.Facts.Offers {
		if _, known := w.services[o.Service]; !known {
			ids = append(ids, o.Service)
		}
	}
	found, err := directory.ForOffer(ctx, w.tx, ids)
	maps.Copy(w.services, found)
	return err
}

// consents are the rows of what the client said with a change.
func (w *work) consents(before, after referral.Facts) []db.Part {
	var parts []db.Part
	for _, c := range after.Consents[len(before.Consents):] { // one at most
		row := w.yes
		if c.Back {
			row = db.Consent{ID: uuid.New(), Organisation: w.who.Organisation, Case: w.rec.Case, Referral: after.ID, How: verbal, By: w.who.ID, At: w.now}
		}
		row.Said = c
		parts = append(parts, db.InsertConsent(row))
	}
	return parts
}

// consentWithdrawn kills every link of the referral, those of agencies whose turn is over too: their pages still say
// that someone asked for help.
func (w *work) consentWithdrawn() []db.Part {
	ids := make([]uuid.UUID, len(w.rec.Facts.Offers))
	for i, o := range w.rec.Facts.Offers {
		ids[i] = o.ID
	}
	return []db.Part{db.WithdrawConsent(w.rec.Facts.ID, w.now), db.RevokeLinks(ids, w.now)}
}
