package seeded

import "testing"

func TestAnOrdinaryBinaryHasNoDefect(t *testing.T) {
	seen := map[Bug]bool{}
	for _, b := range Bugs {
		t.Setenv(Variable, string(b))
		if Is(b) {
			t.Errorf("%s is sown", b)
		}
		if seen[b] {
			t.Errorf("%s is listed twice", b)
		}
		seen[b] = true
	}
}
