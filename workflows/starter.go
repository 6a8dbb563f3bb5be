package workflows

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
)

// Starter starts the workflows of referrals and tells them of changes. Doing either twice does no harm.
type Starter struct{ Client client.Client }

// Start begins the workflow of a referral; nil also when it is running. One that has ended may begin again: after a
// restore the record can be older than the clock, and a workflow reads from the record where its referral stands. That
// of a closed referral asks once, and ends.
func (s Starter) Start(ctx context.Context, id uuid.UUID) error {
	_, err := s.Client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: ReferralID(id), TaskQueue: TaskQueue,
		WorkflowIDReusePolicy:    enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
	}, ReferralType, ReferralInput{Referral: id})
	if err != nil && !temporal.IsWorkflowExecutionAlreadyStartedError(err) {
		return fmt.Errorf("start workflow of referral: %w", err)
	}
	return nil
}

// Changed tells a referral's workflow that the record has a new version. A workflow that is missing is started: it
// reads the record itself.
func (s Starter) Changed(ctx context.Context, id uuid.UUID, version int) error {
	err := s.Client.SignalWorkflow(ctx, ReferralID(id), "", SignalChanged, version)
	if missing := new(serviceerror.NotFound); errors.As(err, &missing) {
		return s.Start(ctx, id)
	}
	if err != nil {
		return fmt.Errorf("signal workflow of referral: %w", err)
	}
	return nil
}

// Attend starts the workflow of an erasure or an export, or tells it that the record has changed, whichever it needs: one
// that has ended asks the record once more, and ends. Doing it twice does no harm.
func (s Starter) Attend(ctx context.Context, kind string, id uuid.UUID) error {
	workflowID, of := ErasureID(id), ErasureType
	if kind == "export" {
		workflowID, of = ExportID(id), ExportType
	}
	_, err := s.Client.SignalWithStartWorkflow(ctx, workflowID, SignalChanged, 0,
		client.StartWorkflowOptions{ID: workflowID, TaskQueue: TaskQueue, WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE},
		of, DutyInput{ID: id})
	if err != nil {
		return fmt.Errorf("start workflow of %s: %w", kind, err)
	}
	return nil
}

// KeepRetention sees to it that the workflow of an organisation's retention schedule is there.
func (s Starter) KeepRetention(ctx context.Context, organisation uuid.UUID) error {
	_, err := s.Client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: RetentionID(organisation), TaskQueue: TaskQueue,
		WorkflowIDReusePolicy:    enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
	}, RetentionType, DutyInput{ID: organisation})
	if err != nil && !temporal.IsWorkflowExecutionAlreadyStartedError(err) {
		return fmt.Errorf("start workflow of retention: %w", err)
	}
	return nil
}
