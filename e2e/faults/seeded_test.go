//go:build linux

package faults

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"throughline/internal/seeded"
	"throughline/referral"
)

var (
	sown = flag.Bool("seeded", false, "build the binaries with defects, and see each of them caught")
	only = flag.String("bugs", "", "sow these defects alone, with commas between them")
)

// small is how a defect is looked for.
var small = Tier{Name: "seeded", Lives: 80, Clients: 80, Over: 20 * time.Second, Disk: 256}

// hunts says for each defect what has to go wrong for it to show, and which rule it then breaks.
var hunts = map[seeded.Bug]struct {
	rule   string
	plan   []Trouble
	slow   bool         // the standard policy: the clock has nothing to do by itself
	events bool         // the provider tells what becomes of letters, which would mend some defects
	with   []seeded.Bug // sown besides, where a second net would catch what falls through the first
}{
	seeded.MarkedBeforeSent:    {rule: RuleKnown, plan: fails("rate_limited")},
	seeded.AmbiguousSentAgain:  {rule: RuleOnce, plan: fails("accept_then_reset")},
	seeded.FailureUnnoticed:    {rule: RuleCall, plan: fails("server_error")},
	seeded.SentAfterAnswer:     {rule: RuleAnswered, plan: cut("*>provider", 1, 10, 19)},
	seeded.SentWithoutFence:    {rule: RuleOnce, plan: append(slow("*>provider"), killed(apps, 6, 10, 14)...)},
	seeded.BounceIgnored:       {rule: RuleCall, events: true},
	seeded.GetDecides:          {rule: RuleUnasked},
	seeded.TimeZoneIgnored:     {rule: RuleClock},
	seeded.TokenLogged:         {rule: RuleSilence},
	seeded.KeyTakenTwice:       {rule: RuleKey},
	seeded.CommitUnchecked:     {rule: RuleDecision, plan: lost(3, 6, 9, 12, 15, 18)},
	seeded.PromisedAfterCommit: {rule: RuleDue, plan: killed(serves, 3, 5, 7, 9, 11, 13, 15, 17, 19), with: []seeded.Bug{seeded.WatchdogOff}},
	seeded.NewsLost:            {rule: RuleDue, slow: true, with: []seeded.Bug{seeded.WatchdogOff}},
	// Once the lives are over nobody starts a workflow that is gone by telling it of news.
	seeded.WatchdogOff:      {rule: RuleCheck, plan: ended(20, 40, 60)},
	seeded.VersionUnchecked: {rule: RuleLine, plan: slow("*>postgres")},
	seeded.SilenceEnds:      {rule: RuleSilent},
	seeded.MovesAfterEnd:    {rule: RuleGraph},
}

// fails has the provider fail in one way for most of the run.
func fails(way string) []Trouble {
	return []Trouble{{At: time.Second, For: 18 * time.Second, Kind: Provider, Whom: theProvider, How: way}}
}

// slow has each answer of a network take its time, so that what can happen in between does.
func slow(whom string) []Trouble {
	return []Trouble{{At: time.Second, For: 18 * time.Second, Kind: Link, Whom: whom, How: "latency"}}
}

// cut has a network be away for eight seconds, from these seconds on: of an offer and its reminder, both of which wait, it
// is the offer then that is tried again first.
func cut(whom string, at ...int) []Trouble {
	var plan []Trouble
	for _, second := range at {
		plan = append(plan, Trouble{At: time.Duration(second) * time.Second, For: 8 * time.Second, Kind: Link, Whom: whom, How: "cut"})
	}
	return plan
}

// ended has workflows be gone at these seconds.
func ended(at ...int) []Trouble {
	var plan []Trouble
	for _, second := range at {
		plan = append(plan, Trouble{At: time.Duration(second) * time.Second, Kind: Workflows, Whom: theTemporal})
	}
	return plan
}

// lost has commits not arrive at these seconds.
func lost(at ...int) []Trouble {
	var plan []Trouble
	for _, second := range at {
		plan = append(plan, Trouble{At: time.Duration(second) * time.Second, For: 2 * time.Second, Kind: Commits, Whom: "*", How: "request"})
	}
	return plan
}

// killed has processes die at these seconds.
func killed(whom []string, at ...int) []Trouble {
	var plan []Trouble
	for _, second := range at {
		for _, name := range whom {
			plan = append(plan, Trouble{At: time.Duration(second) * time.Second, Kind: Kill, Whom: name})
		}
	}
	return plan
}

// Zero means something only when what looks for defects finds them.
func TestEverySeededDefectIsCaught(t *testing.T) {
	if !*sown {
		t.Skip("make seeded")
	}
	built := t.TempDir()
	binaries, err := Build(t.Context(), small, "../..", built, "-tags", "seededbugs")
	if err != nil {
		t.Fatal(err)
	}
	var table []string
	for _, bug := range seeded.Bugs {
		if *only != "" && !slices.Contains(strings.Split(*only, ","), string(bug)) {
			continue
		}
		t.Run(string(bug), func(t *testing.T) { table = append(table, hunt(t, bug, binaries)) })
	}
	t.Log("what caught each:\n" + strings.Join(table, "\n"))
}

// hunt sows one defect and wants its rule to be broken. It gives a line of the table in docs/reliability.md.
func hunt(t *testing.T, bug seeded.Bug, binaries Binaries) string {
	h, ok := hunts[bug]
	if !ok {
		t.Fatalf("nothing looks for %s", bug)
	}
	dir, err := os.MkdirTemp("", "throughline-seeded-")
	if err != nil {
		t.Fatal(err)
	}
	plan := slices.Clone(h.plan)
	if plan == nil {
		plan = []Trouble{}
	}
	sow := []string{string(bug)}
	for _, b := range h.with {
		sow = append(sow, string(b))
	}
	slices.SortStableFunc(plan, func(a, b Trouble) int { return int(a.At - b.At) })
	r := Run{Tier: small, Seed: *seed, Dir: dir, Root: "../..", Binaries: binaries, Say: t.Logf, Plan: plan, Until: h.rule, Mute: !h.events,
		Bare: []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "TMPDIR=" + os.TempDir(), seeded.Variable + "=" + strings.Join(sow, ",")}}
	if h.slow {
		r.Policy = referral.Standard()
	}
	report, err := r.Do(t.Context())
	if err != nil {
		t.Error(err)
	}
	broke := 0
	for _, v := range report.Violations {
		if v.Rule == h.rule {
			broke++
			if broke == 1 {
				t.Logf("caught: %s", v)
			}
		}
	}
	if broke == 0 {
		t.Errorf("not caught by %q; instead: %v", h.rule, report.Violations)
	}
	if err := r.Remove(); err != nil {
		t.Error(err)
	}
	return fmt.Sprintf("| `%s` | %s | %d in %s |", bug, h.rule, broke, report.Took.Round(time.Second))
}
