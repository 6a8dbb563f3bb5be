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
			t.Run("five", func(t *testing.T) { l.check(t, fives) })
			t.Run("any", func(t *testing.T) { l.check(t, scenarios) })
			l.holds(t)
		})
	}
}

// ends are what the five want.
var ends = []string{"link accept", "link decline", "staff withdraw", "clock lapse", "staff reassign"}

// The same rounds each time, as far as the callers' luck allows. Each of the five ends is reached by some and refused to
// others, or these tests would prove little.
func TestKnownRaces(t *testing.T) {
	t.Parallel()
	l := open(t)
	unknown := func(end string) bool { return l.won[end] == 0 || l.won[end] == l.asked[end] }
	play := func(name string, list []scenario) {
		if f := l.play(list); f != nil {
			t.Fatalf("%s, %d: %s", name, f.of, f)
		}
	}
	for list := range slices.Chunk(known, together) {
		play("known", list)
	}
	for seed := 0; seed < 100 && (seed < 2*together || slices.ContainsFunc(ends, unknown)); seed += together {
		play(fmt.Sprint("seed ", seed), []scenario{fives.Example(seed), scenarios.Example(seed), fives.Example(seed + 1), scenarios.Example(seed + 1)})
	}
	require.Empty(t, slices.DeleteFunc(slices.Clone(ends), func(end string) bool { return !unknown(end) }), "these ends were never reached, or never refused")
	l.holds(t)
	l.report(t)
}

// check runs rounds as rapid draws them, a few at a time. A failure depends on luck too: from the first one on the
// round that failed is run alone and several times, or the smaller ones that rapid tries would seem to be well.
func (l *lane) check(t *testing.T, drawn *rapid.Generator[scenario]) {
	if l.broken != nil {
		t.Skip("a round of the other kind has failed")
	}
	defer l.report(t)
	rapid.Check(t, func(rt *rapid.T) {
		list := rapid.SliceOfN(drawn, together, together).Draw(rt, "scenarios")
		tries := 1
		if l.broken != nil {
			list, tries = list[l.broken.of:l.broken.of+1], 10
		}
		for range tries {
			if f := l.play(list); f != nil {
				if l.broken != nil {
					f.of = l.broken.of
				}
				l.broken = f
				rt.Fatal("there is a referral that the model can't explain")
			}
		}
	})
}

// failure is a round that failed.
type failure struct {
	of       int // which of those that were under way together
	scenario scenario
	error
}

func (f failure) Error() string { return fmt.Sprintf("%s\n%v", f.scenario, f.error) }

// play plays rounds together, and gives the first that fails; nil when all is well.
func (l *lane) play(list []scenario) *failure {
	o, stop := l.open()
	defer stop()
	failed := make([]error, len(list))
	var all sync.WaitGroup
	for i, s := range list {
		all.Go(func() { failed[i] = o.round(s) })
	}
	all.Wait()
	if problems := o.sendgrid.Problems(); len(problems) > 0 {
		failed[0] = errors.Join(failed[0], fmt.Errorf("the mail provider refused: %v", problems))
	}
	for i, err := range failed {
		if err != nil {
			return &failure{i, list[i], err}
		}
	}
	return nil
}

// report tells the smallest failure, or what came of the calls.
func (l *lane) report(t *testing.T) {
	if l.broken != nil {
		t.Logf("the smallest round that failed:\n%s", l.broken)
		return
	}
	t.Logf("%d rounds; calls that changed something, of all that were made:", l.rounds)
	for _, name := range slices.Sorted(maps.Keys(l.asked)) {
		t.Logf("%7d of %7d %s", l.won[name], l.asked[name], name)
	}
}

// holds checks what must hold of any record, and that nobody had to be turned away for another's sake.
func (l *lane) holds(t *testing.T) {
	if l.broken != nil {
		return
	}
	o, stop := l.open()
	defer stop()
	findings, err := o.begin().takeIn(false, 1).desk.Check(context.Background(), nil)
	require.NoError(t, err)
	for _, f := range findings {
		if f.Invariant != "I2" { // the clocks of earlier rounds have stopped
			require.Empty(t, f.Violations, "%s: %s", f.Invariant, f.Says)
		}
	}
	require.Zero(t, read[int](l, `SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()`)[0], "deadlocks")
}

// round brings referrals to where the scenario begins, lets everybody go at once, has the clock carry out what is due,
// and checks what came of it.
func (o *office) round(s scenario) (err error) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case trouble:
			err = p
		default:
			panic(p)
		}
	}()
	r := o.begin()
	main := r.takeIn(s.Start.Name == "draft", s.Services)
	main.bring(s)
	calls := main.calls(s, callers)
	for i := range s.Beside {
		beside := scenario{Start: starts[i], Services: 2, Calls: s.Calls, Crowd: true}
		other := r.takeIn(false, 2)
		other.bring(beside)
		calls = append(calls, other.calls(beside, 5)...)
	}
	func() {
		o.racing.Lock()
		defer o.racing.Unlock()
		atOnce(calls)
	}()
	r.drained()
	for _, one := range r.referrals {
		one.work()
	}
	r.drained()
	for _, one := range r.referrals {
		one.look("after")
	}
	var errs []error
	for i, one := range r.referrals {
		if err := one.holds(); err != nil {
			errs = append(errs, fmt.Errorf("referral %d: %w", i+1, err))
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.rounds++
	return errors.Join(errs...)
}

// atOnce makes all calls at the same moment, and waits for the last to be answered.
func atOnce(calls []func()) {
	var all sync.WaitGroup
	begin, stuck := make(chan struct{}), make(chan any, len(calls))
	for _, call := range calls {
		all.Go(func() {
			defer func() {
				if p := recover(); p != nil {
					stuck <- p
				}
			}()
			<-begin
			call()
		})
	}
	close(begin)
	all.Wait()
	select {
	case p := <-stuck:
		panic(p)
	default:
	}
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
	p := pace()
	p.LinkDays = days
	must(l.desk.SetPolicy(context.Background(), l.people["cora"], p))
	l.policies.Add(1)
}

func inJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(b)
}
