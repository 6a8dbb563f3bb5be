package faults

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"throughline/referral"
)

// silence is how long a life waits for the clock to do something.
const silence = 6 * time.Second

// soon are appointments near enough for a life to see what comes after.
func (o *office) soon() []time.Time {
	now := o.now().UTC().Truncate(time.Second)
	return []time.Time{now.Add(-time.Minute), now.Add(2 * time.Second), now.Add(5 * time.Second)}
}

// command gives a command of staff over the API until it is known what became of it.
func (l *life) command(ctx context.Context, do referral.Name, in map[string]any) (answer, error) {
	return l.commandAt(ctx, do, in, 0)
}

// commandAt insists on a version of the referral; 0 takes any.
func (l *life) commandAt(ctx context.Context, do referral.Name, in map[string]any, version int) (answer, error) {
	in = maps.Clone(in)
	if in == nil {
		in = map[string]any{}
	}
	e := Entry{Mark: l.mark(), Do: string(do), If: version}
	in["note"] = e.Mark
	if offer, ok := in["offer_id"].(uuid.UUID); ok {
		e.Offer = offer
	}
	if task, ok := in["task_id"].(uuid.UUID); ok {
		e.Task = task
	}
	match := ""
	if version > 0 {
		match = strconv.Quote(strconv.Itoa(version))
	}
	return l.post(ctx, e, fmt.Sprintf("/api/v1/referrals/%s/%s", l.referral, do), in, match)
}

// post sends a change with a key of its own, again and again with the same key until the answer is certain.
func (l *life) post(ctx context.Context, e Entry, path string, in map[string]any, match string) (answer, error) {
	body, err := json.Marshal(in)
	if err != nil {
		return answer{}, err
	}
	e.Life, e.Via, e.Referral, e.Key = l.n, "api", l.referral, fmt.Sprintf("key-%s-%d", e.Mark, l.dice.Uint64())
	header := l.key(pick(l.dice, referral.StaffRoles))
	if e.Do == string(referral.Refer) {
		header = l.key(referral.Navigator)
	}
	header["Content-Type"], header["Idempotency-Key"] = "application/json", e.Key
	if match != "" {
		header["If-Match"] = match
	}
	a, err := l.insist(ctx, e, func(ctx context.Context, base string) answer { return l.send(ctx, "POST", base+path, header, body) })
	if err == nil && a.good() {
		l.done = append(l.done, done{entry: e, url: path, header: header, body: body, digest: a.digest()})
	}
	return a, err
}

// repeat sends a request again that was answered well.
func (l *life) repeat(ctx context.Context, d done) error {
	e := d.entry
	e.Again = true
	_, err := l.insist(ctx, e, func(ctx context.Context, base string) answer {
		return l.send(ctx, "POST", base+d.url, d.header, d.body)
	})
	return err
}

// forge sends another request with the key of one that was answered well.
func (l *life) forge(ctx context.Context, d done) error {
	e := d.entry
	e.Again, e.Forged = true, true
	body := []byte(strings.Replace(string(d.body), e.Mark, e.Mark+"-forged", 1))
	_, err := l.insist(ctx, e, func(ctx context.Context, base string) answer { return l.send(ctx, "POST", base+d.url, d.header, body) })
	return err
}

// stale insists on a version that may not be the current one: a form that was opened before someone else's change.
func (l *life) stale(ctx context.Context, v seen) error {
	_, err := l.commandAt(ctx, referral.Reassign, map[string]any{"person_id": l.staff[pick(l.dice, referral.StaffRoles)].ID},
		max(v.Version-l.dice.IntN(2), 1))
	return err
}
