package referral

import "slices"

// Name names a command: what someone asks to be done. The same word stands in the API's path and on the timeline.
type Name string

// Commands of an agency; staff record them on the agency's behalf when it answers by phone.
const (
	Accept        Name = "accept"
	Decline       Name = "decline"
	Ask           Name = "ask"
	Waitlist      Name = "waitlist"
	Contact       Name = "contact"
	Schedule      Name = "schedule"
	StartService  Name = "start_service"
	Continue      Name = "continue"
	ReportOutcome Name = "report_outcome"
	Fail          Name = "fail"
)

// Commands of the helpline, many of them on the client's word.
const (
	OpenDraft   Name = "open"
	Answer      Name = "answer"
	Confirm     Name = "confirm"
	Dispute     Name = "dispute"
	Withdraw    Name = "withdraw"
	MarkInError Name = "mark_in_error"
	AddOffer    Name = "add_offer"
	Close       Name = "close"
	Reassign    Name = "reassign"
	FinishTask  Name = "finish_task"
)

// Commands about who may know what.
const (
	// Agree records what the client agrees to when asked again.
	Agree Name = "agree"
	// WithdrawConsent takes consent back: all of it, for one agency, or for groups of information.
	WithdrawConsent Name = "withdraw_consent"
)

// Commands of the clock. Each carries out the step that Next names, when it is due; pass_over does so for a send to a
// service that takes no referrals any more.
const (
	Send         Name = "send"
	PassOver     Name = "pass_over"
	Remind       Name = "remind"
	Escalate     Name = "escalate"
	Lapse        Name = "lapse"
	AskAgency    Name = "ask_agency"
	RaiseTask    Name = "raise_task"
	EscalateTask Name = "escalate_task"
)

// Transition is one line of the graph: who may move an offer by which command, from where to where.
type Transition struct {
	Do   Name
	From []OfferState
	To   OfferState
	By   []Role
	// Via is a state passed through on the way, for FHIR: Task has no edge from requested to on-hold, so a waitlist
	// answered to a fresh offer is recorded as accepted, then on hold.
	Via OfferState
}

func from(s ...OfferState) []OfferState { return s }
func by(r ...Role) []Role               { return r }

// beforeEnd are the states from which an offer can still be taken back.
var beforeEnd = from(Queued, Sent, InfoRequested, Accepted, Contacting, Scheduled, InService, Waitlisted)

// Transitions is the whole graph of an offer. docs/states.md, the database trigger, the buttons on the pages and the
// tests are all made from it.
var Transitions = []Transition{
	{Do: Send, From: from(Queued), To: Sent, By: by(System)},
	{Do: Ask, From: from(Sent, InfoRequested), To: InfoRequested, By: by(Agency)},
	{Do: Answer, From: from(InfoRequested), To: Sent, By: by(Navigator, Coordinator)},
	{Do: Accept, From: from(Sent, InfoRequested, Waitlisted), To: Accepted, By: by(Agency)},
	{Do: Decline, From: from(Sent, InfoRequested), To: Declined, By: by(Agency)},
	// Lapse, not decline: silence is not the agency's decision.
	{Do: Lapse, From: from(Sent, InfoRequested), To: Lapsed, By: by(System)},
	{Do: Contact, From: from(Accepted, Contacting), To: Contacting, By: by(Agency)},
	{Do: Schedule, From: from(Accepted, Contacting, Scheduled), To: Scheduled, By: by(Agency)},
	{Do: StartService, From: from(Accepted, Contacting, Scheduled), To: InService, By: by(Agency)},
	{Do: Continue, From: from(InService), To: InService, By: by(Agency)},
	{Do: Waitlist, From: from(Sent, InfoRequested), To: Waitlisted, Via: Accepted, By: by(Agency)},
	{Do: Waitlist, From: from(Accepted, Contacting, Scheduled, InService, Waitlisted), To: Waitlisted, By: by(Agency)},
	{Do: ReportOutcome, From: from(Accepted, Contacting, Scheduled, InService), To: OutcomeReported, By: by(Agency)},
	{Do: Fail, From: from(Accepted, Contacting, Scheduled, InService, Waitlisted), To: Failed, By: by(Agency)},
	// The client may know before the agency reports.
	{Do: Confirm, From: from(Accepted, Contacting, Scheduled, InService, OutcomeReported), To: Confirmed, By: by(Client)},
	{Do: Dispute, From: from(OutcomeReported), To: Failed, By: by(Client)},
	{Do: Withdraw, From: beforeEnd, To: Withdrawn, By: by(Client, Navigator, Coordinator)},
	// A service may have closed since the client agreed to it.
	{Do: PassOver, From: from(Queued), To: Withdrawn, By: by(System)},
	// A decision posted by a machine or by mistake is undone by staff; the agency is then asked afresh.
	{Do: MarkInError, From: append(slices.Clone(beforeEnd), OutcomeReported, Declined, Failed), To: InError, By: by(Navigator, Coordinator)},
}

// ReferralTransition is one line of the referral's own small graph.
type ReferralTransition struct {
	Do   []Name
	From State
	To   State
	By   []Role
}

// ReferralTransitions is the graph of a referral. A closed referral reopens only as a new episode.
var ReferralTransitions = []ReferralTransition{
	{Do: []Name{OpenDraft}, From: Draft, To: Open, By: by(Navigator, Coordinator)},
	{Do: []Name{Close, Withdraw}, From: Draft, To: Closed, By: by(Client, Navigator, Coordinator)},
	{Do: []Name{Close, Withdraw, Confirm}, From: Open, To: Closed, By: by(Client, Navigator, Coordinator)},
}

// find gives the transition of a command from a state; ok is false off the graph.
func find(do Name, at OfferState) (t Transition, ok bool) {
	for _, t := range Transitions {
		if t.Do == do && slices.Contains(t.From, at) {
			return t, true
		}
	}
	return Transition{}, false
}

// Edge is one permitted change of an offer's state as the database sees it.
type Edge struct{ From, To string }

// OfferEdges lists every permitted change of an offer's state, without repetition, in table order.
func OfferEdges() []Edge {
	var edges []Edge
	add := func(a, b OfferState) {
		e := Edge{string(a), string(b)}
		if a != b && !slices.Contains(edges, e) {
			edges = append(edges, e)
		}
	}
	for _, t := range Transitions {
		for _, f := range t.From {
			if t.Via != "" {
				add(f, t.Via)
				add(t.Via, t.To)
				continue
			}
			add(f, t.To)
		}
	}
	return edges
}

// ReferralEdges lists every permitted change of a referral's state.
func ReferralEdges() []Edge {
	var edges []Edge
	for _, t := range ReferralTransitions {
		edges = append(edges, Edge{string(t.From), string(t.To)})
	}
	return edges
}

// OfferCommands lists what role may do to an offer in state at, in table order.
func OfferCommands(at OfferState, role Role) []Name {
	var names []Name
	for _, t := range Transitions {
		if slices.Contains(t.From, at) && slices.Contains(t.By, role) && !slices.Contains(names, t.Do) {
			names = append(names, t.Do)
		}
	}
	return names
}
