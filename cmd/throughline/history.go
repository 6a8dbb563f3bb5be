package main

import (
	"context"
	"fmt"

	"github.com/google/uuid"

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
	temporal, err := e.temporal(ctx)
	if err != nil {
		return err
	}
	defer temporal.Close()
	raw, err := workflows.History(ctx, temporal, id)
	if err != nil {
		return err
	}
	fmt.Fprintln(e.stdout, string(raw))
	return nil
}
