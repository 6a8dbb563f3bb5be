package races_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"throughline/casework/races"
	"throughline/referral"
)

// Fifty people, agencies and workers are at one referral at once, others beside it. Whatever comes of it must look as if
// they had come one after the other: first the five who want different ends of it, then anything that can be asked.
func TestRaces(t *testing.T) {
	t.Parallel()
	for i := range lanes {
		t.Run(fmt.Sprint("lane ", i+1), func(t *testing.T) {
			t.Parallel()
			l := open(t)
			for name, drawn := range map[string]*rapid.Generator[scenario]{"five": fives, "any": scenarios} {
				t.Run(name, func(t *testing.T) {
					defer l.report(t)
					rapid.Check(t, func(rt *rapid.T) { l.race(rt, drawn.Draw(rt, "scenario")) })
				})
			}
			l.holds()
		})
	}
}

var ends = []string{"link accept", "link decline", "staff withdraw", "clock lapse", "staff reassign"}

// The same rounds each time, as far as the callers' luck allows. Each of the five ends is reached by some and refused to
// others, or these tests would prove little.
func TestKnownRaces(t *testing.T) {
	t.Parallel()
	l := open(t)
	run := func(drawn *rapid.Generator[scenario], seed int) {
		s := drawn.Example(seed)
		require.NoError(t, l.round(s), "seed %d: %s", seed, s)
	}
	for seed := range 10 {
		run(scenarios, seed)
	}
	for seed := range 100 {
		if run(fives, seed); seed >= 9 && !slices.ContainsFunc(ends, l.unknown) {
			break
		}
	}
	require.Empty(t, slices.DeleteFunc(ends, func(end string) bool { return !l.unknown(end) }), "these ends were never reached, or never refused")
	l.holds()
	l.report(t)
}

// unknown reports an end that nobody has reached, or that everybody has who wanted it.
func (l *lane) unknown(end string) bool { return l.won[end] == 0 || l.won[end] == l.asked[end] }

// race runs a round. A failure depends on luck too, so from the first one on each round is tried several times: else the
// smaller rounds that rapid tries would seem to be well.
func (l *lane) race(t *rapid.T, s scenario) {
	tries := 1
	if l.broken {
		tries = 10
	}
	for range tries {
		if err := l.round(s); err != nil {
			l.broken, l.history = true, fmt.Sprintf("%s\n%v", s, err)
			t.Logf("%s", l.history)
			t.Fatal("there is a referral that the model can't explain")
		}
	}
}

// report tells the smallest failure, or what came of the calls.
func (l *lane) report(t *testing.T) {
	if l.broken {
		t.Logf("the smallest round that failed:\n%s", l.history)
		return
	}
	t.Logf("%d rounds; calls that changed something, of all that were made:", l.rounds)
	for _, name := range slices.Sorted(maps.Keys(l.asked)) {
		t.Logf("%7d of %7d %s", l.won[name], l.asked[name], name)
	}
}

// holds checks what must hold of any record.
func (l *lane) holds() {
	if l.broken {
		return
	}
	r, stop := l.begin()
	defer stop()
	findings, err := r.takeIn(false, 1).desk.Check(context.Background(), nil)
	require.NoError(l.t, err)
	for _, f := range findings {
		if f.Invariant != "I2" { // the clocks of earlier rounds have stopped
			require.Empty(l.t, f.Violations, "%s: %s", f.Invariant, f.Says)
		}
	}
}

// round brings referrals to where the scenario begins, lets everybody go at once, has the clock carry out what is due,
// and checks what came of it.
func (l *lane) round(s scenario) error {
	r, stop := l.begin()
	stopped := sync.OnceFunc(stop)
	defer stopped()
	main := r.takeIn(s.Start.Name == "draft", s.Services)
	main.bring(s)
	calls := main.calls(s, callers)
	for i := range s.Beside {
		beside := scenario{Start: starts[i], Services: 2, Calls: s.Calls, Crowd: true}
		other := r.takeIn(false, 2)
		other.bring(beside)
		calls = append(calls, other.calls(beside, 5)...)
	}
	atOnce(calls)
	r.drained()
	for _, one := range r.lives {
		one.work()
		r.drained()
		one.look("after")
	}
	stopped()
	l.rounds++
	var errs []error
	for i, one := range r.lives {
		if err := one.holds(); err != nil {
			errs = append(errs, fmt.Errorf("referral %d: %w", i+1, err))
		}
	}
	if problems := r.sendgrid.Problems(); len(problems) > 0 {
		errs = append(errs, fmt.Errorf("the mail provider refused: %v", problems))
	}
	return errors.Join(errs...)
}

// atOnce makes all calls at the same moment, and waits for the last to be answered.
func atOnce(calls []func()) {
	var all sync.WaitGroup
	begin := make(chan struct{})
	for _, call := range calls {
		all.Go(func() { <-begin; call() })
	}
	close(begin)
	all.Wait()
}

// calls are what n callers do. Those who have no call of their own make another's, or just look.
func (l *life) calls(s scenario, n int) []func() {
	calls := make([]func(), n)
	for i := range calls {
		w := wish{What: whats[0]}
		if i < len(s.Calls) || s.Crowd {
			w = s.Calls[i%len(s.Calls)]
		}
		call := l.callOf(w, fmt.Sprint("caller ", i+1))
		calls[i] = call
		if s.Again {
			calls[i] = func() { call(); call() }
		}
	}
	return calls
}

// callOf makes a wish into a call of what there is to ask for.
func (l *life) callOf(w wish, by string) func() {
	switch {
	case w.What == what{races.Clock, "look"}:
		return func() { l.next() }
	case w.What.way == races.Clock:
		return func() {
			if l.due.Do.ByClock() {
				l.run(l.due)
			}
		}
	case w.What.do == "leave":
		return func() { l.leave("kim") }
	case w.What.do == "set_policy":
		return func() { l.setPolicy(20 + w.Variant) }
	}
	c, task := l.fill(w), uuid.Nil
	if c.Do == "finish_task" {
		if len(l.tasks) == 0 {
			c = races.Call{Way: races.Staff, Do: "look", Account: c.Account}
		} else {
			task = l.tasks[w.Task%len(l.tasks)]
			c.Task = task.String()
		}
	}
	return func() { l.make(c, by, task) }
}

// fill gives a call what it needs.
func (l *life) fill(w wish) races.Call {
	person := []string{"noor", "kim", "cora"}[w.Person]
	c := races.Call{Way: w.What.way, Do: w.What.do, Account: person, Offer: fmt.Sprintf("o%d", 1+w.Offer%len(l.offers))}
	switch c.Do {
	case "withdraw all":
		c.Do, c.Offer = "withdraw", ""
	case "ask again":
		c.Do, c.Service = "mark_in_error", l.begin.Offer(c.Offer).Service
	case "reassign":
		c.Person, c.Account, c.Offer = []string{"kim", "cora", "noor"}[w.Variant%3], "noor", ""
	case "open", "close", "add_offer", "finish_task":
		c.Offer = ""
	case "look":
		if c.Way == races.Staff {
			c.Offer = ""
		}
	}
	vary(&c, w.Variant)
	if c.Way == races.Link && l.tokens[c.Offer] == "" {
		// Nobody has written to this agency: it is told of on the phone.
		c.Way = races.Staff
		if c.Do == "new_link" {
			c.Do, c.Offer = "look", ""
		}
	}
	if c.Way == races.Link {
		c.Account = ""
		if w.Form {
			c.Form = l.version
		}
		return c
	}
	if c.Way == races.Staff && c.Do != "look" {
		if w.Key > 0 {
			c.Key = fmt.Sprintf("key %d of %s", w.Key, referral.ShortName(l.id))
		}
		if w.IfVersion {
			c.IfVersion = l.version
		}
	}
	return c
}

// setPolicy puts a policy in force that changes nothing of when a step is due.
func (l *life) setPolicy(days int) {
	p := pace(l.t)
	p.LinkDays = days
	switch err := l.desk.SetPolicy(context.Background(), l.people["cora"], p); {
	case err == nil:
		l.policies.Add(1)
	case referral.CodeOf(err) != referral.CodeConflict:
		l.t.Errorf("set a policy: %v", err)
	}
}

func inJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(b)
}
