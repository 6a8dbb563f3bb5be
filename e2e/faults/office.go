package faults

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"throughline/referral"
)

// office is what all lives share: the helpline's keys, the directory, the letters, the outside log.
type office struct {
	bases    []string
	staff    Staff
	mailable []uuid.UUID // services with an address, that take referrals
	silent   []uuid.UUID // and those that have none
	ledger   *Ledger
	letters  *postbox
	web      *http.Client
	ahead    time.Duration // of the machine's clock, which is ours
	tally    tally
}

// tally counts what clients did.
type tally struct {
	Begun, Ended, Acknowledged, Refused, Unanswered, Repeated atomic.Int64
	mu                                                        sync.Mutex
	problems                                                  []string // of lives that could not go on
}

func (t *tally) problem(life int, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.problems = append(t.problems, fmt.Sprintf("life %d: %v", life, err))
}

func (o *office) count(e Entry) {
	switch {
	case e.Status == 0:
		o.tally.Unanswered.Add(1)
	case e.Again:
		o.tally.Repeated.Add(1)
	case e.Good():
		o.tally.Acknowledged.Add(1)
	default:
		o.tally.Refused.Add(1)
	}
}

// learn reads which services there are. It is done before anything goes wrong.
func (o *office) learn(ctx context.Context) error {
	var found struct {
		Items []struct {
			ID               uuid.UUID
			Status           string
			HasEmail         bool       `json:"has_email"`
			AcceptsReferrals bool       `json:"accepts_referrals"`
			FullUntil        *time.Time `json:"full_until"`
			ClosedUntil      *time.Time `json:"closed_until"`
		}
	}
	a := o.send(ctx, http.MethodGet, o.bases[0]+"/api/v1/services?limit=100", o.key(referral.Navigator), nil)
	if a.status != http.StatusOK {
		return fmt.Errorf("list services: %d", a.status)
	}
	if err := json.Unmarshal(a.body, &found); err != nil {
		return fmt.Errorf("list services: %w", err)
	}
	for _, s := range found.Items {
		switch {
		case s.Status != "active" || !s.AcceptsReferrals || s.FullUntil != nil || s.ClosedUntil != nil:
		case s.HasEmail:
			o.mailable = append(o.mailable, s.ID)
		default:
			o.silent = append(o.silent, s.ID)
		}
	}
	if len(o.mailable) < 10 {
		return fmt.Errorf("only %d services can be mailed", len(o.mailable))
	}
	return nil
}

// now is the time of the deployment.
func (o *office) now() time.Time { return time.Now().Add(o.ahead) }

func (o *office) key(role referral.Role) map[string]string {
	return map[string]string{"Authorization": "Bearer " + o.staff[role].Key}
}

// choose picks n different services; now and then one that has no address.
func (o *office) choose(dice *rand.Rand, n int) []uuid.UUID {
	var chosen []uuid.UUID
	for _, i := range dice.Perm(len(o.mailable))[:n] {
		chosen = append(chosen, o.mailable[i])
	}
	if len(o.silent) > 0 && dice.IntN(12) == 0 {
		chosen[dice.IntN(n)] = o.silent[dice.IntN(len(o.silent))]
	}
	return chosen
}

// Pace is how lives are begun: so many clients at once, and so long for all lives to have begun.
type Pace struct {
	Lives, Clients int
	Over           time.Duration
}

// run has clients carry lives, each begun at its moment or as soon after as a client is free. It returns when all have
// come to their end.
func (o *office) run(ctx context.Context, seed uint64, p Pace) {
	begun := time.Now()
	moments := make(chan int)
	go func() {
		defer close(moments)
		for n := range p.Lives {
			select {
			case <-time.After(time.Until(begun.Add(p.Over * time.Duration(n) / time.Duration(p.Lives)))):
			case <-ctx.Done():
				return
			}
			select {
			case moments <- n:
			case <-ctx.Done():
				return
			}
		}
	}()
	var clients sync.WaitGroup
	for range p.Clients {
		clients.Go(func() {
			for n := range moments {
				o.tally.Begun.Add(1)
				if err := newLife(o, seed, n).live(ctx); err != nil {
					o.tally.problem(n, err)
				}
				o.tally.Ended.Add(1)
			}
		})
	}
	clients.Wait()
}
