//go:build unix

package servertest

import (
	"context"
	"testing"

	"github.com/google/uuid"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"

	"throughline/workflows"
	"throughline/workflows/lifetest"
)

// replay holds a history that was just lived to what recorded ones are held to.
func replay(t *testing.T, h *historypb.History) {
	t.Helper()
	for _, cut := range append(lifetest.Cuts(h), h) {
		if err := lifetest.Replay(cut, nil); err != nil {
			t.Errorf("replay of the first %d of %d events: %v", len(cut.Events), len(h.Events), err)
		}
	}
	if leaks, err := lifetest.Leaks(h); err != nil || len(leaks) > 0 {
		t.Errorf("the history holds %v, %v", leaks, err)
	}
}

func endOf(c client.Client, id uuid.UUID) func(context.Context) (bool, error) {
	return func(ctx context.Context) (bool, error) {
		d, err := c.DescribeWorkflowExecution(ctx, workflows.ReferralID(id), "")
		return d.GetWorkflowExecutionInfo().GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED, err
	}
}
