package referral

import (
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
)

// Group is a part of what the helpline knows of a client. The client agrees for each agency to some groups or to all,
// and the agency learns nothing of the others.
type Group string

// Groups. Need is the least without which nothing can be asked; what only helping takes comes once the agency has said
// yes.
const (
	NeedGroup     Group = "need"     // the kind of help, and how urgent it is
	LanguageGroup Group = "language" // the language the client speaks
	PlaceGroup    Group = "place"    // the municipality; after a yes the postal code too
	IdentityGroup Group = "identity" // after a yes: the name
	AgeGroup      Group = "age"      // after a yes: the year of birth
	ContactGroup  Group = "contact"  // after a yes: phone, email, good times, and whether it is safe to call
	DetailsGroup  Group = "details"  // answers to the agency's questions; after a yes what was written of the need
)

// Groups lists them all, in the order in which pages name them.
var Groups = []Group{NeedGroup, LanguageGroup, PlaceGroup, IdentityGroup, AgeGroup, ContactGroup, DetailsGroup}

// UsualGroups are what a client is asked for unless the navigator says otherwise: enough for an agency to decide, to
// reach the person, and not to have the story told twice. Few agencies need the year of birth.
var UsualGroups = []Group{NeedGroup, LanguageGroup, PlaceGroup, IdentityGroup, ContactGroup, DetailsGroup}

// Capacities are in what right someone else may agree for a client, in the order in which PHIPA (s. 26) ranks them.
var Capacities = []string{"guardian", "attorney", "representative", "spouse", "parent", "child", "sibling", "relative",
	"public_guardian"}

// Consent is one thing that a client has said on who may know what: a yes to services, or a part of it taken back. What
// was said last of a service holds.
type Consent struct {
	Agreed map[uuid.UUID][]Group // by service
	Back   bool                  // it takes these groups back
	At     time.Time
	Until  time.Time // of a yes; zero: no end was agreed, as before consents had one
}

// NewConsent makes a yes: usual groups for each service, unless some has its own. until zero is the policy's default.
// Errors: invalid with the field below "consent".
func NewConsent(agreed map[uuid.UUID][]Group, until time.Time, p Policy, now time.Time) (Consent, error) {
	switch {
	case until.IsZero():
		until = now.AddDate(0, 0, p.ConsentDays)
	case !until.After(now):
		return Consent{}, Invalid("consent.expires_at", "must be in the future")
	case until.After(now.AddDate(0, 0, p.ConsentMostDays+1)): // the last day counts whole
		return Consent{}, Invalid("consent.expires_at", "must be at most %d days from now", p.ConsentMostDays)
	}
	return Consent{Agreed: agreed, At: now, Until: until}, nil
}

// ValidGroups names by field what is wrong with a list of groups: one that is not known, or that need is missing.
func ValidGroups(field string, groups []Group) error {
	for i, g := range groups {
		if !slices.Contains(Groups, g) {
			return Invalid(fmt.Sprintf("%s.%d", field, i), "must be one of the groups of information")
		}
	}
	if !slices.Contains(groups, NeedGroup) {
		return Invalid(field, "must hold need: without it nothing can be asked")
	}
	return nil
}

// Grant is what one agency may know.
type Grant struct {
	Groups []Group
	Given  time.Time // when the client last said yes
	Until  time.Time // zero: no end
}

// Stands reports that something may be told now. Without the need nothing makes sense.
func (g Grant) Stands(now time.Time) bool {
	return slices.Contains(g.Groups, NeedGroup) && (g.Until.IsZero() || now.Before(g.Until))
}

// Allows reports that the agency may know a group now.
func (g Grant) Allows(group Group, now time.Time) bool {
	return g.Stands(now) && slices.Contains(g.Groups, group)
}

// Agreed is what the agency of a service may know: nothing, unless the client has said so.
func (f Facts) Agreed(service uuid.UUID) Grant {
	var g Grant
	if !f.Withdrawn.IsZero() {
		return g
	}
	for _, c := range f.Consents {
		groups, named := c.Agreed[service]
		switch {
		case !named:
		case c.Back:
			g.Groups = without(g.Groups, groups)
		default:
			g = Grant{Groups: groups, Given: c.At, Until: c.Until}
		}
	}
	return g
}

func without(groups, gone []Group) []Group {
	return slices.DeleteFunc(slices.Clone(groups), func(g Group) bool { return slices.Contains(gone, g) })
}

// common are the groups that both lists hold, in the order of the first.
func common(a, b []Group) []Group {
	return slices.DeleteFunc(slices.Clone(a), func(g Group) bool { return !slices.Contains(b, g) })
}

// unagreed reports an agency that is to be asked, or has the referral, and may not be told anything now.
func (f *Facts) unagreed(now time.Time) bool {
	return slices.ContainsFunc(f.Offers, func(o Offer) bool {
		return (o.State == Queued || o.State.Awaiting() || o.State.Taken()) && !f.Agreed(o.Service).Stands(now)
	})
}

// nextAgreed is the offer whose turn comes next, of those that the client agrees to now; nil when there is none.
func (f *Facts) nextAgreed(now time.Time) *Offer {
	for i := range f.Offers {
		if o := &f.Offers[i]; o.State == Queued && f.Agreed(o.Service).Stands(now) {
			return o
		}
	}
	return nil
}

// agreed refuses to tell an agency what the client does not agree to now.
func (d *decision) agreed(o *Offer, group Group, field string) error {
	if d.Facts.Agreed(o.Service).Allows(group, d.now) {
		return nil
	}
	return &Error{Code: CodeConsentRequired, Field: field, Message: "the client does not agree that this agency is told, or did and it has run out"}
}

// consented takes in the yes that a command came with. Each of the services must be in it.
func (d *decision) consented(services []uuid.UUID) error {
	if d.c.Consent != nil {
		d.Facts.Consents = append(d.Facts.Consents, *d.c.Consent)
	}
	for _, s := range services {
		if !d.Facts.Agreed(s).Stands(d.now) {
			return &Error{Code: CodeConsentRequired, Field: "consent.services", Message: "the client must agree to each service"}
		}
	}
	return nil
}

// agree renews what the client agrees to, or makes it wider or narrower, for agencies whose turn is not over.
func (d *decision) agree() error {
	if err := d.allow([]Role{Navigator, Coordinator}); err != nil {
		return err
	}
	if err := d.mustBeOpen(); err != nil {
		return err
	}
	if d.c.Consent == nil {
		return Invalid("consent", "the client must be asked first")
	}
	for service := range d.c.Consent.Agreed {
		if !slices.ContainsFunc(d.Facts.Offers, func(o Offer) bool { return o.Service == service && !o.State.Ended() }) {
			return Invalid("consent.services", "names a service that does not have the referral")
		}
	}
	before := d.Facts
	if err := d.consented(nil); err != nil {
		return err
	}
	d.Events = append(d.Events, Event{What: Agree, Of: OfClient})
	for i := range d.Facts.Offers {
		o := &d.Facts.Offers[i]
		had, has := before.Agreed(o.Service), d.Facts.Agreed(o.Service)
		if len(without(had.Groups, has.Groups)) > 0 {
			d.narrowed(o)
		}
		// The link was closed: the agency gets its whole time.
		if o.State == Sent && !had.Stands(d.now) && has.Stands(d.now) {
			o.Sent, o.Paused, o.Reminded, o.Escalated = d.now, 0, time.Time{}, time.Time{}
		}
	}
	if !d.Facts.unagreed(d.now) {
		d.finish(AskConsent, uuid.Nil)
	}
	return nil
}

// withdrawConsent takes back what the client agreed to: all of it, for one agency when the command names an offer, or
// some groups of it. Whatever the referral has come to, agencies see no more than what is left.
func (d *decision) withdrawConsent() error {
	if err := d.allow([]Role{Client, Navigator, Coordinator}); err != nil {
		return err
	}
	for i, g := range d.c.Groups {
		if !slices.Contains(Groups, g) {
			return Invalid(fmt.Sprintf("groups.%d", i), "must be one of the groups of information")
		}
	}
	if d.Facts.Opened.IsZero() { // nothing was agreed to
		return conflict(string(d.Facts.State))
	}
	all := len(d.c.Groups) == 0 || slices.Contains(d.c.Groups, NeedGroup)
	o := d.Facts.offer(d.c.Offer)
	switch {
	case d.c.Offer != uuid.Nil && o == nil:
		return &Error{Code: CodeNotFound, Field: "offer_id", Message: "offer not found"}
	case all && o == nil:
		d.c.Reason = consentWithdrawn
		return d.withdrawAll()
	case all:
		d.withdrawAgency(o)
	case o != nil:
		d.withdrawGroups(func(x Offer) bool { return x.ID == o.ID })
	default:
		d.withdrawGroups(func(Offer) bool { return true })
	}
	return nil
}

const consentWithdrawn = "consent_withdrawn" // why an offer or a referral is taken back

// withdrawAgency takes back all that one agency may know, and with it the offer. One whose turn is over is told too: it
// may have noted down what it saw.
func (d *decision) withdrawAgency(o *Offer) {
	had := d.unagree(o.Service)
	if t, ok := find(Withdraw, o.State); ok {
		d.takeBack(o, t, consentWithdrawn)
		return
	}
	if !had {
		return
	}
	d.Events = append(d.Events, Event{What: ConsentWithdrawn, Offer: o.ID, Of: OfClient})
	if o.knew() {
		d.post(o, WithdrawnLetter)
	}
}

// unagree takes back all that the agency of a service may know; false when that was nothing.
func (d *decision) unagree(service uuid.UUID) bool {
	groups := d.Facts.Agreed(service).Groups
	if len(groups) == 0 {
		return false
	}
	d.Facts.Consents = append(d.Facts.Consents, Consent{Back: true, At: d.now, Agreed: map[uuid.UUID][]Group{service: groups}})
	return true
}

// withdrawGroups takes the command's groups back for the offers concerned.
func (d *decision) withdrawGroups(concerned func(Offer) bool) {
	back := Consent{Back: true, At: d.now, Agreed: map[uuid.UUID][]Group{}}
	for i := range d.Facts.Offers {
		o := &d.Facts.Offers[i]
		gone := common(d.Facts.Agreed(o.Service).Groups, d.c.Groups)
		if !concerned(*o) || len(gone) == 0 {
			continue
		}
		if _, twice := back.Agreed[o.Service]; !twice {
			for _, g := range gone {
				d.Events = append(d.Events, Event{What: ConsentWithdrawn, Offer: o.ID, Code: string(g), Of: OfClient})
			}
		}
		back.Agreed[o.Service] = gone
		d.narrowed(o)
	}
	if len(back.Agreed) > 0 {
		d.Facts.Consents = append(d.Facts.Consents, back)
	}
}

// narrowed tells an agency that has seen the referral that it may use less of it than before.
func (d *decision) narrowed(o *Offer) {
	if o.knew() && d.Facts.Agreed(o.Service).Stands(d.now) {
		d.post(o, NarrowedLetter)
	}
}

// knew reports an agency that was asked, and that has not been told to stop since.
func (o Offer) knew() bool { return !o.Sent.IsZero() && o.State != Withdrawn && o.State != InError }

// consent has the client asked again before what was agreed runs out, and when it has. Until then the agency is neither
// told nor asked anything, and not chased for an answer that it can't give. It reports whether consent stands.
func (n *next) consent(o Offer) bool {
	g := n.f.Agreed(o.Service)
	stands := g.Stands(n.now)
	if stands && g.Until.IsZero() {
		return true
	}
	if stands && !n.f.raisedSince(AskConsent, uuid.Nil, g.Given) {
		n.raise(AskConsent, uuid.Nil, "consent_expires", g.askAgain(n.p.ConsentAskDays))
	}
	if end := later(g.Until, o.Entered); !n.f.raisedSince(AskConsent, uuid.Nil, end) {
		n.raise(AskConsent, uuid.Nil, "consent_expired", end)
	}
	return stands
}

// askAgain is when the client is asked again, so many days before the end; of a short consent, at half its time.
func (g Grant) askAgain(days int) time.Time {
	return later(g.Until.AddDate(0, 0, -days), g.Given.Add(g.Until.Sub(g.Given)/2))
}
