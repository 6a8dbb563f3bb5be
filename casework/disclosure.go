package casework

import (
	"slices"
	"time"

	"throughline/db"
	"throughline/referral"
)

// Asked is what was written down of a referral itself, beside the client's folder.
type Asked struct {
	Need            string
	Urgency         referral.Urgency
	Details, Answer string
}

// Disclosed is all of a client that one agency may know now. Its page and its letters take what they say of a client from
// here and from nowhere else.
type Disclosed struct {
	Groups   []referral.Group // what may be told now; that nothing is known of a group can be told too
	Need     string
	Urgency  referral.Urgency
	Language string
	Area     string      // the municipality
	Answer   string      // to the agency's question
	Client   *LinkClient // nil until the agency has said yes, and again once its turn has ended
}

// LinkClient is what takes the agency that has said yes to the client.
type LinkClient struct {
	Name, Phone, Email, ContactTimes, Municipality, PostalCode, Details, Language string
	SafeToCall, SafeToLeaveMessage, Anonymous                                     bool
	BirthYear                                                                     int
}

// Disclosure gives what an agency may know: of what there is, opened before, the groups that the client agrees to at now, and of those
// what the stage of its offer takes. Before a yes that is the least that is needed to decide.
func Disclosure(c db.CaseRow, a Asked, g referral.Grant, state referral.State, offer referral.OfferState, now time.Time) Disclosed {
	var d Disclosed
	taken := state == referral.Open && offer.Taken()
	if taken && g.Stands(now) {
		d.Client = &LinkClient{}
	}
	for _, group := range referral.Groups {
		if g.Allows(group, now) {
			d.tell(group, c, a)
		}
	}
	return d
}

// tell adds what belongs to a group.
func (d *Disclosed) tell(group referral.Group, c db.CaseRow, a Asked) {
	d.Groups = append(d.Groups, group)
	person := d.Client
	if person == nil {
		person = &LinkClient{} // goes nowhere
	}
	switch group {
	case referral.NeedGroup:
		d.Need, d.Urgency = a.Need, a.Urgency
	case referral.LanguageGroup:
		d.Language, person.Language = c.Language, c.Language
	case referral.PlaceGroup:
		d.Area, person.Municipality, person.PostalCode = c.Municipality, c.Municipality, c.PostalCode
	case referral.IdentityGroup:
		person.Name, person.Anonymous = c.Name, c.Anonymous
	case referral.AgeGroup:
		person.BirthYear = yearOf(c.BirthYear)
	case referral.ContactGroup:
		person.Phone, person.Email, person.ContactTimes = c.Phone, c.Email, c.ContactTimes
		person.SafeToCall, person.SafeToLeaveMessage = c.SafeToCall, c.SafeToLeaveMessage
	case referral.DetailsGroup:
		d.Answer, person.Details = a.Answer, a.Details
	}
}

// Tells reports that a group may be told now.
func (d Disclosed) Tells(group referral.Group) bool { return slices.Contains(d.Groups, group) }
