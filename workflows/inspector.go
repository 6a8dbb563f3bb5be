package workflows

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
)

// Inspector looks at the workflows of referrals one by one: visibility lags by seconds, Describe does not.
type Inspector struct{ Client client.Client }

// running are the open workflows of referrals in the language of visibility.
const running = "WorkflowType = '" + ReferralType + "' AND ExecutionStatus = 'Running'"

// failingAttempts is how often in a row a workflow task must have been tried to count as failing.
const failingAttempts = 3

// Inspect says whether a referral's workflow is open, and whether its last task keeps failing.
func (i Inspector) Inspect(ctx context.Context, id uuid.UUID) (open, failing bool, err error) {
	d, err := i.Client.DescribeWorkflowExecution(ctx, ReferralID(id), "")
	if missing := new(serviceerror.NotFound); errors.As(err, &missing) {
		return false, false, nil
	}
	if err != nil {
		return false, false, fmt.Errorf("describe workflow: %w", err)
	}
	open = d.GetWorkflowExecutionInfo().GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING
	return open, d.GetPendingWorkflowTask().GetAttempt() >= failingAttempts, nil
}

// Running counts the open workflows, as far as visibility knows.
func (i Inspector) Running(ctx context.Context) (int, error) {
	answer, err := i.Client.CountWorkflow(ctx, &workflowservice.CountWorkflowExecutionsRequest{Query: running})
	return int(answer.GetCount()), err
}

// Open lists the referrals whose workflow is open, as far as visibility knows: it lags by seconds.
func (i Inspector) Open(ctx context.Context) ([]uuid.UUID, error) {
	var ids []uuid.UUID
	request := &workflowservice.ListWorkflowExecutionsRequest{PageSize: 1000, Query: running}
	for {
		page, err := i.Client.ListWorkflow(ctx, request)
		if err != nil {
			return nil, err
		}
		for _, e := range page.GetExecutions() {
			id, err := uuid.Parse(strings.TrimPrefix(e.GetExecution().GetWorkflowId(), "referral-"))
			if err != nil {
				return nil, fmt.Errorf("a workflow of type %s has an id that is no referral's", ReferralType)
			}
			ids = append(ids, id)
		}
		if request.NextPageToken = page.GetNextPageToken(); len(request.NextPageToken) == 0 {
			return ids, nil
		}
	}
}
