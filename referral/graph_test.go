package referral

import (
	"slices"
	"testing"
)

// What the database is told is exactly what commands do, one edge at a time.
func TestEdgesAreTheMovesThatCommandsMake(t *testing.T) {
	t.Parallel()
	var made []Edge
	for _, state := range OfferStates {
		for _, line := range Transitions {
			if !slices.Contains(line.From, state) {
				continue
			}
			change, err := Decide(at(t, state, Routine), about(line.Do, "a"), Actor{Role: line.By[0]}, Standard(), monday10)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range change.Events {
				if edge := (Edge{e.From, e.To}); e.Offer == service("a").ID && e.From != e.To && !slices.Contains(made, edge) {
					made = append(made, edge)
				}
			}
		}
	}
	edges := OfferEdges()
	for _, e := range made {
		if !slices.Contains(edges, e) {
			t.Errorf("a command goes from %s to %s, which is no edge", e.From, e.To)
		}
	}
	if len(made) != len(edges) {
		t.Errorf("commands make %d moves, and there are %d edges", len(made), len(edges))
	}
}

// The buttons a page offers are those that work, for each role.
func TestOfferedCommandsWork(t *testing.T) {
	t.Parallel()
	for _, state := range OfferStates {
		if state == Confirmed {
			continue
		}
		for _, role := range []Role{System, Agency, Client, Navigator, Coordinator} {
			offered := OfferCommands(state, role)
			for _, do := range CommandNames() {
				if len(rolesOf(do)) == 0 {
					continue
				}
				c := about(do, "a")
				c.At = c.At.AddDate(0, 0, 1) // a further appointment, not the same again
				change, err := Decide(at(t, state, Routine), c, Actor{Role: role}, Standard(), monday10)
				works := err == nil && !change.Repeated()
				if listed := slices.Contains(offered, do); listed && !works || works && !listed {
					t.Errorf("%s × %s by %s: offered %v, works %v (%v)", state, do, role, listed, works, err)
				}
			}
		}
	}
}
