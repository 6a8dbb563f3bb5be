package main

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	historypb "go.temporal.io/api/history/v1"

	"throughline/internal/config"
	"throughline/internal/payloads"
	"throughline/workflows"
)

// history prints what a referral's workflow has been through, in the form that Temporal's replayer reads. It holds
// ids, codes and times, never personal data.
func history(ctx context.Context, e *env, args []string) error {
	f := flags(e, "history")
	if err := parse(f, args); err != nil {
		return err
	}
	id, err := uuid.Parse(f.Arg(0))
	if err != nil {
		return usageError("wants the id of a referral")
	}
	_, keys, err := e.settings(config.Need{Temporal: true, Keys: true})
	if err != nil {
		return exitError{2, err}
	}
	temporal, err := e.temporal(ctx, keys)
	if err != nil {
		return err
	}
	defer temporal.Close()
	raw, err := workflows.History(ctx, temporal, id, func(h *historypb.History) error { return payloads.OpenHistory(h, keys) })
	if err != nil {
		return err
	}
	fmt.Fprintln(e.stdout, string(raw))
	return nil
}
