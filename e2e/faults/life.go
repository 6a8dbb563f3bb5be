package faults

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/google/uuid"

	"throughline/referral"
)

// life carries one referral, by dice of its own, so that the same seed makes the same choices where the same is offered.
type life struct {
	*office
	n        int
	seed     uint64
	dice     *rand.Rand
	ops      int
	referral uuid.UUID
	address  string // of this agency's readers, for limits by address
	services []uuid.UUID
	done     []done // what was acknowledged by key, to ask for again
}

// done is a request that was answered well.
type done struct {
	entry  Entry
	url    string
	header map[string]string
	body   []byte
	digest string
}

// Bounds of a life.
const (
	fewestActs = 0
	mostActs   = 9
	lifeLimit  = 3 * time.Minute
)

func newLife(o *office, seed uint64, n int) *life {
	dice := rand.New(rand.NewPCG(seed, uint64(n)+1))
	return &life{office: o, n: n, seed: seed, dice: dice,
		address: fmt.Sprintf("10.%d.%d.%d", dice.IntN(256), dice.IntN(256), dice.IntN(256))}
}

// live takes the call, does things at random, and closes the referral most of the time. An error says that the life
// could not go on, which is no fault of the record by itself.
func (l *life) live(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, lifeLimit)
	defer cancel()
	if err := l.takeCall(ctx); err != nil {
		return err
	}
	acts := fewestActs + l.dice.IntN(mostActs-fewestActs+1)
	for range acts {
		v, err := l.look(ctx)
		if err != nil {
			return err
		}
		if v.State == referral.Closed {
			return l.after(ctx)
		}
		if err := l.act(ctx, v); err != nil && !errors.Is(err, errUnanswered) {
			return err
		}
	}
	if acts == 0 {
		return nil // nobody touches it again: only the clock does
	}
	v, err := l.look(ctx)
	if err != nil {
		return err
	}
	if v.State != referral.Closed && l.dice.IntN(10) < 8 {
		if err := l.close(ctx); err != nil {
			return err
		}
	}
	return l.after(ctx)
}

// after does what should change nothing any more: it asks again for what was answered, and tries a closed referral.
func (l *life) after(ctx context.Context) error {
	switch d := pick(l.dice, l.done); l.dice.IntN(6) {
	case 0:
		return l.forge(ctx, d)
	case 1, 2:
		return l.repeat(ctx, d)
	case 3:
		return l.knock(ctx)
	}
	return nil
}

// mark makes the words by which an operation is found again.
func (l *life) mark() string {
	l.ops++
	return fmt.Sprintf("s%d-l%d-o%d", l.seed, l.n, l.ops)
}

func pick[T any](dice *rand.Rand, all []T) T { return all[dice.IntN(len(all))] }

func code(dice *rand.Rand, reasons []referral.Reason) string { return pick(dice, reasons).Code }

// canary is in every name, so that logs can be searched for it.
const canary = "Canary"

// takeCall takes the call down and refers the caller. Some are drafts first, and opened when the client has agreed.
func (l *life) takeCall(ctx context.Context) error {
	l.services = l.choose(l.dice, 1+l.dice.IntN(3))
	mark, draft := l.mark(), l.dice.IntN(10) == 0
	in := map[string]any{
		"case": map[string]any{"name": fmt.Sprintf("%s Caller %d", canary, l.n), "phone": "705-555-0133", "safe_to_call": true,
			"municipality": "Peterborough"},
		"need": pick(l.dice, referral.Needs), "urgency": pick(l.dice, referral.Urgencies), "details": mark, "service_ids": l.services,
		"consent": map[string]any{"given": !draft, "how": "verbal"}, "draft": draft}
	a, err := l.post(ctx, Entry{Mark: mark, Do: string(referral.Refer)}, "/api/v1/referrals", in, "")
	if err != nil {
		return err
	}
	if a.status != http.StatusCreated {
		return fmt.Errorf("intake is answered %d: %s", a.status, a.body)
	}
	var made struct{ ID uuid.UUID }
	if err := json.Unmarshal(a.body, &made); err != nil {
		return fmt.Errorf("intake: %w", err)
	}
	l.referral = made.ID
	if draft {
		_, err = l.command(ctx, referral.OpenDraft, map[string]any{"consent": map[string]any{"given": true, "how": "verbal"}})
	}
	return err
}

// seen is a referral as staff see it, as far as a life looks.
type seen struct {
	State     referral.State
	Version   int
	ShortName string `json:"short_name"`
	Offers    []seenOffer
	Tasks     []seenTask
}

type seenOffer struct {
	ID      uuid.UUID
	State   referral.OfferState
	Outcome string
	Mail    referral.MailState
}

type seenTask struct {
	ID    uuid.UUID
	Kind  referral.TaskKind
	State referral.TaskState
}

// look reads the referral, for as long as it takes to get an answer.
func (l *life) look(ctx context.Context) (seen, error) {
	for {
		var v seen
		a := l.send(ctx, http.MethodGet, l.base()+"/api/v1/referrals/"+l.referral.String(), l.key(referral.Navigator), nil)
		switch {
		case a.status == http.StatusOK:
			return v, json.Unmarshal(a.body, &v)
		case a.known():
			return v, fmt.Errorf("an acknowledged referral is answered %d", a.status)
		}
		if err := sleep(ctx, 300*time.Millisecond); err != nil {
			return v, fmt.Errorf("look: %w", err)
		}
	}
}

// wait gives the clock some time to do its part, and ends soon after it has. It looks less and less often: a hundred lives
// that wait are not to be what the machine is busy with.
func (l *life) wait(ctx context.Context, v seen, limit time.Duration) error {
	pause := 250 * time.Millisecond
	for end := time.Now().Add(limit); time.Now().Before(end); pause *= 2 {
		now, err := l.look(ctx)
		if err != nil || now.Version != v.Version {
			return err
		}
		if err := sleep(ctx, pause); err != nil {
			return err
		}
	}
	return nil
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
