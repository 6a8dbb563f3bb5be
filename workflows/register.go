// Package workflows is the clock and the conductor: one workflow per referral, which sleeps until something is due,
// has it done, and sleeps again. It decides nothing itself; package referral does, through activities.
package workflows

import (
	"github.com/google/uuid"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

// Names that stand in histories; a test compares them with testdata/names.golden.
const (
	TaskQueue     = "throughline"
	ReferralType  = "Referral"
	SignalChanged = "changed"
)

// ReferralID is the id of a referral's workflow.
func ReferralID(id uuid.UUID) string { return "referral-" + id.String() }

// Register gives each workflow its pinned name.
func Register(w worker.WorkflowRegistry) {
	w.RegisterWorkflowWithOptions(Referral, workflow.RegisterOptions{Name: ReferralType})
	registerDuties(w.RegisterWorkflowWithOptions)
}
