//go:build linux

package faults

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"

	"throughline/workflows"
)

// atATime is how many workflows are ended at once.
const atATime = 10

// endWorkflows ends the workflows of a few open referrals, as an operator's mistake does, or lost data of Temporal's.
func (n *nemesis) endWorkflows(ctx context.Context) error {
	db, err := sqlx.ConnectContext(ctx, "postgres", n.DatabaseURL)
	if err != nil {
		return err
	}
	defer db.Close()
	var ids []uuid.UUID
	if err := db.SelectContext(ctx, &ids, `SELECT id FROM referrals WHERE state = 'open' ORDER BY id LIMIT $1`, atATime); err != nil {
		return err
	}
	temporal, err := client.DialContext(ctx, client.Options{HostPort: n.temporal, Namespace: theNamespace, Logger: mute{}})
	if err != nil {
		return err
	}
	defer temporal.Close()
	for _, id := range ids {
		err := temporal.TerminateWorkflow(ctx, workflows.ReferralID(id), "", "ended by a fault test")
		if gone := new(serviceerror.NotFound); err != nil && !errors.As(err, &gone) {
			return fmt.Errorf("end a workflow: %w", err)
		}
	}
	return nil
}

// mute is the SDK's log.
type mute struct{}

var _ log.Logger = mute{}

func (mute) Debug(string, ...any) {}
func (mute) Info(string, ...any)  {}
func (mute) Warn(string, ...any)  {}
func (mute) Error(string, ...any) {}
