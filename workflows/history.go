package workflows

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/encoding/protojson"

	"throughline/referral"
)

// History gives the latest run of a referral's workflow as JSON that Temporal's replayer reads; not_found when Temporal
// has none. Its payloads are sealed as they come: open makes them readable.
func History(ctx context.Context, c client.Client, id uuid.UUID, open func(*historypb.History) error) ([]byte, error) {
	events := c.GetWorkflowHistory(ctx, ReferralID(id), "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	var all historypb.History
	for events.HasNext() {
		event, err := events.Next()
		if missing := new(serviceerror.NotFound); errors.As(err, &missing) {
			return nil, referral.NotFound("workflow")
		}
		if err != nil {
			return nil, fmt.Errorf("read history: %w", err)
		}
		all.Events = append(all.Events, event)
	}
	if err := open(&all); err != nil {
		return nil, fmt.Errorf("read history: %w", err)
	}
	return protojson.MarshalOptions{Indent: "  "}.Marshal(&all)
}
