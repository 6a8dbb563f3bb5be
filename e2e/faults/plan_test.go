package faults

import (
	"reflect"
	"strings"
	"testing"
)

func TestASeedDecidesAPlan(t *testing.T) {
	t.Parallel()
	for _, tier := range Tiers {
		if a, b := NewPlan(7, tier), NewPlan(7, tier); !reflect.DeepEqual(a, b) {
			t.Errorf("%s: the same seed makes two plans", tier.Name)
		}
		if a, b := NewPlan(7, tier), NewPlan(8, tier); reflect.DeepEqual(a, b) {
			t.Errorf("%s: two seeds make the same plan", tier.Name)
		}
	}
}

func TestAPlanHoldsWhatItsTierSays(t *testing.T) {
	t.Parallel()
	for _, tier := range Tiers {
		for seed := range uint64(20) {
			kills, killed, kinds, ends := 0, map[string]bool{}, map[string]bool{}, map[string]bool{}
			for _, trouble := range NewPlan(seed, tier) {
				if trouble.At < 0 || trouble.At > tier.Over || trouble.Kind != Kill && trouble.At+trouble.For > tier.Over {
					t.Errorf("%s, seed %d: %+v is not within the run", tier.Name, seed, trouble)
				}
				if tier.Storm > 0 && trouble.At/tier.Storm%2 == 0 {
					t.Errorf("%s, seed %d: %+v begins in a calm", tier.Name, seed, trouble)
				}
				kinds[trouble.Kind] = true
				if trouble.Kind == Kill {
					kills++
					killed[trouble.Whom] = true
				}
				if from, to, ok := strings.Cut(trouble.Whom, ">"); ok {
					ends[to+map[bool]string{true: " of temporal"}[from == theTemporal]] = true
				}
			}
			if kills != tier.Kills || len(killed) != 6 {
				t.Errorf("%s, seed %d: %d kills of %d processes", tier.Name, seed, kills, len(killed))
			}
			if len(ends) != 5 {
				t.Errorf("%s, seed %d: trouble on the links to %v only", tier.Name, seed, ends)
			}
			for _, kind := range []string{Freeze, Link, Commits, Disk, Provider, Rollout, Workflows} {
				if !kinds[kind] {
					t.Errorf("%s, seed %d: no %s", tier.Name, seed, kind)
				}
			}
			if !kinds[Locks] && !kinds[Connections] {
				t.Errorf("%s, seed %d: the pool never runs out", tier.Name, seed)
			}
		}
	}
}
