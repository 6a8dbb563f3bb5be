package casework

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"throughline/db"
	"throughline/referral"
)

// errConsent is the answer to a referral without consent. The refusal is on record; nothing else was kept.
var errConsent = &referral.Error{Code: referral.CodeConsentRequired, Field: "consent.given",
	Message: "the client has not agreed, so nothing is sent and nothing but the refusal was kept"}

// Ways a consent can be given.
var consentWays = []string{"verbal", "written", "substitute"}

func (c *ConsentInput) validate() error {
	if c.Script = oneLine(c.Script); c.Script == "" {
		c.Script = ConsentScript
	}
	if c.How == "" && !c.Given {
		c.How = "verbal"
	}
	var f faults
	if !slices.Contains(consentWays, c.How) {
		f.add(referral.Invalid("consent.how", "must be verbal, written or substitute"))
	}
	f.add(limits(map[string]string{"consent.script": c.Script}, 50))
	return f.err()
}

// consent checks that the client has agreed to what a command sends out, and keeps the answer. refused is true when
// the client said no: then the transaction commits the refusal and nothing else.
func (w *work) consent(ctx context.Context, in CommandInput) (refused bool, err error) {
	ids := in.ServiceIDs
	switch in.Do {
	case referral.OpenDraft:
		if w.rec.Facts.State != referral.Draft {
			return false, nil
		}
		ids = nil
		for _, o := range w.rec.Facts.Offers {
			if o.State == referral.Queued {
				ids = append(ids, o.Service)
			}
		}
	case referral.AddOffer:
		if w.rec.Facts.State == referral.Draft {
			return false, nil
		}
	default:
		return false, nil
	}
	if in.Consent == nil {
		return false, referral.Invalid("consent", "the client must be asked first")
	}
	if err := in.Consent.validate(); err != nil {
		return false, err
	}
	err = db.Write(ctx, w.tx, db.InsertConsent(db.Consent{Organisation: w.who.Organisation, Case: w.rec.Case,
		Referral: w.rec.Facts.ID, Given: in.Consent.Given, How: in.Consent.How, Script: in.Consent.Script, Services: ids,
		By: w.who.ID, At: w.now}))
	if err != nil || in.Consent.Given {
		return false, err
	}
	return true, db.InsertAudit(ctx, w.tx, w.who.line(), w.now, "consent_refused", "referral", w.rec.Facts.ID)
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
