//go:build linux

package faults

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"throughline/mail/mailtest"
	"throughline/referral"
)

// Tier is how much a run does.
type Tier struct {
	Name           string
	Lives, Clients int
	Kills          int
	Over           time.Duration   // in which all lives begin, and all faults happen
	Freezes        []time.Duration // how long a process is stopped; a lease of the outbox lasts 40 seconds
	Disk           int             // megabytes for PostgreSQL
	Clocks         bool            // whether clocks are moved by an hour
	Storm          time.Duration   // how long faults last at a stretch, after as long without any; 0: there are some all the time
	Calm           int             // how many times slower than Brisk agencies and people are asked; 0: as Brisk says
	Across         time.Time       // an instant in the middle of the run, by all clocks but PostgreSQL's; zero: the present
}

// Tiers by name. The first is the one of every `make test`.
var Tiers = map[string]Tier{
	"quick": {Name: "quick", Lives: 200, Clients: 100, Kills: 10, Over: 45 * time.Second, Disk: 512,
		Freezes: []time.Duration{5 * time.Second, 6 * time.Second}},
	"chaos": {Name: "chaos", Lives: 2000, Clients: 150, Kills: 60, Over: 6 * time.Minute, Disk: 1024, Clocks: true,
		Freezes: []time.Duration{5 * time.Second, 10 * time.Second, 20 * time.Second, 62 * time.Second}},
	"release": {Name: "release", Lives: 10_000, Clients: 150, Kills: 200, Over: 30 * time.Minute, Disk: 3072, Clocks: true, Calm: 150, Storm: time.Minute,
		Freezes: []time.Duration{5 * time.Second, 10 * time.Second, 30 * time.Second, 62 * time.Second}},
	// The nights on which Ontario's clocks change, at two in the morning of Eastern time.
	"spring": {Name: "spring", Lives: 200, Clients: 100, Kills: 8, Over: 90 * time.Second, Disk: 512, Clocks: true,
		Freezes: []time.Duration{5 * time.Second}, Across: time.Date(2027, 3, 14, 7, 0, 0, 0, time.UTC)},
	"autumn": {Name: "autumn", Lives: 200, Clients: 100, Kills: 8, Over: 90 * time.Second, Disk: 512, Clocks: true,
		Freezes: []time.Duration{5 * time.Second}, Across: time.Date(2027, 11, 7, 6, 0, 0, 0, time.UTC)},
}

// During is the tier in another length, with as much in each minute.
func (t Tier) During(over time.Duration) Tier {
	t.Lives, t.Kills = int(time.Duration(t.Lives)*over/t.Over), int(time.Duration(t.Kills)*over/t.Over)
	t.Over = over
	return t
}

// healed is how long the deployment may take, once every fault is over, until all that was promised is true.
const healed = 60 * time.Second

// toDeploy is about how long it takes until lives begin.
const toDeploy = 15 * time.Second

// Run is one run of a tier with a seed.
type Run struct {
	Tier Tier
	Seed uint64
	// Dir is the run's own, kept when something is wrong; Root is the repository.
	Dir, Root string
	Bare      []string
	Binaries  Binaries
	Say       func(format string, args ...any)
	// Plan is what goes wrong; nil takes what the seed decides.
	Plan []Trouble
	// Until, when set, is the rule that the run is to show broken: it is judged until then, or for as long as there is.
	Until string
	// Policy in force; the zero value is Brisk's.
	Policy referral.Policy
	// Mute has the provider tell nothing of letters.
	Mute bool

	deployment *Deployment
	office     *office
	nemesis    *nemesis
	begun      time.Time
	ahead      time.Duration // of the machine's clock
}

// Report is what came of a run.
type Report struct {
	Tier       string        `json:"tier"`
	Seed       uint64        `json:"seed"`
	Took       time.Duration `json:"took"`
	CleanAfter time.Duration `json:"clean_after"` // the last fault; 0 when it never was
	Lives      struct {
		Begun, Ended, Acknowledged, Refused, Unanswered, Repeated int64
	} `json:"lives"`
	Starts     map[string]int      `json:"starts"` // of each process
	Kills      map[string]int      `json:"kills"`
	Ends       map[string][]string `json:"ends"` // of processes that nobody had killed
	Letters    int                 `json:"letters"`
	Troubles   map[string]int      `json:"troubles"` // by kind, whom and how
	Untried    map[string]int      `json:"untried"`  // what could not be done
	NoDisk     string              `json:"no_disk,omitempty"`
	Stuck      []string            `json:"stuck"` // lives that could not go on
	Findings   json.RawMessage     `json:"findings"`
	Violations []Violation         `json:"violations"`
}

// Broke reports that a rule was broken.
func (r Report) Broke(rule string) bool {
	return slices.ContainsFunc(r.Violations, func(v Violation) bool { return v.Rule == rule })
}

// Do carries the run out. An error says that it could not be, or that the deployment could not be healed.
func (r *Run) Do(ctx context.Context) (report Report, err error) {
	r.begun = time.Now()
	report = Report{Tier: r.Tier.Name, Seed: r.Seed}
	r.Say("seed %d, tier %s: %d referrals, %d kills", r.Seed, r.Tier.Name, r.Tier.Lives, r.Tier.Kills)
	if !r.Tier.Across.IsZero() {
		r.ahead = time.Until(r.Tier.Across) - r.Tier.Over/2 - toDeploy
		r.Say("the clocks say %s", time.Now().Add(r.ahead).UTC().Format(time.DateTime))
	}
	if r.deployment, err = Deploy(ctx, Setting{Dir: r.Dir, Binaries: r.Binaries, Bare: r.Bare,
		Disks: map[string]int{thePostgres: r.Tier.Disk, "logs": 64}, Clocks: r.Tier.Clocks, Ahead: r.ahead}); err != nil {
		return report, err
	}
	defer func() { err = errors.Join(err, r.deployment.Stop()) }()
	if err := r.open(ctx); err != nil {
		return report, err
	}
	r.Say("deployed after %s", r.since())
	if err := r.disturb(ctx); err != nil {
		return report, err
	}
	if err := r.deployment.AwaitReady(ctx); err != nil {
		return report, err
	}
	r.Say("healed after %s; %d lives, %d operations acknowledged, %d refused, %d without an answer", r.since(), r.office.tally.Ended.Load(),
		r.office.tally.Acknowledged.Load(), r.office.tally.Refused.Load(), r.office.tally.Unanswered.Load())
	if err := r.office.ledger.Close(); err != nil {
		return report, err
	}
	err = r.judge(ctx, &report)
	if len(report.Violations) > 0 {
		err = errors.Join(err, r.keepEvidence(ctx, &report))
	}
	r.fill(&report)
	return report, errors.Join(err, r.keep("report.json", report))
}

// Remove removes what the run has written.
func (r *Run) Remove() error {
	if r.deployment == nil {
		return os.RemoveAll(r.Dir)
	}
	return r.deployment.Remove()
}

func (r *Run) since() time.Duration { return time.Since(r.begun).Round(100 * time.Millisecond) }

// open gives the deployment its people and directory, and the clients their keys.
func (r *Run) open(ctx context.Context) error {
	policy := r.Policy
	if policy.Name == "" {
		policy = Brisk()
	}
	if r.Tier.Calm > 0 {
		policy = Calmer(policy, r.Tier.Calm)
	}
	staff, err := r.deployment.Settle(ctx, r.Root, policy)
	if err != nil {
		return err
	}
	ledger, err := OpenLedger(filepath.Join(r.Dir, "ledger.jsonl"))
	if err != nil {
		return err
	}
	r.office = &office{bases: r.deployment.Bases, staff: staff, ledger: ledger, letters: &postbox{links: map[string][]string{}}, web: newWeb(),
		ahead: r.ahead}
	return r.office.learn(ctx)
}

// disturb lets the lives be lived while faults happen, and returns when both are over and all is healed.
func (r *Run) disturb(ctx context.Context) (err error) {
	plan := r.Plan
	if plan == nil {
		plan = NewPlan(r.Seed, r.Tier)
	}
	if err := r.keep("plan.json", plan); err != nil {
		return err
	}
	if r.nemesis, err = newNemesis(r.deployment, r.Seed, filepath.Join(r.Dir, "nemesis.jsonl")); err != nil {
		return err
	}
	r.listen()
	reading, stop := context.WithCancel(ctx)
	var mail, trouble sync.WaitGroup
	mail.Go(func() { r.office.letters.follow(reading, r.deployment.Provider) })
	var ailing error
	trouble.Go(func() {
		r.nemesis.carryOut(ctx, plan)
		ailing = r.nemesis.heal()
	})
	r.office.run(ctx, r.Seed, Pace{Lives: r.Tier.Lives, Clients: r.Tier.Clients, Over: r.Tier.Over})
	trouble.Wait()
	stop()
	mail.Wait()
	return errors.Join(ailing, ctx.Err())
}

// listen has the provider tell what becomes of letters: some of it never, some twice, some late. In a deployment that
// lives at another time its signatures would be of another day.
func (r *Run) listen() {
	if r.ahead != 0 || r.Mute {
		return
	}
	dice := rand.New(rand.NewPCG(r.Seed, 1))
	r.deployment.Provider.Report(mailtest.Events{URL: r.deployment.Webhook, Key: r.deployment.WebhookKey, Seed: r.Seed,
		Drop: 0.2, Duplicate: 0.2, Reorder: 0.2, Delay: 300 * time.Millisecond,
		// Asked under the provider's lock, one email at a time.
		Fate: func(mailtest.Received) []string { return pick(dice, fates) }})
}

// fates are what becomes of letters, as often as each stands here.
var fates = append(slices.Repeat([][]string{{"processed", "delivered"}}, 16), []string{"processed", "bounce"}, []string{"dropped"},
	[]string{"processed", "deferred", "delivered"}, []string{"processed", "deferred"}, []string{"processed", "delivered", "spamreport"},
	[]string{"processed", "delivered", "group_unsubscribe"})

// judge asks the invariants' checker and the outside log's, until both are content or the time for it is over.
func (r *Run) judge(ctx context.Context, report *Report) error {
	log, err := ReadLedger(filepath.Join(r.Dir, "ledger.jsonl"))
	if err != nil {
		return err
	}
	begun, before := time.Now(), ""
	var all looks
	for n := 1; ; n++ {
		looked := time.Since(begun) // a look at thousands of referrals takes its time, and says how things stood as it began
		if err := r.look(ctx, log, report); err != nil {
			return err
		}
		if r.Until == "" && all.clean(report) {
			report.CleanAfter, report.Violations = max(looked, time.Millisecond), nil
			return nil
		}
		if report.Broke(r.Until) && !slices.Contains(passing, r.Until) {
			return nil
		}
		if now := summary(report.Violations); now != before {
			r.Say("%s after the last fault, still to come: %s", looked.Round(time.Second), now)
			before = now
		}
		if looked > healed && n >= inARow {
			return nil // with what is still wrong in the report
		}
		// A look is work for the same machine, which those whom it looks at need as well.
		if err := sleep(ctx, max(time.Second, time.Since(begun)-looked)); err != nil {
			return err
		}
	}
}

// summary counts what is wrong by rule.
func summary(found []Violation) string {
	count := map[string]int{}
	for _, v := range found {
		count[v.Rule]++
	}
	var parts []string
	for _, rule := range slices.Sorted(maps.Keys(count)) {
		parts = append(parts, fmt.Sprintf("%d × %s", count[rule], rule))
	}
	return strings.Join(parts, "; ")
}

func (r *Run) look(ctx context.Context, log []Entry, report *Report) error {
	rec, err := readRecord(ctx, r.deployment.DatabaseURL)
	if err != nil {
		return err
	}
	rec.Taken, rec.Said = r.deployment.Provider.Messages(), r.deployment.Provider.Events()
	rec.Now, rec.Moved = time.Now().Add(r.ahead), r.Tier.Clocks
	report.Letters = len(rec.Taken)
	report.Violations = Judge(rec, log)
	out, err := r.deployment.Command(ctx, "", "check", "--json")
	report.Findings = json.RawMessage(out)
	if err != nil {
		report.Violations = append(report.Violations, Violation{Rule: RuleCheck, What: err.Error()})
	}
	return nil
}

// fill adds what the run knows besides.
func (r *Run) fill(report *Report) {
	t := &r.office.tally
	report.Took = time.Since(r.begun)
	report.Lives.Begun, report.Lives.Ended, report.Lives.Acknowledged = t.Begun.Load(), t.Ended.Load(), t.Acknowledged.Load()
	report.Lives.Refused, report.Lives.Unanswered, report.Lives.Repeated = t.Refused.Load(), t.Unanswered.Load(), t.Repeated.Load()
	report.Stuck = t.problems
	report.Starts, report.Kills, report.Ends = map[string]int{}, map[string]int{}, map[string][]string{}
	for _, p := range r.deployment.parts {
		report.Starts[p.name], report.Kills[p.name] = p.starts, p.kills
		if len(p.ends) > 0 {
			report.Ends[p.name] = p.ends
		}
	}
	if r.deployment.NoDisk != nil {
		report.NoDisk = r.deployment.NoDisk.Error()
	}
	report.Troubles, report.Untried = r.nemesis.did, r.nemesis.fail
	report.Violations = append(report.Violations, r.leaks()...)
}

// leaks searches what the processes have said for what they must not say.
func (r *Run) leaks() []Violation {
	tokens := map[string]bool{}
	for _, m := range r.deployment.Provider.Messages() {
		if found := linkIn.FindStringSubmatch(m.Text); found != nil {
			tokens[found[1]] = true
		}
	}
	var found []Violation
	for _, p := range r.deployment.parts {
		text, err := os.ReadFile(r.deployment.log(p.name))
		if err != nil {
			continue // PostgreSQL keeps its own
		}
		for _, secret := range []string{canary, "705-555-0133", providerKey} {
			if bytes.Contains(text, []byte(secret)) {
				found = append(found, Violation{Rule: RuleSilence, What: fmt.Sprintf("%s says %q", p.name, secret)})
			}
		}
		for _, word := range tokenLike.FindAll(text, -1) {
			if tokens[string(word)] {
				found = append(found, Violation{Rule: RuleSilence, What: p.name + " says the token of a link"})
			}
		}
	}
	return found
}

var tokenLike = regexp.MustCompile(`[A-Za-z0-9_-]{43}`)

// keep leaves something among the run's artefacts.
func (r *Run) keep(name string, v any) error {
	raw, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(r.Dir, name), raw, 0o600)
}
