package casework

import (
	"time"

	"github.com/google/uuid"

	"throughline/referral"
)

// CaseInput is what a navigator writes down of a caller. Everything may be empty but Anonymous: a caller who gives no
// name is anonymous, and one who gives no way to be reached must call back.
type CaseInput struct {
	Anonymous          bool   `json:"anonymous" form:"anonymous"`
	Name               string `json:"name" form:"name"`
	Phone              string `json:"phone" form:"phone"`
	Email              string `json:"email" form:"email"`
	ContactTimes       string `json:"contact_times" form:"contact_times"`
	SafeToCall         bool   `json:"safe_to_call" form:"safe_to_call"`
	SafeToLeaveMessage bool   `json:"safe_to_leave_message" form:"safe_to_leave_message"`
	Municipality       string `json:"municipality" form:"municipality"`
	PostalCode         string `json:"postal_code" form:"postal_code"`
	BirthYear          int    `json:"birth_year" form:"birth_year"` // 0: unknown
	Language           string `json:"language" form:"language"`     // BCP 47, "en" when empty
	Notes              string `json:"notes" form:"notes"`
	Restricted         string `json:"restricted" form:"restricted"` // one of RestrictionKinds when the case is for named people only
}

// ConsentInput is what the client agreed to. Given must be true or the referral is refused and only the refusal kept.
type ConsentInput struct {
	Given  bool   `json:"given"`
	How    string `json:"how"`    // verbal, written, substitute
	Script string `json:"script"` // one of ConsentScripts; ConsentScript when empty
	// Groups are what each agency may know, referral.UsualGroups when nil; Services names those that may know something
	// else.
	Groups   []referral.Group `json:"groups"`
	Services []ServiceConsent `json:"services"`
	// ExpiresAt is until when that holds; zero is as long as the policy says.
	ExpiresAt time.Time `json:"expires_at"`
	// Substitute is who agreed for the client, and Capacity in what right, one of referral.Capacities.
	Substitute string `json:"substitute"`
	Capacity   string `json:"capacity"`
}

// ServiceConsent is what the agency of one service may know.
type ServiceConsent struct {
	ServiceID uuid.UUID        `json:"service_id"`
	Groups    []referral.Group `json:"groups"`
}

// ConsentScripts are the versions of the words that are read out to the client, the current one first. What an older one
// said can still be read.
var ConsentScripts = []string{ConsentScript, "2026-11"}

// ConsentScript is the version of the consent wording that the pages show.
const ConsentScript = "2026-12"

// ReferralInput is one need of a case and the services to ask, in the order the client agreed to.
type ReferralInput struct {
	CaseID     uuid.UUID        `json:"case_id"`
	Need       string           `json:"need"`
	Details    string           `json:"details"`
	Urgency    referral.Urgency `json:"urgency"`
	ServiceIDs []uuid.UUID      `json:"service_ids"`
	Consent    ConsentInput     `json:"consent"`
	Draft      bool             `json:"draft"`      // keep it until the client has been asked for consent
	EpisodeOf  uuid.UUID        `json:"episode_of"` // a closed referral that this one takes up again; nil UUID: none
}

// IntakeInput is a new case and its first referral, from one page.
type IntakeInput struct {
	Case     CaseInput
	Referral ReferralInput // CaseID is ignored
}

// CommandInput is one command on a referral, from a page or the API.
type CommandInput struct {
	Do         referral.Name `json:"-"`
	OfferID    uuid.UUID     `json:"offer_id"` // nil UUID: the offer that is the agency's turn now, where there is just one
	TaskID     uuid.UUID     `json:"task_id"`
	Reason     string        `json:"reason"`
	Outcome    string        `json:"outcome"`
	Unmet      string        `json:"unmet_reason"`
	At         time.Time     `json:"at"`
	PersonID   uuid.UUID     `json:"person_id"`
	ServiceIDs []uuid.UUID   `json:"service_ids"`
	Again      bool          `json:"again"` // of mark_in_error: ask the same agency afresh
	Note       string        `json:"note"`  // question, answer, what was said; may hold personal data
	ToldBy     string        `json:"told_by"`
	Consent    *ConsentInput `json:"consent"` // of open, add_offer and agree
	// Groups are what withdraw_consent takes back; none: all.
	Groups    []referral.Group `json:"groups"`
	For       referral.Role    `json:"for"` // agency or client, when staff act on their word; "" lets the command decide
	IfVersion int              `json:"-"`   // 0: any; else stale (412) unless the referral is at this version
}

// Key makes a request safe to repeat: the same key and body get the first answer again, another body is refused with
// invalid. A nil *Key asks for no such care.
type Key struct {
	Key  string
	Body []byte // the request as it came; only its digest is kept
}
