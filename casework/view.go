package casework

import (
	"time"

	"github.com/google/uuid"

	"throughline/db"
	"throughline/referral"
)

// Case is a person's folder as staff see it. It holds personal data.
type Case struct {
	ID        uuid.UUID `json:"id"`
	Reference string    `json:"reference"`
	CaseInput
	Version   int       `json:"version"` // one more with each correction
	CreatedBy uuid.UUID `json:"created_by"`
	CreatedAt time.Time `json:"created_at"`
	// ErasedAt is when all that was personal here was erased, and ErasedWhy client_request or schedule.
	ErasedAt  *time.Time `json:"erased_at"`
	ErasedWhy string     `json:"erased_why"`
	ByGlass   bool       `json:"-"` // seen by broken glass, for now
}

// Referral is a referral as staff see it.
type Referral struct {
	ID        uuid.UUID         `json:"id"`
	ShortName string            `json:"short_name"` // what agencies call it
	CaseID    uuid.UUID         `json:"case_id"`
	Reference string            `json:"case_reference"`
	EpisodeOf *uuid.UUID        `json:"episode_of"`
	Need      string            `json:"need"`
	Details   string            `json:"details"`
	Urgency   referral.Urgency  `json:"urgency"`
	State     referral.State    `json:"state"`
	Outcome   string            `json:"outcome"`
	Unmet     string            `json:"unmet_reason"`
	Evidence  referral.Evidence `json:"evidence"`
	Version   int               `json:"version"`
	OwnerID   uuid.UUID         `json:"owner_id"`
	OwnerName string            `json:"owner_name"`
	CreatedAt time.Time         `json:"created_at"`
	OpenedAt  *time.Time        `json:"opened_at"`
	ClosedAt  *time.Time        `json:"closed_at"`
	Step      *Step             `json:"step"` // null only when closed
	Offers    []Offer           `json:"offers"`
	Tasks     []Task            `json:"tasks"`
	Consent   *Consent          `json:"consent"`  // the latest yes; the latest no where there is none
	Consents  []Consent         `json:"consents"` // all that the client said, oldest first
	Erased    bool              `json:"-"`        // with its case: nothing can be done about it any more
}

// Step is the next thing that must happen, with its due time and who is accountable.
type Step struct {
	Do         referral.Name     `json:"do"`
	OfferID    *uuid.UUID        `json:"offer_id"`
	TaskID     *uuid.UUID        `json:"task_id"`
	TaskKind   referral.TaskKind `json:"task_kind"`
	Cause      string            `json:"cause"`
	Due        time.Time         `json:"due"`
	Role       referral.Role     `json:"role"`
	PersonID   *uuid.UUID        `json:"person_id"`
	PersonName string            `json:"person_name"`
}

// Offer is one agency's turn as staff see it.
type Offer struct {
	ID          uuid.UUID           `json:"id"`
	ServiceID   uuid.UUID           `json:"service_id"`
	Service     string              `json:"service"`
	ServiceFR   string              `json:"service_fr"`
	Agency      string              `json:"agency"`
	AgencyFR    string              `json:"agency_fr"`
	Phone       string              `json:"phone"`
	Rank        int                 `json:"rank"`
	State       referral.OfferState `json:"state"`
	TaskStatus  string              `json:"task_status"` // FHIR R4 Task.status
	Reason      string              `json:"reason"`
	ReasonNote  string              `json:"reason_note"`
	Outcome     string              `json:"outcome"`
	Question    string              `json:"question"`
	Answer      string              `json:"answer"`
	AnsweredBy  string              `json:"answered_by"`
	EnteredAt   time.Time           `json:"entered_at"`
	SentAt      *time.Time          `json:"sent_at"`
	RemindedAt  *time.Time          `json:"reminded_at"`
	EscalatedAt *time.Time          `json:"escalated_at"`
	Attempts    int                 `json:"attempts"`
	VisitAt     *time.Time          `json:"appointment_at"`
	Mail        referral.MailState  `json:"mail"`
	// Can lists what staff may record now, on their own or on the agency's or client's word.
	Can []referral.Name `json:"can"`
	// Agreed is what the client agrees now that the agency may know, at one stage or another.
	Agreed      []referral.Group `json:"agreed"`
	AgreedUntil *time.Time       `json:"agreed_until"` // null: nothing is agreed, or without an end
}

// Task is work for a human as staff see it.
type Task = db.TaskRow

// TimelineEntry is one thing that happened.
type TimelineEntry = db.TimelineRow

// QueueItem is an open referral in a list, most pressing first.
type QueueItem struct {
	db.QueueRow
	Step    Step `json:"step"`
	Overdue bool `json:"overdue"`
}

// LinkPage is what an agency's link shows: what is its own, and what is disclosed of the client.
type LinkPage struct {
	ReferralID uuid.UUID
	OfferID    uuid.UUID
	State      referral.OfferState
	Referral   referral.State
	Version    int
	Service    string
	ServiceFR  string
	Agency     string
	AgencyFR   string
	MailLocale string
	SentAt     time.Time
	ReplyBy    time.Time // when the offer lapses; zero once answered
	Zone       *time.Location
	Helpline   string
	Phone      string // the helpline's
	Reason     string
	Outcome    string
	Question   string
	AnsweredBy string
	VisitAt    *time.Time
	Attempts   int
	Can        []referral.Name // what the agency may do now, in table order
	Disclosed                  // what it may know of the client
}
