package app

import (
	"context"
	"fmt"
	"time"

	"throughline/server"
)

// Check asks a part whether it takes work. It gives "" when all is well, and else a few words for whoever runs the
// service. Without the part the whole is degraded, not down.
type Check struct {
	Name string
	Ask  func(ctx context.Context) string
}

// AlsoAsk adds checks to readiness and to metrics. A check that has nothing to say any more stays.
func (a *App) AlsoAsk(checks ...Check) {
	a.checking.Lock()
	defer a.checking.Unlock()
	a.checks = append(a.checks, checks...)
}

const (
	// patience bounds an answer about readiness; a part that has not answered by then does not take work.
	patience = 2 * time.Second
	// early is how long before that the parts are told to give up, so that what they then say is still heard.
	early = 200 * time.Millisecond
	// waitsTooLong is when promises in the outbox count as stuck. Those to a side that is away are tried every 30 seconds.
	waitsTooLong = 2 * time.Minute
)

// Parts says which parts take work. It asks them side by side and waits no longer than two seconds, even for a part
// that heeds no deadline.
func (a *App) Parts(ctx context.Context) []server.Part {
	wait, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	end, _ := wait.Deadline()
	ask, cancel := context.WithDeadline(ctx, end.Add(-early))
	defer cancel()
	a.checking.Lock()
	checks := a.checks
	a.checking.Unlock()
	asked := make([]chan string, len(checks))
	for i, c := range checks {
		asked[i] = make(chan string, 1)
		go func() { asked[i] <- c.Ask(ask) }()
	}
	vital := make(chan []server.Part, 1)
	go func() { vital <- a.ready(ask) }()
	parts, ok := heard(wait, vital)
	if !ok {
		parts = []server.Part{{Name: "database", Detail: "no answer"}, {Name: "temporal", Detail: "not known"}}
	}
	for i, c := range checks {
		detail, ok := heard(wait, asked[i])
		if !ok {
			detail = "no answer"
		}
		parts = append(parts, server.Part{Name: c.Name, OK: detail == "", Detail: detail})
	}
	return parts
}

// heard gives an answer that has come, or comes while the context lasts.
func heard[T any](wait context.Context, from <-chan T) (answer T, ok bool) {
	select {
	case answer = <-from:
		return answer, true
	default:
	}
	select {
	case answer = <-from:
		return answer, true
	case <-wait.Done():
		return answer, false
	}
}

// outbox checks that what was promised is being kept. The numbers are those of the metrics, some seconds old.
func (a *App) outbox(context.Context) string {
	standing, err := a.standing.Get()
	if err != nil {
		return "not known"
	}
	for kind, waiting := range standing.Outbox {
		if age := a.Desk.Clock.Now().Sub(waiting.Oldest); waiting.Count > 0 && age > waitsTooLong {
			return fmt.Sprintf("%s: the oldest of %d waits for %s", kind, waiting.Count, age.Round(time.Second))
		}
	}
	return ""
}
