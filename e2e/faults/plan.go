package faults

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"time"
)

// Trouble is one thing that goes wrong in a run.
type Trouble struct {
	At   time.Duration `json:"at"` // since the first life began
	For  time.Duration `json:"for"`
	Kind string        `json:"kind"`
	Whom string        `json:"whom"`          // a process, a disk, or a link as "serve-1>postgres", "*" for all
	How  string        `json:"how,omitempty"` // an ailment of a link, a fault of the provider
}

// Kinds of trouble.
const (
	Kill        = "kill"        // SIGKILL; the process is started again
	Freeze      = "freeze"      // SIGSTOP: the process goes on later and has not noticed
	Link        = "link"        // the network between two processes
	Commits     = "commits"     // lost on the way to PostgreSQL, or done, and the reply lost on the way back
	Disk        = "disk"        // full
	Locks       = "locks"       // every statement on referrals waits, until the pool has no connection left
	Connections = "connections" // PostgreSQL has none left
	Provider    = "provider"    // the mail provider fails in one of its ways
	Workflows   = "workflows"   // some are ended behind our back
	Clock       = "clock"       // an hour ahead or behind
	Rollout     = "rollout"     // half of the processes go to the other build, in order
)

// processes are who can be killed and frozen, by kind.
var processes = [][]string{serves, workers, {theTemporal}, {thePostgres}}

// ways are the providers' ways to fail, as mailtest has them.
var ways = []string{"rate_limited", "server_error", "reset", "accept_then_reset", "accept_then_timeout"}

// NewPlan decides what goes wrong, and when. The same seed and tier give the same plan. Kills are spread over the whole
// time; beside them two hands deal, one the ailments of links and one everything else, so that every kind has its turn.
// Where a tier has storms, all of that happens in them.
func NewPlan(seed uint64, t Tier) []Trouble {
	if t.Storm > 0 {
		t.Over /= 2
	}
	dice := rand.New(rand.NewPCG(seed, 0))
	plan := slices.Concat(kills(dice, t), hand(t, linkDeck(dice), func() time.Duration { return between(dice, 2*time.Second, 5*time.Second) }),
		hand(t, otherDeck(dice, t), func() time.Duration { return between(dice, 2*time.Second, 4*time.Second) }))
	slices.SortStableFunc(plan, func(a, b Trouble) int { return cmp.Compare(a.At, b.At) })
	if t.Storm > 0 {
		for i, trouble := range plan {
			plan[i].At += t.Storm * (trouble.At/t.Storm + 1)
		}
	}
	return plan
}

func between(dice *rand.Rand, least, most time.Duration) time.Duration {
	return (least + time.Duration(dice.Int64N(int64(most-least)))).Round(time.Millisecond)
}

// kills gives every process its turn before any comes again.
func kills(dice *rand.Rand, t Tier) []Trouble {
	var plan []Trouble
	whom := endless(dice, slices.Concat(apps, []string{theTemporal, thePostgres}))
	for n := range t.Kills {
		part := t.Over / time.Duration(t.Kills)
		plan = append(plan, Trouble{At: part*time.Duration(n) + between(dice, 0, part), For: between(dice, 0, 2*time.Second), Kind: Kill, Whom: whom()})
	}
	return plan
}

// endless deals the same cards again and again, shuffled each time.
func endless[T any](dice *rand.Rand, cards []T) func() T {
	var left []T
	return func() T {
		if len(left) == 0 {
			left = slices.Clone(cards)
			dice.Shuffle(len(left), func(i, j int) { left[i], left[j] = left[j], left[i] })
		}
		card := left[0]
		left = left[1:]
		return card
	}
}

// hand deals one card after the other until the time is over. A card that does not say how long it lasts is given a
// length. One that lasts long is not waited for.
func hand(t Tier, deal func() Trouble, length func() time.Duration) []Trouble {
	var plan []Trouble
	for at := length(); at+time.Second < t.Over; {
		card := deal()
		if card.For == 0 {
			card.For = length()
		}
		card.At, card.For = at, min(card.For, t.Over-at)
		plan = append(plan, card)
		at += min(card.For, 8*time.Second) + length()/4
	}
	return plan
}

// linkDeck deals the five kinds of links in turn, each with every ailment: for one process alone, or for all at once.
func linkDeck(dice *rand.Rand) func() Trouble {
	ends := endless(dice, []struct {
		from []string
		to   string
	}{{apps, thePostgres}, {apps, theTemporal}, {[]string{theTemporal}, thePostgres}, {apps, theProvider},
		{[]string{theProvider}, serves[0]}})
	hows := map[string]func() string{}
	return func() Trouble {
		end := ends()
		name := end.to + end.from[0]
		if hows[name] == nil {
			hows[name] = endless(dice, []string{"latency", "bandwidth", "reset", "half_open", "cut"})
		}
		from := pick(dice, end.from)
		if len(end.from) > 1 && dice.IntN(2) == 0 {
			from = "*"
		}
		return Trouble{Kind: Link, Whom: from + ">" + end.to, How: hows[name]()}
	}
}

// otherDeck deals one of each kind before any kind comes again.
func otherDeck(dice *rand.Rand, t Tier) func() Trouble {
	whom := endless(dice, processes)
	lengths := endless(dice, t.Freezes)
	way := endless(dice, ways)
	disk := endless(dice, []string{"logs", thePostgres})
	room := endless(dice, []string{Locks, Connections})
	hour := endless(dice, []string{"+1h", "-1h"})
	lost := endless(dice, []string{"reply", "request"})
	half := 0
	cards := []func() Trouble{
		func() Trouble { return Trouble{Kind: Freeze, Whom: pick(dice, whom()), For: lengths()} },
		func() Trouble {
			return Trouble{Kind: Commits, Whom: pick(dice, slices.Concat(apps, []string{"*", theTemporal})), How: lost()}
		},
		func() Trouble { return Trouble{Kind: Disk, Whom: disk()} },
		func() Trouble { return Trouble{Kind: room(), Whom: thePostgres} },
		func() Trouble { return Trouble{Kind: Workflows, Whom: theTemporal} },
		func() Trouble { return Trouble{Kind: Provider, Whom: theProvider, How: way()} },
		func() Trouble {
			half++
			return Trouble{Kind: Rollout, Whom: []string{"serve-1 worker-1", "serve-2 worker-2"}[half%2]}
		},
	}
	if t.Clocks {
		cards = append(cards, func() Trouble {
			return Trouble{Kind: Clock, Whom: pick(dice, append([]string{"*"}, apps...)), How: hour()}
		})
	}
	return endlessOf(endless(dice, cards))
}

func endlessOf(deal func() func() Trouble) func() Trouble { return func() Trouble { return deal()() } }
