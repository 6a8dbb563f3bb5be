package telemetry

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"throughline/db"
	"throughline/referral"
)

// Sources are asked at each scrape.
type Sources struct {
	Now func() time.Time
	// Record counts how the record stands; it is asked rarely, see Reading.
	Record *Reading[db.Standing]
	// Parts says which parts take work, by name. It must answer within two seconds.
	Parts func(ctx context.Context) map[string]bool
	Pools map[string]func() sql.DBStats
	// Canary is the time since one came through; false where none is sent.
	Canary func() (time.Duration, bool)
	// Exports says that this process exports the heads of the audit.
	Exports bool
}

// shown are the labels that are always there, so that an alarm can tell none from not known.
var shown = struct{ kinds, states, offers, tasks []string }{
	kinds:  []string{db.OutboxStart, db.OutboxChanged, db.OutboxDeliver},
	states: []string{db.MessagePending, db.MessageClaimed, db.MessageAmbiguous},
	offers: offerStates(),
	tasks: []string{string(referral.CallAgency), string(referral.AnswerAgency), string(referral.ReachClient),
		string(referral.FindAlternative), string(referral.CheckOnClient)},
}

// offerStates are those that an open referral can wait in.
func offerStates() []string {
	states := []string{"none"}
	for _, s := range referral.OfferStates {
		if !s.Ended() && s != referral.Queued {
			states = append(states, string(s))
		}
	}
	return states
}

// gauges are what a scrape looks at.
type gauges struct {
	Sources
	made map[string]metric.Float64Observable
	to   metric.Observer
}

// Watch shows what the sources say. It is called once.
func (t *Telemetry) Watch(s Sources) error {
	g := gauges{Sources: s, made: map[string]metric.Float64Observable{}}
	var all []metric.Observable
	var errs []error
	for _, name := range []string{Up, ReferralsOpen, StepsOverdue, StepsOldest, OutboxRows, OutboxOldest, Messages, MessagesOldest, TasksOpen,
		TasksOverdue, TasksEscalated, GlassUnreviewed, GlassOldest, Connections, ConnectionsMax, CanaryAge, AuditUnlinked, AuditUnexported} {
		made, err := t.meter.Float64ObservableGauge(name, metric.WithDescription(help(name)))
		errs = append(errs, err)
		g.made[name] = made
		all = append(all, made)
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("telemetry: %w", err)
	}
	_, err := t.meter.RegisterCallback(g.scrape, all...)
	return err
}

// scrape asks the record and the parts side by side: both may be slow when something is wrong.
func (g gauges) scrape(_ context.Context, to metric.Observer) error {
	g.to = to
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var standing db.Standing
	var failed error
	var reading sync.WaitGroup
	reading.Go(func() { standing, failed = g.Record.Get() })
	for part, ok := range g.Parts(ctx) {
		g.show(Up, number(ok), code("part", part))
	}
	for name, stats := range g.Pools {
		g.pool(name, stats())
	}
	if age, sent := g.Canary(); sent {
		g.show(CanaryAge, age.Seconds())
	}
	reading.Wait()
	if failed == nil {
		g.record(standing)
	}
	return nil
}

func (g gauges) pool(name string, s sql.DBStats) {
	pool := code("pool", name)
	g.show(Connections, float64(s.InUse), pool, code("state", "in_use"))
	g.show(Connections, float64(s.Idle), pool, code("state", "idle"))
	g.show(ConnectionsMax, float64(s.MaxOpenConnections), pool)
}

func (g gauges) record(s db.Standing) {
	now := g.Now()
	g.counts(ReferralsOpen, "offer_state", s.Referrals, shown.offers)
	g.show(StepsOverdue, float64(s.Steps.Count))
	g.show(StepsOldest, age(now, s.Steps.Oldest))
	g.backlogs(OutboxRows, OutboxOldest, "kind", s.Outbox, shown.kinds, now)
	g.backlogs(Messages, MessagesOldest, "state", s.Messages, shown.states, now)
	g.counts(TasksOpen, "kind", s.Tasks, shown.tasks)
	g.show(TasksOverdue, float64(s.TasksLate))
	g.show(TasksEscalated, float64(s.Escalated))
	g.show(GlassUnreviewed, float64(s.Glass.Count))
	g.show(GlassOldest, age(now, s.Glass.Oldest))
	g.show(AuditUnlinked, age(now, s.Unlinked.Oldest))
	if g.Exports {
		g.show(AuditUnexported, age(now, s.Exports.Oldest))
	}
}

func (g gauges) counts(name, label string, found map[string]int, always []string) {
	for _, value := range with(always, found) {
		g.show(name, float64(found[value]), code(label, value))
	}
}

func (g gauges) backlogs(rows, oldest, label string, found map[string]db.Backlog, always []string, now time.Time) {
	for _, value := range with(always, found) {
		g.show(rows, float64(found[value].Count), code(label, value))
		g.show(oldest, age(now, found[value].Oldest), code(label, value))
	}
}

// with adds to the labels that are always shown those that were found besides.
func with[V any](always []string, found map[string]V) []string {
	all := slices.Clone(always)
	for value := range found {
		if !slices.Contains(all, value) {
			all = append(all, value)
		}
	}
	return all
}

func (g gauges) show(name string, value float64, labels ...attribute.KeyValue) {
	g.to.ObserveFloat64(g.made[name], value, metric.WithAttributes(labels...))
}

func age(now, since time.Time) float64 {
	if since.IsZero() {
		return 0
	}
	return max(0, now.Sub(since).Seconds())
}

func number(ok bool) float64 {
	if ok {
		return 1
	}
	return 0
}
