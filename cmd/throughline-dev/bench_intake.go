package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
	"go.temporal.io/api/workflowservice/v1"

	"throughline/referral"
)

const callsPerSecond = 20

func listRequest(query string) *workflowservice.ListWorkflowExecutionsRequest {
	return &workflowservice.ListWorkflowExecutionsRequest{Query: query, PageSize: 100}
}

// intake measures how long a call takes to be taken down over the API, at a steady 20 a second, with Temporal up and
// with Temporal stopped, and how soon the backlog is gone when it is back.
func (g *ground) intake(ctx context.Context, length time.Duration) error {
	service, err := story{need: "food", near: "Peterborough", choices: 1}.choose(ctx, g.app.Desk)
	if err != nil {
		return err
	}
	if err := g.takeCalls(ctx, "Temporal up", service[0], length); err != nil {
		return err
	}
	if _, err := g.settled(ctx, 2*time.Minute); err != nil {
		return err
	}
	if err := g.stack.StopTemporal(); err != nil {
		return err
	}
	down := g.takeCalls(ctx, "Temporal stopped", service[0], length)
	if err := g.stack.StartTemporal(ctx); err != nil {
		return err
	}
	if down != nil {
		return down
	}
	took, err := g.settled(ctx, 5*time.Minute)
	if err != nil {
		return err
	}
	fmt.Fprintf(g.out, "backlog           told to Temporal and the mail provider %s after Temporal was back\n", took.Round(100*time.Millisecond))
	return nil
}

// takeCalls posts new referrals at a steady pace: each begins when it is due, however long the others take.
func (g *ground) takeCalls(ctx context.Context, name string, service uuid.UUID, length time.Duration) error {
	n := int(length.Seconds() * callsPerSecond)
	took := make([]time.Duration, n)
	errs := make([]error, n)
	tick := time.NewTicker(time.Second / callsPerSecond)
	defer tick.Stop()
	var wg sync.WaitGroup
	for i := range n {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		wg.Go(func() { took[i], errs[i] = g.call(ctx, service) })
	}
	wg.Wait()
	failures := slices.DeleteFunc(slices.Clone(errs), func(err error) bool { return err == nil })
	slices.Sort(took)
	fmt.Fprintf(g.out, "intake            %s: %d calls at %d/s, p50 %s, p99 %s, %d not answered 201\n", name, n, callsPerSecond,
		quantile(took, 0.5), quantile(took, 0.99), len(failures))
	if len(failures) > 0 {
		return fmt.Errorf("intake with %s: %w", name, failures[0])
	}
	return nil
}

// call takes one call down: a new case and its referral.
func (g *ground) call(ctx context.Context, service uuid.UUID) (time.Duration, error) {
	body, err := json.Marshal(map[string]any{
		"case": map[string]any{"name": "Bench Person", "phone": "705-555-0123", "safe_to_call": true},
		"need": "food", "service_ids": []uuid.UUID{service},
		"consent": map[string]any{"given": true, "how": "verbal"},
	})
	if err != nil {
		return 0, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, g.base+"/api/v1/referrals", bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	r.Header.Set("Authorization", "Bearer "+g.creds.Accounts[string(referral.Navigator)].APIKey)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Idempotency-Key", uuid.NewString())
	begun := time.Now()
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		return 0, err
	}
	if answer.StatusCode != http.StatusCreated {
		return 0, fmt.Errorf("answered %d", answer.StatusCode)
	}
	return time.Since(begun), nil
}
