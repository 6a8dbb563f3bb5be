package main

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"runtime/pprof"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"throughline/casework"
	"throughline/mail"
	"throughline/referral"
	"throughline/workflows"
)

// postOffice sends by the real sender and hands each offer's link to whoever plays the agency.
type postOffice struct {
	mail.Sender
	mu      sync.Mutex
	waiting map[string]chan string // by the referral's code
}

func newPostOffice(s mail.Sender) *postOffice {
	return &postOffice{Sender: s, waiting: map[string]chan string{}}
}

var (
	linkIn      = regexp.MustCompile(`/r/([A-Za-z0-9_-]{43})`)
	referenceIn = regexp.MustCompile(`R-[0-9A-Z]{4}-[0-9A-Z]{4}`)
)

func (p *postOffice) Send(ctx context.Context, m mail.Message) (mail.Receipt, error) {
	r, err := p.Sender.Send(ctx, m)
	if link := linkIn.FindStringSubmatch(m.Text); err == nil && link != nil {
		select {
		case p.box(referenceIn.FindString(m.Text)) <- link[1]:
		default: // a later letter of the same referral; the first link still works
		}
	}
	return r, err
}

func (p *postOffice) box(reference string) chan string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.waiting[reference] == nil {
		p.waiting[reference] = make(chan string, 1)
	}
	return p.waiting[reference]
}

// compare runs batches of whole referrals and of bare workflows in turn, and reports the medians and their ratio.
func (g *ground) compare(ctx context.Context, lives, clients, rounds int, profile string) error {
	navigator, err := g.app.Desk.AccountOfKey(ctx, g.creds.Accounts[string(referral.Navigator)].APIKey)
	if err != nil {
		return err
	}
	who := navigator.Actor(casework.ViaAPI)
	service, err := story{need: "food", near: "Peterborough", choices: 1}.choose(ctx, g.app.Desk)
	if err != nil {
		return err
	}
	stopControl, err := g.startControl()
	if err != nil {
		return err
	}
	defer stopControl()
	// Both are warmed up once: caches, prepared plans, sticky workers.
	if _, err := batch(ctx, clients, clients, func(ctx context.Context) error { return g.live(ctx, who, service) }); err != nil {
		return err
	}
	if _, err := batch(ctx, clients, clients, g.bare); err != nil {
		return err
	}
	if profile != "" {
		f, err := os.Create(profile)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	var ours, bare []result
	before, counted := g.statements(ctx)
	for range rounds {
		r, err := batch(ctx, lives, clients, func(ctx context.Context) error { return g.live(ctx, who, service) })
		if err != nil {
			return err
		}
		c, err := batch(ctx, lives, clients, g.bare)
		if err != nil {
			return err
		}
		ours, bare = append(ours, r), append(bare, c)
		fmt.Fprintf(g.out, "batch     whole referrals %s | bare workflows %s\n", r, c)
	}
	if _, err := g.settled(ctx, time.Minute); err != nil {
		return err
	}
	after, _ := g.statements(ctx)
	a, b := median(ours), median(bare)
	fmt.Fprintf(g.out, "\nwhole referrals   %s (median of %d batches of %d)\nbare workflows    %s\nratio             %.2f\n", a, rounds, lives, b, a.rate/b.rate)
	if err := g.reportHistories(ctx); err != nil {
		return err
	}
	if counted {
		fmt.Fprintf(g.out, "SQL statements    %.1f per referral, transactions' begin and commit included\n", float64(after-before)/float64(lives*rounds))
		if err := g.reportStatements(ctx, lives*rounds); err != nil {
			return err
		}
	} else {
		fmt.Fprintln(g.out, "SQL statements    not counted: this PostgreSQL has no pg_stat_statements")
	}
	return nil
}

// live carries one referral from the call to the client's word, and waits until its workflow has ended too.
func (g *ground) live(ctx context.Context, who casework.Actor, services []uuid.UUID) error {
	d := g.app.Desk
	in, err := d.Intake(ctx, who, casework.IntakeInput{
		Case: casework.CaseInput{Name: "Bench Person", Phone: "705-555-0123", SafeToCall: true},
		Referral: casework.ReferralInput{Need: "food", ServiceIDs: services,
			Consent: casework.ConsentInput{Given: true, How: "verbal"}},
	}, &casework.Key{Key: uuid.NewString()})
	if err != nil {
		return err
	}
	var token string
	select {
	case token = <-g.posts.box(referral.ShortName(in.ReferralID)):
	case <-ctx.Done():
		return fmt.Errorf("no letter: %w", ctx.Err())
	}
	if err := d.Reply(ctx, token, casework.ReplyInput{Do: referral.Accept, Name: "Sam"}); err != nil {
		return err
	}
	if err := d.Reply(ctx, token, casework.ReplyInput{Do: referral.ReportOutcome, Name: "Sam", Outcome: "received_in_full"}); err != nil {
		return err
	}
	if _, err := d.Do(ctx, who, in.ReferralID, casework.CommandInput{Do: referral.Confirm, Outcome: "received_in_full"}, nil); err != nil {
		return err
	}
	return g.app.Temporal.GetWorkflow(ctx, workflows.ReferralID(in.ReferralID), "").Get(ctx, nil)
}

// result is one batch.
type result struct {
	rate     float64 // whole lives a second
	p50, p99 time.Duration
}

func (r result) String() string {
	return fmt.Sprintf("%5.1f/s  p50 %7s  p99 %7s", r.rate, r.p50.Round(time.Millisecond), r.p99.Round(time.Millisecond))
}

func median(list []result) result {
	sorted := slices.SortedFunc(slices.Values(list), func(a, b result) int { return int(1000 * (a.rate - b.rate)) })
	return sorted[len(sorted)/2]
}

// batch does n lives with so many clients at once.
func batch(ctx context.Context, n, clients int, live func(context.Context) error) (result, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	work := make(chan struct{}, n)
	for range n {
		work <- struct{}{}
	}
	close(work)
	var mu sync.Mutex
	var took []time.Duration
	var failed error
	var wg sync.WaitGroup
	begun := time.Now()
	for range clients {
		wg.Go(func() {
			for range work {
				at := time.Now()
				err := live(ctx)
				mu.Lock()
				took = append(took, time.Since(at))
				if err != nil && failed == nil {
					failed = err
					cancel()
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if failed != nil {
		return result{}, failed
	}
	rate := float64(n) / time.Since(begun).Seconds()
	slices.Sort(took)
	return result{rate: rate, p50: quantile(took, 0.5), p99: quantile(took, 0.99)}, nil
}
