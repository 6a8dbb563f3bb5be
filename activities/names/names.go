// Package names pins what workflows and activities call each other: the names and inputs that stand in histories. They
// are data, not code: to change one is to break every workflow that has it in its past.
package names

import (
	"time"

	"github.com/google/uuid"

	"throughline/referral"
)

// Activities, one for each step that the clock carries out, and Next, which says what the step is.
const (
	Next         = "Next"
	SendOffer    = "SendOffer"
	Remind       = "Remind"
	Escalate     = "Escalate"
	Lapse        = "Lapse"
	AskAgency    = "AskAgency"
	RaiseTask    = "RaiseTask"
	EscalateTask = "EscalateTask"
)

// Activities lists them.
var Activities = []string{Next, SendOffer, Remind, Escalate, Lapse, AskAgency, RaiseTask, EscalateTask}

// Duties of the house, which are no referral's: an erasure, a client's export, an organisation's retention schedule.
const (
	Erase       = "Erase"
	CarryExport = "CarryExport"
	Retain      = "Retain"
)

// Duties lists them.
var Duties = []string{Erase, CarryExport, Retain}

// Chirp is the canary's only activity. It stands in no referral's history.
const Chirp = "Chirp"

// Input is what every activity takes. It holds no personal data.
type Input struct {
	Referral uuid.UUID     `json:"referral"`
	Step     referral.Step `json:"step"` // what is due; not of Next
	// At is the workflow's time, so that a workflow whose time is skipped sees its own future.
	At time.Time `json:"at"`
}

// Duty is what an activity of Duties takes. It holds no personal data.
type Duty struct {
	ID uuid.UUID `json:"id"` // of the erasure, the export, or the organisation
	// At is the workflow's time.
	At time.Time `json:"at"`
}

// Wait is what it answers: when to ask again, or that there is nothing left to do.
type Wait struct {
	Due   time.Time `json:"due"`
	Ended bool      `json:"ended"`
}
