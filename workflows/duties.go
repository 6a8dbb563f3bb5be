package workflows

import (
	"time"

	"github.com/google/uuid"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"throughline/activities/names"
)

// Types of the workflows that are no referral's. They are pinned like the others.
const (
	ErasureType   = "Erasure"
	ExportType    = "Export"
	RetentionType = "Retention"
)

// ErasureID is the id of an erasure's workflow, ExportID that of an export's, RetentionID that of an organisation's schedule.
func ErasureID(id uuid.UUID) string { return "erasure-" + id.String() }

// ExportID is the id of an export's workflow.
func ExportID(id uuid.UUID) string { return "export-" + id.String() }

// RetentionID is the id of the workflow of an organisation's schedule.
func RetentionID(organisation uuid.UUID) string { return "retention-" + organisation.String() }

// DutyInput starts any of them. It holds no personal data.
type DutyInput struct {
	ID uuid.UUID `json:"id"` // of the erasure, the export, or the organisation
}

// Erasure carries an erasure to its end: it waits until nobody can call it off any more and a second person has agreed.
func Erasure(ctx workflow.Context, in DutyInput) error {
	return carryOn(ctx, ErasureType, names.Erase, in)
}

// Export has a client's export made, and taken away when its time is over.
func Export(ctx workflow.Context, in DutyInput) error {
	return carryOn(ctx, ExportType, names.CarryExport, in)
}

// Retention does each night what an organisation's schedule says. It ends with the organisation.
func Retention(ctx workflow.Context, in DutyInput) error {
	return carryOn(ctx, RetentionType, names.Retain, in)
}

// carryOn has a duty done as far as it is time, waits until it is due again or there is news, and goes on until it has
// ended. It never fails: what can't be done now is tried again.
func carryOn(ctx workflow.Context, kind, activity string, in DutyInput) error {
	s := story{id: in.ID, changed: workflow.GetSignalChannel(ctx, SignalChanged)}
	for {
		if s.longEnough(ctx) {
			return workflow.NewContinueAsNewError(ctx, kind, in)
		}
		due, ended, err := s.attend(ctx, activity)
		if err != nil || ended {
			return err
		}
		if _, err := s.wait(ctx, due); err != nil {
			return err
		}
	}
}

// attend runs the activity of a duty, and says when to do that again.
func (s story) attend(ctx workflow.Context, activity string) (due time.Time, ended bool, err error) {
	// The night's work of a large organisation takes longer than a workflow task may.
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: 10 * time.Minute,
		RetryPolicy: &temporal.RetryPolicy{InitialInterval: time.Second, MaximumInterval: time.Minute}})
	var after names.Wait
	err = workflow.ExecuteActivity(ctx, activity, names.Duty{ID: s.id, At: workflow.Now(ctx)}).Get(ctx, &after)
	switch {
	case err == nil:
		return after.Due, after.Ended, nil
	case temporal.IsCanceledError(err):
		return time.Time{}, true, err
	case unknown(err):
		workflow.GetLogger(ctx).Warn("the record does not know this duty; its workflow ends", "activity", activity, "id", s.id.String())
		return time.Time{}, true, nil
	}
	workflow.GetLogger(ctx).Warn("a duty failed and will be tried again", "activity", activity, "id", s.id.String())
	return workflow.Now(ctx).Add(pause), false, nil
}

// registerDuties gives each workflow its pinned name.
func registerDuties(register func(w any, options workflow.RegisterOptions)) {
	register(Erasure, workflow.RegisterOptions{Name: ErasureType})
	register(Export, workflow.RegisterOptions{Name: ExportType})
	register(Retention, workflow.RegisterOptions{Name: RetentionType})
}
