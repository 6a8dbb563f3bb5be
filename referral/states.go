// Package referral holds the rules: which states there are, who may move a referral or an offer from one to another,
// for which reasons, and what must happen next and by when. It is pure: no clock, no database, no network.
package referral

// State is a referral's own state.
type State string

// A referral is open from the moment it may be offered until its outcome is known.
const (
	Draft  State = "draft"
	Open   State = "open"
	Closed State = "closed"
)

// States lists every referral state in the order of a referral's life.
var States = []State{Draft, Open, Closed}

// OfferState is where one agency's turn at a referral stands.
type OfferState string

// Offer states; docs/states.md draws the moves between them.
const (
	Queued          OfferState = "queued"
	Sent            OfferState = "sent"
	InfoRequested   OfferState = "info_requested"
	Accepted        OfferState = "accepted"
	Contacting      OfferState = "contacting"
	Scheduled       OfferState = "scheduled"
	InService       OfferState = "in_service"
	Waitlisted      OfferState = "waitlisted"
	Declined        OfferState = "declined"
	Lapsed          OfferState = "lapsed"
	Withdrawn       OfferState = "withdrawn"
	OutcomeReported OfferState = "outcome_reported"
	Confirmed       OfferState = "confirmed"
	Failed          OfferState = "failed"
	InError         OfferState = "in_error"
)

// OfferStates lists every offer state in the order of DESIGN's table.
var OfferStates = []OfferState{Queued, Sent, InfoRequested, Accepted, Contacting, Scheduled, InService, Waitlisted,
	Declined, Lapsed, Withdrawn, OutcomeReported, Confirmed, Failed, InError}

// taskStatus is FHIR R4 Task.status as the SDOH Clinical Care guide uses it.
var taskStatus = map[OfferState]string{
	Queued: "draft", Sent: "requested", InfoRequested: "requested", Accepted: "accepted", Contacting: "in-progress",
	Scheduled: "in-progress", InService: "in-progress", Waitlisted: "on-hold", Declined: "rejected", Lapsed: "cancelled",
	Withdrawn: "cancelled", OutcomeReported: "completed", Confirmed: "completed", Failed: "failed",
	InError: "entered-in-error",
}

// TaskStatus is the FHIR Task.status of an offer in this state.
func (s OfferState) TaskStatus() string { return taskStatus[s] }

// Ended reports a state in which an agency's turn is over. Only an error is undone from here.
func (s OfferState) Ended() bool {
	switch s {
	case Declined, Lapsed, Withdrawn, Confirmed, Failed, InError:
		return true
	}
	return false
}

// Awaiting reports that the agency has been asked and has not answered yet.
func (s OfferState) Awaiting() bool { return s == Sent || s == InfoRequested }

// Taken reports that the agency has said yes and has not yet reported an outcome; a place on a waitlist counts.
func (s OfferState) Taken() bool {
	switch s {
	case Accepted, Contacting, Scheduled, InService, Waitlisted:
		return true
	}
	return false
}

// holds reports that nobody else should be asked while an offer is in this state: on a waitlist an alternative is
// sought at once, so a waitlisted offer holds nothing back.
func (s OfferState) holds() bool {
	return s.Awaiting() || s == OutcomeReported || (s.Taken() && s != Waitlisted)
}

// Role is who acts, or who is accountable.
type Role string

// Roles. System is the clock acting by policy.
const (
	System      Role = "system"
	Agency      Role = "agency"
	Client      Role = "client"
	Navigator   Role = "navigator"
	Coordinator Role = "coordinator"
	Supervisor  Role = "supervisor"
	Admin       Role = "admin"
)

// StaffRoles are the roles that have an account at the helpline.
var StaffRoles = []Role{Navigator, Coordinator}

// Staff reports an account of the helpline.
func (r Role) Staff() bool { return r == Navigator || r == Coordinator }

// Urgency chooses the pace of the policy. Urgent means safety or shelter tonight.
type Urgency string

// Urgencies.
const (
	Routine Urgency = "routine"
	Urgent  Urgency = "urgent"
)

// Urgencies lists both.
var Urgencies = []Urgency{Routine, Urgent}

// Evidence says who confirmed the outcome of a closed referral.
type Evidence string

// Evidence grades, weakest first.
const (
	ByNobody Evidence = "nobody"
	ByAgency Evidence = "agency"
	ByClient Evidence = "client"
	ByBoth   Evidence = "both"
)
